"""The search for patterns in a million reports of five years, in which crowds were planted."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping

from benchmarks.results import Target
from benchmarks.services import BASE_DIR, BenchmarkError, Services

FEW, MANY, MANY_QUICKLY = 10_000, 1_000_000, 100_000
SIZE_SECONDS = 1800
TARGETS: Mapping[str, Target] = {
    # Of the crowds that were planted, the share that is found; of those found, the share that is
    # none of them.
    "planted_found_share": Target(0.9, 1.0),
    "false_share": Target(0.1, 0.05, is_ceiling=True),
    "memory_growth_mb": Target(400, 200, is_ceiling=True),
    "seconds_per_million": Target(900, 300, is_ceiling=True),
    "same_seed_same_result": Target(1, 1),
}


def run(services: Services, *, quick: bool, say: Callable[[str], None]) -> dict[str, float]:
    """The figures of few reports and of many; those of many also stand under their own names."""
    services.run_child("citizens", 1)  # and the demo city with it
    figures: dict[str, float] = {}
    for rows in (FEW, MANY_QUICKLY if quick else MANY):
        say(f"patterns: {rows:,} reports")
        largest = _measure(services, rows)
        figures |= {f"{name}_of_{rows}": value for name, value in largest.items()} | largest
    return figures


def _measure(services: Services, rows: int) -> dict[str, float]:
    """In a process of its own, so that its memory is not the next one's."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.patterns_size", str(rows)],
        cwd=BASE_DIR,
        env=services.environment(DJANGO_SETTINGS_MODULE="config.settings"),
        capture_output=True,
        text=True,
        timeout=SIZE_SECONDS,
        check=False,
    )
    if done.returncode:
        raise BenchmarkError(f"Searching {rows} reports failed:\n{done.stderr[-2000:]}")
    figures: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return figures
