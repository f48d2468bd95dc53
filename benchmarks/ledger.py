"""Tasks through the ledger, on both transports, beside Dramatiq as it comes, in the same run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

import psutil

from benchmarks.results import Target, percentile
from benchmarks.services import BenchmarkError, Services, cpu_seconds

WORKER_THREADS = 8
SYSTEMS = ("rabbitmq", "embedded", "stock")
TARGETS: Mapping[str, Target] = {
    "rabbitmq_end_to_end_tasks_per_s": Target(700, 1500),
    "rabbitmq_drain_tasks_per_s": Target(1300, 1300),
    "relay_tasks_per_s": Target(5000, 13_000),
    "bulk_send_rows_per_s": Target(20_000, 20_000),
    "rabbitmq_commit_to_start_p50_ms": Target(2, 2, is_ceiling=True),
    "rabbitmq_commit_to_start_p99_ms": Target(10, 10, is_ceiling=True),
    "embedded_commit_to_start_p99_ms": Target(50, 50, is_ceiling=True),
    "effects_missing_or_doubled": Target(0, 0, is_ceiling=True),
}


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured."""

    rounds: int
    tasks: int
    bulk_rows: int
    idle_tasks: int


FULL = Size(rounds=3, tasks=3000, bulk_rows=20_000, idle_tasks=300)
QUICK = Size(rounds=1, tasks=800, bulk_rows=5000, idle_tasks=80)


def run(services: Services, *, quick: bool, say: Callable[[str], None]) -> dict[str, float]:
    """Interleaved rounds, so that a busy moment of the machine meets every system alike; medians."""
    size = QUICK if quick else FULL
    measured: dict[str, list[float]] = defaultdict(list)
    wrong = 0
    for number in range(1, size.rounds + 1):
        for system in SYSTEMS:
            say(f"ledger: round {number} of {size.rounds}, {system}")
            wrong += _Round(services, system, measured).run(size, with_idle=number == size.rounds)
    say("ledger: bulk send and relay")
    _bulk(services, size, measured)
    figures = {name: median(values) for name, values in measured.items()}
    figures |= {
        f"{system}_{what}_to_stock": figures[f"{system}_{what}_tasks_per_s"] / figures[f"stock_{what}_tasks_per_s"]
        for what in ("end_to_end", "drain")
        for system in ("rabbitmq", "embedded")
    }
    return figures | {"effects_missing_or_doubled": wrong}


@dataclass(frozen=True, slots=True)
class _Round:
    """One system's turn: a drain, a run with sends, and at the end the latency of an idle worker."""

    services: Services
    system: str
    measured: dict[str, list[float]]

    def run(self, size: Size, *, with_idle: bool) -> int:
        """Return how many effects are missing or doubled."""
        self.services.clear_tasks()
        self._child("preload", size.tasks)
        with self._worker() as master:
            self._await(size.tasks)
            wrong = self._keep("drain", size.tasks, self._first_start())
            self.services.database.execute("TRUNCATE jobs_task, jobs_attempt, bench_effect")
            used = cpu_seconds(master)
            sent = self._child("send", size.tasks)
            self._await(size.tasks + 1)  # with the one that connected
            used = cpu_seconds(master) - used
            self.measured[f"{self.system}_worker_cpu_ms_per_task"].append(used / size.tasks * 1000)
            self.services.database.execute("DELETE FROM bench_effect WHERE number < 0")
            wrong += self._keep("end_to_end", size.tasks, sent["began_at"])
            self.measured[f"{self.system}_send_tasks_per_s"].append(size.tasks / sent["seconds"])
            if with_idle:
                self._measure_idle(size.idle_tasks)
        return wrong

    @property
    def _kind(self) -> str:
        return "stock" if self.system == "stock" else "ledger"

    def _child(self, action: str, count: int) -> dict[str, float]:
        transport = "rabbitmq" if self.system == "stock" else self.system
        answer: dict[str, float] = self.services.run_child(action, self._kind, count, JOBS_TRANSPORT=transport)
        return answer

    @contextmanager
    def _worker(self) -> Iterator[psutil.Process]:
        if self.system == "stock":
            with self.services.stock_worker(threads=WORKER_THREADS) as master:
                yield master
        else:
            queues = ("default",)
            with self.services.worker(threads=WORKER_THREADS, queues=queues, JOBS_TRANSPORT=self.system) as master:
                yield master

    def _await(self, count: int) -> None:
        done = "SELECT count(*) FROM bench_effect"
        if self._kind == "ledger":
            done = "SELECT count(*) FROM jobs_task WHERE state = 'succeeded'"
        self.services.wait(lambda: self.services.count(done) >= count, f"{self.system}: {count} tasks were not done")

    def _first_start(self) -> float:
        first = "SELECT min(at) FROM bench_effect"
        if self._kind == "ledger":
            first = "SELECT min(started_at) FROM jobs_task"
        return self.services.epochs(first)[0]

    def _keep(self, what: str, count: int, began_at: float) -> int:
        last = "SELECT max(at) FROM bench_effect"
        if self._kind == "ledger":
            last = "SELECT max(finished_at) FROM jobs_task"
        [ended_at] = self.services.epochs(last)
        self.measured[f"{self.system}_{what}_tasks_per_s"].append(count / (ended_at - began_at))
        effects = self.services.count("SELECT count(*) FROM bench_effect")
        distinct = self.services.count("SELECT count(DISTINCT number) FROM bench_effect")
        return abs(count - distinct) + effects - distinct

    def _measure_idle(self, count: int) -> None:
        """From the commit to the claim by PostgreSQL's clock, which is this machine's; stock: send to effect."""
        self.services.database.execute("TRUNCATE jobs_task, jobs_attempt, bench_effect")
        committed = self._child("idle", count)
        sql = "SELECT number, at FROM bench_effect WHERE number >= 0"
        if self._kind == "ledger":
            sql = "SELECT (args->>0)::int, started_at FROM jobs_task WHERE (args->>0)::int >= 0"
        started = {str(number): at.timestamp() for number, at in self.services.database.execute(sql).fetchall()}
        if started.keys() != committed.keys():
            raise BenchmarkError(f"{self.system}: {len(committed)} idle tasks sent, {len(started)} started")
        waits = [(started[number] - committed[number]) * 1000 for number in committed]
        what = "send_to_effect" if self.system == "stock" else "commit_to_start"
        for percent in (50, 99):
            self.measured[f"{self.system}_{what}_p{percent}_ms"].append(percentile(waits, percent))


def _bulk(services: Services, size: Size, measured: dict[str, list[float]]) -> None:
    for _ in range(size.rounds):
        services.clear_tasks()
        sent = services.run_child("preload", "ledger", size.bulk_rows)
        measured["bulk_send_rows_per_s"].append(size.bulk_rows / sent["seconds"])
        relayed = services.run_child("publish", JOBS_BROKER_DEPTH_MESSAGES=str(10 * size.bulk_rows))
        if relayed["count"] != size.bulk_rows:
            raise BenchmarkError(f"the relay handed on {relayed['count']} of {size.bulk_rows} tasks")
        measured["relay_tasks_per_s"].append(relayed["count"] / relayed["seconds"])
    services.clear_tasks()
