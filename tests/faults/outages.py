"""RabbitMQ away, frozen, half alive or empty, one fault at a time: how long people wait meanwhile.

The seeds of a campaign break many things at once, under a load that fills the machine; what they
judge is that nothing is lost or doubled. Here the load is light, so that every delay is the
fault's.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from statistics import quantiles
from typing import Any, LiteralString

import psycopg

from tests.faults.clients import post
from tests.faults.injections import purge
from tests.faults.provider import Provider
from tests.faults.system import BASE_DIR, Crew, Servers, free_port
from tests.faults.verdict import Promised

DATABASE = "faults_outages"
WORKERS = ("worker-1", "worker-2")
THREADS = 4
#: From the commit to the start, of 99 in 100 tasks; and from the answer to a citizen to the
#: provider's machine.
START_P99_SECONDS, CODE_SECONDS = 0.3, 2.0
CODE_PAUSE_SECONDS = 0.5
#: The calm before a fault, and the time after its end in which everything still counts.
CALM_SECONDS, RECOVERY_SECONDS = 3.0, 6.0
BOOT_SECONDS, DRAIN_SECONDS = 90, 30
#: How much longer than the others the first outage lasts, in which workers and web begin without a
#: broker.
FIRST_OUTAGE = 3

#: Seconds from the sending of each task of a span to its start, or until now. The transactions are
#: short.
_WAITS: LiteralString = """
    SELECT extract(epoch FROM coalesce(started_at, clock_timestamp()) - created_at)::float8
        FROM jobs_task
    WHERE actor = 'fault_effect' AND created_at BETWEEN %s AND %s
"""
_WRONG: LiteralString = """
    SELECT t.id, t.state, count(e.key) FROM jobs_task t LEFT JOIN fault_effect e ON e.task_id = t.id
    WHERE t.actor = 'fault_effect' GROUP BY t.id HAVING t.state <> 'succeeded' OR count(e.key) <> 1
"""


@dataclass
class Outage:
    """What one fault cost: how long tasks waited to start and codes to be handed over, in
    seconds.
    """

    name: str
    waits: list[float] = field(default_factory=list)
    codes: list[float] = field(default_factory=list)
    hits: int = 1
    is_judged: bool = True

    @property
    def start_p50(self) -> float:
        return quantiles(self.waits, n=100)[49]

    @property
    def start_p99(self) -> float:
        return quantiles(self.waits, n=100)[98]

    @property
    def breaches(self) -> list[str]:
        """Return the goals that it missed.

        A fault that hit nothing, or under which nothing was asked for, proves nothing.
        """
        if not self.is_judged:
            return []
        if len(self.waits) < 100 or len(self.codes) < 3 or not self.hits:
            return [
                (
                    f"{self.name}: {len(self.waits)} tasks, {len(self.codes)} codes and "
                    f"{self.hits} hits prove nothing"
                )
            ]
        missed = []
        if self.start_p99 >= START_P99_SECONDS:
            missed.append(f"{self.name}: p99 from commit to start was {self.start_p99:.2f} s")
        if max(self.codes) >= CODE_SECONDS:
            missed.append(f"{self.name}: a code was handed over after {max(self.codes):.1f} s")
        return missed

    def figures(self) -> dict[str, Any]:
        return {
            "tasks": len(self.waits),
            "start_p50_ms": round(1000 * self.start_p50, 1),
            "start_p99_ms": round(1000 * self.start_p99, 1),
            "start_max_ms": round(1000 * max(self.waits), 1),
            "codes": len(self.codes),
            "code_max_ms": round(1000 * max(self.codes, default=0.0), 1),
            "hits": self.hits,
        }


class Citizens(threading.Thread):
    """Asks for a code twice a second and remembers when the answer came; `asked` is by phone
    number.
    """

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self._port = port
        self.asked: dict[str, float] = {}
        self.is_stopping = threading.Event()

    def run(self) -> None:
        number = 0
        while not self.is_stopping.wait(CODE_PAUSE_SECONDS):
            number += 1
            phone = f"+1202{2_000_000 + number:07}"
            with suppress(OSError, HTTPException, ValueError):
                status, _ = post(self._port, "/api/v1/auth/request-otp/", {"phone": phone}, None)
                if status == 202:
                    self.asked[phone] = time.monotonic()


class Outages:
    """Workers, web and a light load, through one outage of RabbitMQ after the other."""

    def __init__(self, servers: Servers, *, seconds: float) -> None:
        self.servers = servers
        self._seconds = seconds
        self._folder = servers.folder / "outages"
        self._folder.mkdir(parents=True)
        self._truth = self._folder / "promised.jsonl"
        self._crew = Crew(self._folder)
        self._provider = Provider(0)
        self._port = free_port()
        self._citizens = Citizens(self._port)
        self.outages: list[Outage] = []
        self.breaches: list[str] = []

    def run(self) -> None:
        """Play every fault, and judge; `outages` and `breaches` say what came of it."""
        self.servers.make_database(DATABASE)
        with ExitStack() as undo:
            undo.callback(self.servers.wait_until_whole)
            undo.callback(self._provider.stop)
            undo.callback(self._crew.kill_all)
            undo.callback(self._citizens.is_stopping.set)
            self._play_first_appearance()
            self._play_calm()
            servers = self.servers
            self._play(
                "RabbitMQ killed",
                lambda: servers.kill_rabbitmq(wipe=False),
                servers.revive_rabbitmq,
            )
            self._play("RabbitMQ frozen", servers.freeze_rabbitmq, servers.thaw_rabbitmq)
            self._play("RabbitMQ half alive", servers.fell_virtual_host, servers.raise_virtual_host)
            self._play_purges()
            self._drain()
        self.breaches += [breach for outage in self.outages for breach in outage.breaches]
        self.servers.drop_database(DATABASE)

    # --- the faults -------------------------------------------------------------------------------
    def _play_first_appearance(self) -> None:
        """Start the broker only when workers and web have been at work for a while."""
        self.servers.kill_rabbitmq(wipe=True)
        self._start()
        outage = Outage("RabbitMQ first appears late")
        began = self._now()
        self._pass(self._seconds * FIRST_OUTAGE)
        self.servers.revive_rabbitmq()
        self._wait_for_rabbitmq()
        self._measure(outage, began)

    def _play_calm(self) -> None:
        """Measure without any fault, to compare the others with."""
        began = self._now()
        self._pass(self._seconds)
        self._measure(Outage("none, for comparison", is_judged=False), began)

    def _play(self, name: str, begin: Callable[[], None], heal: Callable[[], None]) -> None:
        self._pass(CALM_SECONDS)
        began = self._now()
        begin()
        self._pass(self._seconds)
        heal()
        self._wait_for_rabbitmq()
        self._measure(Outage(name), began)

    def _play_purges(self) -> None:
        """Whatever waits in RabbitMQ is thrown away, again and again."""
        self._pass(CALM_SECONDS)
        began = self._now()
        with ThreadPoolExecutor(max_workers=1) as pool:
            url = self.servers.rabbitmq.url
            purged = pool.submit(purge, url, DATABASE, seconds=self._seconds)
            self._pass(self._seconds)
        self._measure(Outage("RabbitMQ purged under load", hits=purged.result()), began)

    # --- the system -------------------------------------------------------------------------------
    def _start(self) -> None:
        environment = self.servers.environment(
            DATABASE,
            SMS_PROVIDER_URL=self._provider.url,
            JOBS_QUEUE_PREFIX=DATABASE,
            dramatiq_restart_delay="500",
        )
        options = [
            "--processes",
            "1",
            "--threads",
            str(THREADS),
            "--worker-shutdown-timeout",
            "3000",
        ]
        for name in WORKERS:
            self._crew.add(
                name, [str(BASE_DIR / "manage.py"), "rundramatiq", *options], lambda: environment
            )
        web = environment | {
            "WEB_BIND": f"127.0.0.1:{self._port}",
            "WEB_PROCESSES": "1",
            "WEB_THREADS": "4",
        }
        self._crew.add("web", ["-m", "config.serving"], lambda: web)
        self._wait_for_workers()
        self._crew.add(
            "sender", ["-m", "tests.faults.steady", str(self._truth)], lambda: environment
        )
        self._citizens.start()
        self._wait_until(
            lambda: bool(self._citizens.asked) and self._truth.exists(), "the load to begin"
        )

    def _wait_for_workers(self) -> None:
        self._wait_until(lambda: self._count("jobs_worker") >= len(WORKERS), "the workers to start")

    def _wait_for_rabbitmq(self) -> None:
        """RabbitMQ answers again and all have had the time to find out."""
        self._wait_until(self.servers.rabbitmq.answers, "RabbitMQ to answer")
        self._pass(RECOVERY_SECONDS)

    def _wait_until(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + BOOT_SECONDS
        while not condition():
            if time.monotonic() > deadline:
                raise RuntimeError(f"Waited in vain for {what}; see {self._folder}.")
            self._pass(0.1)

    def _pass(self, seconds: float) -> None:
        ends_at = time.monotonic() + seconds
        while True:
            self.servers.tick()
            self._crew.tick()
            if time.monotonic() >= ends_at:
                return
            time.sleep(0.05)

    # --- what came of it --------------------------------------------------------------------------
    def _measure(self, outage: Outage, began: tuple[float, Any]) -> None:
        """Everything that was asked for since `began`, given the time that a code may take."""
        ended, (_, ended_at) = time.monotonic(), self._now()
        self._pass(CODE_SECONDS)
        began_monotonic, began_at = began
        with self._connect() as connection:
            outage.waits = [wait for (wait,) in connection.execute(_WAITS, (began_at, ended_at))]
        arrived = {call.to: call.at for call in self._provider.calls}
        outage.codes = [
            arrived.get(phone, time.monotonic()) - asked
            for phone, asked in list(self._citizens.asked.items())
            if began_monotonic <= asked <= ended
        ]
        self.outages.append(outage)
        print(f"  {line(outage.name, outage.figures())}", flush=True)

    def _drain(self) -> None:
        """Nobody asks any more; every task must have ended, each with one effect."""
        self._citizens.is_stopping.set()
        self._crew.stop("sender")
        deadline = time.monotonic() + DRAIN_SECONDS
        while self._count("jobs_task WHERE state NOT IN ('succeeded', 'dead', 'cancelled')"):
            if time.monotonic() > deadline:
                break
            self._pass(0.2)
        with self._connect() as connection:
            wrong = connection.execute(_WRONG).fetchall()
            stored = {row[0] for row in connection.execute("SELECT id FROM jobs_task")}
        if wrong:
            self.breaches.append(
                f"tasks of an outage without exactly one effect: {len(wrong)}, such as {wrong[0]}"
            )
        if vanished := Promised.read(self._truth).committed - stored:
            self.breaches.append(f"committed tasks of an outage that vanished: {len(vanished)}")

    def _connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.servers.conninfo(DATABASE), autocommit=True)

    def _count(self, rows: LiteralString) -> int:
        with self._connect() as connection:
            row = connection.execute(f"SELECT count(*) FROM {rows}").fetchone()
        return int(row[0]) if row else 0

    def _now(self) -> tuple[float, Any]:
        """Return this moment by our clock, and by PostgreSQL's."""
        with self._connect() as connection:
            row = connection.execute("SELECT clock_timestamp()").fetchone()
        return time.monotonic(), row[0] if row else None


def line(name: str, figures: dict[str, Any]) -> str:
    """Return one outage as a line of the report; `figures` are those of `Outage.figures`."""
    return (
        f"{name:28}  {figures['tasks']:6} tasks  from commit to start: p50 "
        f"{figures['start_p50_ms']:7.1f},"
        f" p99 {figures['start_p99_ms']:7.1f}, max {figures['start_max_ms']:7.1f} ms"
        f"  {figures['codes']:4} codes, slowest {figures['code_max_ms']:7.1f} ms  "
        f"{figures['hits']} hits"
    )
