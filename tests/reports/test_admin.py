"""The desk in the admin."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import AuditEvent, User
from jobs.testing import assert_sent
from notifications.actors import notify_user
from reports.following import unsubscribing
from reports.models import Department, Report, Status
from reports.routing import assignment
from reports.workflow import transitions
from tests.reports.factories import (
    make_category,
    make_crew,
    make_department,
    make_report,
    make_staff,
    make_user,
)

pytestmark = pytest.mark.django_db
LIST = "/admin/reports/report/"


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="accounts.backends.StaffBackend")
    return client


@pytest.fixture
def superuser() -> User:
    return make_user(is_staff=True, is_superuser=True)


@pytest.mark.parametrize(
    "model", [m for m in admin.site._registry if m._meta.app_label == "reports"]
)
def test_every_list_and_form_opens(model: type, superuser: User) -> None:
    make_report(category=make_category())
    client = signed_in(superuser)
    meta = model._meta  # type: ignore[attr-defined]
    assert (
        client.get(reverse(f"admin:reports_{meta.model_name}_changelist"), {"q": "x"}).status_code
        == 200
    )
    row = model.objects.first()  # type: ignore[attr-defined]
    if row:
        assert (
            client.get(
                reverse(f"admin:reports_{meta.model_name}_change", args=[row.pk])
            ).status_code
            == 200
        )


def test_the_list_costs_no_more_queries_for_more_reports(
    superuser: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(8):
        make_report(category=make_category(f"c{number}"), department=make_department(f"d{number}"))
    client = signed_in(superuser)
    with django_assert_max_num_queries(14):
        client.get(LIST)


def test_staff_sees_and_opens_only_reports_of_their_department() -> None:
    here, there = make_department("streets"), make_department("parks")
    own, other = (
        make_report(department=here, title="Own report"),
        make_report(department=there, title="Other report"),
    )
    client = signed_in(make_staff(here))
    page = client.get(LIST).content.decode()
    assert "Own report" in page
    assert "Other report" not in page
    assert client.get(f"{LIST}{own.pk}/change/").status_code == 200
    assert client.get(f"{LIST}{other.pk}/change/").status_code == 302
    bulk_step(client, "resolved", other)
    other.refresh_from_db()
    assert other.status == Status.TRIAGED


def test_a_department_is_listed_with_its_open_reports_and_members(superuser: User) -> None:
    here, empty = make_department("streets"), make_department("parks")
    for _ in range(3):
        make_staff(here)
        make_report(department=here)
    make_report(department=here, status=Status.CLOSED)
    desk = admin.site._registry[Department]
    page = signed_in(superuser).get("/admin/reports/department/")
    listed = page.context["cl"].result_list
    told = {row: (desk.open_reports(row), desk.members(row)) for row in listed}  # type: ignore[attr-defined]
    assert told == {here: (3, 3), empty: (0, 0)}


def test_staff_without_a_department_sees_nothing() -> None:
    make_report()
    assert signed_in(make_user(is_staff=True)).get(LIST).status_code == 403


# --- Steps ---------------------------------------------------------------------------------------


def preview(client: Client, status: str, *reports: Report, **options: str) -> Any:
    """Ask what a bulk step would do."""
    selected = {"action": f"mark_{status}", "_selected_action": [str(one.pk) for one in reports]}
    return client.post(LIST, selected | options, follow=True)


def bulk_step(client: Client, status: str, *reports: Report, **options: str) -> str:
    """Confirm a bulk step as its preview shows it; return the page that follows."""
    seen = {f"seen_{one.pk}": one.updated_at.isoformat() for one in reports}
    confirmed = {"previewed": "yes", "confirmed": "yes", **seen, **options}
    return str(preview(client, status, *reports, **confirmed).content.decode())


def step(client: Client, report: Report, to: str, **options: str) -> str:
    """Take a step on the report's page; return the page that follows."""
    form = {"to": to, "seen": report.updated_at.isoformat()} | options
    return str(client.post(f"{LIST}{report.pk}/step/", form, follow=True).content.decode())


def guessed(confidence: float = 0.24, **fields: Any) -> Report:
    """A new anonymous report whose category the classifier is not sure of."""
    desk = make_department("desk", is_triage=True)
    guess = {
        "category": make_category(),
        "category_source": "classifier",
        "category_confidence": confidence,
    }
    return make_report(status=Status.NEW, department=desk, published_at=None, **guess, **fields)


def test_the_page_shows_what_the_classifier_suggests_and_why(superuser: User) -> None:
    earlier = make_report(title="Earlier")
    reasons = [
        {"phrase": "<b>Deep hole</b>", "report_id": None, "similarity": 0.8},
        {"phrase": None, "report_id": str(earlier.pk), "similarity": 0.7},
    ]
    suggested = [
        {"category": "pothole", "confidence": 0.24, "reasons": reasons},
        {"category": "snow", "confidence": 0.2, "reasons": []},
    ]
    report = guessed(category_suggestions=suggested)
    page = signed_in(superuser).get(f"{LIST}{report.pk}/change/").content.decode()
    assert "<strong>pothole (24%)</strong>: near “&lt;b&gt;Deep hole&lt;/b&gt;”, <a" in page
    assert f'href="{LIST}{earlier.pk}/change/"' in page
    assert "<strong>snow (20%)</strong>" in page


def test_a_bulk_step_shows_what_it_will_do_and_then_does_it(superuser: User) -> None:
    can, cannot = make_report(title="Can"), make_report(title="Cannot", status=Status.CLOSED)
    client = signed_in(superuser)
    page = preview(client, "rejected", can, cannot)
    shown = {outlook.report: outlook for outlook in page.context["outlooks"]}
    assert shown[can].effects == ("triaged → rejected", "no longer public")
    assert "cannot become rejected" in shown[cannot].refusal
    assert Report.objects.filter(status=Status.REJECTED).count() == 0
    after = bulk_step(client, "rejected", can, cannot, note="Not ours.")
    assert "1 marked as rejected" in after
    assert "cannot become rejected" in after
    line = can.history.last()
    assert line is not None
    assert (line.to_status, line.note, line.by) == ("rejected", "Not ours.", superuser)
    assert Report.objects.get(pk=cannot.pk).status == Status.CLOSED


def test_a_bulk_step_neither_keeps_guesses_nor_publishes_in_silence(superuser: User) -> None:
    report, client = guessed(), signed_in(superuser)
    (shown,) = preview(client, "triaged", report).context["outlooks"]
    assert "is a guess of 24%" in shown.refusal
    assert "is a guess of 24%" in bulk_step(client, "triaged", report)
    report.refresh_from_db()
    assert (report.status, report.published_at) == (Status.NEW, None)
    again = preview(
        client, "triaged", report, previewed="yes", accepts_guess="on", is_publishing="on"
    )
    assert again.context["outlooks"][0].effects == (
        "new → triaged",
        "the guess Pothole becomes its category, and it goes to Streets",
        "becomes public",
    )
    bulk_step(client, "triaged", report, accepts_guess="on")
    report.refresh_from_db()
    assert (report.status, report.category_source, report.published_at) == (
        Status.TRIAGED,
        "staff",
        None,
    )
    assert (report.department, report.category_confidence) == (make_department("streets"), None)


def test_a_report_without_a_category_is_not_triaged(superuser: User) -> None:
    report = make_report(status=Status.NEW)
    assert "It has no category" in bulk_step(signed_in(superuser), "triaged", report)
    assert Report.objects.get().status == Status.NEW
    assert "1 marked as duplicate" in bulk_step(signed_in(superuser), "duplicate", report)


def test_a_report_that_changed_since_the_preview_is_left_alone(superuser: User) -> None:
    report = make_report()
    assignment.revise(Report.objects.get(), {"title": "Renamed"}, by=superuser)
    assert "changed this report meanwhile" in bulk_step(signed_in(superuser), "resolved", report)
    assert "changed this report meanwhile" in step(signed_in(superuser), report, "resolved")
    assert Report.objects.get().status == Status.TRIAGED


def test_too_many_reports_at_once_are_refused(
    superuser: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reports.desk.steps.BULK_MAXIMUM", 2)
    page = preview(signed_in(superuser), "resolved", *(make_report() for _ in range(3)))
    assert "Select 2 reports at most." in page.content.decode()


def test_a_step_with_a_note_is_taken_on_the_reports_page() -> None:
    here, reporter = make_department("streets"), make_user()
    report, staff = make_report(department=here, reporter=reporter), make_staff(here)
    client = signed_in(staff)
    page = client.get(f"{LIST}{report.pk}/change/").content.decode()
    assert page.count('name="to"') == len(transitions.allowed_from(report.status))
    assert "Mark as resolved" in page
    assert "1 marked as resolved" in step(client, report, "resolved", note="Filled.")
    report.refresh_from_db()
    line = report.history.last()
    assert line is not None
    assert (report.status, line.note, line.by) == ("resolved", "Filled.", staff)
    context = {
        "report_id": str(report.pk),
        "title": "Deep hole",
        "status": "resolved",
        "note": "Filled.",
        "path": f"/reports/{report.pk}",
        "unsubscribe_path": unsubscribing.path_for_report(reporter.pk, report.pk),
        "confirm_repair": f"{report.pk}:{line.pk}",
    }
    assert_sent(
        notify_user,
        str(report.reporter_id),
        "report_status_changed",
        context,
        f"report:{report.pk}:status:{line.pk}",
    )


@pytest.mark.parametrize(
    "options", [{"to": "gone"}, {"note": "x" * 3000}, {"to": "", "seen": "x"}], ids=str
)
def test_a_step_that_cannot_be_is_refused_with_a_reason(
    superuser: User, options: dict[str, str]
) -> None:
    report = make_report()
    page = step(signed_in(superuser), report, **{"to": "resolved", **options})
    assert "errornote" in page or 'class="error"' in page
    assert report.history.count() == 1


def test_a_hidden_report_is_published_on_its_page_only_if_that_is_chosen(superuser: User) -> None:
    first, second = guessed(title="First"), guessed(title="Second")
    client = signed_in(superuser)
    assert "is a guess of 24%" in step(client, first, "in_progress", is_publishing="on")
    step(client, first, "in_progress", accepts_guess="on", is_publishing="on")
    step(client, second, "in_progress", accepts_guess="on")
    published = Report.objects.exclude(published_at=None)
    assert [report.title for report in published] == ["First"]
    assert set(Report.objects.values_list("status", flat=True)) == {"in_progress"}


def test_steps_are_taken_by_post_and_on_ones_own_reports_alone() -> None:
    here, there = make_department("streets"), make_department("parks")
    own, other = make_report(department=here), make_report(department=there)
    client = signed_in(make_staff(here))
    assert client.get(f"{LIST}{own.pk}/step/").status_code == 405
    for key in (other.pk, "x", "0" * 50):
        answer = client.post(
            f"{LIST}{key}/step/", {"to": "resolved", "seen": other.updated_at.isoformat()}
        )
        assert answer.status_code in {403, 404}
    assert Report.objects.get(pk=other.pk).status == Status.TRIAGED


# --- Editing -------------------------------------------------------------------------------------


def test_choosing_a_category_triages_the_report_and_writes_its_history() -> None:
    here = make_department("streets")
    category = make_category("pothole", department=here)
    report, staff = (
        make_report(status=Status.NEW, department=here, reporter=make_user()),
        make_staff(here),
    )
    form = form_of(report, category=category.pk)
    assert signed_in(staff).post(f"{LIST}{report.pk}/change/", form).status_code == 302
    report.refresh_from_db()
    line = report.history.last()
    assert line is not None
    assert (report.status, line.by, line.note) == (
        Status.TRIAGED,
        staff,
        "Pothole: sent to Streets.",
    )
    assert (line.from_status, line.to_status) == ("new", "triaged")


def test_choosing_a_category_does_not_publish(superuser: User) -> None:
    report = guessed()
    form = form_of(report, category=make_category("tree").pk)
    assert signed_in(superuser).post(f"{LIST}{report.pk}/change/", form).status_code == 302
    report.refresh_from_db()
    assert (report.status, report.published_at) == (Status.TRIAGED, None)


def test_who_sends_a_report_to_another_department_reads_where_it_went() -> None:
    here, parks = make_department("streets"), make_department("parks")
    report = make_report(status=Status.NEW, department=here)
    client, url = signed_in(make_staff(here)), f"{LIST}{report.pk}/change/"
    form = form_of(report, category=make_category("tree", department=parks).pk)
    page = client.post(url, form, follow=True).content.decode()
    assert "is with Parks now" in page
    assert "Perhaps it was deleted" not in page
    later = client.get(url, follow=True).content.decode()
    assert "it is with Parks, and you do not work there" in later
    assert "Perhaps it was deleted" not in later
    gone = client.get(f"{LIST}01a20142-e08d-77b6-a29a-1efd9743bdeb/change/", follow=True)
    assert "Perhaps it was deleted" in gone.content.decode()
    assert report.history.last().note == "Tree: sent to Parks."  # type: ignore[union-attr]


def test_handing_over_by_hand_is_in_the_history() -> None:
    here, parks = make_department("streets"), make_department("parks")
    report, staff = make_report(department=here), make_staff(here)
    form = form_of(report, department=parks.pk)
    assert signed_in(staff).post(f"{LIST}{report.pk}/change/", form).status_code == 302
    line = report.history.last()
    assert line is not None
    assert (line.from_status, line.to_status, line.by) == ("triaged", "triaged", staff)
    assert line.note == "No category: sent to Parks."


# --- Deadlines -----------------------------------------------------------------------------------


def test_overdue_reports_are_marked_and_found(superuser: User) -> None:
    now = timezone.now()
    due = {
        "Late": now - timedelta(hours=1),
        "Soon": now + timedelta(hours=3),
        "Later": now + timedelta(days=3),
        "Done": now - timedelta(days=3),
    }
    for title, due_at in due.items():
        status = Status.CLOSED if title == "Done" else Status.TRIAGED
        make_report(title=title, due_at=due_at, status=status)
    client = signed_in(superuser)

    def listed(deadline: str) -> set[str]:
        page = client.get(LIST, {"deadline": deadline})
        return {report.title for report in page.context["cl"].result_list}

    assert (listed("overdue"), listed("soon"), listed("")) == ({"Late"}, {"Soon"}, set(due))
    assert client.get(LIST).content.decode().count(" overdue</strong>") == 1


def test_overdue_reports_are_found_by_their_index() -> None:
    place = {"latitude": 41.3, "longitude": -72.9, "due_at": timezone.now() + timedelta(days=9)}
    Report.objects.bulk_create(Report(title="Hole", **place) for _ in range(300))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("ANALYZE reports_report")
        cursor.execute("SET LOCAL enable_seqscan = off")
        assert "report_due" in Report.objects.overdue().explain()


def form_of(report: Report, **changes: Any) -> dict[str, Any]:
    return {
        "title": report.title,
        "description": report.description,
        "severity": report.severity,
        "address": report.address,
        "latitude": report.latitude,
        "longitude": report.longitude,
        "category": report.category_id or "",
        "department": report.department_id,
        "history-TOTAL_FORMS": 0,
        "history-INITIAL_FORMS": 0,
        **changes,
    }


def test_only_a_superuser_leaves_a_report_without_a_department(superuser: User) -> None:
    here = make_department("streets")
    report = make_report(department=here)
    url, form = f"{LIST}{report.pk}/change/", form_of(report, department="", title="Renamed")
    refused = signed_in(make_staff(here)).post(url, form)
    assert refused.status_code == 200
    assert "This field is required." in refused.content.decode()
    report.refresh_from_db()
    assert (report.department, report.title == "Renamed") == (here, False)
    assert signed_in(superuser).post(url, form).status_code == 302
    report.refresh_from_db()
    assert (report.department, report.title) == (None, "Renamed")


def test_a_report_that_loses_its_category_stays_in_a_department() -> None:
    here = make_department("streets")
    report = make_report(category=make_category("pothole", department=here), department=here)
    form = form_of(report, category="")
    assert signed_in(make_staff(here)).post(f"{LIST}{report.pk}/change/", form).status_code == 302
    report.refresh_from_db()
    assert (report.category, report.department) == (None, here)


def test_another_category_moves_the_report_to_its_department(superuser: User) -> None:
    report = make_report(category=make_category("pothole"))
    parks = make_department("parks")
    tree = make_category("tree", department=parks)
    form = form_of(report, severity="high", category=tree.pk)
    response = signed_in(superuser).post(f"{LIST}{report.pk}/change/", form)
    assert response.status_code == 302, response.content.decode()
    report.refresh_from_db()
    assert (report.category, report.department, report.severity) == (tree, parks, "high")


def test_a_form_that_shows_an_earlier_state_is_refused(superuser: User) -> None:
    """Else it would put back all that somebody changed since it was opened."""
    report = make_report(category=make_category("pothole"))
    url, client = f"{LIST}{report.pk}/change/", signed_in(superuser)
    seen = client.get(url).context["adminform"].form["seen"].value()
    tree = make_category("tree")
    assignment.revise(report, {"category": tree}, by=superuser)
    refused = client.post(url, form_of(report, title="Renamed", seen=seen))
    (told,) = refused.context["adminform"].form.non_field_errors()
    assert "changed this report meanwhile" in told
    report.refresh_from_db()
    assert (report.title, report.category) == ("Deep hole", tree)
    seen = client.get(url).context["adminform"].form["seen"].value()
    assert client.post(url, form_of(report, title="Renamed", seen=seen)).status_code == 302
    report.refresh_from_db()
    assert (report.title, report.category, report.category_source) == ("Renamed", tree, "staff")


def test_editing_a_category_leaves_its_examples_whole(superuser: User) -> None:
    examples = ["Deep hole, please fill it", "The road, again"]
    category = make_category(examples=examples, keywords=["hole", "road surface"])
    url, client = f"/admin/reports/category/{category.pk}/change/", signed_in(superuser)
    form = client.get(url).context["adminform"].form
    shown = {field.html_name: field.value() for field in form}
    shown = {name: "" if value is None else value for name, value in shown.items()}
    shown |= {"questions-TOTAL_FORMS": 0, "questions-INITIAL_FORMS": 0}
    assert client.post(url, shown | {"sla_hours": 5}).status_code == 302
    category.refresh_from_db()
    assert (category.sla_hours, category.examples) == (5, examples)
    assert category.keywords == ["hole", "road surface"]
    assert client.post(url, shown | {"examples": "One, two\r\n\r\n  three \r\n"}).status_code == 302
    category.refresh_from_db()
    assert category.examples == ["One, two", "three"]


def test_nobody_adds_or_deletes_reports_here(superuser: User) -> None:
    report = make_report()
    client = signed_in(superuser)
    assert client.get(f"{LIST}add/").status_code == 403
    assert client.post(f"{LIST}{report.pk}/delete/", {"post": "yes"}).status_code == 403


def test_memberships_of_departments_are_audited_both_ways(superuser: User) -> None:
    """They decide which reports a member of staff reads and changes."""
    desk, department, clerk = signed_in(superuser), make_department("streets"), make_staff()
    entry = {"user": str(clerk.pk), "department": str(department.pk)}
    desk.post(reverse("admin:reports_departmentmembership_add"), entry)
    membership = department.memberships.get()
    rows = {
        "memberships-TOTAL_FORMS": "1",
        "memberships-INITIAL_FORMS": "1",
        "memberships-0-id": str(membership.pk),
        "memberships-0-user": str(clerk.pk),
        "memberships-0-DELETE": "on",
    }
    form = {"name": department.name, "slug": department.slug, **rows}
    desk.post(reverse("admin:reports_department_change", args=[department.pk]), form)
    assert not department.memberships.exists()
    added, edited = AuditEvent.objects.exclude(event="desk.entered").order_by("id")
    assert (added.event, added.actor_id) == ("departmentmembership.added", superuser.pk)
    assert added.data["changes"]["user"] == [None, str(clerk.pk)]
    assert edited.event == "department.edited"
    assert edited.data["changes"]["members"] == [[str(clerk.pk)], []]


def test_changes_of_the_catalogue_are_audited_with_the_values_before(superuser: User) -> None:
    category = make_category()
    url, client = f"/admin/reports/category/{category.pk}/change/", signed_in(superuser)
    form = client.get(url).context["adminform"].form
    shown = {field.html_name: field.value() for field in form}
    shown = {name: "" if value is None else value for name, value in shown.items()}
    question = {"code": "depth", "type": "number", "label": "How deep?", "position": 0}
    rows = {f"questions-0-{name}": value for name, value in question.items()}
    rows |= {"questions-TOTAL_FORMS": 1, "questions-INITIAL_FORMS": 0}
    assert client.post(url, shown | {"sla_hours": 5} | rows).status_code == 302
    [edited] = AuditEvent.objects.filter(event="category.edited")
    changes = edited.data["changes"]
    assert changes["sla_hours"] == [72, 5]
    assert changes["sla_version"] == [1, 2]
    assert changes["questions"] == [[], ["depth, version 1: How deep?"]]
    client.post("/admin/reports/categorygroup/add/", {"name": "Roads", "slug": "r", "position": 0})
    [added] = AuditEvent.objects.filter(event="categorygroup.added")
    assert added.data["changes"]["name"] == [None, "Roads"]


def test_members_of_crews_and_managers_are_audited(superuser: User) -> None:
    client, department = signed_in(superuser), make_department()
    clerk = make_staff(department)
    crew = make_crew()
    url = f"/admin/reports/crew/{crew.pk}/change/"
    fields = {"name": crew.name, "department": department.pk, "is_active": "on"}
    assert client.post(url, fields | {"members": [str(clerk.pk)]}).status_code == 302
    [edited] = AuditEvent.objects.filter(event="crew.edited")
    assert edited.data["changes"] == {"members": [[], [str(clerk.pk)]]}
    membership = department.memberships.get()
    rows = {
        "memberships-TOTAL_FORMS": "1",
        "memberships-INITIAL_FORMS": "1",
        "memberships-0-id": str(membership.pk),
        "memberships-0-user": str(clerk.pk),
        "memberships-0-is_manager": "on",
    }
    form = {"name": department.name, "slug": department.slug, **rows}
    client.post(reverse("admin:reports_department_change", args=[department.pk]), form)
    [edited] = AuditEvent.objects.filter(event="department.edited")
    assert edited.data["changes"]["managers"] == [[], [str(clerk.pk)]]
