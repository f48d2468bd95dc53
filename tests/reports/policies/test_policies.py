"""Policies of triage in force: applying one, the order of the queue, taking it back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import InternalError, ProgrammingError, transaction
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import AuditEvent, User
from jobs.ledger import database
from jobs.ledger.database import fetch
from jobs.models import JobResult
from jobs.testing import run_tasks
from reports.models import (
    Department,
    DepartmentMembership,
    MeToo,
    Policy,
    PolicyStudy,
    PolicyTrial,
    QueuePlace,
    Report,
    Severity,
    Status,
)
from reports.policies import applying, in_force, queueing, wording
from reports.policies.rules import BY_ARRIVAL, BY_DEADLINE, SEVERITIES, Rules
from reports.workflow import table
from reports.workflow.performing import Inputs, perform
from tests.reports.conftest import SignIn
from tests.reports.factories import (
    make_clerk,
    make_crew,
    make_department,
    make_report,
    make_staff,
    make_user,
)

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
BY_SEVERITY = Rules(severity_hours=500.0)


def make_chief() -> User:
    return make_user(is_staff=True, is_superuser=True)


def make_manager(department: Department) -> User:
    manager = make_staff()
    DepartmentMembership.objects.create(user=manager, department=department, is_manager=True)
    return manager


def make_search(*policies: Rules, department: str | None = None) -> JobResult:
    """A search that has ended, whose best trial is the first."""
    kept = JobResult.objects.create(
        task_id=make_user().pk,
        job_type="discovery",
        inputs={
            "department": department,
            "trials": len(policies),
            "in_force": BY_ARRIVAL.as_json(),
        },
        code_version="1",
        result={"best": {"trial": 0}, "trials": len(policies)},
        is_partial=False,
        digest="",
        created_at=database.now(),
    )
    study = PolicyStudy.objects.create(result=kept, split_at=1.0, fairness_limit=1.0)
    for number, rules in enumerate(policies):
        PolicyTrial.objects.create(
            study=study, number=number, rules=rules.as_json(), cost=float(number), figures={}
        )
    return kept


def apply(client: APIClient, kept: JobResult, **body: Any) -> Any:
    return client.post("/api/v1/policies/", {"result": str(kept.pk), **body}, "json")


def revert(client: APIClient, **body: Any) -> Any:
    return client.post("/api/v1/policies/revert/", body, "json")


def queue(client: APIClient, **query: Any) -> list[str]:
    """Return the titles of the reports in the order of the queue, page by page."""
    run_tasks()
    url: str | None = "/api/v1/reports/"
    titles: list[str] = []
    asked: Any = {"ordering": "priority", "page_size": 2, **query}
    while url:
        answer = client.get(url, asked)
        assert answer.status_code == 200, answer.json()
        page = answer.json()
        titles += [one["title"] for one in page["results"]]
        url, asked = page["next"], None
    return titles


def three_reports(department: Department | None = None) -> None:
    """An old trifle, a newer emergency and the newest report, which is due first."""
    now, where = database.now(), department or make_department()
    for title, hours, severity, due in (
        ("old", 30, Severity.LOW, 90),
        ("emergency", 20, Severity.CRITICAL, 80),
        ("due", 10, Severity.MEDIUM, 5),
    ):
        make_report(
            title=title,
            severity=severity,
            department=where,
            created_at=now - hours * HOUR,
            due_at=now + due * HOUR,
        )


def test_an_applied_policy_orders_the_queue_and_is_taken_back(as_user: SignIn) -> None:
    three_reports()
    chief, clerk = as_user(make_chief()), as_user(make_clerk())
    queueing.refresh()
    assert queue(clerk) == ["old", "emergency", "due"]
    kept = make_search(BY_SEVERITY, BY_DEADLINE)
    applied = apply(chief, kept, note="Emergencies first.", seen=0)
    assert applied.status_code == 201, applied.json()
    assert queue(clerk) == ["emergency", "due", "old"]
    assert apply(chief, kept, trial=1).json()["version"] == 2
    assert queue(clerk) == ["due", "emergency", "old"]
    taken_back = revert(chief, note="Not so.", seen=2).json()
    assert (taken_back["version"], taken_back["reverts"]) == (3, 2)
    assert queue(clerk) == ["emergency", "due", "old"]
    assert [one["version"] for one in clerk.get("/api/v1/policies/").json()["results"]] == [3, 2, 1]
    events = AuditEvent.objects.filter(event__startswith="policy.").order_by("id")
    assert [one.event for one in events] == ["policy.applied"] * 2 + ["policy.reverted"]
    assert events[1].data["before"] == BY_SEVERITY.as_json()


def test_taking_back_the_first_policy_leaves_the_order_of_arrival(as_user: SignIn) -> None:
    three_reports()
    chief = as_user(make_chief())
    assert revert(chief).status_code == 409
    apply(chief, make_search(BY_DEADLINE))
    assert queue(chief) == ["due", "emergency", "old"]
    assert revert(chief).status_code == 201
    assert queue(chief) == ["old", "emergency", "due"]
    assert in_force.rules_for(None) == BY_ARRIVAL


def test_whoever_saw_another_version_changes_nothing(as_user: SignIn) -> None:
    chief, kept = as_user(make_chief()), make_search(BY_SEVERITY)
    assert apply(chief, kept, seen=0).status_code == 201
    assert apply(chief, kept, seen=0).status_code == 409
    assert revert(chief, seen=7).status_code == 409
    assert Policy.objects.count() == 1


def test_a_department_goes_by_its_own_policy_or_that_above_it(as_user: SignIn) -> None:
    works = make_department("works")
    parks = make_department("parks", parent=works)
    boss = make_manager(works)
    three_reports(parks)
    apply(as_user(make_chief()), make_search(BY_DEADLINE))
    clerk = as_user(make_staff(works, make_department("streets")))
    assert queue(clerk) == ["due", "emergency", "old"]
    for slug in ("works", "parks"):  # below what they manage, too
        found = make_search(BY_SEVERITY, department=slug)
        assert apply(as_user(boss), found).status_code == 201
        assert queue(clerk) == ["emergency", "due", "old"]
    revert(as_user(boss), department="parks")
    assert queue(clerk) == ["old", "emergency", "due"], "taken back to arrival, not to none"
    assert in_force.rules_for(make_department("streets")) == BY_DEADLINE


def test_only_managers_of_the_department_decide(as_user: SignIn) -> None:
    parks, streets = make_department("parks"), make_department("streets")
    kept = make_search(BY_SEVERITY, department="parks")
    for user, status in (
        (make_user(), 403),
        (make_staff(parks), 404),
        (make_manager(streets), 404),
        (make_manager(parks), 201),
    ):
        assert apply(as_user(user), kept).status_code == status
    for user, status in (
        (make_user(), 403),
        (make_staff(parks), 403),
        (make_manager(streets), 403),
        (make_manager(parks), 201),
    ):
        assert revert(as_user(user), department="parks").status_code == status
    city = make_search(BY_SEVERITY)
    assert apply(as_user(make_manager(parks)), city).status_code == 404
    assert revert(as_user(make_manager(parks))).status_code == 403
    listed = as_user(make_staff(streets)).get("/api/v1/policies/").json()["results"]
    assert listed == []


@pytest.mark.parametrize(
    ("body", "status"),
    [({"trial": 9}, 409), ({"trial": -1}, 400), ({"result": "x"}, 400), ({"colour": 1}, 400)],
)
def test_what_cannot_be_applied_is_refused(
    as_user: SignIn, body: dict[str, Any], status: int
) -> None:
    kept = make_search(BY_SEVERITY)
    answer = as_user(make_chief()).post(
        "/api/v1/policies/", {"result": str(kept.pk), **body}, "json"
    )
    assert answer.status_code == status, answer.json()
    assert not Policy.objects.exists()


def test_the_order_of_the_queue_is_for_staff(as_user: SignIn, api: APIClient) -> None:
    url = "/api/v1/reports/"
    assert api.get(url, {"ordering": "priority"}).status_code == 401
    assert as_user(make_user()).get(url, {"ordering": "priority"}).status_code == 403
    assert api.get(url, {"ordering": "newest"}).status_code == 200
    assert api.get(url, {"ordering": "size"}).status_code == 400


def test_the_place_in_the_queue_is_that_of_the_replay() -> None:
    """PostgreSQL computes for all reports what the replay computes for one."""
    rules = Rules(
        deadline_share=0.35,
        severity_hours=12.0,
        neighbour_hours=7.0,
        urgent_from="critical",
        escalate_after_hours=24.0,
        escalation_hours=60.0,
    )
    now = database.now()
    for number, severity in enumerate(SEVERITIES):
        report = make_report(
            severity=severity,
            created_at=now - (50 + number) * HOUR,
            due_at=now + (-40 + 30 * number) * HOUR,
        )
        for _ in range(number):
            MeToo.objects.create(report=report, user=make_user())
    Policy.objects.create(version=1, rules=rules.as_json())
    queueing.refresh()
    places = QueuePlace.objects.select_related("report").order_by("report__created_at")
    assert len(places) == 4
    for place in places:
        report = place.report
        rank = SEVERITIES.index(report.severity)
        assert report.due_at is not None
        hours = [(at - now) / HOUR for at in (report.created_at, report.due_at)]
        expected = rules.place(hours[0], rank, hours[1], report.me_too.count())
        is_late = rules.escalates_at(hours[1]) <= 0
        expected -= rules.escalation_hours if is_late else 0
        assert (place.at - now) / HOUR == pytest.approx(expected, abs=1e-6)
        assert (place.is_urgent, place.is_escalated) == (rank == 3, is_late)
    assert {place.is_escalated for place in places} == {True, False}


def test_the_queue_follows_reports_and_writes_nothing_anew_without_need() -> None:
    report = make_report()
    assert queueing.refresh() == 1
    assert queueing.refresh() == 0
    version = Report.objects.get().version
    Policy.objects.create(version=1, rules=BY_SEVERITY.as_json())
    Report.objects.update(severity=Severity.HIGH)
    assert queueing.refresh() == 1
    assert Report.objects.get().version == version + 1, "the queue does not change the report"
    Report.objects.update(status=Status.RESOLVED)
    assert (queueing.refresh(), QueuePlace.objects.count()) == (1, 0)
    assert report.pk == Report.objects.get().pk


def test_a_version_stays_as_it_was_applied() -> None:
    policy = Policy.objects.create(version=1, rules=BY_SEVERITY.as_json(), applied_by=make_user())
    with (
        pytest.raises((InternalError, ProgrammingError), match="append-only"),
        transaction.atomic(),
    ):
        Policy.objects.filter(pk=policy.pk).update(note="other")
    with (
        pytest.raises((InternalError, ProgrammingError), match="append-only"),
        transaction.atomic(),
    ):
        Policy.objects.filter(pk=policy.pk).delete()
    assert policy.applied_by is not None
    policy.applied_by.delete()  # a person can be erased
    assert Policy.objects.get().applied_by is None


def test_the_events_of_a_city_say_who_worked_on_a_report_after_each() -> None:
    clerk, first, second = make_clerk(), make_crew("First"), make_crew("Second")
    report = make_report()
    for name, inputs in (
        ("assign", Inputs(assignee=first)),
        ("start", Inputs()),
        ("assign", Inputs(assignee=second)),
        ("resolve", Inputs()),
    ):
        step = table.step_named(name, report.status)
        assert step is not None
        with transaction.atomic():
            perform(report, step, by=clerk, role="clerk", inputs=inputs)
    rows = fetch(
        "SELECT kind, to_status, crew_id, department_id, stands FROM reports_cityevent ORDER BY id",
        (),
    )
    where = report.department_id
    assert rows == [
        ("arrival", "new", None, where, True),
        ("assign", "assigned", first.pk, where, True),
        ("start", "in_progress", first.pk, where, True),
        ("assign", "in_progress", second.pk, where, True),
        ("resolve", "resolved", second.pk, where, True),
    ]


def desk_of(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="accounts.backends.StaffBackend")
    return client


def test_the_desk_shows_a_search_applies_a_trial_and_takes_it_back() -> None:
    three_reports()
    chief = make_chief()
    kept, desk = make_search(BY_SEVERITY, BY_DEADLINE), desk_of(chief)
    zero = {"mean": 0.0, "low": 0.0, "high": 0.0}
    kept.result["compared"] = [{"policy": "by_arrival", "figures": {}, "difference": zero}]
    kept.save(update_fields=["result"])
    page = desk.get(reverse("admin:reports_policystudy_change", args=[kept.pk])).content.decode()
    assert "<td>in the order of arrival</td>" in page
    assert "A step of severity counts as 500 hours of waiting." in page
    to = reverse("admin:reports_policystudy_apply", args=[kept.pk])
    desk.post(to, {"trial": 0, "seen": 0, "note": "Emergencies first."})
    run_tasks()
    listed = desk.get("/admin/reports/report/", {"queue": "ordered"}).content.decode()
    places = [listed.index(f">{title}<") for title in ("emergency", "due", "old")]
    assert places == sorted(places)
    assert "500 h later" in listed
    policy = Policy.objects.get()
    version = desk.get(reverse("admin:reports_policy_change", args=[policy.pk])).content.decode()
    assert "Take back this version" in version
    desk.post(reverse("admin:reports_policy_revert", args=[policy.pk]), {"seen": 1})
    assert in_force.rules_for(None) == BY_ARRIVAL
    listed = desk.get(reverse("admin:reports_policy_changelist")).context["cl"].result_list
    assert [(one.version, one.is_newest) for one in listed] == [(2, True), (1, False)]


def test_the_desk_starts_a_search_for_those_who_decide() -> None:
    manager = make_manager(make_department("parks"))
    form = {"objective": "hours", "trials": 5, "seed": 3}
    add = reverse("admin:reports_policystudy_add")
    assert desk_of(make_clerk()).get(add).status_code == 403
    desk = desk_of(manager)
    assert desk.get(add).status_code == 200
    assert b"This field is required" in desk.post(add, form).content
    parks = Department.objects.get(slug="parks").pk
    assert desk.post(add, form | {"department": parks}).status_code == 302
    assert fetch(
        "SELECT kwargs ->> 'department' FROM jobs_task WHERE job_type = 'discovery'", ()
    ) == [("parks",)]
    other = make_search(BY_SEVERITY, department="streets")
    hidden = desk.get(reverse("admin:reports_policystudy_change", args=[other.pk]))
    assert hidden.status_code == 302
    refused = desk.post(reverse("admin:reports_policystudy_apply", args=[other.pk]), {"seen": 0})
    assert refused.status_code == 403


def test_a_policy_reads_as_sentences() -> None:
    assert wording.sentences(BY_ARRIVAL) == ["Reports are taken up in the order of their arrival."]
    rules = Rules(deadline_share=0.25, urgent_from="high", crew_shift=0.5, help_above=3.0)
    assert wording.sentences(rules) == [
        "The deadline counts 25%, the time of arrival 75%.",
        "Reports of high severity or above come before all others.",
        "Advice: move crews 50% of the way to a split by the work.",
        "Advice: idle crews help a department in which more than 3 reports wait for each crew.",
    ]
    assert applying.department_of(make_search(rules)) is None
