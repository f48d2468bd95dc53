"""Plans of crews' days are applied and undone."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import AuditEvent, User
from jobs.ledger import interventions
from jobs.models import Task
from jobs.testing import run_tasks
from reports.models import Crew, DepartmentMembership, DispatchPlan, DispatchStop, Report, Status
from reports.workflow import transitions
from reports.workflow.performing import Inputs
from reports.workflow.roles import roles_in
from tests.jobs.factories import make_result
from tests.reports.conftest import SignIn
from tests.reports.dispatching import act, crew, make_plan, next_monday, start
from tests.reports.factories import make_clerk, make_crew, make_department, make_report

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def test_a_plan_is_applied_once_by_the_steps_of_the_workflow(client: APIClient) -> None:
    reports = [make_report(), make_report(status=Status.REOPENED)]
    plan = make_plan(*reports)
    assert act(client, plan, "apply") == {"done": 2, "left": []}
    for report in Report.objects.all():
        assert (report.status, report.crew) == (Status.ASSIGNED, make_crew())
        line = report.history.last()
        assert line is not None
        assert (line.step, line.version) == ("assign", report.version)
    assert "already" in act(client, plan, "apply", 409)["detail"]
    assert Report.objects.filter(history__step="assign").count() == 2
    run_tasks()
    event = AuditEvent.objects.get(event="dispatch.plan_applied")
    assert event.data == {"reports": 2, "left": 0}
    assert act(client, plan, "undo") == {"done": 2, "left": []}
    left = {(report.status, report.crew) for report in Report.objects.all()}
    assert left == {(Status.REOPENED, None), (Status.TRIAGED, None)}
    assert "already" in act(client, plan, "undo", 409)["detail"]
    assert "already" in act(client, plan, "apply", 409)["detail"]


def test_what_has_changed_since_is_left_with_the_reason(client: APIClient, clerk: User) -> None:
    planned_for, other = make_crew(), make_crew("Other crew")
    ready, theirs, closed, moved, given, handed = (
        make_report(title=title) for title in ("a", "b", "c", "d", "e", "f")
    )
    theirs = make_report(title="b", status=Status.ASSIGNED, crew=planned_for)
    plan = make_plan(ready, theirs, closed, moved, given, handed)
    step(closed, "close", clerk)
    Report.objects.filter(pk=moved.pk).update(latitude=41.4)
    step(given, "assign", clerk, assignee=other)
    Report.objects.filter(pk=handed.pk).update(department=make_department("parks"))
    outcome = act(client, plan, "apply")
    assert outcome["done"] == 2
    reasons = {one["report"]: one["reason"] for one in outcome["left"]}
    assert reasons[str(closed.pk)] == "It is closed now."
    assert reasons[str(moved.pk)] == "Its place has changed since."
    assert reasons[str(given.pk)] == "It was assigned to Other crew since."
    assert "staff of the department" in reasons[str(handed.pk)]
    assert Report.objects.get(pk=given.pk).crew == other
    states = DispatchStop.objects.order_by("position").values_list("state", flat=True)
    assert list(states) == ["assigned", "assigned", *["skipped"] * 4]
    assert act(client, plan, "undo")["done"] == 1  # it had one of them before
    assert Report.objects.get(pk=theirs.pk).crew == planned_for


def step(report: Report, name: str, by: User, **inputs: Any) -> None:
    transitions.take(report, name, by=by, roles=roles_in(report, by), inputs=Inputs(**inputs))


def test_a_plan_of_a_crew_that_is_gone_changes_nothing(client: APIClient) -> None:
    plan = make_plan(make_report())
    Crew.objects.update(is_active=False)
    detail = act(client, plan, "apply", 409)["detail"]
    assert "The crew First crew does not work any more." in detail
    assert Report.objects.get().status == Status.TRIAGED
    assert DispatchPlan.objects.get().applied_at is None


def test_undoing_leaves_what_went_on_and_says_so(client: APIClient, clerk: User) -> None:
    quiet, begun, edited = (make_report() for _ in range(3))
    plan = make_plan(quiet, begun, edited)
    act(client, plan, "apply")
    step(Report.objects.get(pk=begun.pk), "start", clerk)
    Report.objects.filter(pk=edited.pk).update(title="Deeper than it was")
    outcome = act(client, plan, "undo")
    assert outcome["done"] == 1
    reasons = {one["report"]: one["reason"] for one in outcome["left"]}
    assert reasons[str(begun.pk)] == "Another step was taken with it since."
    assert reasons[str(edited.pk)] == "The report has changed since its last step."
    assert Report.objects.get(pk=begun.pk).crew == make_crew()
    assert Report.objects.get(pk=quiet.pk).crew is None


def test_only_who_applied_a_plan_and_managers_undo_it(client: APIClient, as_user: SignIn) -> None:
    plan = make_plan(make_report())
    act(client, plan, "apply")
    other, manager = make_clerk(), make_clerk()
    DepartmentMembership.objects.filter(user=manager).update(is_manager=True)
    assert "Only a manager" in act(as_user(other), plan, "undo", 409)["detail"]
    assert act(as_user(manager), plan, "undo")["done"] == 1


def test_a_plan_that_is_still_being_improved_is_not_applied(client: APIClient) -> None:
    crew()
    make_report()
    job_id = start(client).json()["id"]
    kept = make_result(job_type="optimization", task_id=job_id)
    plan = DispatchPlan.objects.create(result=kept, department=make_department(), day=next_monday())
    assert "still being improved" in act(client, plan, "apply", 409)["detail"]
    interventions.cancel(Task.objects.get(pk=job_id).pk)
    assert "no report" in act(client, plan, "apply", 409)["detail"]


def test_a_job_that_is_run_again_leaves_an_applied_plan_alone(client: APIClient) -> None:
    crew()
    report = make_report()
    answer = start(client)
    kept = make_result(job_type="optimization", task_id=answer.json()["id"])
    make_plan(result=kept, applied_at=timezone.now())
    run_tasks(raise_errors=False)
    assert client.get(answer["Location"]).json()["state"] == "dead"
    assert not DispatchStop.objects.filter(report=report).exists()
