"""The rules of routing through the admin, the API and the command: shown, edited and tried."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import AuditEvent
from reports.models import Area, Report, RoutingRule
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

pytestmark = pytest.mark.django_db
RULES, TRIAL = "/api/v1/routing-rules/", "/api/v1/routing-rules/trial/"
LIST = "/admin/reports/routingrule/"


@pytest.fixture
def city() -> list[Report]:
    """Two potholes north, one elsewhere; a rule would send those north to the harbour."""
    pothole = make_category()
    make_rule(
        "Potholes north",
        category=pothole,
        area=make_area("North"),
        department=make_department("harbour"),
    )
    places = [(41.3, -72.9), (41.4, -72.8), (10.0, 10.0)]
    return [
        make_report(category=pothole, category_source="reporter", latitude=y, longitude=x)
        for y, x in places
    ]


@pytest.fixture
def boss(as_user: SignIn) -> APIClient:
    return as_user(make_user(is_staff=True, is_superuser=True))


@pytest.fixture
def admin(client: Client) -> Client:
    client.force_login(
        make_user(is_staff=True, is_superuser=True), backend="accounts.backends.StaffBackend"
    )
    return client


def break_areas() -> None:
    Area.objects.update(polygons={"type": "Polygon", "coordinates": [[]]})


def test_staff_read_the_rules_as_sentences(city: list[Report], as_user: SignIn) -> None:
    make_rule("Night", position=1, times={"mon-fri": "17:00-24:00"}, deadline_hours=4)
    answer = as_user(make_staff(make_department())).get(RULES)
    assert [row["sentence"] for row in answer.json()["results"]] == [
        "Category Pothole, inside area North → to Harbour",
        "Reported mon-fri 17:00-24:00 → within 4 hours",
    ]


def test_a_broken_rule_says_why(city: list[Report], boss: APIClient, admin: Client) -> None:
    break_areas()
    row = boss.get(RULES).json()["results"][0]
    fault = "the polygons of area North cannot be used: Ring 1 has fewer than four positions."
    assert (row["is_broken"], row["faults"]) == (True, [fault])
    page = admin.get(LIST).content.decode()
    assert f"Broken, its reports go to triage: {fault}" in page


def test_a_trial_counts_and_lists_what_would_go_elsewhere(
    city: list[Report], boss: APIClient, django_assert_max_num_queries: Any
) -> None:
    before = list(Report.objects.order_by("pk").values())
    with django_assert_max_num_queries(3):
        trial = boss.get(TRIAL).json()
    assert (trial["reports"], trial["elsewhere"], trial["broken"]) == (3, 2, 0)
    assert trial["ways"] == [{"department": "Streets", "to": "Harbour", "reports": 2}]
    assert trial["by_rule"] == [{"rule": "rule 1 “Potholes north”", "reports": 2}]
    assert {row["report_id"] for row in trial["rows"]} == {str(one.pk) for one in city[:2]}
    assert trial["rows"][0]["to"] == "harbour"
    assert trial["rows"][0]["reason"] == (
        "rule 1 “Potholes north”: category Pothole, inside area North"
    )
    assert list(Report.objects.order_by("pk").values()) == before


def test_a_trial_looks_at_the_newest_reports_only(city: list[Report], boss: APIClient) -> None:
    assert boss.get(TRIAL, {"last": 1}).json()["elsewhere"] == 0
    for wrong in ({"last": 0}, {"last": 10_001}, {"last": "x"}, {"latest": 5}):
        assert boss.get(TRIAL, wrong).status_code == 400


def test_drafts_are_tried_only_if_asked_for(city: list[Report], boss: APIClient) -> None:
    RoutingRule.objects.update(is_active=False)
    assert boss.get(TRIAL).json()["elsewhere"] == 0
    assert boss.get(TRIAL, {"drafts": "true"}).json()["elsewhere"] == 2


def test_a_trial_shows_other_deadlines_and_broken_rules(
    city: list[Report], boss: APIClient
) -> None:
    RoutingRule.objects.update(department=None, deadline_hours=6)
    trial = boss.get(TRIAL).json()
    assert (trial["elsewhere"], trial["other_deadline"]) == (0, 2)
    assert [row["deadline_hours"] for row in trial["rows"]] == [6, 6]
    break_areas()
    desk = make_department("desk", is_triage=True)
    trial = boss.get(TRIAL).json()
    assert (trial["elsewhere"], trial["broken"]) == (3, 3)
    assert {row["to"] for row in trial["rows"]} == {desk.slug}


def test_the_admin_tries_the_rules_and_refuses_too_many(city: list[Report], admin: Client) -> None:
    assert "Try the rules on past reports" in admin.get(LIST).content.decode()
    page = admin.get(f"{LIST}trial/").content.decode()
    assert "Of 3 reports, 2 would go elsewhere" in page
    assert "less than or equal to 10000" in admin.get(f"{LIST}trial/?last=10001").content.decode()


def test_the_command_prints_what_would_go_elsewhere(city: list[Report]) -> None:
    output = io.StringIO()
    call_command("try_routing", last=2, stdout=output)
    lines = output.getvalue().splitlines()
    assert lines[0].startswith("2 reports: 1 would go elsewhere")
    assert "     1  Streets → Harbour" in lines
    with pytest.raises(CommandError, match="1 to 10000"):
        call_command("try_routing", last=0)


def test_each_edit_of_a_rule_is_audited(city: list[Report], admin: Client) -> None:
    rule = RoutingRule.objects.get(name="Potholes north")
    fields = {"name": rule.name, "position": 9, "department": rule.department_id, "times": "{}"}
    answer = admin.post(f"{LIST}{rule.pk}/change/", fields)
    assert answer.status_code == 302, answer.content.decode()
    event = AuditEvent.objects.get(event="routingrule.edited")
    assert event.subject == f"routingrule:{rule.pk}"
    assert event.data["changes"]["position"] == [1, 9]


def test_a_rule_that_makes_no_sense_is_refused_in_the_admin(admin: Client) -> None:
    page = admin.post(f"{LIST}add/", {"name": "Nothing", "is_active": "on"}).content.decode()
    assert "Say where the reports go, or give a deadline." in page
    assert not RoutingRule.objects.exists()


def test_an_area_that_a_rule_names_cannot_be_deleted(city: list[Report], admin: Client) -> None:
    area = Area.objects.get()
    page = admin.get(f"/admin/reports/area/{area.pk}/delete/").content.decode()
    assert "rule 1 “Potholes north”" in page
    admin.post(f"/admin/reports/area/{area.pk}/delete/", {"post": "yes"})
    assert Area.objects.exists()


def test_the_reason_is_for_staff_alone(city: list[Report], boss: APIClient, api: APIClient) -> None:
    Report.objects.update(routing_reason="rule 1", routed_by="rule")
    address = f"/api/v1/reports/{city[0].pk}/"
    assert boss.get(address).json()["routing_reason"] == "rule 1"
    assert api.get(address).json()["routing_reason"] is None
