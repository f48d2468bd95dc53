"""The desk: steps with what they need, assignment, undoing, and crews."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from reports.models import Crew, DepartmentMembership, Merge, Report, Status
from reports.workflow import transitions
from reports.workflow.roles import roles_in
from reports.workflow.transitions import Inputs
from tests.reports.desk import LIST, bulk_step, preview, signed_in, step
from tests.reports.factories import (
    make_category,
    make_crew,
    make_department,
    make_report,
    make_staff,
    make_user,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def clerk() -> User:
    return make_staff(make_department())


@pytest.fixture
def client(clerk: User) -> Client:
    return signed_in(clerk)


def page_of(client: Client, report: Report) -> str:
    return str(client.get(f"{LIST}{report.pk}/change/").content.decode())


def test_the_page_offers_each_step_with_what_it_needs(client: Client, clerk: User) -> None:
    make_crew("Asphalt")
    make_crew("Gardeners", make_department("parks"))
    page = page_of(client, make_report())
    for name in ("assign", "hand_over", "wait", "reject", "merge"):
        assert f'name="step" value="{name}"' in page
    assert "Asphalt" in page
    assert "Gardeners" not in page
    assert 'type="datetime-local"' in page
    assert "Undo this step" not in page


def test_a_report_is_not_handed_over_to_the_department_that_has_it(client: Client) -> None:
    parks, report = make_department("parks", name="Parks"), make_report()
    page = client.get(f"{LIST}{report.pk}/change/")
    offered = [pk for pk, _name in page.context["step_form"].fields["department"].choices]
    assert (parks.pk in offered, report.department_id in offered) == (True, False)


def test_a_report_is_assigned_and_waits(client: Client, clerk: User) -> None:
    report, crew = make_report(), make_crew("Asphalt")
    step(client, report, "assigned", step="assign", assignee=f"crew:{crew.pk}")
    report.refresh_from_db()
    assert (report.status, report.crew) == ("assigned", crew)
    step(client, report, "", step="assign", assignee=f"person:{clerk.pk}")
    report.refresh_from_db()
    assert (report.crew, report.assignee) == (None, clerk)
    until = timezone.localtime() + timedelta(days=2)
    form = {"waiting_for": "weather", "until": until.strftime("%Y-%m-%dT%H:%M")}
    page = step(client, report, "waiting", step="wait", note="Rain.", **form)
    assert "1 marked as waiting." in page
    assert "for better weather, until" in page
    report.refresh_from_db()
    assert report.waiting_until == until.replace(second=0, microsecond=0)


@pytest.mark.parametrize(
    ("name", "form", "text"),
    [
        ("assign", {}, "Choose a person or a crew."),
        ("assign", {"assignee": "person:x"}, "Choose one of the people and crews."),
        ("assign", {"assignee": "crew:999"}, "Choose one of the people and crews."),
        ("assign", {"assignee": "robot:1"}, "Choose one of the people and crews."),
        ("wait", {"waiting_for": "weather", "until": "soon"}, "until"),
        ("wait", {"waiting_for": "weather", "until": "2001-01-01T00:00"}, "a time to come"),
        ("wait", {"waiting_for": "godot"}, "waiting_for"),
        ("hand_over", {"note": "x"}, "Choose a department."),
        ("merge", {"original": "x"}, "original"),
        ("merge", {"original": "01890000-0000-7000-8000-000000000000"}, "no report with this id"),
        ("restore", {}, "cannot be taken"),
        ("fly", {}, "step"),
    ],
)
def test_what_is_missing_or_wrong_is_said(
    client: Client, name: str, form: dict[str, str], text: str
) -> None:
    report = make_report()
    assert text in step(client, report, "", step=name, **form)
    assert report.history.count() == 1


def test_a_duplicate_is_merged_into_the_report_that_is_named(client: Client) -> None:
    original, report = make_report(title="First"), make_report()
    step(client, report, "duplicate", step="merge", original=str(original.pk))
    assert Merge.objects.standing().get().original == original


def test_handing_over_says_where_it_went_and_so_does_its_page_later(client: Client) -> None:
    parks, report = make_department("parks"), make_report()
    form = {"department": str(parks.pk), "note": "A tree lies on it.", "is_internal": "on"}
    assert "is with Parks now" in step(client, report, "", step="hand_over", **form)
    assert Report.objects.get().department == parks
    later = client.get(f"{LIST}{report.pk}/change/", follow=True).content.decode()
    assert "handed it over on" in later
    assert "A tree lies on it." in later


def test_the_last_step_is_undone_on_the_page(client: Client, settings: Any) -> None:
    settings.STEP_MESSAGE_GRACE_SECONDS = 60
    report = make_report(reporter=make_user())
    assert "Undo this step" in step(client, report, "resolved")
    undone = client.post(f"{LIST}{report.pk}/undo/", follow=True).content.decode()
    assert "The last step was undone." in undone
    assert Report.objects.get().status == "triaged"
    again = client.post(f"{LIST}{report.pk}/undo/", follow=True).content.decode()
    assert "no step that can be undone" in again
    assert client.get(f"{LIST}{report.pk}/undo/").status_code == 405
    other = make_report(department=make_department("parks"))
    assert client.post(f"{LIST}{other.pk}/undo/").status_code == 404


def test_many_are_assigned_or_put_aside_with_one_note(client: Client, clerk: User) -> None:
    reports = [make_report(), make_report()]
    shown = preview(client, "assigned", *reports)
    assert [one.refusal for one in shown.context["outlooks"]] == ["Choose a person or a crew."] * 2
    bulk_step(client, "assigned", *reports, assignee=f"person:{clerk.pk}", note="Today.")
    assert set(Report.objects.values_list("status", "assignee")) == {("assigned", clerk.pk)}
    for report in reports:
        report.refresh_from_db()
    page = bulk_step(client, "rejected", *reports, reason="private")
    assert "2 marked as rejected" in page
    assert {one.history.last().reason for one in reports} == {"private"}  # type: ignore[union-attr]


def test_ones_own_those_of_ones_crews_and_late_answers_are_listed(
    client: Client, clerk: User
) -> None:
    crew = make_crew()
    crew.members.add(clerk)
    past = timezone.now() - timedelta(hours=1)
    make_report(title="Own one", assignee=clerk, status=Status.ASSIGNED)
    make_report(title="Crew one", crew=crew, status=Status.ASSIGNED)
    make_report(title="Late one", response_due_at=past)
    for query, title in (
        ("assigned=mine", "Own one"),
        ("assigned=my-crews", "Crew one"),
        ("assigned=nobody", "Late one"),
        ("deadline=answer", "Late one"),
    ):
        rows = client.get(f"{LIST}?{query}").context["cl"].result_list
        assert [report.title for report in rows] == [title], query


def test_a_manager_looks_after_crews_and_a_clerk_does_not(client: Client, clerk: User) -> None:
    crew, theirs = make_crew("Asphalt"), make_crew("Gardeners", make_department("parks"))
    address = "/admin/reports/crew/"
    assert client.get(address).status_code == 403
    DepartmentMembership.objects.filter(user=clerk).update(is_manager=True)
    page = client.get(address).content.decode()
    assert "Asphalt" in page
    assert "Gardeners" not in page
    assert client.get(f"{address}{theirs.pk}/change/").status_code == 302
    form = {"name": "Asphalt", "department": crew.department_id, "members": [str(clerk.pk)]}
    assert client.post(f"{address}{crew.pk}/change/", form).status_code == 302
    changed = Crew.objects.get(pk=crew.pk)
    assert (list(changed.members.all()), changed.is_active) == ([clerk], False)
    form["department"] = theirs.department_id
    assert "Select a valid choice" in client.post(f"{address}add/", form).content.decode()


def test_a_clerk_is_not_offered_what_only_managers_do(client: Client, clerk: User) -> None:
    report = make_report(status=Status.REJECTED, category=make_category())
    assert "Next step" not in page_of(client, report)
    assert "only manager of the department" in step(client, report, "triaged").lower()
    DepartmentMembership.objects.filter(user=clerk).update(is_manager=True)
    assert "1 marked as triaged" in step(client, report, "triaged")


def test_the_history_shows_notes_and_reasons(client: Client, clerk: User) -> None:
    report = make_report()
    inputs = Inputs(reason="private", note="Behind a fence.")
    transitions.take(report, "reject", by=clerk, roles=roles_in(report, clerk), inputs=inputs)
    timeline = client.get(f"{LIST}{report.pk}/timeline/").content.decode()
    assert "on private ground: Behind a fence." in timeline
