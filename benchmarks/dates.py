"""How good forecasts of dates are, and what they cost with 100,000 open reports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.made_requests import write
from benchmarks.results import Target
from benchmarks.services import BASE_DIR, BenchmarkError, Services

HISTORY, OPEN, OPEN_QUICKLY = 50_000, 100_000, 20_000
SECONDS = 900
#: Two files of real requests in time order; made ones are used where they are not there.
TRAIN, TEST = "losangeles_2017.csv", "losangeles_2018.csv"
TARGETS: Mapping[str, Target] = {
    "coverage": Target(0.76, 0.8, is_ceiling=False),
    "error_to_median_of_type": Target(0.85, 0.5, is_ceiling=True),
    "learning_to_reading": Target(250, 100, is_ceiling=True),
    "recomputation_to_plain_update": Target(15, 8, is_ceiling=True),
    "row_by_row_to_recomputation": Target(10, 20),
    "forecasts_missing": Target(0, 0, is_ceiling=True),
}


def run(services: Services, *, quick: bool, say: Callable[[str], None]) -> dict[str, float]:
    """Compare forecasts with the median of the type, then learn and recompute in PostgreSQL."""
    train, test = _files(services.folder, say)
    say(f"dates: forecasts of {test.name}, learned from {train.name}")
    compared = _child(
        services, "manage.py", "evaluate_dates",
        "--train", str(train), "--test", str(test), "--json",
    )  # fmt: skip
    figures = {name: value for name, value in compared.items() if isinstance(value, int | float)}
    figures["error_to_median_of_type"] = (
        figures["median_error_hours"] / figures["baseline_median_error_hours"]
    )
    services.run_child("citizens", 1)  # and the demo city with it
    still_open = OPEN_QUICKLY if quick else OPEN
    say(f"dates: {HISTORY:,} reports that are done, {still_open:,} that are open")
    sizes = (str(HISTORY), str(still_open))
    return figures | _child(services, "-m", "benchmarks.dates_size", *sizes)


def _files(folder: Path, say: Callable[[str], None]) -> Sequence[Path]:
    """Return the real requests in DATES_FOLDER or beside the project; else made ones."""
    chosen = os.environ.get("DATES_FOLDER")
    real = Path(chosen) if chosen else BASE_DIR.parent / "shared" / "data"
    paths = [real / TRAIN, real / TEST]
    if all(path.exists() for path in paths):
        return paths
    if chosen:
        raise BenchmarkError(f"DATES_FOLDER={chosen} does not hold {TRAIN} and {TEST}.")
    say("dates: no real requests, so made ones are used")
    return write(folder)


def _child(services: Services, *arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=BASE_DIR,
        env=services.environment(DJANGO_SETTINGS_MODULE="config.settings"),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    if done.returncode:
        raise BenchmarkError(f"{' '.join(arguments)} failed:\n{done.stderr[-2000:]}")
    figures: dict[str, Any] = json.loads(done.stdout[done.stdout.index("{") :])
    return figures
