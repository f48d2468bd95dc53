"""Report creation over HTTP: beside the same work done in the request, at a fixed rate, and the
whole chain.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import mean

import psutil

from benchmarks import references
from benchmarks.load import Load, closed_loop, new_reports, open_loop
from benchmarks.results import Target, percentile
from benchmarks.services import NOT_SUCCEEDED, UNFINISHED, BenchmarkError, Services

PATH = "/api/v1/reports/"
CLIENTS = 8
CITIZENS = 40
#: The steady rate makes the embedder busy for this share of a core, so that a slow machine gets
#: fewer reports: 30 a second where a text takes 6 ms.
STEADY_SHARE = 0.18
MAIL_DELAY_SECONDS = 0.1
WORKER_THREADS = 6
QUEUES = ("critical", "default", "notifications")  # as the worker of `make run`
TASKS_PER_REPORT = 2  # classify and route; deliver
WARM_UP_REPORTS = 24
RATES = (10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 120)
IN_STEP_SECONDS = 1.0
REPUTATION_KEYS = "SELECT 'report:' || id || ':submitted' FROM reports_report WHERE source = ''"
TARGETS: Mapping[str, Target] = {
    "p99_at_steady_rate_inline_over_background": Target(3, 3),
    "chain_machine_to_embedder": Target(5.8, 3.3, is_ceiling=True),
    "requests_failed": Target(0, 0, is_ceiling=True),
    "effects_missing_or_doubled": Target(0, 0, is_ceiling=True),
}


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured."""

    rounds: int
    closed_background: int
    closed_inline: int
    steady_seconds: float
    chain_seconds: float


FULL = Size(rounds=2, closed_background=500, closed_inline=200, steady_seconds=8, chain_seconds=12)
QUICK = Size(rounds=1, closed_background=200, closed_inline=80, steady_seconds=8, chain_seconds=10)


@dataclass(frozen=True, slots=True)
class Side:
    """One way of creating reports, and every load it was put under."""

    name: str
    port: int
    path: str
    closed: list[Load] = field(default_factory=list)
    steady: list[Load] = field(default_factory=list)

    @property
    def loads(self) -> list[Load]:
        return [*self.closed, *self.steady]

    def figures(self) -> dict[str, float]:
        closed = [value for load in self.closed for value in load.milliseconds]
        steady = [value for load in self.steady for value in load.milliseconds]
        seconds = sum(load.ended_at - load.began_at for load in self.closed)
        return {
            f"{self.name}_requests_per_s": len(closed) / seconds,
            f"{self.name}_p50_ms": percentile(closed, 50),
            f"{self.name}_p99_ms": percentile(closed, 99),
            f"{self.name}_p50_at_steady_rate_ms": percentile(steady, 50),
            f"{self.name}_p99_at_steady_rate_ms": percentile(steady, 99),
        }


def run(services: Services, *, quick: bool, say: Callable[[str], None]) -> dict[str, float]:
    """Both sides in interleaved rounds with a slow mail server, then the chain with a fast one."""
    size = QUICK if quick else FULL
    tokens: list[str] = services.run_child("citizens", CITIZENS)
    embedder = references.embedder_ms(services)
    rate = STEADY_SHARE * 1000 / embedder
    say(f"intake: the embedder takes {embedder:.1f} ms a text; the steady rate is {rate:.0f}/s")
    with services.mail_server(delay_seconds=MAIL_DELAY_SECONDS) as mail, _worker(services, mail):
        sides = _compare(services, tokens, size, rate, mail, say)
    background, inline = (side.figures() for side in sides)
    figures = background | inline | {"steady_reports_per_s": rate}
    figures["p99_at_steady_rate_inline_over_background"] = (
        inline["inline_p99_at_steady_rate_ms"] / background["background_p99_at_steady_rate_ms"]
    )
    with (
        services.mail_server(delay_seconds=0) as mail,
        _worker(services, mail),
        _web(services) as port,
    ):
        cost = _machine_cost(services, tokens, port, size, rate)
        embedder = mean((embedder, references.embedder_ms(services)))
        chain, loads = _climb(services, tokens, port, size, say)
    chain |= cost | {"embedder_ms_per_text": embedder}
    chain["chain_machine_to_embedder"] = (
        chain["chain_machine_ms_per_report"] / chain["embedder_ms_per_text"]
    )
    failed = sum(load.failures for load in [*sides[0].loads, *sides[1].loads, *loads])
    return (
        figures
        | chain
        | {"requests_failed": failed, "effects_missing_or_doubled": _wrong_effects(services)}
    )


def _compare(
    services: Services,
    tokens: list[str],
    size: Size,
    rate: float,
    mail: str,
    say: Callable[[str], None],
) -> tuple[Side, Side]:
    with (
        _web(services) as port,
        services.web("benchmarks.asgi:application", EMAIL_URL=mail) as inline_port,
    ):
        sides = (
            Side("background", port, PATH),
            Side("inline", inline_port, "/api/v1/inline/reports/"),
        )
        for side in sides:
            closed_loop(side.port, new_reports(side.path, tokens, WARM_UP_REPORTS), clients=CLIENTS)
        _drain(services)
        for number in range(1, size.rounds + 1):
            for side, requests in zip(
                sides, (size.closed_background, size.closed_inline), strict=True
            ):
                say(f"intake: round {number} of {size.rounds}, {side.name}")
                side.closed.append(
                    closed_loop(
                        side.port, new_reports(side.path, tokens, requests), clients=CLIENTS
                    )
                )
                _drain(services)
                steady = new_reports(side.path, tokens, int(rate * size.steady_seconds))
                side.steady.append(open_loop(side.port, steady, rate=rate))
                _drain(services)
    return sides


def _climb(
    services: Services, tokens: list[str], port: int, size: Size, say: Callable[[str], None]
) -> tuple[dict[str, float], list[Load]]:
    """Raise the rate until the tasks no longer keep step, twice in a row: another program may have
    disturbed once.
    """
    closed_loop(port, new_reports(PATH, tokens, WARM_UP_REPORTS), clients=CLIENTS)
    _drain(services)
    figures: dict[str, float] = {"chain_reports_per_s": 0}
    loads = []
    for rate in RATES:
        for _ in range(2):
            load = open_loop(
                port, new_reports(PATH, tokens, int(rate * size.chain_seconds)), rate=rate
            )
            loads.append(load)
            lag = _lag_after(services, load)
            say(f"intake: the chain at {rate} reports/s was done {lag:.2f} s after the last answer")
            if lag <= IN_STEP_SECONDS:
                break
        else:
            break
        figures |= {
            "chain_reports_per_s": rate,
            "chain_lag_s": lag,
            "chain_request_p99_ms": load.percentile(99),
        }
    return figures | {"chain_tasks_per_s": figures["chain_reports_per_s"] * TASKS_PER_REPORT}, loads


def _machine_cost(
    services: Services, tokens: list[str], port: int, size: Size, rate: float
) -> dict[str, float]:
    """Processor time for one report: of the whole installation, and of each part of it."""
    closed_loop(port, new_reports(PATH, tokens, WARM_UP_REPORTS), clients=CLIENTS)
    _drain(services)
    count = int(rate * size.chain_seconds)
    before = services.cpu_seconds()
    open_loop(port, new_reports(PATH, tokens, count), rate=rate)
    _drain(services)
    used = {
        part: (now - before[part]) / count * 1000 for part, now in services.cpu_seconds().items()
    }
    parts = {f"chain_{part}_ms_per_report": value for part, value in used.items()}
    return parts | {"chain_machine_ms_per_report": sum(used.values())}


def _lag_after(services: Services, load: Load) -> float:
    """Return the seconds from the last answer to the end of the last task.

    A growing backlog shows as a lag, whatever its size.
    """
    _drain(services)
    [finished_at] = services.epochs("SELECT max(finished_at) FROM jobs_task")
    return max(finished_at - load.ended_at, 0.0)


@contextmanager
def _worker(services: Services, mail: str) -> Iterator[psutil.Process]:
    settings = {"EMAIL_URL": mail, "DJANGO_SETTINGS_MODULE": "config.settings"}
    with services.worker(threads=WORKER_THREADS, queues=QUEUES, **settings) as master:
        yield master


@contextmanager
def _web(services: Services) -> Iterator[int]:
    with services.web("config.asgi:application", DJANGO_SETTINGS_MODULE="config.settings") as port:
        yield port


def _drain(services: Services) -> None:
    services.wait(lambda: services.count(UNFINISHED) == 0, "the tasks were not done", 120)
    if dead := services.count(NOT_SUCCEEDED):
        raise BenchmarkError(f"{dead} tasks did not succeed; see jobs_attempt")
    time.sleep(0.3)


def _wrong_effects(services: Services) -> int:
    """Count effects of the reports sent over HTTP that are missing or there twice."""
    reports = "SELECT count(*) FROM reports_report WHERE source = ''"
    effects = (
        (
            f"{reports} AND category_id IS NOT NULL AND department_id IS NOT NULL"
            " AND due_at IS NOT NULL"
        ),
        f"SELECT count(*) FROM accounts_reputationentry WHERE event_key IN ({REPUTATION_KEYS})",
        "SELECT count(*) FROM accounts_auditevent WHERE event = 'report.submitted'",
        (
            "SELECT count(*) FROM notifications_delivery WHERE template = 'report_received' AND "
            "status = 'sent'"
        ),
    )
    expected = services.count(reports)
    return sum(abs(services.count(effect) - expected) for effect in effects)
