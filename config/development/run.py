"""Run the whole of CivicLens on one machine: `python -m config.development.run` (`make run`)."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from types import FrameType

import environ

from config.development.postgres import PostgresServer
from config.development.processes import ServiceError, end_with_parent, wait_for
from config.development.rabbitmq import RabbitmqNode, find_server
from config.development.supervisor import LogReader, Probe, Program, Supervisor, tells_of_error

BASE_DIR = Path(__file__).resolve().parent.parent.parent
FAST_QUEUES = ("critical", "default", "notifications")
LONG_QUEUES = ("matching", "analytics", "maintenance")
#: Each worker has further threads for bulk work alone: one fewer than these, but at least one.
FAST_THREADS, LONG_THREADS = 6, 2
WORKER_NICENESS = 10
#: The first port to try for the workers' metrics.
METRICS_PORT_FIRST = 9200
#: While the start is awaited: how often that is said, and how often one program may end meanwhile.
WAIT_NOTICE_SECONDS = 30
ENDS_UNTIL_FAILURE = 6
EARLIER_RUN_SECONDS = 30
TICK_SECONDS = 0.1
PORT_END = 65_536
WORKERS_SINCE = """
SELECT queues FROM jobs_worker
WHERE stopped_at IS NULL AND started_at > statement_timestamp() - make_interval(secs => %s)
"""


class StartError(Exception):
    """CivicLens cannot start; the message says what to do."""


@dataclass(frozen=True)
class Transport:
    """How tasks reach the workers, and the reason for that choice."""

    url: str
    description: str
    node: RabbitmqNode | None = None


def main() -> None:
    """Run until Ctrl-C or SIGTERM; exit with status 1 if the start fails."""
    environ.Env.read_env(BASE_DIR / ".env")
    _interrupt_on_signals()
    data_dir = Path(os.environ.get("DATA_DIR") or BASE_DIR / "var").resolve()
    try:
        port = _parse_port(os.environ.get("PORT") or "8000")
        Runner(data_dir, port).run()
    except (StartError, ServiceError) as error:
        sys.exit(f"CivicLens cannot start: {error}")
    except KeyboardInterrupt:
        print("CivicLens has stopped.", flush=True)


class Runner:
    """One running installation with its data in `data_dir` and its web server on `port`."""

    def __init__(self, data_dir: Path, port: int) -> None:
        self.data_dir = data_dir
        self.port = port
        self.address = f"http://127.0.0.1:{port}"
        self.supervisor = Supervisor(_say)
        self.postgres = (
            None if os.environ.get("DATABASE_URL") else PostgresServer(data_dir / "postgres")
        )
        self.logs = {
            name: LogReader(data_dir / "logs" / f"{name}.log")
            for name in ("web", "worker", "worker-long")
        }
        self.metrics_ports: list[int] = []
        self.stamp, self.logins = data_dir / "prepared", data_dir / "staff.json"
        self.started_at = time.monotonic()
        self.interrupted_make = _InterruptedMake()
        self.lock = -1

    def run(self) -> None:
        self.lock = _claim(self.data_dir)
        _require_free(self.port)
        try:
            self._start()
            self._announce_when_ready()
            while True:
                self._tick()
        finally:
            self._stop()

    def _start(self) -> None:
        """Start everything but RabbitMQ: all at once if the database is prepared, else it first."""
        self.transport = choose_transport(self.data_dir)
        environment = self._environment()
        if self._is_prepared():
            self._start_programs(environment)
            self._start_postgres()
        else:
            self._start_postgres()
            self._prepare(environment)
            self._start_programs(environment)

    def _environment(self) -> dict[str, str]:
        environment = dict(os.environ) | {
            "DATA_DIR": str(self.data_dir),
            "DEBUG": "on",
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "PYTHONUNBUFFERED": "1",
            "OPENBLAS_NUM_THREADS": "1",  # numpy's threads would only get into each other's way
            "RABBITMQ_URL": self.transport.url,
            # milliseconds to the next look for a RabbitMQ that boots
            "dramatiq_restart_delay": "500",
        }
        return (
            environment
            if self.postgres is None
            else environment | {"DATABASE_URL": self.postgres.url}
        )

    def _start_postgres(self) -> None:
        if self.postgres is not None:
            self.supervisor.start("postgres", self.postgres, stops_last=True)

    def _is_prepared(self) -> bool:
        """Return whether nothing has changed since the database was migrated and filled."""
        fingerprint = self._fingerprint()
        is_stamped = self.stamp.exists() and self.stamp.read_text() == fingerprint
        return bool(fingerprint) and is_stamped and self.logins.exists()

    def _prepare(self, environment: Mapping[str, str]) -> None:
        """Migrate and load the demo city, with the progress on the terminal."""
        command = [
            sys.executable,
            "-m",
            "config.development.prepare",
            str(self.logins),
        ]
        if subprocess.run(command, cwd=BASE_DIR, env=environment, check=False).returncode:
            raise StartError("the database could not be prepared; the reason is printed above.")
        self.stamp.write_text(self._fingerprint())

    def _fingerprint(self) -> str:
        """Return a text that changes with each migration, package, demo and embedded database.

        It is empty where there is no embedded database.
        """
        version = self.postgres.folder / "PG_VERSION" if self.postgres else None
        if version is None or not version.exists():
            return ""
        digest = hashlib.sha256(str(version.stat().st_mtime_ns).encode())
        contents = (
            BASE_DIR.glob(pattern) for pattern in ("*/migrations/*.py", "*/demo/**/*.[py]*")
        )
        for path in (BASE_DIR / "requirements.txt", *sorted(chain.from_iterable(contents))):
            if path.is_file() and path.suffix != ".pyc":
                digest.update(path.read_bytes())
        return digest.hexdigest()

    def _start_programs(self, environment: dict[str, str]) -> None:
        web = environment | {"WEB_BIND": f"127.0.0.1:{self.port}", "WEB_PROCESSES": "1"}
        self._start_program("web", [sys.executable, "-m", "config.serving"], web)
        workers = {
            "worker": _worker(FAST_QUEUES, threads=FAST_THREADS),
            "worker-long": _worker(LONG_QUEUES, threads=LONG_THREADS),
        }
        first = int(os.environ.get("JOBS_METRICS_PORT") or METRICS_PORT_FIRST)
        self.metrics_ports = (
            free_ports(first, count=len(workers), besides=self.port)
            if first
            else [0] * len(workers)
        )
        for (name, command), port in zip(workers.items(), self.metrics_ports, strict=True):
            own_environment = environment | {"JOBS_METRICS_PORT": str(port)}
            self._start_program(name, command, own_environment, niceness=WORKER_NICENESS)

    def _start_program(
        self, name: str, command: list[str], environment: Mapping[str, str], niceness: int = 0
    ) -> None:
        log = self.logs[name].path
        program = Program(command, environment, log, niceness=niceness, pass_fds=[self.lock])
        self.supervisor.start(name, program)

    # --- from start to stop ----------------------------------------------------------------------

    def _announce_when_ready(self) -> None:
        """Wait for the web server and the workers, start RabbitMQ, and print the addresses.

        RabbitMQ starts last, so that its boot does not slow the others down: until it is up,
        workers take tasks from the ledger.
        """
        self.await_start("the web server", lambda: _answers(self.address))
        self.await_start("the workers", self._workers_beat)
        if (node := self.transport.node) is not None:
            probe = Probe(node.answers, node.kill)
            self.supervisor.start("rabbitmq", node, stops_last=True, probe=probe)
        print(self._block(), flush=True)

    def await_start(self, awaited: str, is_ready: Callable[[], bool]) -> None:
        """Wait for `awaited` for as long as the programs live, however slow the machine is.

        A line is printed every WAIT_NOTICE_SECONDS.

        Raises:
            StartError: a program ends again and again.
        """
        began_at = time.monotonic()
        notices = 0
        while not is_ready():
            self._tick()
            self._refuse_failing_programs()
            waited = time.monotonic() - began_at
            if waited >= (notices + 1) * WAIT_NOTICE_SECONDS:
                notices = int(waited // WAIT_NOTICE_SECONDS)
                _say(f"Still waiting for {awaited} after {waited:.0f} s; see {self.data_dir}/logs.")

    def _refuse_failing_programs(self) -> None:
        for name, ends in self.supervisor.ends.items():
            if ends >= ENDS_UNTIL_FAILURE:
                raise StartError(f"{name} has ended {ends} times; see {self.data_dir}/logs.")

    def _workers_beat(self) -> bool:
        """Return whether every queue has a worker that was started by this run."""
        import psycopg  # noqa: PLC0415 - imported while the others start, not before

        try:
            with psycopg.connect(self._environment()["DATABASE_URL"]) as connection:
                rows = connection.execute(
                    WORKERS_SINCE, [time.monotonic() - self.started_at]
                ).fetchall()
        except psycopg.OperationalError:  # PostgreSQL has ended, and the supervisor restarts it
            return False
        return {queue for (queues,) in rows for queue in queues} >= {*FAST_QUEUES, *LONG_QUEUES}

    def _tick(self) -> None:
        """Restart services that ended, and print new errors of the logs.

        Raises:
            KeyboardInterrupt: the parent `make` got a SIGINT that this process did not get.
        """
        if self.interrupted_make:
            raise KeyboardInterrupt
        self.supervisor.check()
        for name, log in self.logs.items():
            for line in filter(tells_of_error, log.new_lines()):
                print(f"{name} | {line}", flush=True)
        time.sleep(TICK_SECONDS)

    def _stop(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(
                number, signal.SIG_IGN
            )  # stopping takes a bounded time; a second signal is ignored
        _say("Stopping …")
        self.supervisor.stop()

    def _block(self) -> str:
        staff = json.loads(self.logins.read_text())
        logins = [f"{login} ({name})" for name, login in staff["logins"].items()]
        facts = {
            "Address": self.address,
            "Desk": f"{self.address}/admin/  password {staff['password']}",
            "Logins": ", ".join(logins),
            "Open311": f"{self.address}/open311/v2/  api_key {staff['api_key']}",
            "API docs": f"{self.address}/api/docs/",
            "Metrics": " ".join(
                [
                    f"{self.address}/metrics",
                    *map(_metrics_address, filter(None, self.metrics_ports)),
                ]
            ),
            "Messages": f"{self.address}/dev/messages and {self.data_dir}/messages.jsonl",
            "Tasks": self.transport.description,
            "Data": str(self.data_dir),
            "Logs": f"{self.data_dir}/logs/",
        }
        width = max(map(len, facts)) + 2
        lines = [f"  {name:<{width}}{fact}" for name, fact in facts.items()]
        return "\n".join(["", *lines, "", f"CivicLens is ready at {self.address}"])


def choose_transport(data_dir: Path) -> Transport:
    """Return how tasks travel: by RABBITMQ_URL, by a private RabbitMQ node, or in the ledger.

    The first that there is: a setting, an installed RabbitMQ, or neither.
    """
    if url := os.environ.get("RABBITMQ_URL"):
        return Transport(url, "RabbitMQ, as RABBITMQ_URL says")
    if find_server() is None:
        return Transport(
            "", "embedded: workers take tasks from the database, as no rabbitmq-server is installed"
        )
    node = RabbitmqNode(data_dir / "rabbitmq")
    return Transport(
        node.url,
        f"RabbitMQ, a private node on port {node.port} (rabbitmq-server is installed)",
        node,
    )


def _worker(queues: Sequence[str], *, threads: int) -> list[str]:
    options = ["--processes", "1", "--threads", str(threads), "--worker-shutdown-timeout", "5000"]
    return [
        sys.executable,
        str(BASE_DIR / "manage.py"),
        "rundramatiq",
        *options,
        "--queues",
        *queues,
    ]


def _claim(data_dir: Path) -> int:
    """Lock the data folder for this run and return the lock's descriptor, which children inherit.

    So a run whose supervisor was killed keeps the folder until its last process has ended, and this
    one waits for it.

    Raises:
        StartError: another run uses the folder.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    lock = os.open(data_dir / "run.lock", os.O_RDWR | os.O_CREAT, 0o600)
    if not _lock(lock):
        _refuse_living_run(lock, data_dir)
        _say("Waiting for the processes of an earlier run to end …")
        if not wait_for(lambda: _lock(lock), EARLIER_RUN_SECONDS):
            raise StartError(f"processes of an earlier run still use {data_dir}.")
    os.truncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    return lock


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _refuse_living_run(lock: int, data_dir: Path) -> None:
    owner = os.pread(lock, 20, 0).decode()
    if owner and Path(f"/proc/{owner}").exists():
        raise StartError(
            f"it already runs on {data_dir} (process {owner}). A second one needs its own port and "
            "folder:\n"
            "    make run PORT=8001 DATA_DIR=var2"
        )


def _parse_port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < PORT_END:
        raise StartError(f"PORT must be a number from 1 to 65535, not {text!r}.")
    return int(text)


def free_ports(first: int, *, count: int, besides: int) -> list[int]:
    """Return `count` free ports of the loopback, from `first` on, except the port `besides`.

    Raises:
        StartError: there are not as many.
    """
    ports: list[int] = []
    port = first
    while len(ports) < count and port < PORT_END:
        with socket.socket() as probe:
            if port != besides and probe.connect_ex(("127.0.0.1", port)) != 0:
                ports.append(port)
        port += 1
    if len(ports) < count:
        raise StartError(
            f"there are no {count} free ports from {first} on for the workers' metrics."
        )
    return ports


def _metrics_address(port: int) -> str:
    return f"http://127.0.0.1:{port}/metrics"


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise StartError(
                f"port {port} cannot be used ({error.strerror}). Choose another: make run PORT=8001"
            ) from error


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/readyz", timeout=2):  # noqa: S310 - always http://127.0.0.1
            return True
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False


def _interrupt_on_signals() -> None:
    """Let SIGTERM, a closed terminal and the death of the parent `make` stop this like Ctrl-C."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, interrupt)
    if "MAKELEVEL" in os.environ:
        end_with_parent()


def _make_catches_interrupts() -> bool:
    """Return whether the parent is a `make` that handles SIGINT; in the background it does not."""
    if "MAKELEVEL" not in os.environ:
        return False
    try:
        status = Path(f"/proc/{os.getppid()}/status").read_text()
    except OSError:
        return False
    caught = re.search(r"^Name:\tmake$.*^SigCgt:\t(\w+)$", status, re.MULTILINE | re.DOTALL)
    return caught is not None and bool(int(caught[1], 16) & 1 << signal.SIGINT - 1)


class _InterruptedMake:
    """True once the parent `make` got a SIGINT that this process did not get.

    `make` then waits for its child, this process, for ever. Its handler of SIGINT is removed when
    it has run, which /proc shows; where there never was a handler, nothing can be noticed.
    """

    def __init__(self) -> None:
        self._had_handler = _make_catches_interrupts()

    def __bool__(self) -> bool:
        return self._had_handler and not _make_catches_interrupts()


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    main()
