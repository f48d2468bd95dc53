"""Match runs at growing numbers of opportunities, beside the ways they replace."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping

from benchmarks.results import Target
from benchmarks.services import BASE_DIR, BenchmarkError, Services

SIZES, QUICK_SIZES = (10_000, 100_000, 1_000_000), (10_000,)
SIZE_SECONDS = 3600
CASES = ("all", "10_percent", "1_percent", "adversarial")
#: Of the largest size measured: run p50 in milliseconds, and recall@100.
TARGETS: Mapping[str, Target] = {
    "all_run_p50_ms": Target(100, 50, is_ceiling=True),
    "10_percent_run_p50_ms": Target(250, 100, is_ceiling=True),
    "1_percent_run_p50_ms": Target(100, 50, is_ceiling=True),
    "adversarial_run_p50_ms": Target(250, 100, is_ceiling=True),
    **{f"{case}_recall_at_100": Target(0.98, 1.0) for case in CASES},
}


def run(services: Services, *, quick: bool, say: Callable[[str], None]) -> dict[str, float]:
    """The figures of each size, named after it, and those of the largest under their own names."""
    figures: dict[str, float] = {}
    for rows in QUICK_SIZES if quick else SIZES:
        say(f"matching: {rows} opportunities")
        largest = _measure(services, rows)
        figures |= {f"{name}_of_{rows}": value for name, value in largest.items()} | largest
    return figures


def _measure(services: Services, rows: int) -> dict[str, float]:
    """In a process of its own, so that one size's memory is not the next one's."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.matching_size", str(rows)],
        cwd=BASE_DIR,
        env=services.environment(),
        capture_output=True,
        text=True,
        timeout=SIZE_SECONDS,
        check=False,
    )
    if done.returncode:
        raise BenchmarkError(f"Matching with {rows} opportunities failed:\n{done.stderr[-2000:]}")
    figures: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return figures
