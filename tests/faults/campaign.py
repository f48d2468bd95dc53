"""One seeded run: the system under load is broken for a while, healed, drained and judged."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import psycopg

from tests.faults import civic, verdict
from tests.faults.callbacks import CallBacks
from tests.faults.clients import Clients
from tests.faults.injections import Injection, begin_safely
from tests.faults.provider import Provider
from tests.faults.proxy import Proxy
from tests.faults.system import BASE_DIR, Crew, Servers, children, free_port

WORKERS = ("worker-direct", "worker-proxied", "worker-skewed")
SKEW_SECONDS = 600
THREADS = 4
#: The sender stands back behind so many tasks that have not ended.
PENDING_TASKS = 4000
BOOT_SECONDS = 90
DRAIN_SECONDS = 120
#: How long the last call-backs of the provider may take, once everything is whole.
CALL_BACK_SECONDS = 30
#: The calm at the end of a run, before the faults still at work are healed.
LAST_FAULT_AT = 0.9
#: How much longer a run may take where a fault still waits for something to hit.
OVERTIME = 1.5
#: Points of a task's way at which a worker may die; one of them ends each life.
DEADLY = (
    "before_claim",
    "after_claim",
    "in_bundle",
    "after_call",
    "after_commit",
    "after_bundle",
    "before_ack",
)
#: Points at which a worker may stand still for longer than its lease.
HALTING = ("after_claim", "in_bundle", "after_call", "after_commit", "after_bundle", "before_ack")
HALT_SECONDS = 6
#: Chances, for each time a thread passes, that it dies there.
THREAD_DEATHS = {
    "relay": 0.03,
    "publisher": 0.002,
    "receiver": 0.002,
    "feeder": 0.01,
    "loop.civiclens-relay": 0.01,
    "loop.civiclens-rescue": 0.1,
    "loop.civiclens-heartbeat": 0.05,
    "loop.civiclens-mark": 0.05,
    "loop.civiclens-schedule": 0.05,
    "loop.civiclens-observe": 0.1,
}
DUPLICATE_CALL_BACK = "provider: duplicate call-back"
MISBEHAVIOUR = {"error": 0.04, "timeout": 0.01}


@dataclass
class Result:
    """What a run did and what came of it."""

    seed: int
    seconds: float = 0.0
    hit: Counter[str] = field(default_factory=Counter)
    unhit: Counter[str] = field(default_factory=Counter)
    drain_seconds: float = 0.0
    restarts: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    audit: str = ""
    judged: verdict.Verdict = field(default_factory=verdict.Verdict)
    civic: dict[str, int] = field(default_factory=dict)


class Campaign:
    """The processes and faults of one seed, on servers that other seeds use too."""

    def __init__(
        self,
        servers: Servers,
        cards: list[Injection],
        *,
        seed: int,
        seconds: float,
        workers: Sequence[str] = WORKERS,
        has_web: bool = True,
    ) -> None:
        self.servers = servers
        self.dice = random.Random(seed)
        self.seed = seed
        self._seconds = seconds
        self._cards = cards
        self._workers = workers
        self._has_web = has_web
        self._database = f"faults_{seed}"
        self._drained_at: Any = None
        folder = servers.folder / f"seed-{seed}"
        folder.mkdir(parents=True)
        self.truth = folder / "promised.jsonl"
        self._hits = folder / "hits.jsonl"
        self._hits_read = 0
        self.crew = Crew(folder)
        self.provider = Provider(seed)
        self.proxies = {
            "RabbitMQ": Proxy(("127.0.0.1", servers.rabbitmq.port)),
            "PostgreSQL": Proxy((servers.postgres_host, 5432)),
        }
        self.clients: Clients | None = None
        self._healing: list[tuple[float, Injection]] = []
        self._skewed: set[int] = set()
        self.result = Result(seed)

    def run(self) -> Result:
        """Break, heal, drain, judge.

        Everything of this run is gone afterwards but its log files.
        """
        began = time.monotonic()
        self.servers.make_database(self._database)
        with ExitStack() as undo:
            for proxy in self.proxies.values():
                undo.callback(proxy.stop)
            undo.callback(self.provider.stop)
            undo.callback(self.crew.kill_all)
            self._start()
            self._break()
            self._heal()
            self._drain()
            self._hear_out()
        self._judge()
        self.servers.drop_database(self._database)
        self.result.seconds = time.monotonic() - began
        return self.result

    # --- what injections ask ---------------------------------------------------------------------
    def count(self, condition: str) -> int:
        """Return how many tasks fulfil the condition now."""
        return int(str(self._ask(f"SELECT count(*) FROM jobs_task WHERE {condition}")[0][0]))

    @property
    def prefix(self) -> str:
        """Return what the names of this run's queues in RabbitMQ begin with."""
        return self._database

    def busy_worker(self) -> int | None:
        """Return a worker process that runs a task at this moment."""
        rows = self._ask("""
            SELECT DISTINCT w.pid FROM jobs_task t JOIN jobs_worker w ON w.id = t.worker_id
            WHERE t.state = 'running' AND t.started_at > statement_timestamp() - interval '2 s'
        """)
        ours = {child for name in self._workers for child in children(self.crew.pid(name) or 0)}
        pids = sorted(int(str(pid)) for (pid,) in rows if pid in ours)
        return self.dice.choice(pids) if pids else None

    def _ask(self, sql: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.servers.conninfo(self._database), autocommit=True) as connection:
            return connection.execute(sql).fetchall()

    # --- the phases ------------------------------------------------------------------------------
    def _start(self) -> None:
        """Workers, web and sender are at work."""
        options = [
            "--processes",
            "1",
            "--threads",
            str(THREADS),
            "--worker-shutdown-timeout",
            "3000",
        ]
        for name in self._workers:
            command = [str(BASE_DIR / "manage.py"), "rundramatiq", *options]
            self.crew.add(name, command, lambda name=name: self._worker_environment(name))  # type: ignore[misc]
        if self._has_web:
            self._start_web()
        self._wait_for_workers()
        send = ["-m", "tests.faults.load", str(PENDING_TASKS), str(self.truth)]
        self.crew.add("sender", send, lambda: self._environment(self._thread_deaths()))
        if self.clients is not None:
            self.clients.start()
        self.provider.misbehaviour = MISBEHAVIOUR

    def _start_web(self) -> None:
        port = free_port()
        web = {"WEB_BIND": f"127.0.0.1:{port}", "WEB_PROCESSES": "2", "WEB_THREADS": "4"}
        self.crew.add(
            "web", ["-m", "config.serving"], lambda: self._environment(self._thread_deaths(), **web)
        )
        self.clients = Clients(
            port, self.servers.tokens, staff=self.servers.staff_token, seed=self.seed
        )
        self.provider.call_backs = CallBacks(port, seed=self.seed)

    def _wait_for_workers(self) -> None:
        deadline = time.monotonic() + BOOT_SECONDS
        while int(str(self._ask("SELECT count(*) FROM jobs_worker")[0][0])) < len(self._workers):
            if time.monotonic() > deadline:
                raise RuntimeError(f"The workers did not start; see {self.truth.parent}.")
            self._tick()

    def _break(self) -> None:
        """Play each card as soon as it is due and would hit something.

        Meanwhile fail points do their own.
        """
        began = time.monotonic()
        moments = sorted(
            began + self.dice.uniform(1, self._seconds * LAST_FAULT_AT) for _ in self._cards
        )
        due = list(zip(moments, self._cards, strict=True))
        while time.monotonic() < began + self._seconds * (OVERTIME if due else 1):
            self._tick()
            due = [
                entry for entry in due if entry[0] > time.monotonic() or not self._play(entry[1])
            ]
            for ends_at, card in [entry for entry in self._healing if entry[0] <= time.monotonic()]:
                self._healing.remove((ends_at, card))
                card.heal(self)
        self.result.unhit.update(card.name for _, card in due)

    def _play(self, card: Injection) -> bool:
        """Play a fault; return whether it struck.

        One target suffers one fault at a time.
        """
        if any(card.target and card.target == other.target for _, other in self._healing):
            return False
        if not begin_safely(card, self):
            return False
        self.result.hit[card.name] += 1
        if card.seconds:
            self._healing.append((time.monotonic() + card.seconds, card))
        return True

    def _heal(self) -> None:
        """Mend everything, and stop those who send."""
        self._hits.with_name(self._hits.name + ".off").touch()
        self.provider.misbehaviour = {}
        for proxy in self.proxies.values():
            proxy.set_mode("pass")
        self.crew.stop("sender")
        for _, card in self._healing:
            card.heal(self)
        self.servers.wait_until_whole()
        if self.clients is not None:
            self.clients.stop()
        self._follow_hits()
        self.crew.let_go()

    def _drain(self) -> None:
        """Wait until every task has ended, or has had its time; no retry waits for its pause."""
        began = time.monotonic()
        hasten = """
            WITH hastened AS (UPDATE jobs_task SET run_at = statement_timestamp(),
                publish_at = statement_timestamp()
            WHERE state = 'retrying' AND run_at > statement_timestamp() RETURNING 1)
                SELECT count(*) FROM hastened
        """
        while self.count("state IN ('queued', 'retrying', 'running')"):
            self._ask(hasten)
            for _ in range(10):
                self._tick()
            if time.monotonic() - began > DRAIN_SECONDS:
                break
        # The transaction of a task that the schedule sends at this moment may have begun before.
        [(self._drained_at,)] = self._ask("SELECT statement_timestamp() - interval '5 seconds'")
        self.result.drain_seconds = round(time.monotonic() - began, 1)

    def _hear_out(self) -> None:
        """Wait until the provider has nothing more to tell."""
        if self.provider.call_backs is not None:
            self.provider.call_backs.finish(self._tick, seconds=CALL_BACK_SECONDS)

    def _judge(self) -> None:
        self._count_hits()
        self.result.restarts = self.crew.restarts
        promised = verdict.Promised.read(self.truth)
        promised.drained_at = self._drained_at
        if self.clients is not None:
            promised.reports, promised.challenges = self.clients.reports, self.clients.challenges
            self.result.answers = self.clients.answers
        if self.provider.call_backs is not None:
            promised.receipts = set(self.provider.call_backs.answered)
        with psycopg.connect(self.servers.conninfo(self._database), autocommit=True) as connection:
            judged = verdict.judge(connection, promised, self.provider.calls)
            if self.clients is not None:
                photos = self.truth.parent / "photos"
                self.result.civic = self.clients.civic.counts()
                civic.judge(connection, self.clients.civic, photos, judged.find)
        self.result.judged = judged
        self._verify_audit_chain()

    def _verify_audit_chain(self) -> None:
        """Check that the audit log still says what it said when it was sealed.

        Processes may have died while they sealed it.
        """
        command = [sys.executable, str(BASE_DIR / "manage.py"), "audit_verify"]
        answer = subprocess.run(
            command, env=self._environment(""), capture_output=True, text=True, check=False
        )
        self.result.audit = (answer.stdout or answer.stderr).strip()
        self.result.judged.find(
            "a broken audit chain", [self.result.audit] if answer.returncode else []
        )

    # --- the processes' environments -------------------------------------------------------------
    def _environment(self, failpoints: str, **more: str) -> dict[str, str]:
        return self.servers.environment(
            self._database,
            SMS_PROVIDER_URL=self.provider.url,
            JOBS_QUEUE_PREFIX=self._database,
            DATA_DIR=str(self.truth.parent),
            AUDIT_HEAD_FILE=str(self.truth.with_name("audit-head.jsonl")),
            JOBS_FAILPOINTS=failpoints,
            JOBS_FAILPOINTS_SEED=str(self.dice.random()),
            JOBS_FAILPOINTS_LOG=str(self._hits),
            **more,
        )

    def _worker_environment(self, name: str) -> dict[str, str]:
        """Return the environment for one life of a worker.

        It says where the worker will die, and where it may stand still or lose a thread.
        """
        rules = [f"{self.dice.choice(DEADLY)}=kill@{self.dice.randint(40, 500)}"]
        rules += [f"{self.dice.choice(HALTING)}=stop:{HALT_SECONDS}@{self.dice.randint(20, 250)}"]
        if name == "worker-skewed":
            skew = SKEW_SECONDS * self.dice.choice((-1, 1))
            path = f"{BASE_DIR / 'tests' / 'faults' / 'skew'}:{BASE_DIR}"
            rules.append(
                "after_claim=sleep@5"
            )  # tells by its time that a task ran under the wrong clock
            more = {"FAULTS_CLOCK_SKEW_SECONDS": str(skew), "PYTHONPATH": path}
        elif name == "worker-proxied":
            postgres, rabbitmq = self.proxies["PostgreSQL"].port, self.proxies["RabbitMQ"].port
            more = {
                "DATABASE_URL": f"postgres://postgres@127.0.0.1:{postgres}/{self._database}",
                "RABBITMQ_URL": f"amqp://guest:guest@127.0.0.1:{rabbitmq}",
            }
        else:
            more = {}
        return self._environment(",".join(rules) + "," + self._thread_deaths(), **more)

    def _thread_deaths(self) -> str:
        return ",".join(f"{point}=raise%{chance}" for point, chance in THREAD_DEATHS.items())

    # --- watching --------------------------------------------------------------------------------
    def _tick(self) -> None:
        self.servers.tick()
        self.crew.tick()
        self._follow_hits()
        time.sleep(0.05)

    def _follow_hits(self) -> None:
        """Hold who has just stopped itself, so that it is let go on in time."""
        for hit in self._new_hits():
            if hit["action"] == "stop":
                self.crew.hold(int(str(hit["pid"])), float(str(hit["seconds"])), is_stopped=True)
            if abs(float(str(hit["at"])) - time.time()) > SKEW_SECONDS / 2:
                self._skewed.add(int(str(hit["pid"])))

    def _new_hits(self) -> list[dict[str, object]]:
        if not self._hits.exists():
            return []
        with self._hits.open("rb") as log:
            log.seek(self._hits_read)
            complete = log.read().rpartition(b"\n")[0]
        self._hits_read += len(complete) + bool(complete)
        return [json.loads(line) for line in complete.splitlines()]

    def _count_hits(self) -> None:
        for line in self._hits.read_text().splitlines() if self._hits.exists() else ():
            hit = json.loads(line)
            if hit["action"] == "sleep":
                continue
            is_hit = hit["task"] is not None or hit["point"].startswith("loop.")
            what = {"kill": "SIGKILL", "stop": "SIGSTOP", "raise": "thread death"}[hit["action"]]
            (self.result.hit if is_hit else self.result.unhit)[f"{what} at {hit['point']}"] += 1
        for kind, number in self.provider.misdeeds().items():
            name = {"error": "500 after accepting", "timeout": "timeout after accepting"}[kind]
            self.result.hit[f"provider: {name}"] += number
        if self.provider.call_backs is not None:
            taken, missed = self.provider.call_backs.duplicates()
            self.result.hit[DUPLICATE_CALL_BACK] = taken
            self.result.unhit[DUPLICATE_CALL_BACK] = missed
        if "worker-skewed" in self._workers:
            (self.result.hit if self._skewed else self.result.unhit)["clock off by 10 min"] += max(
                1, len(self._skewed)
            )
