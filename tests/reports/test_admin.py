"""The desk in the admin: its lists and forms, and what editing a report does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection, transaction
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from reports.models import Department, Report, Status
from reports.routing import assignment
from tests.reports.desk import LIST, bulk_step, signed_in
from tests.reports.factories import (
    guessed,
    make_category,
    make_department,
    make_report,
    make_staff,
    make_user,
)

pytestmark = pytest.mark.django_db


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
    with django_assert_max_num_queries(18):
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
