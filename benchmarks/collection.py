"""Fifty people at the server while 100,000 posts are collected and analysed beside them."""

from __future__ import annotations

import json
import math
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from benchmarks.pinned import python_with
from benchmarks.results import Target
from benchmarks.services import BASE_DIR, UNFINISHED, BenchmarkError, Services
from config.development.processes import be_nice, wait_for
from config.development.run import FAST_QUEUES, FAST_THREADS, LONG_QUEUES, LONG_THREADS
from reports.demo.texts import REPORTS

USERS, CITIZENS, LOAD_SECONDS = 50, 40, 60.0
FILES = 20
FOLDER = "posts"
#: All posts must be analysed so soon after the start; what is left then is counted as such.
COLLECTED_SECONDS = 3_600
#: Counting 100,000 posts takes PostgreSQL 10 ms, so that it is done this seldom.
COUNT_POSTS_SECONDS = 5
#: The posts were written within so many days before today.
DAYS, NEWEST = 270, datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
WEB = "web-config"
#: The generator of the load comes first on the processor: where it waits for its turn, the answer
#: would seem to come late. Only root may ask for that.
GENERATOR_NICENESS = -10
#: The buckets of the server's own times, in seconds, by name of what was asked.
AT_SERVER = {
    "health": ("GET", "/readyz", 0.1),
    "dashboard": ("GET", "/api/v1/dashboard/", 0.05),
    "report": ("POST", "/api/v1/reports/", 0.1),
}
TARGETS: Mapping[str, Target] = {
    "health_p99_ms": Target(100, 50, is_ceiling=True),
    "dashboard_p95_ms": Target(300, 50, is_ceiling=True),
    "dashboard_at_server_within_50_ms": Target(0.95, 0.99),
    "report_p99_ms": Target(100, 60, is_ceiling=True),
    "match_p99_ms": Target(1000, 500, is_ceiling=True),
    "requests_failed": Target(0, 0, is_ceiling=True),
    "posts_lost": Target(0, 0, is_ceiling=True),
    "posts_unanalysed": Target(0, 0, is_ceiling=True),
    "posts_doubled": Target(0, 0, is_ceiling=True),
    "web_memory_growth": Target(0.05, 0.02, is_ceiling=True),
    "ready_seconds": Target(10, 5, is_ceiling=True),
}


@dataclass(frozen=True, slots=True)
class Size:
    """How many posts are collected."""

    posts: int


FULL, QUICK = Size(posts=100_000), Size(posts=5_000)


def run(services: Services, *, quick: bool, say: Callable[[str], None]) -> dict[str, float]:
    """Measure what people wait for once the first posts are stored, then wait for the last one."""
    size = QUICK if quick else FULL
    python = python_with("locust", services.folder, say)
    tokens: list[str] = services.run_child("citizens", CITIZENS)
    services.run_child("drop_source", FOLDER)
    _write_posts(services.folder / "collection" / FOLDER, size.posts)
    began_at = time.monotonic()
    with _installation(services) as (port, ready_seconds):
        figures = {"ready_seconds": ready_seconds}
        _warm_up(python, port, tokens)
        services.wait(lambda: _posts(services) > 0, "no post was collected")
        say(f"collection: {USERS} people while {size.posts} posts are collected")
        before = services.memory_mb(WEB)
        load = _locust(python, port, tokens, LOAD_SECONDS)
        figures["web_memory_growth"] = services.memory_mb(WEB) / before - 1
        figures |= _judged(load["asked"]) | at_server(*load["metrics"])
        figures["posts_left_after_load"] = size.posts - _analysed(services)
        wait_for(
            lambda: _analysed(services) >= size.posts and services.count(UNFINISHED) == 0,
            COLLECTED_SECONDS - (time.monotonic() - began_at),
            poll_seconds=COUNT_POSTS_SECONDS,
        )
        figures["minutes"] = (time.monotonic() - began_at) / 60
        analysed = _analysed(services)
        figures["posts_per_s"] = analysed / (time.monotonic() - began_at)
    stored = _posts(services)
    distinct = services.count("SELECT count(DISTINCT external_id) FROM reports_post")
    return figures | {
        "posts_lost": size.posts - distinct,
        "posts_doubled": stored - distinct,
        "posts_unanalysed": size.posts - analysed,
    }


@contextmanager
def _installation(services: Services) -> Iterator[tuple[int, float]]:
    """Run web and workers with their schedule, as `make run` starts them.

    Yield the web's port, and the seconds that the slowest of them took to be ready.
    """
    with ExitStack() as stack:
        real = {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "JOBS_SCHEDULE": "config.schedule.SCHEDULE",
            "COLLECTION_FOLDER": str(services.folder / "collection"),
            "OPENBLAS_NUM_THREADS": "1",
            "EMAIL_URL": stack.enter_context(services.mail_server(delay_seconds=0)),
            "SMS_PROVIDER_URL": stack.enter_context(services.sms_gateway()),
        }
        parts = [services.web("config.asgi:application", **real)] + [
            services.worker(threads=threads, queues=queues, **real)
            for threads, queues in ((FAST_THREADS, FAST_QUEUES), (LONG_THREADS, LONG_QUEUES))
        ]
        started = [_timed(stack.enter_context, part) for part in parts]
        port, _ = started[0]
        yield port, max(seconds for _, seconds in started)


def _timed(start: Callable[[Any], Any], part: Any) -> tuple[Any, float]:
    began_at = time.monotonic()
    return start(part), time.monotonic() - began_at


def _write_posts(folder: Path, count: int) -> None:
    """Write the posts as NDJSON in several files; no two texts are equal."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in range(FILES):
        with (folder / f"{part:03}.ndjson").open("w", encoding="utf-8") as file:
            for number in range(part, count, FILES):
                file.write(json.dumps(_post(number)) + "\n")


def _post(number: int) -> dict[str, object]:
    _, title, description = REPORTS[number % len(REPORTS)]
    return {
        "external_id": str(number),
        "title": title,
        "text": description.format(street=f"street {number}"),
        "author": f"somebody{number % 5000}",
        "posted_at": (NEWEST - timedelta(hours=number * 7 % (24 * DAYS))).isoformat(),
        "latitude": 41.29 + number % 300 / 10_000,
        "longitude": -72.95 + number % 400 / 10_000,
    }


def _warm_up(python: Path, port: int, tokens: list[str]) -> None:
    """Have everything imported and computed once, and the figures there."""
    deadline = time.monotonic() + 60
    while _locust(python, port, tokens, 5)["asked"].get("dashboard", {"failed": 1})["failed"]:
        if time.monotonic() > deadline:
            raise BenchmarkError("The dashboard did not answer within 60 s.")


def _locust(python: Path, port: int, tokens: list[str], seconds: float) -> dict[str, Any]:
    command = [python, BASE_DIR / "benchmarks" / "locust_run.py", f"http://127.0.0.1:{port}"]
    done = subprocess.run(
        [*map(str, command), str(USERS), str(seconds)],
        input=json.dumps(tokens),
        capture_output=True,
        text=True,
        timeout=seconds + 120,
        check=False,
        start_new_session=True,
        preexec_fn=_come_first,
    )
    if done.returncode:
        raise BenchmarkError(f"locust failed:\n{done.stderr[-2000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _come_first() -> None:
    with suppress(PermissionError):
        be_nice(GENERATOR_NICENESS)


def _judged(asked: dict[str, Any]) -> dict[str, float]:
    percentiles = {
        f"{name}_p{part}_ms": asked[name][f"p{part}"]
        for name in ("health", "dashboard", "report", "match")
        for part in (50, 95, 99)
    }
    return percentiles | {
        "requests": sum(one["asked"] for one in asked.values()),
        "requests_failed": sum(one["failed"] for one in asked.values()),
    }


def at_server(before: str, after: str) -> dict[str, float]:
    """Return the shares of requests that the server answered in time, by its own clock.

    From the whole request to the answer, waiting for a thread included. `before` and `after` are
    its /metrics around the load.
    """
    earlier, later = _counted(before), _counted(after)
    shares = {}
    for name, (method, route, seconds) in AT_SERVER.items():
        within, asked = (
            later[method, route, limit] - earlier.get((method, route, limit), 0.0)
            for limit in (seconds, math.inf)
        )
        shares[f"{name}_at_server_within_{seconds * 1000:.0f}_ms"] = within / asked
    return shares


def _counted(metrics: str) -> dict[tuple[str, str, float], float]:
    """Return how many requests took at most so many seconds, by method, route and seconds."""
    return {
        (sample.labels["method"], sample.labels["route"], float(sample.labels["le"])): sample.value
        for family in text_string_to_metric_families(metrics)
        for sample in family.samples
        if sample.name == "civiclens_http_request_seconds_bucket"
    }


def _posts(services: Services) -> int:
    return services.count("SELECT count(*) FROM reports_post")


def _analysed(services: Services) -> int:
    return services.count("SELECT count(*) FROM reports_post WHERE analysed_at IS NOT NULL")
