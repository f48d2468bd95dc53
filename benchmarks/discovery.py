"""Strategy discovery: replays of a history, and the policy that a search finds beside two others.

- *By arrival*: reports are taken up as they came.
- *By deadline*: what is due first is taken up first.

The history is of real requests, `../shared/data/losangeles_2017.csv` where that is at hand, else a
generated one; then of a million generated reports. The policy is searched in the first three
quarters and judged on the last one. A replay is held against what its heap alone would cost.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping

from benchmarks.results import Target
from benchmarks.services import BASE_DIR, BenchmarkError, Services

REPORTS, QUICK_REPORTS = 1_000_000, 50_000
SECONDS_MAXIMUM = 330
TARGETS: Mapping[str, Target] = {
    "real_hours_to_by_arrival": Target(0.95, 0.8, is_ceiling=True),
    "real_hours_to_by_deadline": Target(1.0, 0.9, is_ceiling=True),
    "real_repeated_alike": Target(1, 1),
    "many_replay_to_bare_heap": Target(12, 6, is_ceiling=True),
    "many_peak_mb": Target(1_000, 600, is_ceiling=True),
}


def run(services: Services, *, quick: bool, say: Callable[[str], None]) -> dict[str, float]:
    """Return the figures of the real history (`real_…`) and of the generated one (`many_…`)."""
    say("discovery: the search on real requests")
    real = _measured(services, "real")
    reports = QUICK_REPORTS if quick else REPORTS
    say(f"discovery: {reports:,} generated reports")
    many = _measured(services, str(reports))
    return {f"real_{name}": value for name, value in real.items()} | {
        f"many_{name}": value for name, value in many.items()
    }


def _measured(services: Services, what: str) -> dict[str, float]:
    """Measure in a process of its own, so that its memory is not the next one's."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.discovery_size", what],
        cwd=BASE_DIR,
        env=services.environment(),
        capture_output=True,
        text=True,
        timeout=SECONDS_MAXIMUM,
        check=False,
    )
    if done.returncode:
        raise BenchmarkError(f"Replaying {what} failed:\n{done.stderr[-2000:]}")
    figures: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return figures
