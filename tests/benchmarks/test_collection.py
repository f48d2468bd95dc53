"""What the benchmark of collection reads of the server's own times."""

from __future__ import annotations

import math

import pytest

from benchmarks.collection import AT_SERVER, at_server


def _metrics(within: int, asked: int) -> str:
    """Return /metrics in which each route has answered so often, and so often in time."""
    lines = ["# TYPE civiclens_http_request_seconds histogram"]
    for method, route, seconds in AT_SERVER.values():
        labels = f'method="{method}",route="{route}"'
        for limit, count in ((seconds, within), (math.inf, asked)):
            le = "+Inf" if limit == math.inf else str(limit)
            lines.append(f'civiclens_http_request_seconds_bucket{{{labels},le="{le}"}} {count}')
    return "\n".join(lines) + "\n"


def test_the_shares_are_those_between_two_looks() -> None:
    assert at_server(_metrics(90, 100), _metrics(135, 150)) == {
        "health_at_server_within_100_ms": 0.9,
        "dashboard_at_server_within_50_ms": 0.9,
        "report_at_server_within_100_ms": 0.9,
    }


def test_routes_that_nobody_had_asked_before_count_from_nothing() -> None:
    shares = at_server("", _metrics(3, 4))
    assert shares == pytest.approx(dict.fromkeys(shares, 0.75))
