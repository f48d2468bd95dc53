"""What a worker tells of matching: under which names, and what counts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client import REGISTRY, generate_latest

from jobs.testing import run_tasks
from matching.runs.starting import RunRequest, start
from tests.matching.factories import REPAIRS, make_opportunity, make_profile

BASE_DIR = Path(__file__).resolve().parent.parent.parent
NAMES = (
    "matching_task_duration_seconds",
    "matching_vector_query_duration_seconds",
    "matching_match_count",
    "matching_cache_hit_rate",
)


def scraped() -> str:
    return generate_latest(REGISTRY).decode()


@pytest.mark.parametrize("name", NAMES)
def test_each_metric_is_told_by_its_name_before_anything_was_measured(name: str) -> None:
    assert re.search(rf"^# TYPE {name} (histogram|gauge)$", scraped(), re.MULTILINE)
    assert re.search(rf"^{name}(_count\{{.*\}})? \d", scraped(), re.MULTILINE)


def test_the_operators_page_names_metrics_that_exist() -> None:
    text = (BASE_DIR / "docs" / "operations" / "monitor.md").read_text()
    named = set(re.findall(r"\bmatching_[a-z_]+", text))
    assert named >= set(NAMES)
    assert named <= set(re.findall(r"^# TYPE (\w+)", scraped(), re.MULTILINE))


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


@pytest.mark.django_db
def test_a_run_counts_its_matches_its_time_and_its_look_into_the_cache() -> None:
    profile = make_profile()
    make_opportunity(**REPAIRS)
    make_opportunity()
    run_tasks()

    def measured() -> tuple[float, ...]:
        return (
            value("matching_match_count_count", task="run"),
            value("matching_match_count_sum", task="run"),
            value("matching_task_duration_seconds_count", task="run"),
            value("matching_cache_lookups_total", outcome="hit"),
            value("matching_cache_lookups_total", outcome="miss"),
        )

    before = measured()
    for _ in range(2):
        start(profile.user, RunRequest(keywords="repair homes"))
        run_tasks()
    assert [now - then for now, then in zip(measured(), before, strict=True)] == [2, 4, 2, 1, 1]
    hits, misses = measured()[3:]
    assert value("matching_cache_hit_rate") == pytest.approx(hits / (hits + misses))
