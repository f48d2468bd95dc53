"""Plans of crews' days at the desk and as files."""

from __future__ import annotations

import json

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import User
from jobs.testing import run_tasks
from reports.models import DispatchLeftOut, DispatchPlan, Report, Status
from tests.reports.dispatching import HOME, PLANS, at, crew, make_plan, next_monday, north, planned
from tests.reports.factories import make_department, make_report, make_staff

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def test_the_desk_starts_shows_prints_applies_and_undoes_a_plan(clerk: User) -> None:
    desk = Client()
    desk.force_login(clerk, backend="accounts.backends.StaffBackend")
    first, _idle = crew(), crew("Idle", shift_hours={"sun": "08:00-09:00"})
    report = make_report(
        title="<b>Deep</b> hole", address="12 Main Street", due_at=at("9:00"), **north(1)
    )
    make_report(title="with the crew", crew=first, status=Status.ASSIGNED, **north(2))
    make_report(title="too far", **north(80))
    form = {
        "department": "streets", "day": next_monday().isoformat(), "crews": [first.pk],
        "assigned": "keep", "reserve_minutes": 0, "reports_maximum": 50, "rounds": 1,
        "seconds": 30, "seed": 1,
    }  # fmt: skip
    assert b"Plan a day" in desk.get("/admin/reports/dispatchplan/").content
    assert desk.get("/admin/reports/dispatchplan/start/").status_code == 200
    wrong = desk.post("/admin/reports/dispatchplan/start/", form | {"rounds": 0})
    assert b"greater than or equal to 1" in wrong.content
    follow = desk.post("/admin/reports/dispatchplan/start/", form)
    assert b"Queued" in desk.get(follow["Location"]).content
    run_tasks()
    page = desk.get(desk.get(follow["Location"])["Location"]).content.decode()
    assert "&lt;b&gt;Deep&lt;/b&gt; hole" in page
    assert "No crew gets there" in page
    plan = DispatchPlan.objects.get()
    base = f"/admin/reports/dispatchplan/{plan.pk}/"
    sheet = desk.get(f"{base}sheets/").content.decode()
    assert sheet.count("<section>") == 1
    assert "12 Main Street" in sheet
    assert "too far" not in sheet
    unchanged = "One of its reports was with its crew before the plan, and stays there."
    page = desk.post(f"{base}apply/", follow=True).content.decode()
    assert ("Undo" in page, unchanged in page) == (True, True)
    assert Report.objects.get(pk=report.pk).crew == first
    page = desk.post(f"{base}undo/", follow=True).content.decode()
    assert ("1 taken back." in page, unchanged in page) == (True, True)
    assert Report.objects.get(pk=report.pk).crew is None


def test_the_desk_shows_no_plan_of_another_department() -> None:
    base = f"/admin/reports/dispatchplan/{make_plan().pk}/"
    stranger = Client()
    stranger.force_login(
        make_staff(make_department("parks")), backend="accounts.backends.StaffBackend"
    )
    for path in ("change/", "sheets/", "geojson/"):
        assert stranger.get(base + path).status_code == 404
    assert stranger.post(f"{base}apply/").status_code == 404


def test_a_plan_is_a_file_of_lines_and_points(client: APIClient) -> None:
    crew()
    make_report(title="near", **north(1))
    make_report(title="far", **north(2))
    plan = planned(client)
    answer = client.get(f"{PLANS}{plan['id']}/geojson/")
    assert answer["Content-Type"] == "application/geo+json"
    line, *points = json.loads(answer.content)["features"]
    home = [HOME[1], HOME[0]]
    coordinates = line["geometry"]["coordinates"]
    assert (coordinates[0], coordinates[-1], len(coordinates)) == (home, home, 4)
    assert [point["geometry"]["coordinates"] for point in points] == coordinates[1:-1]
    assert {point["properties"]["title"] for point in points} == {"near", "far"}
    rows = client.get(f"/api/v1/job-results/{plan['id']}/export/", {"form": "csv"})
    assert rows.content.decode().count("\n") == 4
    assert DispatchLeftOut.objects.count() == 0
