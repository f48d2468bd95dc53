"""The private servers and processes of a benchmark run, all on loopback or unix sockets, gone when
it ends.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.error import URLError

import psutil
import psycopg

from config.development.postgres import PostgresServer
from config.development.processes import spawn, stop_group, wait_for
from config.development.rabbitmq import RabbitmqNode

BASE_DIR = Path(__file__).resolve().parent.parent
DATABASE = "civiclens_bench"
WORKER_NICENESS = 10
START_SECONDS = 60
CHILD_SECONDS = 180
#: Tasks of today; waking a report that waits for material is for another day.
_OF_TODAY = "run_at < statement_timestamp() + interval '1 hour'"
#: How many tasks are still to be done, and how many did not succeed.
UNFINISHED = (
    "SELECT count(*) FROM jobs_task WHERE state IN ('queued', 'retrying', 'running')"
    f" AND {_OF_TODAY}"
)
NOT_SUCCEEDED = f"SELECT count(*) FROM jobs_task WHERE state <> 'succeeded' AND {_OF_TODAY}"


class BenchmarkError(Exception):
    """The benchmark could not be measured; the message says why."""


#: A few citizens of a benchmark report more than those of a city.
LIMITS = (
    "REPORTS_PER_CITIZEN_HOUR",
    "REPORTS_PER_CITIZEN_DAY",
    "REPORTS_EQUAL_TEXTS_PER_DAY",
    "REPORTS_PER_CITIZEN_PLACE_DAY",
    "REPORTS_PER_PLACE_HOUR",
    "REPUTATION_POINTS_PER_DAY",
    "OTP_REQUESTS_PER_HOST_HOUR",
    "OTP_REQUESTS_PER_NETWORK_HOUR",
    "OTP_REQUESTS_PER_PREFIX_HOUR",
    "OTP_REQUESTS_PER_DAY",
    "MATCHING_RUNS_PER_HOUR",
)


class Services:
    """PostgreSQL with its durable settings and RabbitMQ, private to this run and empty at its
    start.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.postgres = PostgresServer(folder / "postgres")
        self.rabbitmq = RabbitmqNode(folder / "rabbitmq")
        self._stack = ExitStack()
        self._running: dict[str, psutil.Process] = {}

    def __enter__(self) -> Services:
        with ExitStack() as undo:  # what did start is stopped again where the rest does not
            undo.callback(self.postgres.stop)
            self.postgres.ensure_running()
            undo.callback(self.rabbitmq.kill)
            self.rabbitmq.wipe()
            self.rabbitmq.start()
            self._make_database()
            self.database = undo.enter_context(
                psycopg.connect(self._conninfo(DATABASE), autocommit=True)
            )
            self.run_child("migrate")
            self.rabbitmq.wait_ready()
            self._stack = undo.pop_all()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    def environment(self, **more: str) -> dict[str, str]:
        """Return the environment of a production process on these servers; `more` wins."""
        return {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
            "PYTHONPATH": str(BASE_DIR),
            "DATA_DIR": str(self.folder),
            "DEBUG": "off",
            "SECRET_KEY": self._secret,
            "DATABASE_URL": self.postgres.url.replace("/postgres?", f"/{DATABASE}?"),
            "ALLOWED_HOSTS": "127.0.0.1",
            "SECURE_SSL_REDIRECT": "off",
            "RABBITMQ_URL": self.rabbitmq.url,
            "JOBS_TRANSPORT": "rabbitmq",
            "JOBS_SCHEDULE": "",  # what runs by the clock has queues that no worker here serves
            "EMAIL_URL": "smtp://127.0.0.1:9",
            "SMS_PROVIDER_URL": "http://127.0.0.1:9/",
            "SMS_PROVIDER_TOKEN": "benchmark",
            "ACCESS_TOKEN_LIFETIME_SECONDS": "7200",
            **dict.fromkeys(LIMITS, "1000000"),
            **more,
        }

    def run_child(self, action: str, *arguments: object, **more: str) -> Any:
        """Run an action of `benchmarks.child` in a fresh process; return what it answers."""
        result = subprocess.run(
            [sys.executable, "-m", "benchmarks.child", action, *map(str, arguments)],
            cwd=BASE_DIR,
            env=self.environment(**more),
            capture_output=True,
            timeout=CHILD_SECONDS,
            check=False,
        )
        if result.returncode:
            raise BenchmarkError(
                f"{action} failed:\n{result.stderr.decode(errors='replace')[-2000:]}"
            )
        return json.loads(result.stdout.splitlines()[-1])

    def measure_pages(self, module: str, rows: int, *, seconds: float) -> dict[str, float]:
        """Return the figures that a module prints for a size, with the product's own settings.

        It runs in a process of its own, as a web process does.
        """
        done = subprocess.run(
            [sys.executable, "-m", module, str(rows)],
            cwd=BASE_DIR,
            env=self.environment(
                STAFF_TOTP_REQUIRED="off", DJANGO_SETTINGS_MODULE="config.settings"
            ),
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        if done.returncode:
            raise BenchmarkError(f"{module} {rows} failed:\n{done.stderr[-2000:]}")
        figures: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
        return figures

    @contextmanager
    def worker(
        self, *, threads: int, queues: tuple[str, ...], **more: str
    ) -> Iterator[psutil.Process]:
        """Run a real `rundramatiq` meanwhile, at nice 10; yield its master process.

        The ledger knows it before the block begins.
        """
        options = [
            "--processes",
            "1",
            "--threads",
            str(threads),
            "--worker-shutdown-timeout",
            "10000",
        ]
        command = [
            sys.executable,
            str(BASE_DIR / "manage.py"),
            "rundramatiq",
            *options,
            "--queues",
            *queues,
        ]
        known = self.count("SELECT count(*) FROM jobs_worker")
        name = f"worker-{queues[0]}"
        with self.process(name, command, more, niceness=WORKER_NICENESS) as master:
            self.wait(
                lambda: self.count("SELECT count(*) FROM jobs_worker") > known,
                "the worker did not start",
            )
            yield master

    @contextmanager
    def peer_worker(self, command: list[str], **more: str) -> Iterator[psutil.Process]:
        """Another system's worker, a Python module and its arguments, with the same niceness."""
        with self.process(
            "peer", [sys.executable, "-m", *command], more, niceness=WORKER_NICENESS
        ) as master:
            yield master

    @contextmanager
    def web(self, application: str, **more: str) -> Iterator[int]:
        """Run the web server as `make run` starts it; yields its port."""
        command = [sys.executable, "-m", "config.serving", application]
        with reserved_port() as port:
            bind = {"WEB_BIND": f"127.0.0.1:{port}", "WEB_PROCESSES": "1"}
            with self.process(f"web-{application.partition('.')[0]}", command, bind | more):
                self.wait(lambda: _answers(port), f"{application} did not answer")
                yield port

    @contextmanager
    def gunicorn(self, name: str, options: tuple[str, ...]) -> Iterator[int]:
        """Run the same application on gunicorn with these options; yields its port."""
        with listening_socket() as listener:
            port, descriptor = listener.getsockname()[1], listener.fileno()
            command = [sys.executable, "-m", "gunicorn", "config.wsgi:application"]
            command += ["--bind", f"fd://{descriptor}", "--no-control-socket", *options]
            more = {"DJANGO_SETTINGS_MODULE": "config.settings"}
            with self.process(name, command, more, pass_fd=descriptor):
                self.wait(lambda: _answers(port), f"{name} did not answer")
                yield port

    @contextmanager
    def mail_server(self, *, delay_seconds: float) -> Iterator[str]:
        """Run a mail server that takes everything after a delay; yield its URL for EMAIL_URL."""
        with listening_socket() as listener:
            port, descriptor = listener.getsockname()[1], listener.fileno()
            command = [sys.executable, "-m", "benchmarks.smtp", str(descriptor), str(delay_seconds)]
            with self.process("smtp", command, {}, pass_fd=descriptor):
                yield f"smtp://127.0.0.1:{port}"

    @contextmanager
    def sms_gateway(self) -> Iterator[str]:
        """Run an SMS provider that takes everything; yield its URL for SMS_PROVIDER_URL."""
        with listening_socket() as listener:
            port, descriptor = listener.getsockname()[1], listener.fileno()
            command = [sys.executable, "-m", "benchmarks.gateway", str(descriptor)]
            with self.process("gateway", command, {}, pass_fd=descriptor):
                yield f"http://127.0.0.1:{port}/"

    @contextmanager
    def process(
        self,
        name: str,
        command: list[str],
        more: dict[str, str],
        *,
        niceness: int = 0,
        pass_fd: int | None = None,
    ) -> Iterator[psutil.Process]:
        """Run the command meanwhile, its output in `logs/NAME.log`; then end its whole group."""
        path = self.folder / "logs" / f"{name}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        fds = () if pass_fd is None else (pass_fd,)
        with path.open("wb") as log:
            process = spawn(
                command, env=self.environment(**more), log=log, niceness=niceness, pass_fds=fds
            )
        self._running[name] = psutil.Process(process.pid)
        try:
            yield self._running[name]
            if process.poll() is not None:
                raise BenchmarkError(f"{name} ended before it was stopped; see {path}")
        finally:
            del self._running[name]
            stop_group(process, grace_seconds=12)

    def cpu_seconds(self) -> dict[str, float]:
        """Return the processor time so far of each part of the installation.

        The parts are PostgreSQL, RabbitMQ, and what this run started besides the mail server.
        """
        servers = {"postgres": self.postgres.postmaster_pid(), "broker": self.rabbitmq.pid}
        masters = {name: psutil.Process(pid) for name, pid in servers.items() if pid}
        for name, process in self._running.items():
            if name != "smtp":
                masters[name.partition("-")[0]] = process
        return {name: cpu_seconds(master) for name, master in masters.items()}

    def memory_mb(self, name: str) -> float:
        """Return the memory of a running process and its children, in MiB."""
        return memory_mb(self._running[name])

    def count(self, sql: str) -> int:
        """Return the one number that `sql` answers."""
        [number] = self.database.execute(sql).fetchone() or (0,)
        return int(number or 0)

    def epochs(self, sql: str) -> tuple[float, ...]:
        """Return the one row of times that `sql` answers, in seconds since 1970."""
        row = self.database.execute(sql).fetchone() or ()
        return tuple(value.timestamp() for value in row)

    def wait(
        self, condition: Callable[[], bool], complaint: str, seconds: float = START_SECONDS
    ) -> None:
        """Wait until the condition holds.

        Raises:
            BenchmarkError: it did not in time; the message is `complaint`.
        """
        if not wait_for(condition, seconds):
            raise BenchmarkError(f"{complaint} within {seconds:.0f} s; see {self.folder}/logs")

    def clear_tasks(self) -> None:
        """Delete every task, effect and worker from the database; nobody may be running."""
        self.database.execute("TRUNCATE jobs_task, jobs_attempt, jobs_worker, bench_effect")

    _secret = secrets.token_urlsafe(50)

    def _make_database(self) -> None:
        with psycopg.connect(self._conninfo("postgres"), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
            connection.execute(f"CREATE DATABASE {DATABASE}")

    def _conninfo(self, database: str) -> str:
        return f"host='{self.postgres.socket_folder}' user=postgres dbname={database}"


@contextmanager
def listening_socket() -> Iterator[socket.socket]:
    """Return a socket that listens on a free loopback port, to be inherited by a server."""
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        yield listener


@contextmanager
def reserved_port() -> Iterator[int]:
    """Reserve a free loopback port for a server that shares it (SO_REUSEPORT); yields the port."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


def cpu_seconds(master: psutil.Process) -> float:
    """Processor time of the process and its children so far, those that ended included.

    Other programs hardly change it, unlike elapsed time.
    """
    own = master.cpu_times()
    times = [process.cpu_times() for process in (master, *master.children(recursive=True))]
    return sum(time.user + time.system for time in times) + own.children_user + own.children_system


def memory_mb(master: psutil.Process) -> float:
    """Memory of the process and its children, what they share counted once (proportional set
    size).
    """
    return (
        sum(
            process.memory_full_info().pss for process in (master, *master.children(recursive=True))
        )
        / 2**20
    )


def _answers(port: int) -> bool:
    with (
        suppress(URLError, OSError),
        urllib.request.urlopen(f"http://127.0.0.1:{port}/livez", timeout=5),
    ):
        return True
    return False
