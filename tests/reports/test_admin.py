"""The desk in the admin."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from accounts.models import AuditEvent, User
from reports.models import Department, Report, Status
from reports.routing import assignment
from tests.reports.factories import (
    make_category,
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
    client.post(LIST, {"action": "mark_resolved", "_selected_action": [str(other.pk)]})
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


def test_an_action_moves_what_can_move_and_names_the_rest(superuser: User) -> None:
    can, cannot = make_report(title="Can"), make_report(title="Cannot", status=Status.CLOSED)
    selected = {"action": "mark_rejected", "_selected_action": [str(can.pk), str(cannot.pk)]}
    page = signed_in(superuser).post(LIST, selected, follow=True).content.decode()
    assert Report.objects.get(pk=can.pk).status == Status.REJECTED
    assert Report.objects.get(pk=cannot.pk).status == Status.CLOSED
    assert "1 marked as rejected" in page
    assert "cannot become rejected" in page
    assert can.history.last().by == superuser  # type: ignore[union-attr]


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
