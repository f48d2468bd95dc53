"""Hotspots: where open reports crowd, found by a job."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from jobs.models import Task
from jobs.testing import run_tasks
from reports.models import Report, Status
from tests.reports.conftest import SignIn
from tests.reports.factories import make_category, make_report, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.pooled]

BOX = [-73.0, 41.2, -72.8, 41.4]
HERE = (41.3, -72.9)


def crowd(count: int, place: tuple[float, float] = HERE, **overrides: Any) -> list[Report]:
    latitude, longitude = place
    return [make_report(latitude=latitude, longitude=longitude, **overrides) for _ in range(count)]


def find(as_user: SignIn, **payload: Any) -> dict[str, Any]:
    client = as_user(make_user())
    body = {"job_type": "reports.hotspots", "payload": {"bbox": BOX, **payload}}
    response = client.post("/api/v1/jobs/", body)
    assert response.status_code == 202, response.json()
    run_tasks()
    job = client.get(response["Location"]).json()
    assert job["state"] == "succeeded"
    found: dict[str, Any] = job["result"]
    return found


def test_a_crowd_is_found_with_its_centre_and_commonest_category(as_user: SignIn) -> None:
    hole, lamp = make_category("pothole"), make_category("lamp")
    crowd(3, category=hole)
    crowd(1, (41.3001, -72.9001), category=lamp)
    crowd(2, (41.25, -72.85))
    found = find(as_user)
    assert found["reports"] == 4
    (hotspot,) = found["hotspots"]
    assert (hotspot["count"], hotspot["top_category"]) == (4, "pothole")
    assert hotspot["latitude"] == pytest.approx(41.300025, abs=1e-5)
    assert hotspot["longitude"] == pytest.approx(-72.900025, abs=1e-5)
    assert 100 < hotspot["radius_meters"] < 250


def test_the_largest_comes_first_and_min_reports_decides(as_user: SignIn) -> None:
    crowd(2)
    crowd(4, (41.35, -72.85))
    assert [hotspot["count"] for hotspot in find(as_user, min_reports=2)["hotspots"]] == [4, 2]
    assert [hotspot["count"] for hotspot in find(as_user, min_reports=4)["hotspots"]] == [4]
    assert find(as_user, min_reports=5) == {"reports": 0, "hotspots": []}


def test_touching_cells_are_one_hotspot(as_user: SignIn) -> None:
    for step in range(5):
        crowd(2, (41.3 + step * 0.00225, -72.9 + step * 0.003))
    (hotspot,) = find(as_user, min_reports=2, cell_meters=300)["hotspots"]
    assert hotspot["count"] == 10
    assert hotspot["top_category"] is None


def test_only_open_public_reports_of_the_period_and_category_count(as_user: SignIn) -> None:
    hole = make_category("pothole")
    crowd(3, category=hole)
    crowd(5, status=Status.RESOLVED)
    crowd(5, published_at=None)
    crowd(5, created_at=timezone.now() - timedelta(days=40))
    crowd(3, category=make_category("lamp"))
    assert find(as_user, category="pothole")["reports"] == 3
    assert find(as_user)["reports"] == 6
    long_ago = (timezone.now() - timedelta(days=60)).isoformat()
    assert find(as_user, since=long_ago)["reports"] == 11


def test_a_box_may_cross_the_180th_meridian(as_user: SignIn) -> None:
    crowd(3, (10.0, 179.9999))
    crowd(3, (10.0, -179.9999))
    crowd(3, (10.0, 0.0))
    (hotspot,) = find(as_user, bbox=[179.5, 9.5, -179.5, 10.5], cell_meters=1000)["hotspots"]
    assert hotspot["count"] == 6
    assert abs(hotspot["longitude"]) == pytest.approx(180, abs=1e-3)


def test_the_whole_world_is_no_trouble(as_user: SignIn) -> None:
    crowd(3, (90.0, 180.0))
    crowd(3, (-90.0, -180.0))
    assert find(as_user, bbox=[-180, -90, 180, 90])["reports"] == 6


def test_no_report_on_the_border_of_a_band_is_lost(as_user: SignIn) -> None:
    for step in range(40):
        crowd(2, (41.2 + step * 0.2 / 40, -72.9))
    assert find(as_user, min_reports=2)["reports"] == 80


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({"bbox": [1, 2, 3]}, "payload.bbox"),
        ({"bbox": [0, 50, 1, 40]}, "payload.bbox"),
        ({"bbox": [0, -100, 1, 40]}, "payload.bbox"),
        ({"bbox": ["a", 0, 1, 1]}, "payload.bbox.0"),
        ({"category": "dragon"}, "payload.category"),
        ({"cell_meters": 1}, "payload.cell_meters"),
        ({"since": "2026-02-01T00:00:00Z", "until": "2026-01-01T00:00:00Z"}, "payload.since"),
        ({"since": "0001-01-01T00:00:00Z"}, "payload.since"),
        ({"until": "0001-01-01T00:00:00Z"}, "payload.until"),
        ({"until": "9999-12-31T23:59:59-23:59"}, "payload.until"),
    ],
)
def test_a_bad_payload_is_refused(as_user: SignIn, payload: dict[str, Any], field: str) -> None:
    body = {"job_type": "reports.hotspots", "payload": {"bbox": BOX} | payload}
    response = as_user(make_user()).post("/api/v1/jobs/", body)
    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] == field


def test_progress_names_its_stage(as_user: SignIn) -> None:
    crowd(3)
    find(as_user)
    assert Task.objects.get(actor="find_hotspots").progress == {
        "fraction": 1.0,
        "stage": "clustering",
        "cells": 1,
    }
