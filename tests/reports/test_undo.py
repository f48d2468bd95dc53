"""Undoing the last step, many reports at once, and what an earlier department still learns."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from jobs.ledger import database
from jobs.models import Task
from jobs.testing import advance, run_tasks
from reports.errors import ReportsError, UndoRefused
from reports.following.follows import follow
from reports.models import (
    DepartmentMembership,
    ModerationCase,
    Report,
    Status,
    StatusChange,
    SubjectKind,
)
from reports.workflow import transitions, undoing
from reports.workflow.roles import roles_in
from reports.workflow.transitions import Inputs
from tests.accounts.racing import race
from tests.reports.conftest import SignIn
from tests.reports.factories import make_crew, make_department, make_report, make_staff, make_user

pytestmark = pytest.mark.django_db
URL = "/api/v1/reports/"
#: What even an undone step changes.
UNLIKE = {"version", "updated_at"}


@pytest.fixture(autouse=True)
def _grace(settings: Any) -> None:
    settings.STEP_MESSAGE_GRACE_SECONDS = 60


def step(report: Report, name: str, by: User, **inputs: Any) -> StatusChange:
    return transitions.take(
        report, name, by=by, roles=roles_in(report, by), inputs=Inputs(**inputs)
    )


def undo(report: Report, by: User) -> StatusChange:
    return undoing.undo(report, by=by, roles=roles_in(report, by))


def values(report: Report) -> dict[str, object]:
    stored = Report.objects.get(pk=report.pk)
    names = [field.attname for field in Report._meta.concrete_fields]
    return {name: getattr(stored, name) for name in names if name not in UNLIKE}


def all_inputs(name: str) -> dict[str, Any]:
    until = database.now() + timedelta(days=1)
    needed: dict[str, dict[str, Any]] = {
        "wait": {"waiting_for": "weather", "until": until},
        "assign": {"assignee": make_crew()},
        "hand_over": {"department": make_department("parks"), "note": "A tree."},
        "reject": {"reason": "private"},
    }
    return needed.get(name, {})


@pytest.mark.parametrize(
    "name", ["assign", "hand_over", "wait", "resolve", "close", "reject", "start"]
)
def test_an_undone_step_leaves_the_report_as_it_was_and_tells_nobody(name: str) -> None:
    report, clerk = make_report(reporter=make_user(), published_at=None), make_staff()
    DepartmentMembership.objects.create(user=clerk, department=make_department())
    DepartmentMembership.objects.create(user=clerk, department=make_department("parks"))
    step(report, "assign", clerk, assignee=clerk)
    before = values(report)
    change = step(report, name, clerk, **all_inputs(name))
    assert values(report) != before
    line = undo(report, clerk)
    assert values(report) == before
    assert (line.undoes, line.step, line.to_status) == (change, "undo", "assigned")
    assert report.history.count() == 4
    advance(timedelta(minutes=2))
    run_tasks()
    assert not Task.objects.filter(actor="notify_user").exists()


def test_the_message_leaves_after_the_grace_and_then_the_step_stays() -> None:
    report, clerk = make_report(reporter=make_user()), make_staff(make_department())
    step(report, "resolve", clerk)
    run_tasks()
    assert not Task.objects.filter(actor="notify_user").exists()
    assert undoing.undoable(report, by=clerk, roles=roles_in(report, clerk)) is not None
    advance(timedelta(minutes=2))
    run_tasks()
    assert Task.objects.filter(actor="notify_user").count() == 1
    assert undoing.undoable(report, by=clerk, roles=roles_in(report, clerk)) is None
    with pytest.raises(UndoRefused, match="have been told"):
        undo(report, clerk)
    assert Report.objects.get().status == "resolved"


def test_without_a_grace_only_a_step_of_which_nobody_hears_is_undone(settings: Any) -> None:
    settings.STEP_MESSAGE_GRACE_SECONDS = 0
    clerk = make_staff(make_department())
    known, anonymous = make_report(reporter=make_user()), make_report()
    step(known, "resolve", clerk)
    step(anonymous, "resolve", clerk)
    with pytest.raises(UndoRefused, match="have been told"):
        undo(known, clerk)
    assert undo(anonymous, clerk).to_status == "triaged"


def test_a_step_of_which_followers_hear_or_that_publishes_is_told_too(settings: Any) -> None:
    settings.STEP_MESSAGE_GRACE_SECONDS = 0
    clerk = make_staff(make_department())
    followed, hidden = make_report(), make_report(published_at=None)
    follow(followed, make_user())
    step(followed, "resolve", clerk)
    roles = roles_in(hidden, clerk)
    transitions.take(hidden, "start", by=clerk, roles=roles, is_publishing=True)
    for report in (followed, hidden):
        with pytest.raises(UndoRefused, match="have been told"):
            undo(report, clerk)


def test_a_step_that_decides_what_moderation_had_to_is_not_undone() -> None:
    report, clerk = make_report(published_at=None), make_staff(make_department())
    case = ModerationCase.objects.create(
        report=report, kind=SubjectKind.REPORT, subject_id=report.pk
    )
    roles = roles_in(report, clerk)
    transitions.take(report, "start", by=clerk, roles=roles, is_publishing=True)
    case.refresh_from_db()
    assert case.state == "approved"
    with pytest.raises(UndoRefused, match="no step that can be undone"):
        undo(report, clerk)


def test_only_ones_own_last_step_is_undone_and_only_for_a_while(settings: Any) -> None:
    report, clerk = make_report(), make_staff(make_department())
    other, manager = make_staff(make_department()), make_staff(make_department())
    DepartmentMembership.objects.filter(user=manager).update(is_manager=True)
    with pytest.raises(UndoRefused, match="no step"):
        undo(report, clerk)
    step(report, "start", clerk)
    with pytest.raises(UndoRefused, match="Only a manager"):
        undo(report, other)
    undo(report, manager)
    with pytest.raises(UndoRefused, match="no step"):
        undo(report, manager)
    step(report, "start", clerk)
    Report.objects.update(address="Elsewhere")
    with pytest.raises(UndoRefused, match="has changed"):
        undo(report, clerk)
    report.refresh_from_db()
    step(report, "resolve", clerk)
    settings.STEP_UNDO_MINUTES = 0
    with pytest.raises(UndoRefused, match="Only within 0 minutes"):
        undo(report, clerk)


def test_what_a_reporter_or_a_merge_did_is_not_undone_here() -> None:
    owner, clerk = make_user(), make_staff(make_department())
    report = make_report(reporter=owner, status=Status.RESOLVED, closed_at=timezone.now())
    step(report, "confirm", owner)
    with pytest.raises(UndoRefused, match="no step"):
        undo(report, clerk)
    duplicate = make_report()
    transitions.change_status(duplicate, to=Status.DUPLICATE, by=clerk)
    with pytest.raises(UndoRefused, match="no step"):
        undo(duplicate, clerk)


def test_undo_through_the_api(as_user: SignIn) -> None:
    report, clerk = make_report(reporter=make_user()), make_staff(make_department())
    client = as_user(clerk)
    address = f"{URL}{report.pk}/"
    assert client.get(f"{address}steps/").data["undo"] is None
    tag = client.get(address)["ETag"]
    step(report, "resolve", clerk)
    offered = client.get(f"{address}steps/").data["undo"]
    assert offered["step"] == "resolve"
    changed = client.post(f"{address}undo-step/", {}, headers={"If-Match": tag})
    assert changed.status_code == 412
    answer = client.post(f"{address}undo-step/", {"note": "Wrong report."})
    assert (answer.status_code, answer.data["status"]) == (200, "triaged")
    assert client.post(f"{address}undo-step/").status_code == 409


# --- Races ---------------------------------------------------------------------------------------


def together(*actions: Callable[[], object]) -> list[str]:
    """Start all at once; return what came of each: "done", or the name of its error."""
    waiting = iter(enumerate(actions))

    def one() -> tuple[int, str]:
        number, action = next(waiting)
        try:
            action()
        except ReportsError as error:
            return number, type(error).__name__
        return number, "done"

    outcomes: list[Any] = race(one, times=len(actions))
    return [outcome for _, outcome in sorted(outcomes)]


@pytest.mark.django_db(transaction=True)
def test_of_two_who_take_different_steps_at_once_one_wins() -> None:
    report, first, second = make_report(), *(make_staff(make_department()) for _ in range(2))
    seen = [Report.objects.get(pk=report.pk) for _ in range(2)]
    outcomes = together(
        lambda: step(seen[0], "resolve", first),
        lambda: step(seen[1], "reject", second, reason="other"),
    )
    assert sorted(outcomes) == ["StatusChangedMeanwhile", "done"]
    assert report.history.count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_step_is_either_undone_or_announced() -> None:
    clerk = make_staff(make_department())
    for _ in range(5):
        report = make_report(reporter=make_user())
        change = step(report, "resolve", clerk)
        advance(timedelta(minutes=2))
        outcomes = together(partial(undo, report, clerk), partial(run_tasks, raise_errors=False))
        is_undone = Report.objects.get(pk=report.pk).status == "triaged"
        told = Task.objects.filter(actor="notify_user", args__0=str(report.reporter_id))
        assert told.exists() is not is_undone, (outcomes, change)
        assert (outcomes[0] == "done") is is_undone


# --- Many at once --------------------------------------------------------------------------------


def test_many_reports_get_a_step_each_for_itself(as_user: SignIn) -> None:
    here, parks = make_department(), make_department("parks")
    clerk = make_staff(here)
    fine, stale, closed = make_report(), make_report(), make_report(status=Status.CLOSED)
    theirs, hidden = make_report(department=parks), make_report(department=parks, published_at=None)
    Report.objects.filter(pk=stale.pk).update(address="Elsewhere")
    sent = [fine, stale, closed, theirs, hidden]
    body = {
        "step": "reject",
        "reason": "private",
        "note": "On private ground.",
        "reports": [{"id": str(one.pk), "version": 1} for one in sent] + [{"id": str(uuid4())}],
    }
    answer = as_user(clerk).post(f"{URL}bulk-steps/", body, "json")
    assert answer.status_code == 200, answer.data
    results = answer.data["results"]
    assert [one["is_taken"] for one in results] == [True, False, False, False, False, False]
    assert [one["id"] for one in results[:5]] == [str(one.pk) for one in sent]
    assert (results[0]["status"], results[0]["version"]) == ("rejected", 2)
    assert "has changed since" in results[1]["refusal"]
    assert "cannot be taken" in results[2]["refusal"]
    assert "only staff of the department" in results[3]["refusal"]
    assert results[4]["refusal"] == results[5]["refusal"]
    assert StatusChange.objects.filter(note="On private ground.").count() == 1


@pytest.mark.parametrize(
    ("reports", "status"),
    [([], 400), ("x", 400), ([{"id": "x"}], 400), ([{}], 400), (101, 400), (100, 200)],
    ids=str,
)
def test_a_bulk_step_is_bounded(as_user: SignIn, reports: Any, status: int) -> None:
    if isinstance(reports, int):
        reports = [{"id": str(uuid4())} for _ in range(reports)]
    body = {"step": "resolve", "reports": reports}
    clerk = make_staff(make_department())
    assert as_user(clerk).post(f"{URL}bulk-steps/", body, "json").status_code == status
    assert as_user(make_user()).post(f"{URL}bulk-steps/", body, "json").status_code == 403


@pytest.mark.django_db(transaction=True)
def test_a_bulk_step_repeated_with_its_key_is_taken_once(as_user: SignIn) -> None:
    report, client = make_report(), as_user(make_staff(make_department()))
    body = {"step": "start", "reports": [{"id": str(report.pk)}]}
    key = {"Idempotency-Key": "bulk"}
    answers = [client.post(f"{URL}bulk-steps/", body, "json", headers=key) for _ in range(2)]
    assert [one.json()["results"][0]["is_taken"] for one in answers] == [True, True]
    assert report.history.count() == 2


# --- Handing over --------------------------------------------------------------------------------


def test_the_earlier_department_learns_where_a_report_went_and_why(as_user: SignIn) -> None:
    clerk, parks = make_staff(make_department()), make_department("parks")
    hidden, public = make_report(published_at=None), make_report()
    for report in (hidden, public):
        with transaction.atomic():
            transitions.take(
                report,
                "hand_over",
                by=clerk,
                roles=roles_in(report, clerk),
                inputs=Inputs(department=parks, note="A tree lies on it.", is_internal=True),
                is_publishing=False,
            )
    for path in ("", "steps/"):
        answer = as_user(clerk).get(f"{URL}{hidden.pk}/{path}")
        assert answer.status_code == 403
        assert "This report is with Parks" in answer.data["detail"]
        assert "A tree lies on it." in answer.data["detail"]
        assert (
            as_user(make_staff(make_department("water")))
            .get(f"{URL}{hidden.pk}/{path}")
            .status_code
            == 404
        )
    seen = as_user(clerk).get(f"{URL}{public.pk}/").data["history"]
    assert [(line["step"], line["note"]) for line in seen] == [
        ("", ""),
        ("hand_over", "A tree lies on it."),
    ]
    theirs = as_user(make_user()).get(f"{URL}{public.pk}/").data["history"]
    assert [line["step"] for line in theirs] == [""]
