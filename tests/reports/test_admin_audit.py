"""What staff edit of the catalogue, of members and of crews is in the audit log."""

from __future__ import annotations

import pytest
from django.urls import reverse

from accounts.models import AuditEvent, User
from tests.reports.desk import signed_in
from tests.reports.factories import (
    make_category,
    make_crew,
    make_department,
    make_staff,
)

pytestmark = pytest.mark.django_db


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
