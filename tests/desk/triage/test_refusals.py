"""Triage at the desk: what is refused, and of two people who act at once the second."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client

from accounts.models import User
from desk.models import TriageAction, TriageLook
from jobs.ledger import database
from reports.models import ReplyTemplate, Report, StaffNote, Status
from tests.accounts.racing import race
from tests.desk.triage.triaging import URL, act, line, undo, waiting
from tests.reports.desk import signed_in
from tests.reports.factories import make_department, make_report, make_staff, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def test_a_repeated_request_is_done_once_and_answered_alike(client: Client) -> None:
    report, key = waiting(), uuid4()
    answers = [act(client, report, "accept", key=key, category="litter").json() for _ in range(2)]
    assert answers[0] == answers[1]
    assert report.history.count() == 2
    other = waiting()
    refused = act(client, other, "note", key=key, text="This would be lost.")
    assert (refused.status_code, StaffNote.objects.count()) == (409, 0), "of another report"
    colleague = signed_in(make_staff(make_department("desk")))
    assert act(colleague, other, "note", key=key, text="Not mine.").status_code == 409
    assert TriageAction.objects.count() == 1


def test_of_two_people_the_second_is_told_what_the_first_did(
    client: Client, clerk: User, office: Any
) -> None:
    report = waiting()
    other = signed_in(make_staff(office, name="Ben"))
    act(client, report, "step", step="reject", reason="other", note="Nothing there.")
    late = act(other, report, "accept", category="litter")
    assert late.status_code == 412
    assert "Ana Clerk: rejected. Nothing there." in late.json()["message"]
    assert Report.objects.get().status == "rejected"


def test_somebody_else_is_not_given_the_report_at_which_one_looks(
    client: Client, clerk: User, office: Any
) -> None:
    first, second = waiting(), waiting()
    ben = make_staff(office, name="Ben")
    other = signed_in(ben)
    assert client.post(f"{URL}{first.pk}/look/").json() == {"other": None, "version": 1}
    assert line(other) == [str(second.pk)]
    assert line(client) == [str(first.pk), str(second.pk)]
    assert other.post(f"{URL}{first.pk}/look/").json()["other"] == "Ana Clerk"
    assert "Ana Clerk is looking at this" in other.get(f"{URL}{first.pk}/card/").content.decode()
    client.post(f"{URL}{second.pk}/look/")
    assert TriageLook.objects.filter(by=clerk).get().report == second
    TriageLook.objects.update(until=database.now() - timedelta(seconds=1))
    assert line(other) == [str(first.pk), str(second.pk)]


def test_nothing_of_another_department_is_shown_or_done(client: Client) -> None:
    theirs = make_report(status=Status.NEW, published_at=None, title="Secret")
    unknown = Report(pk=UUID(int=1))
    for report in (theirs, unknown):
        answers = [
            client.get(f"{URL}{report.pk}/card/"),
            client.get(f"{URL}{report.pk}/replies/"),
            client.post(f"{URL}{report.pk}/look/"),
            act(client, report, "accept", category="litter"),
            act(client, report, "note", text="Mine?"),
            act(client, report, "nonsense"),
        ]
        assert {answer.status_code for answer in answers} == {404}
        assert {answer.content for answer in answers} == {answers[0].content}
        assert client.get(f"{URL}{report.pk}/").status_code == 404
    theirs.refresh_from_db()
    assert (theirs.status, theirs.version) == ("new", 1)


def test_only_staff_of_a_department_work_here() -> None:
    report = waiting()
    outsider, citizen = signed_in(make_staff()), signed_in(make_user())
    for address in (URL, f"{URL}line/", f"{URL}{report.pk}/card/"):
        assert outsider.get(address).status_code == 403
        assert citizen.get(address).status_code == 302
    assert act(outsider, report, "accept", category="litter").status_code == 403
    assert undo(outsider).status_code == 403


@pytest.mark.parametrize(
    ("name", "sent", "status", "text"),
    [
        ("accept", {"category": "no-such"}, 400, "valid choice"),
        ("accept", {}, 400, "required"),
        ("merge", {"other": "x"}, 400, "UUID"),
        ("merge", {"other": str(UUID(int=1))}, 400, "no report with this id"),
        ("step", {"step": "reject"}, 400, "Choose one of"),
        ("step", {}, 400, "Choose one of the steps"),
        ("step", {"step": "resolve"}, 409, "is a guess"),
        ("step", {"step": "resume"}, 409, "cannot be taken"),
        ("step", {"step": "hand_over", "note": "x"}, 400, "Choose a department"),
        ("assign", {"category": "pothole", "assignee": "robot:1"}, 400, "people and crews"),
        ("reply", {"text": " "}, 400, "required"),
        ("note", {"text": "x" * 5000}, 400, "at most"),
        ("flag", {"reason": "boring"}, 400, "valid choice"),
        ("dance", {}, 409, "no such action"),
    ],
)
def test_what_is_refused_changes_nothing_and_says_why(
    client: Client, name: str, sent: dict[str, str], status: int, text: str
) -> None:
    report = waiting()
    answer = act(client, report, name, **sent)
    assert (answer.status_code, text in answer.json()["message"]) == (status, True), answer.content
    report.refresh_from_db()
    assert (report.version, report.history.count()) == (1, 1)
    assert not TriageAction.objects.exists()


@pytest.mark.parametrize("headers", [{}, {"If-Match": '"1"'}, {"Idempotency-Key": "x"}])
def test_an_action_without_its_headers_is_refused(client: Client, headers: dict[str, str]) -> None:
    report = waiting()
    answer = client.post(f"{URL}{report.pk}/accept/", {"category": "litter"}, headers=headers)
    assert answer.status_code == 400
    assert undo(client, action="x").status_code == 400


def test_undo_is_refused_once_something_else_has_changed_the_report(
    client: Client, settings: Any
) -> None:
    changed, old = waiting(), waiting()
    act(client, changed, "accept", category="litter")
    Report.objects.filter(pk=changed.pk).update(address="Elsewhere")
    answer = undo(client)
    assert (answer.status_code, answer.json()["message"]) == (
        409,
        "The report has changed since its last step.",
    )
    assert Report.objects.get(pk=changed.pk).status == "triaged"
    act(client, old, "accept", category="litter")
    settings.STEP_UNDO_MINUTES = 0
    assert undo(client).status_code == 409


def test_another_persons_action_is_not_undone(client: Client, office: Any) -> None:
    done = act(client, waiting(), "accept", category="litter").json()
    other = signed_in(make_staff(office))
    assert undo(other).status_code == 409
    assert undo(other, action=done["action"]).status_code == 409


def test_templates_of_replies_come_filled(client: Client) -> None:
    report = waiting(title="Deep hole")
    ReplyTemplate.objects.create(name="Planned", body="We come for {title}.")
    shown = client.get(f"{URL}{report.pk}/replies/").json()["templates"]
    assert shown == [{"name": "Planned (en)", "text": "We come for Deep hole."}]


@pytest.mark.django_db(transaction=True)
def test_of_two_who_act_at_once_one_wins(clerk: User, office: Any) -> None:
    report = waiting()
    clients = iter([signed_in(clerk), signed_in(make_staff(office))])
    codes: list[Any] = race(
        lambda: act(next(clients), report, "accept", category="litter").status_code, times=2
    )
    assert sorted(codes) == [200, 412]
    assert report.history.count() == 2
