"""Who may plan which crews' days, and what is refused."""

from __future__ import annotations

import json
from datetime import timedelta
from importlib.machinery import ModuleSpec
from typing import Any

import pytest
from rest_framework.test import APIClient

from jobs.models import Task
from reports.dispatch import improving
from tests.reports.conftest import SignIn
from tests.reports.dispatching import (
    PLANS,
    crew,
    make_plan,
    next_monday,
    north,
    planned,
    start,
    titles,
)
from tests.reports.factories import make_clerk, make_department, make_report, make_staff, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def test_departments_see_and_plan_their_own_crews_only(as_user: SignIn) -> None:
    parks = make_department("parks")
    stranger = as_user(make_staff(parks))
    crew()
    plan = make_plan(make_report())
    refused = start(stranger)
    assert refused.status_code == 400
    assert "no such department" in json.dumps(refused.json())
    assert stranger.get(PLANS).json()["results"] == []
    for path in ("", "geojson/"):
        assert stranger.get(f"{PLANS}{plan.pk}/{path}").status_code == 404
    for path in ("apply/", "undo/"):
        assert stranger.post(f"{PLANS}{plan.pk}/{path}").status_code == 404
    assert stranger.get(f"/api/v1/job-results/{plan.pk}/").status_code == 404
    colleague = as_user(make_clerk())
    assert len(colleague.get(PLANS, {"department": "streets"}).json()["results"]) == 1
    assert colleague.get(PLANS, {"department": "streetz"}).status_code == 400
    assert colleague.get(f"/api/v1/job-results/{plan.pk}/").status_code == 200
    assert start(as_user(make_user())).status_code == 403


def test_a_crew_takes_no_reports_of_a_department_beside_it(as_user: SignIn) -> None:
    works = make_department("works")
    lamps = make_department("lamps", parent=works)
    roads = make_department("roads", parent=works)
    crew("Lamps", department=lamps)
    crew("Works", department=works)
    make_report(title="road", department=roads, **north(1))
    make_report(title="works", department=works, **north(1))
    plan = planned(as_user(make_staff(works)), department="works")
    assert {*titles(plan)["Works"]} == {"road", "works"}
    assert "Lamps" not in titles(plan)


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({"department": "nowhere"}, "department"),
        ({"day": "2020-01-01"}, "day"),
        ({"day": (next_monday() + timedelta(days=5)).isoformat()}, "day"),
        ({"crews": [999_999]}, "crews"),
        ({"categories": ["nothing"]}, "categories"),
        ({"reserve_minutes": -1}, "reserve_minutes"),
        ({"rounds": 10**9}, "rounds"),
        ({"speed": 1}, "speed"),
    ],
)
def test_what_cannot_be_planned_is_refused(
    client: APIClient, payload: dict[str, Any], field: str
) -> None:
    crew()
    answer = start(client, **payload)
    assert answer.status_code == 400
    assert field in json.dumps(answer.json()["errors"])
    assert not Task.objects.filter(job_type="optimization").exists()


def test_without_ortools_nothing_starts_and_the_answer_says_what_is_missing(
    client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(name: str) -> ModuleSpec | None:
        assert name == "ortools"
        return None

    monkeypatch.setattr(improving, "find_spec", find)
    crew()
    answer = start(client)
    assert answer.status_code == 501
    assert "requirements-dispatch.txt" in answer.json()["detail"]
    assert not Task.objects.filter(job_type="optimization").exists()
