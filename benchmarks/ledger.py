"""Tasks through the ledger, on both transports, beside stock Dramatiq, Celery and Procrastinate, in
the same run.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median

import psutil

from benchmarks import references
from benchmarks.results import Target, percentile
from benchmarks.services import BenchmarkError, Services, cpu_seconds, memory_mb

WORKER_THREADS = 8
TASKS_SECONDS = 300  # a busy machine fails nothing
SETTLE_SECONDS = 3  # until what the load left behind, such as dead rows, is cleared away
LOAD = 0.8  # of what a system has shown to manage
#: How long the embedded transport pauses at most before it looks for due tasks again.
EMBEDDED_PAUSE_MS = 20
TARGETS: Mapping[str, Target] = {
    "rabbitmq_end_to_end_to_procrastinate": Target(3, 6),
    "rabbitmq_end_to_end_to_stock": Target(0.7, 1),
    "rabbitmq_drain_to_procrastinate": Target(4, 8),
    "relay_to_stock_send": Target(2, 4),
    "bulk_send_to_procrastinate": Target(2.5, 6),
    "rabbitmq_commit_to_start_p50_to_stock": Target(1.5, 1, is_ceiling=True),
    "rabbitmq_commit_to_start_p99_to_stock": Target(3, 1.5, is_ceiling=True),
    "embedded_commit_to_start_p99_to_pause": Target(2.5, 1.5, is_ceiling=True),
    "effects_missing_or_doubled": Target(0, 0, is_ceiling=True),
}


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured."""

    rounds: int
    tasks: int
    bulk_rows: int
    idle_tasks: int
    load_seconds: int


FULL = Size(rounds=3, tasks=5000, bulk_rows=20_000, idle_tasks=250, load_seconds=5)
#: Enough tasks for bundles to form: with fewer, a drain measures how a worker starts. A single
#: round may fall into a busy moment of the machine.
QUICK = Size(rounds=3, tasks=2500, bulk_rows=10_000, idle_tasks=100, load_seconds=2)


@dataclass(frozen=True, slots=True)
class System:
    """A way of running tasks: its module in `benchmarks.systems`, its worker, and where it shows
    what was done.
    """

    name: str
    module: str
    worker: tuple[str, ...] = ()  # empty: the product's
    environment: Mapping[str, str] = field(default_factory=dict)
    done: str = "SELECT count(*) FROM bench_effect"
    first_start: str = "SELECT min(at) FROM bench_effect"
    last_end: str = "SELECT max(at) FROM bench_effect"
    starts: str = "SELECT number, at FROM bench_effect WHERE number >= 0"


def _civiclens(transport: str) -> System:
    return System(
        transport,
        "ledger",
        environment={"JOBS_TRANSPORT": transport},
        done="SELECT count(*) FROM jobs_task WHERE state = 'succeeded'",
        first_start="SELECT min(started_at) FROM jobs_task",
        last_end="SELECT max(finished_at) FROM jobs_task",
        starts="SELECT (args->>0)::int, started_at FROM jobs_task WHERE (args->>0)::int >= 0",
    )


_THREADS = str(WORKER_THREADS)
PROCRASTINATE = System(
    "procrastinate",
    "procrastinate",
    worker=("django", "procrastinate", "worker", "--concurrency", _THREADS, "--queues", "bench"),
    environment={"DJANGO_SETTINGS_MODULE": "benchmarks.systems.procrastinate_settings"},
    done="SELECT count(*) FROM procrastinate_jobs WHERE status = 'succeeded'",
)
SYSTEMS = (
    _civiclens("rabbitmq"),
    _civiclens("embedded"),
    System(
        "stock",
        "dramatiq",
        worker=(
            "dramatiq",
            "benchmarks.systems.dramatiq:broker",
            "--processes",
            "1",
            "--threads",
            _THREADS,
        ),
    ),
    System(
        "celery",
        "celery",
        worker=(
            "celery",
            "--app",
            "benchmarks.systems.celery",
            "worker",
            "--pool",
            "threads",
            "--concurrency",
            _THREADS,
        ),
    ),
    PROCRASTINATE,
)
PEERS = tuple(system.name for system in SYSTEMS if system.worker)


def run(services: Services, *, quick: bool, say: Callable[[str], None]) -> dict[str, float]:
    """Interleaved rounds, so that a busy moment of the machine meets every system alike;
    medians.
    """
    size = QUICK if quick else FULL
    measured: dict[str, list[float]] = defaultdict(list)
    services.run_child("migrate", **PROCRASTINATE.environment)
    wrong = 0
    for number in range(1, size.rounds + 1):
        services.clear_tasks()
        measured["raw_commits_per_s"].append(references.raw_commits_per_s(services, size.tasks))
        for system in SYSTEMS:
            say(f"ledger: round {number} of {size.rounds}, {system.name}")
            wrong += _Round(services, system, measured).run(size, with_load=number == size.rounds)
    say("ledger: bulk send and relay")
    _bulk(services, size, measured)
    figures = {name: median(values) for name, values in measured.items()}
    return figures | _ratios(figures) | {"effects_missing_or_doubled": wrong}


def _ratios(figures: Mapping[str, float]) -> dict[str, float]:
    def ratio(transport: str, what: str, peer: str) -> float:
        return figures[f"{transport}_{what}_tasks_per_s"] / figures[f"{peer}_{what}_tasks_per_s"]

    to_peers = {
        f"{transport}_{what}_to_{peer}": ratio(transport, what, peer)
        for peer in PEERS
        for what in ("end_to_end", "drain")
        for transport in ("rabbitmq", "embedded")
    }
    waits = {
        f"rabbitmq_commit_to_start_{share}_to_stock": figures[
            f"rabbitmq_commit_to_start_{share}_ms"
        ]
        / figures[f"stock_commit_to_start_{share}_ms"]
        for share in ("p50", "p99")
    }
    raw = figures["raw_commits_per_s"]
    return (
        to_peers
        | waits
        | {
            "rabbitmq_end_to_end_to_raw_commits": figures["rabbitmq_end_to_end_tasks_per_s"] / raw,
            "rabbitmq_drain_to_raw_commits": figures["rabbitmq_drain_tasks_per_s"] / raw,
            "relay_to_stock_send": figures["relay_tasks_per_s"] / figures["stock_send_tasks_per_s"],
            "bulk_send_to_procrastinate": figures["bulk_send_rows_per_s"]
            / figures["procrastinate_bulk_send_tasks_per_s"],
            "embedded_commit_to_start_p99_to_pause": figures["embedded_commit_to_start_p99_ms"]
            / EMBEDDED_PAUSE_MS,
        }
    )


@dataclass(frozen=True, slots=True)
class _Round:
    """One system's turn: a drain, a run with sends, and at the end how long tasks wait for their
    start.
    """

    services: Services
    system: System
    measured: dict[str, list[float]]

    def run(self, size: Size, *, with_load: bool) -> int:
        """Return how many effects are missing or doubled."""
        self.services.clear_tasks()
        self._forget()
        preloaded = self._child("preload", size.tasks)
        self._note("bulk_send_tasks_per_s", size.tasks / preloaded["seconds"])
        with self._worker() as master:
            self._await(size.tasks)
            wrong = self._keep(
                "drain", size.tasks, self.services.epochs(self.system.first_start)[0]
            )
            wrong += self._send_and_run(size.tasks, master)
            self._note("worker_memory_mb", memory_mb(master))
            time.sleep(SETTLE_SECONDS)
            self._measure_waits("commit_to_start", "idle", size.idle_tasks)
            if with_load:
                rate = round(
                    LOAD * median(self.measured[f"{self.system.name}_end_to_end_tasks_per_s"])
                )
                self._measure_waits(
                    "commit_to_start_under_load", "steady", rate * size.load_seconds, rate
                )
        return wrong

    def _send_and_run(self, count: int, master: psutil.Process) -> int:
        self._forget()
        used = cpu_seconds(master)
        sent = self._child("send", count)
        self._await(count + 1)  # with the one that connected
        self.services.database.execute("DELETE FROM bench_effect WHERE number < 0")
        used = cpu_seconds(master) - used
        self._note("worker_cpu_ms_per_task", used / count * 1000)
        self._note("send_tasks_per_s", count / sent["seconds"])
        return self._keep("end_to_end", count, sent["began_at"])

    def _note(self, what: str, value: float) -> None:
        self.measured[f"{self.system.name}_{what}"].append(value)

    def _forget(self) -> None:
        """Delete every task and effect; workers may be idle."""
        self.services.database.execute(
            "TRUNCATE jobs_task, jobs_attempt, bench_effect, procrastinate_jobs CASCADE"
        )

    def _child(self, action: str, *arguments: int) -> dict[str, float]:
        answer: dict[str, float] = self.services.run_child(
            action, self.system.module, *arguments, **self.system.environment
        )
        return answer

    @contextmanager
    def _worker(self) -> Iterator[psutil.Process]:
        environment = self.system.environment
        if self.system.worker:
            with self.services.peer_worker(list(self.system.worker), **environment) as master:
                yield master
        else:
            with self.services.worker(
                threads=WORKER_THREADS, queues=("default",), **environment
            ) as master:
                yield master

    def _await(self, count: int) -> None:
        complaint = f"{self.system.name}: {count} tasks were not done"
        self.services.wait(
            lambda: self.services.count(self.system.done) >= count, complaint, TASKS_SECONDS
        )

    def _keep(self, what: str, count: int, began_at: float) -> int:
        [ended_at] = self.services.epochs(self.system.last_end)
        self._note(f"{what}_tasks_per_s", count / (ended_at - began_at))
        effects = self.services.count("SELECT count(*) FROM bench_effect")
        distinct = self.services.count("SELECT count(DISTINCT number) FROM bench_effect")
        return abs(count - distinct) + effects - distinct

    def _measure_waits(self, what: str, action: str, *arguments: int) -> None:
        """Measure the time from the commit to the claim, or for a peer to its effect.

        It is read from PostgreSQL's clock, which is this machine's.
        """
        self._forget()
        committed = self._child(action, *arguments)
        self._await(len(committed))
        rows = self.services.database.execute(self.system.starts).fetchall()
        started = {str(number): at.timestamp() for number, at in rows}
        if started.keys() != committed.keys():
            raise BenchmarkError(
                f"{self.system.name}: {len(committed)} tasks sent, {len(started)} started"
            )
        waits = [(started[number] - committed[number]) * 1000 for number in committed]
        for percent in (50, 99):
            self._note(f"{what}_p{percent}_ms", percentile(waits, percent))


def _bulk(services: Services, size: Size, measured: dict[str, list[float]]) -> None:
    for _ in range(size.rounds):
        services.clear_tasks()
        sent = services.run_child("preload", "ledger", size.bulk_rows)
        measured["bulk_send_rows_per_s"].append(size.bulk_rows / sent["seconds"])
        relayed = services.run_child("publish", JOBS_BROKER_DEPTH_MESSAGES=str(10 * size.bulk_rows))
        if relayed["count"] != size.bulk_rows:
            raise BenchmarkError(
                f"the relay handed on {relayed['count']} of {size.bulk_rows} tasks"
            )
        measured["relay_tasks_per_s"].append(relayed["count"] / relayed["seconds"])
    services.clear_tasks()
