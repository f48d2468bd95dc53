"""Match runs at growing numbers of opportunities, beside the ways they replace; then many citizens
at once.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from benchmarks import references
from benchmarks.load import Load, Request, closed_loop, open_loop, request_json
from benchmarks.results import Target
from benchmarks.services import BASE_DIR, BenchmarkError, Services, memory_mb

SIZES, QUICK_SIZES = (10_000, 100_000, 1_000_000), (10_000,)
SIZE_SECONDS = 3600
CASES = ("all", "10_percent", "1_percent", "adversarial")
CROWD, API_PER_SECOND, API_SECONDS = 50, 20, 15
WORKER_THREADS = 2  # as the long queues' worker of `make run`
#: What citizens read while others' matches are found.
PAGES = (
    "/api/v1/users/me/",
    "/api/v1/reports/",
    "/api/v1/opportunities/",
    "/api/v1/matches/",
    "/api/v1/jobs/",
)
#: Of the largest size measured: run p50 in milliseconds, and recall@100.
TARGETS: Mapping[str, Target] = {
    "all_run_p50_to_embedder": Target(16, 8, is_ceiling=True),
    "10_percent_run_p50_to_embedder": Target(40, 16, is_ceiling=True),
    "1_percent_run_p50_to_embedder": Target(16, 8, is_ceiling=True),
    "adversarial_run_p50_to_embedder": Target(40, 16, is_ceiling=True),
    **{f"{case}_recall_at_100": Target(0.98, 1.0) for case in CASES},
    "run_memory_growth_mb": Target(50, 20, is_ceiling=True),
    "times_faster_than_the_old_way": Target(500, 1000),
    "run_growth_from_smallest": Target(10, 5, is_ceiling=True),
    "reverse_p99_to_run": Target(20, 5, is_ceiling=True),
    "crowd_api_p99_to_alone": Target(10, 4, is_ceiling=True),
    "crowd_failed": Target(0, 0, is_ceiling=True),
}


def run(services: Services, *, quick: bool, say: Callable[[str], None]) -> dict[str, float]:
    """Return the figures of each size, named after it, and those of the crowd.

    Those of the largest size also stand under their own names.
    """
    figures: dict[str, float] = {}
    sizes = QUICK_SIZES if quick else SIZES
    for rows in sizes:
        say(f"matching: {rows:,} opportunities")
        largest = _measure(services, rows)
        figures |= {f"{name}_of_{rows}": value for name, value in largest.items()} | largest
    figures["embedder_ms_per_text"] = references.embedder_ms(services)
    for case in CASES:
        figures[f"{case}_run_p50_to_embedder"] = (
            figures[f"{case}_run_p50_ms"] / figures["embedder_ms_per_text"]
        )
    figures["reverse_p99_to_run"] = figures["reverse_p99_ms"] / figures["all_run_p50_ms"]
    figures["run_growth_from_smallest"] = (
        figures["all_run_p50_ms"] / figures[f"all_run_p50_ms_of_{sizes[0]}"]
    )
    say(f"matching: {CROWD} citizens at once")
    return figures | _crowd(services)


def _measure(services: Services, rows: int) -> dict[str, float]:
    """Measure one size in a process of its own, so that its memory is not the next one's."""
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


def _crowd(services: Services) -> dict[str, float]:
    """So many citizens start a run in the same moment, on one worker, while others read over the
    same web process.
    """
    tokens: list[str] = services.run_child("citizens", CROWD)
    real = {"DJANGO_SETTINGS_MODULE": "config.settings", "MATCHING_DEBOUNCE_SECONDS": "0"}
    with (
        services.web("config.asgi:application", WEB_PROCESSES="2", **real) as port,
        services.worker(threads=WORKER_THREADS, queues=("matching",), **real) as worker,
    ):
        profiles = [
            request_json("PUT", "/api/v1/profiles/me/", token, _profile(i))
            for i, token in enumerate(tokens)
        ]
        prepared = closed_loop(port, profiles, clients=4)
        reading = [
            request_json("GET", PAGES[i % len(PAGES)], tokens[i % CROWD])
            for i in range(API_PER_SECOND * API_SECONDS)
        ]
        warmed = closed_loop(port, reading[: 4 * len(PAGES)], clients=2)
        _drain(services)
        alone = open_loop(port, reading, rate=API_PER_SECOND)
        memory = memory_mb(worker)
        asking = [
            request_json("POST", "/api/v1/jobs/match/", token, {}, expected=202) for token in tokens
        ]
        api, runs, seconds = _ask_while_reading(services, port, asking, reading)
        memory = memory_mb(worker) - memory
    return {
        "crowd_api_p50_ms": api.percentile(50),
        "crowd_api_p99_ms": api.percentile(99),
        "crowd_api_p99_to_alone": api.percentile(99) / alone.percentile(99),
        "crowd_start_p99_ms": runs.percentile(99),
        "crowd_done_s": seconds,
        "crowd_worker_memory_growth_mb": memory,
        "crowd_failed": prepared.failures + warmed.failures + api.failures + runs.failures,
    }


def _ask_while_reading(
    services: Services, port: int, asking: list[Request], reading: list[Request]
) -> tuple[Load, Load, float]:
    """Start match runs while others read.

    Return the readers' load, the load of those who ask, and the seconds from the first question to
    the end of the last run.
    """
    with ThreadPoolExecutor(1) as aside:
        readers = aside.submit(open_loop, port, reading, rate=API_PER_SECOND)
        time.sleep(1)
        runs = closed_loop(port, asking, clients=CROWD)
        _drain(services)
        seconds = time.time() - runs.began_at
        return readers.result(), runs, seconds


def _profile(number: int) -> dict[str, object]:
    trades = (
        "carpenter",
        "nurse",
        "gardener",
        "teacher",
        "cook",
        "driver",
        "painter",
        "bookkeeper",
    )
    trade, other = trades[number % len(trades)], trades[(number // 3 + 1) % len(trades)]
    return {
        "headline": f"Retired {trade} with {number + 2} years beside as a {other}",
        "about": f"I would like to work with people near street {number} as a {trade}.",
        "skills": [trade, other],
        "interests": ["neighbourhood"],
    }


def _drain(services: Services) -> None:
    waiting = """
        SELECT count(*) FROM jobs_task
        WHERE queue = 'matching' AND state IN ('queued', 'retrying', 'running')
    """
    services.wait(lambda: services.count(waiting) == 0, "the match runs were not done", 300)
    if dead := services.count(
        "SELECT count(*) FROM jobs_task WHERE queue = 'matching' AND state <> 'succeeded'"
    ):
        raise BenchmarkError(f"{dead} match tasks did not succeed; see jobs_attempt")
