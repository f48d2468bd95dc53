"""Triage at the desk: the line, the card of a report, each action, and its undoing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from desk.models import TriageAction, TriageLook
from jobs.ledger import database
from jobs.models import Task
from jobs.testing import advance, run_tasks
from reports.models import (
    Comment,
    DepartmentMembership,
    DuplicatePair,
    Merge,
    ModerationCase,
    Photo,
    QueuePlace,
    ReplyTemplate,
    Report,
    StaffNote,
    Status,
    SubjectKind,
)
from reports.routing import assignment
from tests.accounts.racing import race
from tests.reports.desk import signed_in
from tests.reports.factories import (
    guessed,
    make_category,
    make_crew,
    make_department,
    make_report,
    make_rule,
    make_staff,
    make_user,
)

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
URL = "/admin/triage/"


@pytest.fixture(autouse=True)
def _grace(settings: Any) -> None:
    settings.STEP_MESSAGE_GRACE_SECONDS = 60


@pytest.fixture
def office() -> Any:
    """The department to which reports go whose category is not certain."""
    return make_department("desk", is_triage=True)


@pytest.fixture
def clerk(office: Any) -> User:
    return make_staff(office, name="Ana Clerk")


@pytest.fixture
def client(clerk: User) -> Client:
    return signed_in(clerk)


def waiting(**fields: Any) -> Report:
    """A new report with two suggestions, of which the classifier is not sure."""
    make_category("litter", department=make_department("cleaning"))
    suggestions = [
        {
            "category": "pothole",
            "confidence": 0.31,
            "reasons": [{"phrase": "a hole in the road", "report_id": None, "similarity": 0.7}],
        },
        {"category": "litter", "confidence": 0.2, "reasons": []},
    ]
    return guessed(0.31, category_suggestions=suggestions, reporter=make_user(), **fields)


def act(client: Client, report: Report, name: str, **sent: Any) -> Any:
    """Do something with a report as the page sends it, by the version that was read."""
    options = {"key": uuid4(), "version": report.version}
    headers = {
        "Idempotency-Key": str(sent.pop("key", options["key"])),
        "If-Match": f'"{sent.pop("version", options["version"])}"',
    }
    return client.post(f"{URL}{report.pk}/{name}/", sent, headers=headers)


def undo(client: Client, **sent: Any) -> Any:
    return client.post(f"{URL}undo/", sent)


def line(client: Client, query: str = "") -> list[str]:
    return list(client.get(f"{URL}line/{query}").json()["line"])


def values(report: Report) -> dict[str, Any]:
    """Return what a report holds, but what even an undone step changes."""
    stored = Report.objects.get(pk=report.pk)
    names = [field.attname for field in Report._meta.concrete_fields]
    return {name: getattr(stored, name) for name in names if name not in {"version", "updated_at"}}


# --- The line ------------------------------------------------------------------------------------


def test_the_line_is_the_new_reports_of_ones_departments_in_the_order_of_the_policy(
    client: Client,
) -> None:
    late, early, unplaced = waiting(), waiting(), waiting(severity="critical")
    held, elsewhere = waiting(), make_report(status=Status.NEW)
    make_report(department=late.department)  # triaged already
    ModerationCase.objects.create(report=held, kind=SubjectKind.REPORT, subject_id=held.pk)
    for report, hours in ((late, 2), (early, 1)):
        at = database.now() + timedelta(hours=hours)
        QueuePlace.objects.create(report=report, at=at, is_urgent=False, is_escalated=False)
    assert line(client) == [str(one.pk) for one in (early, late, unplaced)]
    page = client.get(URL).content.decode()
    assert f'["{early.pk}", "{late.pk}"' in page
    assert str(elsewhere.pk) not in page


def test_without_places_the_line_goes_by_severity_and_deadline(client: Client) -> None:
    low = waiting(severity="low", due_at=database.now())
    later = waiting(severity="high", due_at=database.now() + timedelta(hours=9))
    soon = waiting(severity="high", due_at=database.now() + timedelta(hours=1))
    assert line(client) == [str(one.pk) for one in (soon, later, low)]


def test_an_address_carries_the_filters_of_the_list(client: Client, office: Any) -> None:
    waiting(title="A hole")
    pipe = make_report(department=office, title="Burst pipe", severity="critical")
    make_report(department=office, severity="critical", status=Status.CLOSED)
    make_report(severity="critical", title="Of another department")
    assert line(client, "?severity__exact=critical") == [str(pipe.pk)]
    page = client.get(f"{URL}?severity__exact=critical").content.decode()
    assert f'["{pipe.pk}"]' in page
    assert client.get(f"{URL}?no_such=1").status_code == 400
    assert client.get(f"{URL}line/?crew=x&severity__exact=critical").status_code == 200


def test_without_reports_the_page_says_so(client: Client) -> None:
    assert "Nothing waits here" in client.get(URL).content.decode()


# --- The card ------------------------------------------------------------------------------------


def test_the_card_shows_what_a_decision_needs(client: Client) -> None:
    report, near = waiting(address="1 High Street"), make_report(latitude=41.3009)
    earlier, later = sorted((report, near), key=lambda one: one.pk)
    DuplicatePair.objects.create(
        earlier=earlier, later=later, probability=0.87, reasons=["Both speak of a hole."]
    )
    page = client.get(f"{URL}{report.pk}/card/").content.decode()
    for text in (
        "1 High Street", "31 %", "a hole in the road", "→ Streets", "→ Cleaning", "100 m away",
        "87 %", "Both speak of a hole.", "0 points", "told: the reporter", "not public",
    ):  # fmt: skip
        assert text in page, text


def test_a_candidate_that_one_may_not_read_is_left_out(client: Client) -> None:
    report = waiting()
    hidden = make_report(published_at=None, title="Secret of another department")
    earlier, later = sorted((report, hidden), key=lambda one: one.pk)
    DuplicatePair.objects.create(earlier=earlier, later=later, probability=0.9)
    assert "Secret" not in client.get(f"{URL}{report.pk}/card/").content.decode()
    assert act(client, report, "merge", other=hidden.pk).status_code == 400
    report.refresh_from_db()
    assert report.status == "new"


def test_page_and_card_take_few_statements_however_much_they_show(client: Client) -> None:
    bare = waiting()
    rich = waiting()
    for number in range(5):
        near = make_report(title=f"Near {number}")
        Photo.objects.create(report=near, state="ready")
        Photo.objects.create(report=rich, state="ready")
        earlier, later = sorted((rich, near), key=lambda one: one.pk)
        DuplicatePair.objects.create(earlier=earlier, later=later, probability=number / 10)
        make_report(reporter=rich.reporter)
    counts = {}
    for name, address in {
        "bare": f"{URL}{bare.pk}/card/",
        "rich": f"{URL}{rich.pk}/card/",
        "page": URL,
        "filtered": f"{URL}?severity__exact=medium",
    }.items():
        client.get(address)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(address).status_code == 200
        counts[name] = len(queries)
    assert max(counts.values()) <= 20, counts
    assert counts["rich"] <= counts["bare"] + 2, counts


# --- Actions -------------------------------------------------------------------------------------


def test_one_key_triages_routes_and_publishes(client: Client) -> None:
    report = waiting()
    answer = act(client, report, "accept", category="litter", is_publishing="on")
    assert answer.status_code == 200, answer.content
    assert answer.json()["label"] == "Accepted as Litter, sent to Cleaning"
    report.refresh_from_db()
    assert (report.status, report.category_source) == ("triaged", "staff")
    assert (str(report.category), str(report.department)) == ("Litter", "Cleaning")
    assert report.published_at is not None
    assert line(client) == []
    advance(timedelta(minutes=2))
    run_tasks()
    assert Task.objects.filter(actor="notify_user").count() == 1


def test_it_is_not_published_unless_asked(client: Client) -> None:
    report = waiting()
    act(client, report, "accept", category="pothole")
    report.refresh_from_db()
    assert (report.status, report.published_at) == ("triaged", None)


def test_what_waits_for_moderation_is_published_with_the_category_it_has(
    client: Client, office: Any
) -> None:
    facts = {"department": office, "category": make_category(), "category_confidence": 0.9}
    report = make_report(category_source="classifier", published_at=None, **facts)
    card = f"{URL}{report.pk}/card/"
    assert "Publish it when accepted" not in client.get(card).content.decode()
    ModerationCase.objects.create(report=report, kind=SubjectKind.REPORT, subject_id=report.pk)
    assert "Publish it when accepted" in client.get(card).content.decode()
    answer = act(client, report, "accept", category="pothole", is_publishing="on").json()
    assert (answer["label"], answer["is_decided"]) == ("Published as Pothole", True)
    report.refresh_from_db()
    assert report.published_at is not None
    assert not ModerationCase.objects.waiting().exists()


def test_undo_gives_back_what_an_accepted_category_changed(client: Client) -> None:
    report = waiting()
    crew = make_crew("Sweepers", make_department("cleaning"))
    rule = make_rule("Litter", category=make_category("litter"), crew=crew)
    assignment.revise(report, {"severity": "low"}, by=make_user(is_staff=True))
    report.refresh_from_db()
    before = values(report)
    done = act(client, report, "accept", category="litter", is_publishing="on").json()
    stored = Report.objects.get()
    assert (stored.status, stored.crew, stored.routing_rule) == ("assigned", crew, rule)
    answer = undo(client)
    assert answer.status_code == 200, answer.content
    assert (answer.json()["action"], answer.json()["last"]) == (done["action"], None)
    assert values(report) == before
    assert line(client) == [str(report.pk)]
    advance(timedelta(minutes=2))
    run_tasks()
    assert not Task.objects.filter(actor="notify_user").exists()


def test_the_category_of_a_triaged_report_is_changed_and_given_back(
    client: Client, office: Any
) -> None:
    category = make_category()
    report = make_report(department=office, category=category, category_source="staff")
    waiting()
    before = values(report)
    assert act(client, report, "accept", category="pothole").json()["can_be_undone"] is False
    assert values(report) == before, "its category is accepted, so that nothing changes"
    assert act(client, report, "accept", category="litter").status_code == 200
    assert str(Report.objects.get(pk=report.pk).category) == "Litter"
    assert undo(client).status_code == 200
    assert values(report) == before


def test_a_merge_is_undone_without_a_trace_while_nobody_has_heard(client: Client) -> None:
    report, original = waiting(), make_report()
    before = values(report)
    answer = act(client, report, "merge", other=original.pk)
    assert answer.json()["label"] == "Merged into “Deep hole”"
    assert Merge.objects.standing().get().original == original
    assert undo(client).status_code == 200
    assert values(report) == before
    assert not Merge.objects.standing().exists()
    assert DuplicatePair.objects.get().state == "suggested"
    advance(timedelta(minutes=2))
    run_tasks()
    assert not Task.objects.filter(actor="notify_user").exists()


def test_a_merge_of_which_people_have_heard_is_taken_apart_aloud(client: Client) -> None:
    report = waiting()
    act(client, report, "merge", other=make_report().pk)
    advance(timedelta(minutes=2))
    run_tasks()
    assert undo(client).status_code == 200
    report.refresh_from_db()
    assert report.status == "triaged"


def test_not_the_same_is_noted_and_taken_back(client: Client) -> None:
    report, other = waiting(), make_report()
    answer = act(client, report, "separate", other=other.pk).json()
    assert (answer["is_decided"], answer["can_be_undone"]) == (False, True)
    assert DuplicatePair.objects.get().state == "refused"
    assert undo(client).status_code == 200
    assert DuplicatePair.objects.get().state == "suggested"


def test_a_new_report_is_accepted_and_assigned_at_once_and_undone_as_one(
    client: Client, clerk: User
) -> None:
    report = waiting()
    before = values(report)
    refused = act(client, report, "assign", category="pothole", assignee=f"person:{clerk.pk}")
    assert refused.status_code == 403
    assert "where you do not work" in refused.json()["message"]
    assert values(report) == before
    make_membership(clerk)
    assigned = act(client, report, "assign", category="pothole", assignee=f"person:{clerk.pk}")
    assert assigned.json()["label"] == "Assigned to Ana Clerk"
    report.refresh_from_db()
    assert (report.status, report.assignee) == ("assigned", clerk)
    assert undo(client).status_code == 200
    assert values(report) == before


def make_membership(user: User) -> None:
    DepartmentMembership.objects.create(user=user, department=make_department())


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"step": "reject", "reason": "private", "note": "A private garden."}, "rejected"),
        ({"step": "resolve", "note": "Done on the spot.", "accepts_guess": "on"}, "resolved"),
        ({"step": "hand_over", "note": "A tree lies on it."}, "new"),
    ],
    ids=["reject", "resolve", "hand over"],
)
def test_steps_are_taken_and_undone(client: Client, sent: dict[str, Any], status: str) -> None:
    report = waiting()
    before = values(report)
    parks = make_department("parks")
    answer = act(client, report, "step", department=parks.pk, **sent)
    assert answer.status_code == 200, answer.content
    assert Report.objects.get().status == status
    assert report.history.filter(note=sent["note"]).exists()
    assert line(client) == []
    assert undo(client).status_code == 200
    assert values(report) == before


def test_replies_notes_and_flags_are_kept_and_not_undone(client: Client, clerk: User) -> None:
    report = waiting()
    act(client, report, "note", text="Asked the foreman.")
    act(client, report, "reply", text="We come tomorrow.")
    act(client, report, "flag", reason="personal_data", note="A number plate.")
    assert StaffNote.objects.get().author == clerk
    assert Comment.objects.get().is_official
    assert ModerationCase.objects.get().state == "waiting"
    assert line(client) == []
    answer = undo(client)
    assert (answer.status_code, answer.json()["message"]) == (
        409,
        "There is nothing of yours that could be undone.",
    )


def test_several_actions_are_undone_one_after_the_other(client: Client) -> None:
    first, second = waiting(), waiting()
    act(client, first, "accept", category="litter")
    act(client, second, "step", step="reject", reason="other")
    assert undo(client).json()["report"] == str(second.pk)
    assert undo(client).json()["report"] == str(first.pk)
    assert undo(client).status_code == 409
    assert set(line(client)) == {str(first.pk), str(second.pk)}


# --- Refusals ------------------------------------------------------------------------------------


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
