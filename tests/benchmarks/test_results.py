"""What the benchmarks hand on, without measuring anything."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.results import COLUMNS, Outcome, Target, format_number, percentile, table

TARGETS = {"tasks_per_s": Target(700, 1500), "p99_ms": Target(10, 10, is_ceiling=True)}


def make_outcome(**figures: float) -> Outcome:
    return Outcome("ledger", figures, TARGETS, {"cores": 2})


@pytest.mark.parametrize(
    ("tasks_per_s", "p99_ms", "passed"),
    [(700, 10, True), (1600, 3, True), (699.9, 3, False), (1600, 10.1, False)],
)
def test_an_outcome_passes_when_every_floor_is_met(
    tasks_per_s: float, p99_ms: float, *, passed: bool
) -> None:
    assert make_outcome(tasks_per_s=tasks_per_s, p99_ms=p99_ms).passed is passed


def test_a_target_without_its_figure_is_not_met() -> None:
    outcome = make_outcome(tasks_per_s=2000)
    assert not outcome.passed
    assert ("ledger.p99_ms", "missing", "≤ 10", "FAIL") in outcome.rows()


def test_the_file_holds_figures_targets_verdict_and_machine(tmp_path: Path) -> None:
    path = make_outcome(tasks_per_s=812.5, p99_ms=4, memory_mb=90).write(tmp_path / "bench")
    assert path == tmp_path / "bench" / "ledger.json"
    assert json.loads(path.read_text()) == {
        "figures": {"tasks_per_s": 812.5, "p99_ms": 4, "memory_mb": 90},
        "targets": {
            "tasks_per_s": {"floor": 700, "aim": 1500, "better": "higher"},
            "p99_ms": {"floor": 10, "aim": 10, "better": "lower"},
        },
        "passed": True,
        "machine": {"cores": 2},
    }


def test_the_table_is_aligned_and_names_its_columns() -> None:
    lines = table(make_outcome(tasks_per_s=1347, p99_ms=12.34).rows()).splitlines()
    assert lines[0].split() == " ".join(COLUMNS).split()
    assert lines[1].split() == ["ledger.tasks_per_s", "1,347", "≥", "700", "→", "1,500", "pass"]
    assert lines[2].split() == ["ledger.p99_ms", "12.3", "≤", "10", "FAIL"]
    assert len({line.index("≥" if "≥" in line else "≤") for line in lines[1:]}) == 1


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.456, "0.46"), (3.0, "3"), (12.34, "12.3"), (1347.4, "1,347"), (-0.5, "-0.50")],
)
def test_numbers_show_what_matters(value: float, text: str) -> None:
    assert format_number(value) == text


@pytest.mark.parametrize(
    ("percent", "expected"), [(0, 1.0), (50, 50.0), (99, 99.0), (99.5, 100.0), (100, 100.0)]
)
def test_a_percentile_is_the_nearest_rank(percent: float, expected: float) -> None:
    assert percentile([float(number) for number in range(100, 0, -1)], percent) == expected


def test_a_percentile_of_one_value_is_that_value() -> None:
    assert percentile([7.0], 99) == 7.0
