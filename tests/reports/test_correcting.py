"""A reporter's own report: corrected or withdrawn while nobody works on it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import AuditEvent, User
from jobs.models import Task
from jobs.testing import run_tasks
from notifications.models import Delivery
from reports.models import (
    BlockedWord,
    Correction,
    ModerationCase,
    Report,
    RoutingRule,
    SeverityRule,
    Status,
    hash_tracking_token,
)
from reports.routing import assignment
from reports.workflow import transitions
from tests.accounts.racing import race
from tests.reports.conftest import SignIn
from tests.reports.factories import (
    make_area,
    make_category,
    make_department,
    make_report,
    make_rule,
    make_staff,
    make_user,
)
from tests.reports.racing import in_a_thread, wait_until_blocked


def url_of(report: Report, rest: str = "") -> str:
    return f"/api/v1/reports/{report.pk}/{rest}"


def withdraw(client: APIClient, report: Report, **headers: Any) -> int:
    body = json.dumps({"step": "withdraw"})
    url = url_of(report, "steps/")
    return client.post(url, body, content_type="application/json", headers=headers).status_code


@pytest.mark.django_db
def test_a_correction_is_stored_with_its_history(as_user: SignIn) -> None:
    author = make_user()
    report = make_report(reporter=author)
    body = {"title": "Deep hole, two of them", "latitude": 41.4, "longitude": -72.8}
    answer = as_user(author).patch(url_of(report), body)
    assert answer.status_code == 200, answer.content
    assert {name: answer.data[name] for name in body} == body
    assert answer.data["history"][-1]["note"] == "Corrected by its reporter: place, title."
    correction = Correction.objects.get()
    assert correction.before == {"title": "Deep hole", "latitude": 41.3, "longitude": -72.9}
    assert (correction.after, correction.by) == (body, author)
    report.refresh_from_db()
    assert report.cell is not None
    run_tasks()
    assert AuditEvent.objects.filter(event="report.corrected").exists()


@pytest.mark.django_db
def test_another_category_leads_to_another_department(as_user: SignIn) -> None:
    make_category("tree", department=make_department("parks"), sla_hours=10)
    author = make_user()
    report = make_report(
        reporter=author, category=make_category("pothole"), category_source="staff"
    )
    as_user(author).patch(url_of(report), {"category": "tree"})
    run_tasks()
    report.refresh_from_db()
    assert report.department is not None
    assert (report.department.slug, report.sla_hours) == ("parks", 10)
    assert report.category_source == "reporter"
    assert Correction.objects.get().before == {"category": "pothole"}


@pytest.mark.django_db
def test_corrected_words_are_judged_again(api: APIClient, as_user: SignIn) -> None:
    BlockedWord.objects.create(word="blotwort")
    author = make_user()
    report = make_report(reporter=author)
    answer = as_user(author).patch(url_of(report), {"description": "A blotwort."})
    assert (answer.data["is_public"], answer.data["waits_for"]) == (False, ["blocked_words"])
    assert api.get(url_of(report)).status_code == 404
    as_user(author).patch(url_of(report), {"description": "Another blotwort."})
    assert ModerationCase.objects.count() == 1


@pytest.mark.django_db
def test_values_as_before_change_nothing(as_user: SignIn) -> None:
    author = make_user()
    report = make_report(reporter=author)
    assert as_user(author).patch(url_of(report), {"title": "Deep  hole"}).status_code == 200
    assert not Correction.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "body",
    [{}, {"latitude": 1}, {"title": ""}, {"latitude": 91, "longitude": 0}, {"category": "none"}],
    ids=str,
)
def test_a_correction_that_makes_no_sense_is_refused(as_user: SignIn, body: dict[str, Any]) -> None:
    author = make_user()
    report = make_report(reporter=author)
    assert as_user(author).patch(url_of(report), body).status_code == 400
    assert not Correction.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("status", sorted(set(Status.values) - {Status.NEW, Status.TRIAGED}))
def test_once_somebody_works_on_it_neither_is_possible(as_user: SignIn, status: str) -> None:
    author = make_user()
    report = make_report(reporter=author, status=status)
    client = as_user(author)
    answer = client.patch(url_of(report), {"title": "Other"})
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/conflict")
    assert "Somebody works on this report already" in answer.json()["detail"]
    assert withdraw(client, report) == 409


@pytest.mark.django_db
def test_a_withdrawn_report_is_closed_and_not_public(api: APIClient, as_user: SignIn) -> None:
    author = make_user()
    report = make_report(reporter=author)
    assert withdraw(as_user(make_user()), report) == 403
    assert [withdraw(as_user(author), report) for _ in range(2)] == [200, 409]
    assert api.get(url_of(report)).status_code == 404
    assert as_user(author).get(url_of(report)).data["status"] == "closed"
    run_tasks()
    assert not Delivery.objects.exists()


@pytest.mark.django_db
def test_nobody_has_to_moderate_what_is_withdrawn(as_user: SignIn) -> None:
    BlockedWord.objects.create(word="blotwort")
    author = make_user()
    report = make_report(reporter=author)
    as_user(author).patch(url_of(report), {"description": "A blotwort."})
    assert withdraw(as_user(author), report) == 200
    assert not ModerationCase.objects.waiting().exists()


@pytest.mark.django_db
def test_the_holder_of_the_token_may_too(api: APIClient) -> None:
    report = make_report(tracking_token_hash=hash_tracking_token("secret"), published_at=None)
    token = {"X-Tracking-Token": "secret"}
    assert api.patch(url_of(report), {"title": "Other"}).status_code == 404
    assert api.patch(url_of(report), {"title": "Other"}, headers=token).status_code == 200
    assert withdraw(api, report, **token) == 200
    report.refresh_from_db()
    assert (report.title, report.status, report.published_at) == ("Other", "closed", None)


@pytest.mark.django_db(transaction=True)
def test_a_withdrawal_and_the_start_of_work_at_once_leave_one_of_them() -> None:
    author, staff = make_user(), make_staff(make_department())
    report = make_report(reporter=author)
    turns = iter([author, staff] * 4)

    def act() -> int:
        client, person = APIClient(), next(turns)
        client.force_authenticate(User.objects.get(pk=person.pk))
        if person == author:
            return withdraw(client, report)
        body, url = json.dumps({"status": "in_progress"}), url_of(report, "status/")
        return client.post(url, body, content_type="application/json").status_code

    outcomes = race(act, times=8, threads=4)
    assert set(outcomes) <= {200, 403, 409}
    report.refresh_from_db()
    steps = list(report.history.exclude(step="").values_list("step", flat=True))
    assert steps in (["withdraw"], ["start"], ["withdraw", "start"])


@pytest.mark.django_db
def test_a_correction_of_what_changed_meanwhile_is_refused(as_user: SignIn) -> None:
    author = make_user()
    report, client = make_report(reporter=author), as_user(author)
    tag = client.get(url_of(report))["ETag"]
    assert (
        client.patch(url_of(report), {"title": "A"}, headers={"If-Match": tag}).status_code == 200
    )
    assert (
        client.patch(url_of(report), {"title": "B"}, headers={"If-Match": tag}).status_code == 412
    )


@pytest.mark.django_db
def test_the_desk_shows_what_was_corrected(as_user: SignIn) -> None:
    author, department = make_user(), make_department()
    report = make_report(reporter=author, department=department)
    as_user(author).patch(url_of(report), {"title": "<b>Two holes</b>"})
    desk = Client()
    desk.force_login(make_staff(department), backend="accounts.backends.StaffBackend")
    page = desk.get(f"/admin/reports/report/{report.pk}/timeline/").content.decode()
    assert "title: Deep hole → &lt;b&gt;Two holes&lt;/b&gt;" in page


# --- Routing anew ---------------------------------------------------------------------------------


@pytest.fixture
def routed() -> Report:
    """A report in the north, which the rules of routing have sent to the department there."""
    north, south = make_department("north"), make_department("south")
    make_rule("North", area=make_area("North"), department=north, deadline_hours=24)
    make_rule("South", area=make_area("South", west=-60), department=south, deadline_hours=48)
    report = make_report(
        status=Status.NEW,
        department=None,
        reporter=make_user(),
        category=make_category(),
        category_source="reporter",
    )
    with transaction.atomic():
        assignment.route(str(report.pk))
    report.refresh_from_db()
    assert (report.department, report.sla_hours) == (north, 24)
    return report


def move_south(client: APIClient, report: Report) -> int:
    return client.patch(url_of(report), {"latitude": 41.3, "longitude": -59.0}).status_code


def author_of(report: Report) -> User:
    assert report.reporter is not None
    return report.reporter


@pytest.mark.django_db
def test_a_corrected_place_is_routed_again_with_its_deadline(
    as_user: SignIn, routed: Report
) -> None:
    assert move_south(as_user(author_of(routed)), routed) == 200
    routed.refresh_from_db()
    assert routed.department is not None
    assert routed.department.slug == "north"  # until routing has decided, staff still have it
    run_tasks()
    routed.refresh_from_db()
    assert (routed.department.slug, routed.sla_hours) == ("south", 48)
    assert "South" in routed.routing_reason
    assert routed.due_at == routed.created_at + timedelta(hours=48)
    line = routed.history.order_by("-id").first()
    assert line is not None
    assert line.note == f"Sent on to South: {routed.routing_reason}."
    assert (line.role, line.is_internal) == ("system", True)
    assert line.from_department is not None
    # Staff of the earlier department read where it went, instead of 404.
    Report.objects.filter(pk=routed.pk).update(published_at=None)
    answer = as_user(make_staff(make_department("north"))).get(url_of(routed))
    assert answer.status_code == 403
    assert "It came from North" in answer.json()["detail"]


@pytest.mark.django_db
def test_a_place_within_the_same_rule_moves_neither_department_nor_deadline(
    as_user: SignIn, routed: Report
) -> None:
    RoutingRule.objects.filter(name="North").update(deadline_hours=5)  # a changed rule
    lines = routed.history.count()
    as_user(author_of(routed)).patch(url_of(routed), {"latitude": 41.31, "longitude": -72.9})
    run_tasks()
    due_at, department = routed.due_at, routed.department
    routed.refresh_from_db()
    assert (routed.due_at, routed.department) == (due_at, department)
    assert routed.history.count() == lines + 1  # the correction alone


@pytest.mark.django_db
@pytest.mark.parametrize("step", ["hand_over", "start"])
def test_a_step_of_staff_before_routing_decides_stays(
    as_user: SignIn, routed: Report, step: str
) -> None:
    """The losing race: a clerk acts between the correction and its task."""
    clerk = make_staff(make_department("north"))
    assert move_south(as_user(author_of(routed)), routed) == 200
    parks = make_department("parks")
    body = {"department": "parks", "note": "A park."} if step == "hand_over" else {}
    answer = as_user(clerk).post(url_of(routed, "steps/"), {"step": step, **body})
    assert answer.status_code == 200, answer.content
    run_tasks()
    routed.refresh_from_db()
    assert routed.department == (parks if step == "hand_over" else make_department("north"))
    assert routed.sla_hours == 24


@pytest.mark.django_db
def test_a_department_that_staff_chose_stays_and_the_undoing_gives_it_back_to_routing(
    as_user: SignIn, routed: Report
) -> None:
    clerk, author = as_user(make_staff(make_department("north"))), as_user(author_of(routed))
    make_department("parks")
    body = {"step": "hand_over", "department": "parks", "note": "A park."}
    assert clerk.post(url_of(routed, "steps/"), body).status_code == 200
    routed.refresh_from_db()
    assert (routed.routed_by, routed.routing_reason) == ("staff", "A park.")
    assert author.patch(url_of(routed), {"latitude": 41.2, "longitude": -72.9}).status_code == 200
    run_tasks()
    routed.refresh_from_db()
    assert routed.department is not None
    assert routed.department.slug == "parks"


@pytest.mark.django_db
def test_undoing_a_handover_gives_the_report_back_to_routing(
    as_user: SignIn, routed: Report
) -> None:
    user = make_staff(make_department("north"), make_department("parks"))
    clerk, author = as_user(user), as_user(author_of(routed))
    body = {"step": "hand_over", "department": "parks", "note": "A park."}
    assert clerk.post(url_of(routed, "steps/"), body).status_code == 200
    assert clerk.post(url_of(routed, "undo-step/")).status_code == 200
    routed.refresh_from_db()
    assert (routed.routed_by, routed.routing_reason[:14]) == ("rule", "rule 1 “North”")
    assert move_south(author, routed) == 200
    run_tasks()
    routed.refresh_from_db()
    assert routed.department is not None
    assert routed.department.slug == "south"


@pytest.mark.django_db(transaction=True)
def test_corrections_and_a_start_of_work_at_once_end_as_one_after_the_other(
    routed: Report,
) -> None:
    author, clerk = author_of(routed), make_staff(make_department("north"))
    turns = iter([author, clerk])

    def act() -> tuple[str, int]:
        client, person = APIClient(), next(turns)
        client.force_authenticate(User.objects.get(pk=person.pk))
        if person == author:
            return "correct", move_south(client, routed)
        answer = client.post(url_of(routed, "steps/"), {"step": "start"})
        return "start", answer.status_code

    outcomes = dict(race(act, times=2, threads=2))  # type: ignore[arg-type]
    run_tasks()
    routed.refresh_from_db()
    assert outcomes["correct"] in {200, 409}
    assert routed.department is not None
    assert routed.department.slug == "north"
    assert routed.status == Status.IN_PROGRESS
    assert outcomes["start"] == 200


@pytest.mark.django_db(transaction=True)
def test_a_category_chosen_while_the_classifier_waits_for_the_report_stays() -> None:
    chosen, parks = make_category("graffiti"), make_department("parks")
    proposed = make_category("tree_trim", department=parks)
    report = make_report(status="new", department=None)
    outcome = {"category_id": proposed.pk, "confidence": 0.9}

    def classify() -> None:
        with transaction.atomic():
            assignment.apply_outcome(str(report.pk), outcome)

    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            Report.objects.filter(pk=report.pk).update(category=chosen, category_source="staff")
            other = threads.submit(in_a_thread, classify)
            wait_until_blocked("reports_routingrevision")
        other.result()
    report.refresh_from_db()
    assert (report.category, report.category_source) == (chosen, "staff")
    assert report.department == chosen.department


@pytest.mark.django_db
def test_corrected_words_raise_the_severity_and_shorten_the_deadline(
    as_user: SignIn, routed: Report
) -> None:
    RoutingRule.objects.all().delete()
    SeverityRule.objects.create(name="Gas", phrases=["gas leak"], severity="critical")
    category = make_category()
    Report.objects.filter(pk=routed.pk).update(department=None, due_at=None, routing_rule=None)
    assignment.route(str(routed.pk))
    as_user(author_of(routed)).patch(url_of(routed), {"title": "A hole and a gas leak"})
    run_tasks()
    routed.refresh_from_db()
    assert (routed.severity, routed.severity_rule) == ("critical", "Gas")
    assert routed.due_at == routed.created_at + timedelta(hours=category.sla_hours / 4)


@pytest.mark.django_db
def test_corrected_words_send_an_uncertain_report_where_it_belongs() -> None:
    desk = make_department("city-desk", is_triage=True)
    report = make_report(status=Status.NEW, department=None)
    pothole = make_category()
    assignment.apply_classification(str(report.pk), pothole, 0.01)
    report.refresh_from_db()
    assert (report.department, report.status) == (desk, Status.NEW)
    assignment.apply_classification(str(report.pk), pothole, 0.9)
    report.refresh_from_db()
    assert (report.department, report.status) == (pothole.department, Status.TRIAGED)


@pytest.mark.django_db
def test_an_uncertain_guess_about_corrected_words_replaces_no_certain_category() -> None:
    make_department("city-desk", is_triage=True)
    report = make_report(status=Status.NEW, department=None)
    pothole = make_category()
    assignment.apply_classification(str(report.pk), pothole, 0.9)
    assignment.apply_classification(
        str(report.pk), make_category("tree", department=make_department("parks")), 0.05
    )
    report.refresh_from_db()
    assert (report.category, report.department) == (pothole, pothole.department)


@pytest.mark.django_db
def test_a_report_in_work_keeps_its_category_and_deadline_when_its_words_are_classified() -> None:
    """The losing race: work began between the correction and the end of its classification."""
    report = make_report(status=Status.NEW, department=None)
    pothole, tree = make_category(), make_category("tree", sla_hours=10)
    assignment.apply_classification(str(report.pk), pothole, 0.9)
    report.refresh_from_db()
    due_at = report.due_at
    transitions.change_status(report, to=Status.IN_PROGRESS, by=make_staff(pothole.department))
    assignment.apply_classification(str(report.pk), tree, 0.95)
    report.refresh_from_db()
    assert (report.category, report.due_at) == (pothole, due_at)


@pytest.mark.django_db
def test_an_address_alone_needs_no_routing(as_user: SignIn, routed: Report) -> None:
    as_user(author_of(routed)).patch(url_of(routed), {"address": "At the gate"})
    assert not Task.objects.filter(actor__in=["route_report", "classify_report"]).exists()
