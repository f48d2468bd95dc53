"""Triage at the desk: each action, and its undoing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from jobs.models import Task
from jobs.testing import advance, run_tasks
from reports.models import (
    Comment,
    DuplicatePair,
    Merge,
    ModerationCase,
    Report,
    StaffNote,
    SubjectKind,
)
from reports.routing import assignment
from tests.desk.triage.triaging import URL, act, line, make_membership, undo, values, waiting
from tests.reports.factories import (
    make_category,
    make_crew,
    make_department,
    make_report,
    make_rule,
    make_user,
)

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


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
