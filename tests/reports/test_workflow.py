"""The steps of a report: who may take which, with what, and what each one does."""

from __future__ import annotations

from copy import copy
from datetime import timedelta
from typing import Any

import pytest
from django.db import Error, connection, transaction

from accounts.actors import record_audit_event
from accounts.models import User
from jobs.ledger import database
from jobs.models import Task
from jobs.testing import advance, assert_sent, run_tasks
from reports.errors import (
    ReportsError,
    StatusChangedMeanwhile,
    StepForbidden,
    StepIncomplete,
    TransitionNotAllowed,
)
from reports.models import (
    OPEN_STATUSES,
    Crew,
    DepartmentMembership,
    Report,
    Role,
    Status,
    StatusChange,
)
from reports.workflow import checking, table, transitions
from reports.workflow.actors import close_unconfirmed
from reports.workflow.roles import roles_in
from reports.workflow.transitions import Inputs
from tests.reports.factories import (
    make_crew,
    make_department,
    make_report,
    make_staff,
    make_user,
)

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

# What every step leads to, written out apart from the table: step → status before → status after.
WORK = ("triaged", "assigned", "in_progress", "waiting", "reopened")
OPEN = ("new", *WORK)
EXPECTED: dict[str, dict[str, str]] = {
    "triage": {"new": "triaged"},
    "assign": {
        "triaged": "assigned",
        "assigned": "assigned",
        "reopened": "assigned",
        "in_progress": "in_progress",
        "waiting": "waiting",
    },
    "unassign": {
        "assigned": "triaged",
        "in_progress": "in_progress",
        "waiting": "waiting",
        "reopened": "reopened",
    },
    "start": dict.fromkeys(
        ("new", "triaged", "assigned", "reopened", "resolved", "closed"), "in_progress"
    ),
    "put_back": dict.fromkeys(("in_progress", "waiting", "reopened"), "triaged"),
    "hand_over": {
        "new": "new",
        **dict.fromkeys(WORK, "triaged"),
    },
    "wait": dict.fromkeys(WORK, "waiting"),
    "resume": {"waiting": "in_progress"},
    "resolve": dict.fromkeys(OPEN, "resolved"),
    "mend": dict.fromkeys(OPEN, "resolved"),
    "confirm": {"resolved": "closed"},
    "deny": {"resolved": "reopened", "closed": "reopened"},
    "close": dict.fromkeys((*OPEN, "resolved"), "closed"),
    "expire": {"resolved": "closed"},
    "reopen": {"resolved": "reopened", "closed": "reopened"},
    "reject": dict.fromkeys(OPEN, "rejected"),
    "restore": {"rejected": "triaged"},
    "merge": dict.fromkeys(OPEN, "duplicate"),
    "separate": {"duplicate": "triaged"},
    "withdraw": {"new": "closed", "triaged": "closed"},
}
# Who may take it. Staff of another department and other citizens may take none.
ANY_STAFF = {"clerk", "manager", "superuser"}
MAY: dict[str, set[str]] = {
    **dict.fromkeys(EXPECTED, ANY_STAFF),
    "triage": ANY_STAFF | {"system"},
    "resume": ANY_STAFF | {"system"},
    "restore": {"manager", "superuser"},
    "confirm": {"reporter", "system"},
    "deny": {"reporter", "system"},
    "withdraw": {"reporter"},
    "expire": {"system"},
    "mend": {"system"},
}
PEOPLE = (*Role.values, "other citizen", "other staff")


def person(who: str) -> User | None:
    """A user of this kind; nobody for the system."""
    match who:
        case "clerk":
            return make_staff(make_department())
        case "manager":
            staff = make_staff(make_department())
            DepartmentMembership.objects.filter(user=staff).update(is_manager=True)
            return staff
        case "superuser":
            return make_user(is_staff=True, is_superuser=True)
        case "other staff":
            return make_staff(make_department("parks"))
        case "system":
            return None
    return make_user()


def prepared(status: str, **fields: Any) -> Report:
    """A report in this status as the workflow leaves it: with assignee, times and so on."""
    closed_at = None if status in OPEN_STATUSES else database.now()
    waits = {"waiting_for": "weather", "waiting_until": database.now() + timedelta(days=1)}
    return make_report(
        status=status,
        closed_at=closed_at,
        crew=make_crew() if status not in ("new", "triaged") else None,
        **(waits if status == "waiting" else {}),
        **fields,
    )


def inputs_for(name: str) -> Inputs:
    """All that a step needs."""
    return Inputs(
        note="Because.",
        reason="other" if name == "reject" else "",
        waiting_for="weather" if name == "wait" else "",
        until=database.now() + timedelta(days=2) if name == "wait" else None,
        assignee=make_crew("Second crew") if name == "assign" else None,
        department=make_department("parks") if name == "hand_over" else None,
    )


def take(name: str, report: Report, by: User | None, inputs: Inputs) -> StatusChange:
    roles = table.SYSTEM if by is None else roles_in(report, by)
    return transitions.take(report, name, by=by, roles=roles, inputs=inputs)


def is_taken(name: str, status: str, who: str) -> bool:
    """Return whether somebody takes this step in this status."""
    # `duplicates.merging` merges, since it joins two reports
    return status in EXPECTED[name] and who in MAY[name] and name != "merge"


def see_taken(name: str, report: Report, who: str, by: User | None, inputs: Inputs) -> None:
    """Take a step, look at what it did, and undo it."""
    undo = transaction.savepoint()
    change = take(name, copy(report), by, inputs)
    after = EXPECTED[name][report.status]
    assert (change.from_status, change.to_status, change.step) == (report.status, after, name)
    assert change.role == who
    see_stored(report, after, changes=2)
    transaction.savepoint_rollback(undo)


def see_refused(name: str, report: Report, who: str, by: User | None, inputs: Inputs) -> None:
    """See a step refused, as it must be."""
    if report.status not in EXPECTED[name]:
        with pytest.raises(TransitionNotAllowed, match=name):
            take(name, report, by, inputs)
    else:
        with pytest.raises(StepIncomplete if who in MAY[name] else StepForbidden):
            take(name, report, by, inputs)


def see_stored(report: Report, status: str, *, changes: int) -> None:
    """Check the status that is stored, the number of changes, and whether the report is closed."""
    stored = Report.objects.get(pk=report.pk)
    assert (stored.status, stored.history.count()) == (status, changes)
    assert (stored.closed_at is None) is (status in OPEN_STATUSES)


@pytest.mark.parametrize("name", EXPECTED)
def test_each_step_by_each_role_from_each_status(name: str) -> None:
    people, inputs = {who: person(who) for who in PEOPLE}, inputs_for(name)
    for status in Status.values:
        report = prepared(status, reporter=people["reporter"])
        for who, by in people.items():
            if is_taken(name, status, who):
                see_taken(name, report, who, by, inputs)
            else:
                see_refused(name, copy(report), who, by, inputs)
        see_stored(report, status, changes=1)  # nothing that was refused left a trace


def test_the_table_has_no_step_that_is_not_expected() -> None:
    rows = {
        (step.name, source): step.to or source for step in table.STEPS for source in step.sources
    }
    assert rows == {(name, one): to for name, tos in EXPECTED.items() for one, to in tos.items()}
    assert {step.name: set(step.roles) for step in table.STEPS} == MAY


@pytest.mark.parametrize("who", PEOPLE)
def test_what_is_offered_can_be_taken_and_nothing_else(who: str) -> None:
    for status in Status.values:
        report = prepared(status)
        offered = {step.name for step in checking.available(report, frozenset({who}))}
        assert offered == {
            name for name in EXPECTED if status in EXPECTED[name] and who in MAY[name]
        }


@pytest.mark.parametrize(
    ("name", "given", "missing"),
    [
        ("reject", {}, {"reason"}),
        ("reject", {"reason": "mood"}, {"reason"}),
        ("wait", {}, {"waiting_for", "until"}),
        ("wait", {"waiting_for": "weather", "until": timedelta(days=-1)}, {"until"}),
        ("wait", {"waiting_for": "weather", "until": timedelta(days=400)}, {"until"}),
        ("wait", {"waiting_for": "godot", "until": timedelta(days=1)}, {"waiting_for"}),
        ("assign", {}, {"assignee"}),
        ("hand_over", {}, {"department", "note"}),
        ("hand_over", {"note": "  "}, {"department", "note"}),
        ("reopen", {}, {"note"}),
    ],
)
def test_what_a_step_needs_is_named(name: str, given: dict[str, Any], missing: set[str]) -> None:
    report = prepared("resolved" if name == "reopen" else "triaged")
    until = given.pop("until", None)
    inputs = Inputs(**given, until=database.now() + until if until else None)
    staff = make_staff(make_department())
    with pytest.raises(StepIncomplete) as refused:
        transitions.take(report, name, by=staff, roles=roles_in(report, staff), inputs=inputs)
    assert set(refused.value.faults) == missing
    assert report.history.count() == 1


def test_only_who_works_for_the_department_is_assigned() -> None:
    report, clerk = make_report(), make_staff(make_department())
    parks = make_department("parks")
    gone = make_crew("Gone")
    Crew.objects.filter(pk=gone.pk).update(is_active=False)
    former = make_staff(make_department())
    User.objects.filter(pk=former.pk).update(is_staff=False)
    roles = roles_in(report, clerk)
    strangers: list[User | Crew] = [
        make_user(),
        make_staff(parks),
        former,
        make_crew("Gardeners", parks),
        gone,
    ]
    for stranger in strangers:
        inputs = Inputs(assignee=stranger)
        with pytest.raises(StepIncomplete):
            transitions.take(report, "assign", by=clerk, roles=roles, inputs=inputs)
    crew = make_crew()
    transitions.take(report, "assign", by=clerk, roles=roles, inputs=Inputs(assignee=crew))
    stored = Report.objects.get()
    assert (stored.status, stored.crew, stored.assignee) == ("assigned", crew, None)
    transitions.take(report, "assign", by=clerk, roles=roles, inputs=Inputs(assignee=clerk))
    stored = Report.objects.get()
    assert (stored.status, stored.crew, stored.assignee) == ("assigned", None, clerk)


def test_handing_over_takes_the_report_from_its_crew_and_keeps_the_reason() -> None:
    streets, parks = make_department(), make_department("parks")
    report, clerk = prepared("in_progress"), make_staff(streets)
    inputs = Inputs(note="A tree lies on it.", department=parks, is_internal=True)
    line = transitions.take(
        report, "hand_over", by=clerk, roles=roles_in(report, clerk), inputs=inputs
    )
    stored = Report.objects.get()
    assert (stored.department, stored.crew, stored.status) == (parks, None, "triaged")
    assert (line.from_department, line.note, line.is_internal) == (streets, inputs.note, True)
    assert line.fields == ["crew", "department", "status"]


# --- Time ----------------------------------------------------------------------------------------


def test_a_waiting_report_goes_on_by_itself() -> None:
    report, clerk = make_report(), make_staff(make_department())
    inputs = Inputs(waiting_for="weather", until=database.now() + timedelta(days=2))
    transitions.take(report, "wait", by=clerk, roles=roles_in(report, clerk), inputs=inputs)
    run_tasks()
    assert Report.objects.get().status == "waiting"
    Report.objects.update(waiting_until=database.now())
    advance(timedelta(days=2, minutes=1))
    run_tasks()
    stored = Report.objects.get()
    line = stored.history.last()
    assert line is not None
    assert (stored.status, stored.waiting_for, stored.waiting_until) == ("in_progress", "", None)
    assert (line.step, line.by, line.role) == ("resume", None, "system")


def test_a_report_that_waits_longer_than_first_said_is_not_woken_early() -> None:
    report, clerk = make_report(), make_staff(make_department())
    roles = roles_in(report, clerk)
    for days in (1, 5):
        inputs = Inputs(waiting_for="weather", until=database.now() + timedelta(days=days))
        transitions.take(report, "wait", by=clerk, roles=roles, inputs=inputs)
    advance(timedelta(days=1, minutes=1))
    run_tasks()
    assert Report.objects.get().status == "waiting"


def test_a_resolved_report_without_an_answer_is_closed_unconfirmed(settings: Any) -> None:
    settings.CONFIRMATION_WINDOW_DAYS = 3
    report, clerk = make_report(reporter=make_user()), make_staff(make_department())
    transitions.take(report, "resolve", by=clerk, roles=roles_in(report, clerk))
    old = prepared("resolved", is_live=False)
    Report.objects.filter(pk=old.pk).update(closed_at=database.now() - timedelta(days=9))
    with transaction.atomic():
        close_unconfirmed.send()
    run_tasks()
    assert set(Report.objects.values_list("status", flat=True)) == {"resolved"}
    Report.objects.filter(pk=report.pk).update(closed_at=database.now() - timedelta(days=3))
    with transaction.atomic():
        close_unconfirmed.send()
    run_tasks()
    stored = Report.objects.get(pk=report.pk)
    assert (stored.status, stored.confirmed_at) == ("closed", None)
    assert stored.history.last().step == "expire"  # type: ignore[union-attr]
    assert Report.objects.get(pk=old.pk).status == "resolved"


def test_the_reporter_confirms_or_denies_within_the_window(settings: Any) -> None:
    citizen = make_user()
    for name, status in (("confirm", "closed"), ("deny", "reopened")):
        report = prepared("resolved", reporter=citizen)
        transitions.take(report, name, by=citizen, roles=roles_in(report, citizen))
        stored = Report.objects.get(pk=report.pk)
        assert (stored.status, stored.confirmed_at is not None) == (status, name == "confirm")
    late = prepared("closed", reporter=citizen)
    Report.objects.filter(pk=late.pk).update(
        closed_at=database.now() - timedelta(days=settings.CONFIRMATION_WINDOW_DAYS, minutes=1)
    )
    with pytest.raises(TransitionNotAllowed, match="is over"):
        transitions.deny(late, by=citizen)


# --- Changes of status without more ---------------------------------------------------------------


@pytest.mark.parametrize("to", Status.values)
@pytest.mark.parametrize("came_from", Status.values)
def test_a_status_that_the_table_does_not_lead_to_is_refused(came_from: str, to: str) -> None:
    report, staff = prepared(came_from), make_staff(make_department())
    try:
        transitions.change_status(report, to=to, by=staff)
    except StepIncomplete:
        assert to in ("assigned", "waiting")
    except TransitionNotAllowed:
        assert to not in table.allowed_from(came_from)
    else:
        assert to in table.allowed_from(came_from)
        report.refresh_from_db()
        assert report.status == to
        assert (report.closed_at is None) is (to in OPEN_STATUSES)


def test_of_two_who_saw_the_same_status_the_second_is_refused() -> None:
    first, staff = make_report(), make_staff(make_department())
    second = Report.objects.get(pk=first.pk)
    transitions.change_status(first, to=Status.IN_PROGRESS, by=staff)
    with pytest.raises(StatusChangedMeanwhile):
        transitions.change_status(second, to=Status.REJECTED, by=staff)
    second.refresh_from_db()
    assert second.status == Status.IN_PROGRESS
    assert second.history.count() == 2


def test_a_step_is_audited() -> None:
    report, staff = make_report(), make_staff(make_department())
    transitions.change_status(report, to=Status.RESOLVED, by=staff)
    facts = {"from": "triaged", "to": "resolved"}
    assert_sent(
        record_audit_event, "report.status_changed", str(staff.pk), f"report:{report.pk}", facts
    )


def test_old_imported_reports_notify_nobody() -> None:
    report, staff = make_report(reporter=make_user(), is_live=False), make_staff(make_department())
    transitions.change_status(report, to=Status.RESOLVED, by=staff)
    assert not Task.objects.filter(actor="notify_user").exists()


def test_a_rejected_report_is_withdrawn_and_comes_back_when_taken_up_again() -> None:
    report, staff = make_report(), make_staff(make_department())
    transitions.change_status(report, to=Status.REJECTED, by=staff)
    assert not Report.objects.published().exists()
    transitions.change_status(report, to=Status.TRIAGED, by=staff, is_publishing=True)
    assert Report.objects.published().exists()


def test_internal_steps_and_notes_answer_nobody() -> None:
    report, clerk = make_report(reporter=make_user()), make_staff(make_department())
    roles = roles_in(report, clerk)
    transitions.take(report, "assign", by=clerk, roles=roles, inputs=Inputs(assignee=clerk))
    assert Report.objects.get().responded_at is None
    assert not Task.objects.filter(actor="notify_user").exists()
    inputs = Inputs(note="Mind the dog.", is_internal=True)
    transitions.take(report, "start", by=clerk, roles=roles, inputs=inputs)
    [message] = Task.objects.filter(actor="notify_user")
    assert "dog" not in str(message.args)
    assert Report.objects.get().responded_at is not None


# --- History -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE reports_statuschange SET note = 'other'",
        "UPDATE reports_statuschange SET by_id = NULL, note = 'other'",
        "DELETE FROM reports_statuschange",
        "TRUNCATE reports_statuschange CASCADE",
    ],
)
def test_the_history_is_append_only(statement: str) -> None:
    make_report()
    connection.cursor().execute("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(Error, match="append-only"), transaction.atomic():
        connection.cursor().execute(statement)
    assert StatusChange.objects.count() == 1


def test_a_person_is_taken_out_of_the_history_and_a_report_takes_its_history_along() -> None:
    report, clerk = make_report(), make_staff(make_department())
    transitions.change_status(report, to=Status.RESOLVED, by=clerk)
    Task.objects.all().delete()
    clerk.delete()
    assert [line.by for line in report.history.all()] == [None, None]
    Report.objects.get().delete()
    assert not StatusChange.objects.exists()


def test_every_change_of_a_report_counts_its_version() -> None:
    report, clerk = make_report(), make_staff(make_department())
    assert Report.objects.get().version == 1
    Report.objects.update(address="Elsewhere")
    assert Report.objects.get().version == 2
    line = transitions.change_status(report, to=Status.RESOLVED, by=clerk)
    assert (Report.objects.get().version, line.version, report.version) == (3, 3, 3)


def test_a_failed_step_leaves_nothing() -> None:
    report, clerk = make_report(), make_staff(make_department())
    with pytest.raises(ReportsError):
        transitions.take(report, "assign", by=clerk, roles=roles_in(report, clerk))
    assert not Task.objects.exists()
    assert Report.objects.get().version == 1
