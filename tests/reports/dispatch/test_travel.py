"""Travel on streets in plans of crews' days, as a server of routes answers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.conf import LazySettings
from rest_framework.test import APIClient

from tests.reports.dispatching import crew, north, planned
from tests.reports.factories import make_report
from tests.reports.outside import Asked, Outside, Reply, outside_server

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def table(asked: Asked) -> Reply:
    """Every drive takes two minutes and 1,000 metres; there is no road to the fourth place."""
    places = asked.path.rpartition("/")[2].split(";")
    starts = [places[int(number)] for number in asked.query["sources"].split(";")]
    ends = [places[int(number)] for number in asked.query["destinations"].split(";")]

    def rows(value: float) -> list[list[float | None]]:
        return [
            [None if a != b and b.endswith(",41.700000") else 0 if a == b else value for b in ends]
            for a in starts
        ]

    return Reply(json.dumps({"code": "Ok", "durations": rows(120), "distances": rows(1_000)}))


class AnyPath(dict[str, Any]):
    """Answers every path in the same way."""

    def get(self, _key: str, _default: Any = None) -> Any:
        return self["answer"]


@pytest.fixture
def osrm(settings: LazySettings) -> Any:
    with outside_server() as server:
        server.routes = AnyPath(answer=table)
        settings.DISPATCH_OSRM_URL = server.url
        settings.DISPATCH_OSRM_PLACES = 4
        settings.OUTBOUND_ALLOWED_NETWORKS = ["127.0.0.0/8"]
        yield server


def test_travel_is_asked_from_a_server_in_parts_that_it_takes(
    client: APIClient, osrm: Outside
) -> None:
    crew()
    for place in (north(1), north(2), {"latitude": 41.7, "longitude": -72.9}):
        make_report(**place)
    plan = planned(client, rounds=1)
    assert all(asked.path.count(";") <= 3 for asked in osrm.asked)
    assert len(osrm.asked) == 4
    assert plan["result"]["travel"] == {"source": "osrm", "fault": "", "estimated_pairs": 3}
    drives = {stop["metres"] for stop in plan["routes"][0]["stops"]}
    assert 1_000 in drives


@pytest.mark.parametrize(
    "answer", [Reply("busy", 503), Reply("[]"), Reply('{"durations": [[-1]]}')]
)
def test_a_server_that_fails_is_done_without_and_the_plan_says_so(
    client: APIClient, osrm: Outside, answer: Reply
) -> None:
    osrm.routes = AnyPath(answer=lambda _: answer)
    crew()
    make_report(**north(10))
    result = planned(client)["result"]
    assert result["travel"]["source"] == "great_circle"
    assert result["travel"]["fault"]
    assert not result["is_repeatable"]
    assert result["metres"] == pytest.approx(26_000, rel=0.001)  # 2 × 10 km × 1.3
