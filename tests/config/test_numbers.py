"""Numbers are read by one rule: what only Python takes for a number, the API refuses."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.accounts.factories import bearer, make_user
from tests.reports.factories import new_report

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "query",
    [
        "reports/?bbox=-7_3,41,-72,42",
        "reports/?bbox=-73,４１,-72,42",
        "reports/?bbox=-73,nan,-72,42",
        "opportunities/?near=41.3,-72.9&radius_km=1_0",
        "opportunities/?near=41.3,-72.9&radius_km=１０",
        "opportunities/?near=٤١,-72.9",
        "opportunities/?radius_km=inf",
        "opportunities/?radius_km=1e999",
    ],
)
def test_a_query_takes_plain_decimal_digits_alone(query: str) -> None:
    assert APIClient().get(f"/api/v1/{query}").status_code == 400


@pytest.mark.parametrize("query", ["reports/?bbox=-73,41.,-72,4.2e1", "opportunities/?radius_km=5"])
def test_a_query_takes_decimal_numbers(query: str) -> None:
    assert APIClient().get(f"/api/v1/{query}").status_code == 200


@pytest.mark.parametrize("value", ["41.3", "4_1.3", True, [41.3], "nan"])
def test_a_coordinate_in_json_is_a_number_in_every_app(value: Any) -> None:
    client, headers = APIClient(), bearer(make_user())
    report = new_report(latitude=value)
    assert client.post("/api/v1/reports/", report, format="json").status_code == 400
    profile = {"latitude": value, "longitude": 1}
    answer = client.put("/api/v1/profiles/me/", profile, format="json", headers=headers)
    assert answer.status_code == 400
    run = {"location": profile, "radius_km": 5}
    answer = client.post("/api/v1/jobs/match/", run, format="json", headers=headers)
    assert answer.status_code == 400
