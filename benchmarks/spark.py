"""From which size on Apache Spark pays: the leaderboard of all time over 1 and 10 million events,
by one statement of PostgreSQL and by Spark on the same machine.

Needs `make test-spark` to have installed Spark. It runs only if ONLY names it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping

import psutil

from benchmarks.results import Target
from benchmarks.services import BASE_DIR, BenchmarkError, Services, memory_mb

SIZES, SIZES_QUICKLY = (1_000_000, 10_000_000), (100_000, 1_000_000)
SECONDS = 1_800
TARGETS: Mapping[str, Target] = {
    "rows_that_differ": Target(0, 0, is_ceiling=True),
}


def run(services: Services, *, quick: bool, say: Callable[[str], None]) -> dict[str, float]:
    """Return seconds and peak memory of both ways at both sizes, and their ratios."""
    services.run_child("citizens", 1)  # and the demo city with it
    figures: dict[str, float] = {"rows_that_differ": 0}
    for size in SIZES_QUICKLY if quick else SIZES:
        say(f"spark: {size:,} events")
        _child(services, "fill", str(size))
        of_ways = {}
        for way in ("built_in", "spark"):
            of_ways[way], peak = _child(services, way)
            figures[f"{way}_seconds_at_{size}"] = of_ways[way]["seconds"]
            figures[f"{way}_peak_mb_at_{size}"] = peak
        figures[f"built_in_to_spark_at_{size}"] = (
            of_ways["built_in"]["seconds"] / of_ways["spark"]["seconds"]
        )
        figures["rows_that_differ"] += of_ways["built_in"]["digest"] != of_ways["spark"]["digest"]
    return figures


def _child(services: Services, *arguments: str) -> tuple[dict[str, float], float]:
    """Run one step in a process of its own; return what it printed and its peak memory in MiB.

    The memory is that of the process and of Spark's Java beside it, without PostgreSQL.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.spark_size", *arguments],
        cwd=BASE_DIR,
        env=services.environment(DJANGO_SETTINGS_MODULE="config.settings"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    peaks = [0.0]
    watcher = threading.Thread(target=_watch, args=(process.pid, peaks), daemon=True)
    watcher.start()
    output, errors = process.communicate(timeout=SECONDS)
    if process.returncode:
        raise BenchmarkError(f"{' '.join(arguments)} failed:\n{errors[-2000:]}")
    figures: dict[str, float] = json.loads(output.strip().splitlines()[-1])
    return figures, peaks[0]


def _watch(pid: int, peaks: list[float]) -> None:
    try:
        process = psutil.Process(pid)
        while process.is_running():
            peaks[0] = max(peaks[0], memory_mb(process))
            time.sleep(0.2)
    except psutil.NoSuchProcess:
        return
