"""People beside bulk work: what a citizen waits for while two large imports are under way."""

from __future__ import annotations

import csv
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.load import Load, Request, closed_loop, new_reports, open_loop, request_json
from benchmarks.results import Target, percentile
from benchmarks.services import (
    BASE_DIR,
    NOT_SUCCEEDED,
    UNFINISHED,
    BenchmarkError,
    Services,
)
from config.development.run import FAST_QUEUES, FAST_THREADS, LONG_QUEUES, LONG_THREADS
from matching.demo.texts import OPPORTUNITIES
from reports.demo.texts import REPORTS

CITIZENS = 40
SLICE_SECONDS = 10
BULK_SECONDS = 3600
#: What people wait for: the actor whose end they see, and how many ask in a second.
WAITS: Mapping[str, tuple[str, float]] = {
    "match_run": ("run_matches", 1),
    "report_classified": ("classify_report", 2),
    "code_handed_over": ("send_otp", 1),
}
TARGETS: Mapping[str, Target] = {
    "match_run_p99_ms": Target(2000, 500, is_ceiling=True),
    "report_classified_p99_ms": Target(2000, 500, is_ceiling=True),
    "code_handed_over_p99_ms": Target(1000, 200, is_ceiling=True),
    "bulk_throughput_to_alone": Target(0.7, 0.9),
    "requests_failed": Target(0, 0, is_ceiling=True),
    "tasks_unfinished": Target(0, 0, is_ceiling=True),
}
_IS_BULK = "urgency = 2"


@dataclass(frozen=True, slots=True)
class Size:
    """How much is imported, and how long people are watched without it."""

    rows: int
    idle_seconds: float


# The history of reports cannot be truncated while its triggers act.
_EMPTY = """
SET session_replication_role = replica;
TRUNCATE jobs_task, jobs_attempt, matching_opportunity, reports_report CASCADE;
SET session_replication_role = origin
"""

FULL, QUICK = Size(rows=20_000, idle_seconds=120), Size(rows=2_000, idle_seconds=30)


@dataclass(slots=True)
class People:
    """Citizens who ask over HTTP at fixed rates, and how long each waited for the end of it."""

    services: Services
    port: int
    tokens: list[str]
    phase: str
    loads: list[Load] = field(default_factory=list)
    due_at: dict[str, float] = field(default_factory=dict)

    def ask(self, seconds: float) -> None:
        """Let people ask for so long."""
        with ThreadPoolExecutor(len(WAITS)) as streams:
            for stream in [streams.submit(self._stream, name, seconds) for name in WAITS]:
                stream.result()

    def _stream(self, name: str, seconds: float) -> None:
        _, rate = WAITS[name]
        requests = self._requests(name, int(rate * seconds))
        load = open_loop(self.port, requests, rate=rate)
        for request, due_at in zip(requests, load.due_at, strict=True):
            self.due_at[request.headers["X-Request-ID"]] = due_at
        self.loads.append(load)

    def _requests(self, name: str, count: int) -> list[Request]:
        first = sum(name in request_id for request_id in self.due_at)
        made = _MAKE[name](self.tokens, first, count)
        for number, request in enumerate(made, start=first):
            request.headers["X-Request-ID"] = f"{self.phase}-{name}-{number:06}"
        return made

    def figures(self, prefix: str) -> dict[str, float]:
        """Return the milliseconds from when each was due to ask until its task had ended."""
        figures = {}
        for name, (actor, _) in WAITS.items():
            rows = self.services.database.execute(
                "SELECT request_id, finished_at FROM jobs_task WHERE actor = %s"
                " AND state = 'succeeded' AND request_id LIKE %s",
                [actor, f"{self.phase}-{name}-%"],
            ).fetchall()
            waits = [(at.timestamp() - self.due_at[request_id]) * 1000 for request_id, at in rows]
            if len(waits) != sum(name in request_id for request_id in self.due_at):
                raise BenchmarkError(f"Not every {actor} of {self.phase} succeeded.")
            for percent in (50, 99):
                figures[f"{prefix}{name}_p{percent}_ms"] = percentile(waits, percent)
        return figures


def run(services: Services, *, quick: bool, say: Callable[[str], None]) -> dict[str, float]:
    """Measure the bulk work alone, people alone among what it brought, then both together."""
    size = QUICK if quick else FULL
    tokens: list[str] = services.run_child("citizens", CITIZENS)
    with _installation(services) as port:
        _prepare(services, port, tokens)
        say(f"mixed: importing {size.rows} opportunities and reports, alone")
        alone = _bulk(services, size, "alone", meanwhile=lambda: time.sleep(0.5))
        say(f"mixed: done in {alone:.0f} s; people alone")
        idle = People(services, port, tokens, "idle")
        idle.ask(size.idle_seconds)
        _drain(services)
        figures = idle.figures("idle_")
        services.database.execute(_EMPTY)
        say("mixed: both together")
        people = People(services, port, tokens, "mixed")
        together = _bulk(services, size, "mixed", meanwhile=lambda: people.ask(SLICE_SECONDS))
        say(f"mixed: done in {together:.0f} s")
        _drain(services)
        figures |= people.figures("")
    failed = sum(load.failures for load in [*idle.loads, *people.loads])
    return figures | {
        "bulk_alone_rows_per_s": 2 * size.rows / alone,
        "bulk_mixed_rows_per_s": 2 * size.rows / together,
        "bulk_throughput_to_alone": alone / together,
        "people_asked": len(people.due_at),
        "requests_failed": failed,
        "tasks_unfinished": services.count(NOT_SUCCEEDED),
    }


@contextmanager
def _installation(services: Services) -> Iterator[int]:
    """Run the web and both workers as `make run` starts them; yield the web's port."""
    with ExitStack() as stack:
        real = {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "MATCHING_DEBOUNCE_SECONDS": "0",
            "OPENBLAS_NUM_THREADS": "1",
            "EMAIL_URL": stack.enter_context(services.mail_server(delay_seconds=0)),
            "SMS_PROVIDER_URL": stack.enter_context(services.sms_gateway()),
        }
        port = stack.enter_context(services.web("config.asgi:application", **real))
        for threads, queues in ((FAST_THREADS, FAST_QUEUES), (LONG_THREADS, LONG_QUEUES)):
            stack.enter_context(services.worker(threads=threads, queues=queues, **real))
        yield port


def _prepare(services: Services, port: int, tokens: list[str]) -> None:
    """Give every citizen a profile, and compute what is computed once."""
    profiles = [
        request_json("PUT", "/api/v1/profiles/me/", token, _profile(number))
        for number, token in enumerate(tokens)
    ]
    if closed_loop(port, profiles, clients=4).failures:
        raise BenchmarkError("The citizens' profiles were refused.")
    People(services, port, tokens, "warm").ask(5)
    _drain(services)


def _bulk(services: Services, size: Size, phase: str, *, meanwhile: Callable[[], object]) -> float:
    """Import both files and wait until the last task that follows has ended; return the seconds.

    `meanwhile` is done again and again until then.
    """
    files = _write_files(services.folder / "mixed", size.rows, phase)
    began_at = time.time()
    imports = [_start_import(services, command, path, phase) for command, path in files.items()]
    while any(one.poll() is None for one in imports) or services.count(
        f"{UNFINISHED} AND {_IS_BULK}"
    ):
        meanwhile()
        if time.time() - began_at > BULK_SECONDS:
            raise BenchmarkError(f"The imports were not done within {BULK_SECONDS} s.")
    if any(one.returncode for one in imports):
        raise BenchmarkError(f"An import failed; see {services.folder}/logs.")
    [ended_at] = services.epochs(f"SELECT max(finished_at) FROM jobs_task WHERE {_IS_BULK}")
    return ended_at - began_at


def _start_import(
    services: Services, command: str, path: Path, phase: str
) -> subprocess.Popen[bytes]:
    arguments = [command, str(path), "--source", phase, "--rejects", f"{path}.rejects"]
    with (services.folder / "logs" / f"{command}.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, str(BASE_DIR / "manage.py"), *arguments],
            env=services.environment(DJANGO_SETTINGS_MODULE="config.settings"),
            stdout=log,
            stderr=log,
        )


def _write_files(folder: Path, rows: int, phase: str) -> dict[str, Path]:
    """Write both files; no two texts are equal, within a phase or between them."""
    folder.mkdir(parents=True, exist_ok=True)
    opportunities, reports = folder / "opportunities.jsonl", folder / "reports.csv"
    with opportunities.open("w", encoding="utf-8") as file:
        for number in range(rows):
            file.write(json.dumps(_opportunity(number, phase)) + "\n")
    with reports.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["external_id", "title", "description", "latitude", "longitude"])
        table.writerows(_report(number, phase) for number in range(rows))
    return {"import_opportunities": opportunities, "import_reports": reports}


def _opportunity(number: int, phase: str) -> dict[str, str]:
    kind, title, organisation, category, description = OPPORTUNITIES[number % len(OPPORTUNITIES)]
    return {
        "external_id": str(number),
        "kind": kind,
        "title": f"{title}, group {number}",
        "organisation": organisation,
        "category": category,
        "description": f"{description} Near {phase} street {number}.",
    }


def _report(number: int, phase: str) -> tuple[object, ...]:
    _, title, description = REPORTS[number % len(REPORTS)]
    place = 41.29 + number % 300 / 10_000, -72.95 + number % 400 / 10_000
    return number, title, description.format(street=f"{phase} street {number}"), *place


def _profile(number: int) -> dict[str, object]:
    trades = ("carpenter", "nurse", "gardener", "teacher", "cook", "driver", "painter")
    trade = trades[number % len(trades)]
    about = f"I would like to help near street {number}."
    return {"headline": f"Retired {trade}", "about": about, "skills": [trade]}


def _ask_for_matches(tokens: list[str], first: int, count: int) -> list[Request]:
    return [
        request_json("POST", "/api/v1/jobs/match/", tokens[number % CITIZENS], {}, expected=202)
        for number in range(first, first + count)
    ]


def _report_problems(tokens: list[str], first: int, count: int) -> list[Request]:
    return new_reports("/api/v1/reports/", tokens, first + count)[first:]


#: Nobody asks twice: who did would have to wait for the second code.
_phones = itertools.count(2_000_000)


def _ask_for_codes(_tokens: list[str], _first: int, count: int) -> list[Request]:
    headers = {"Content-Type": "application/json"}
    return [
        Request(
            "POST",
            "/api/v1/auth/request-otp/",
            dict(headers),
            json.dumps({"phone": f"+1203{next(_phones)}"}).encode(),
            202,
        )
        for _ in range(count)
    ]


_MAKE: Mapping[str, Callable[[list[str], int, int], list[Request]]] = {
    "match_run": _ask_for_matches,
    "report_classified": _report_problems,
    "code_handed_over": _ask_for_codes,
}


def _drain(services: Services) -> None:
    services.wait(lambda: services.count(UNFINISHED) == 0, "the tasks were not done", 300)
