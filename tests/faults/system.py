"""The real system of a campaign: servers and processes of its own, on loopback, gone when it ends.

Linux only.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import psycopg

from config.development.postgres import PostgresError, PostgresServer
from config.development.rabbitmq import RabbitmqError, RabbitmqNode
from config.development.supervisor import Program
from tests.faults.callbacks import TOKEN

BASE_DIR = Path(__file__).resolve().parents[2]
DISK_MEGABYTES = 1024
RECOVERY_SECONDS = 90
PREPARE_SECONDS = 300
#: Leases are short, so that a campaign sees many of them end, and a worker that was killed works
#: again before it is killed again.
QUICK = {
    "JOBS_HEARTBEAT_SECONDS": "0.5",
    "JOBS_LEASE_SECONDS": "4",
    "JOBS_WARM_UP": "off",
    "STEP_MESSAGE_GRACE_SECONDS": "1",
    "STAFF_TOTP_REQUIRED": "off",
}
#: Erlang: the virtual host's processes die, as they do when they cannot write, until nobody starts
#: them again.
FELL_VIRTUAL_HOST = """
    lists:foreach(fun(_) ->
        case catch rabbit_vhost_sup_sup:get_vhost_sup(<<"/">>) of
            {ok, Pid} -> exit(Pid, kill);
            _ -> down
        end,
        timer:sleep(200)
    end, lists:seq(1, 10)).
"""
LIMITS = (
    "OTP_REQUESTS_PER_HOST_HOUR",
    "OTP_REQUESTS_PER_NETWORK_HOUR",
    "OTP_REQUESTS_PER_PREFIX_HOUR",
    "OTP_REQUESTS_PER_DAY",
    "ANONYMOUS_REPORTS_PER_HOUR",
    "REPORTS_PER_CITIZEN_HOUR",
    "REPORTS_PER_CITIZEN_DAY",
    "REPORTS_EQUAL_TEXTS_PER_DAY",
    "REPORTS_PER_CITIZEN_PLACE_DAY",
    "REPORTS_PER_PLACE_HOUR",
    "REPUTATION_POINTS_PER_DAY",
)
GENEROUS = dict.fromkeys(LIMITS, "10000000")


class SmallDisk:
    """A tmpfs to be filled up; an ordinary folder where mounting is not permitted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o711, parents=True, exist_ok=True)
        command = [
            "mount",
            "-t",
            "tmpfs",
            "-o",
            f"size={DISK_MEGABYTES}m,mode=0711",
            "tmpfs",
            str(folder),
        ]
        self.can_fill = subprocess.run(command, capture_output=True, check=False).returncode == 0

    def fill(self) -> None:
        """Fill the disk to the last byte."""
        with (self.folder / "filler").open("wb") as filler, suppress(OSError):
            while True:
                filler.write(b"\0" * 1_048_576)
                filler.flush()

    def clear(self) -> None:
        (self.folder / "filler").unlink(missing_ok=True)

    def unmount(self) -> None:
        if self.can_fill:
            subprocess.run(["umount", str(self.folder)], capture_output=True, check=False)


class Servers:
    """PostgreSQL on a small disk and RabbitMQ, private to a campaign and empty at its start."""

    def __init__(self, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        self.folder = folder
        self.tokens: list[str] = []
        self.staff_token = ""
        self._stack = ExitStack()
        self._secret = secrets.token_urlsafe(50)
        self._is_rabbitmq_wanted = True

    def __enter__(self) -> Servers:
        with ExitStack() as undo:
            self.disk = SmallDisk(self.folder / "disk")
            undo.callback(self.disk.unmount)
            second, third = secrets.randbelow(200) + 20, secrets.randbelow(250)
            self.postgres_host = f"127.{second}.{third}.{os.getpid() % 250 + 1}"
            # Bounded WAL, so that the disk is filled by the fault and nothing else.
            options = {
                "listen_addresses": self.postgres_host,
                "max_wal_size": "192MB",
                "shared_buffers": "64MB",
            }
            self.postgres = PostgresServer(self.disk.folder / "postgres", options)
            self.rabbitmq = RabbitmqNode(self.folder / "rabbitmq")
            undo.callback(self.rabbitmq.kill)
            self.rabbitmq.start()
            undo.callback(lambda: self.postgres.stop("immediate"))
            self.postgres.ensure_running()
            self._prepare()
            self.rabbitmq.wait_ready()
            self._stack = undo.pop_all()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    def conninfo(self, database: str) -> str:
        folder = self.postgres.socket_folder
        return f"host='{folder}' user=postgres dbname={database} connect_timeout=3"

    def make_database(self, name: str) -> None:
        """Make a migrated database without a task."""
        with psycopg.connect(self.conninfo("postgres"), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            connection.execute(f"CREATE DATABASE {name} TEMPLATE faults_template")

    def drop_database(self, name: str) -> None:
        with psycopg.connect(self.conninfo("postgres"), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def environment(self, database: str, **more: str) -> dict[str, str]:
        """Return the environment of a production process on these servers; `more` wins."""
        return {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.faults.settings",
            "PYTHONPATH": str(BASE_DIR),
            "DATA_DIR": str(self.folder),
            "DEBUG": "off",
            "SECRET_KEY": self._secret,
            "DATABASE_URL": self.postgres.url.replace("/postgres?", f"/{database}?"),
            "DATABASE_APPLICATION_ROLE": "",  # one role: the campaign judges work, not rights
            "ALLOWED_HOSTS": "127.0.0.1",
            "SECURE_SSL_REDIRECT": "off",
            "RABBITMQ_URL": self.rabbitmq.url,
            "JOBS_TRANSPORT": "rabbitmq",
            "EMAIL_URL": "smtp://127.0.0.1:9",
            "SMS_PROVIDER_URL": "http://127.0.0.1:9/",
            "SMS_PROVIDER_TOKEN": "faults",
            "SMS_RECEIPT_TOKEN": TOKEN,
            "SMS_PROVIDER_TIMEOUT_SECONDS": "1",
            "ACCESS_TOKEN_LIFETIME_SECONDS": "86400",
            "LOG_LEVEL": "WARNING",
            **QUICK,
            **GENEROUS,
            **more,
        }

    # --- breaking PostgreSQL ----------------------------------------------------------------------
    def kill_postgres(self) -> None:
        """SIGKILL to the server and to every process of it, as a power failure."""
        pid = self.postgres.postmaster_pid()
        if pid is not None:
            for victim in (pid, *children(pid)):
                with suppress(ProcessLookupError):
                    os.kill(victim, signal.SIGKILL)

    def revive_postgres(self) -> None:
        """Start the server again and wait for it; its last processes may take a moment to go."""
        deadline = time.monotonic() + RECOVERY_SECONDS
        while True:
            try:
                return self.postgres.ensure_running()
            except PostgresError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)

    # --- breaking RabbitMQ ------------------------------------------------------------------------
    def kill_rabbitmq(self, *, wipe: bool) -> None:
        """Kill the broker until it is revived; if it is wiped, its messages are gone."""
        self._is_rabbitmq_wanted = False
        self.rabbitmq.kill()
        if wipe:
            self.rabbitmq.wipe()

    def revive_rabbitmq(self) -> None:
        """Start the broker again, and once more if that fails, as it may after a crash."""
        self._is_rabbitmq_wanted = True
        self.tick()

    def freeze_rabbitmq(self) -> None:
        """Stop the broker's process until it is thawed; its connections and its port stay open."""
        self.rabbitmq.send_signal(signal.SIGSTOP)

    def thaw_rabbitmq(self) -> None:
        self.rabbitmq.send_signal(signal.SIGCONT)

    def fell_virtual_host(self) -> None:
        """Take the virtual host from the living broker, as a full disk does."""
        self.rabbitmq.rabbitmqctl("eval", FELL_VIRTUAL_HOST)

    def raise_virtual_host(self) -> None:
        """Give the broker its virtual host again; start it anew where it cannot have it."""
        try:
            self.rabbitmq.rabbitmqctl("restart_vhost")
        except RabbitmqError:
            self.rabbitmq.kill()

    def tick(self) -> None:
        if self._is_rabbitmq_wanted and self.rabbitmq.poll() is not None:
            self.rabbitmq.start()

    def wait_until_whole(self) -> None:
        """Both servers answer afterwards."""
        self.disk.clear()
        self.revive_postgres()
        self.revive_rabbitmq()
        deadline = time.monotonic() + RECOVERY_SECONDS
        while not self.rabbitmq.answers() and time.monotonic() < deadline:
            self.tick()
            time.sleep(0.1)
        self.rabbitmq.wait_ready(10)

    def _prepare(self) -> None:
        with psycopg.connect(self.conninfo("postgres"), autocommit=True) as connection:
            connection.execute("CREATE DATABASE faults_template")
        command = [sys.executable, "-m", "tests.faults.prepare", "10"]
        environment = self.environment("faults_template", JOBS_TRANSPORT="embedded")
        answer = subprocess.run(
            command,
            cwd=BASE_DIR,
            env=environment,
            stdout=subprocess.PIPE,
            timeout=PREPARE_SECONDS,
            check=True,
        )
        tokens = json.loads(answer.stdout.splitlines()[-1])
        self.tokens, self.staff_token = tokens["citizens"], tokens["staff"]


class Crew:
    """The processes of one run; each that ends is started anew, with an environment made for that
    life.
    """

    def __init__(self, log_folder: Path) -> None:
        self._log_folder = log_folder
        self._programs: dict[str, tuple[Program, Callable[[], dict[str, str]]]] = {}
        self._stopped: dict[int, float] = {}
        self.restarts = 0

    def add(self, name: str, command: list[str], environment: Callable[[], dict[str, str]]) -> None:
        """Start a process, and supervise it from then on."""
        program = Program(
            [sys.executable, *command],
            environment(),
            self._log_folder / f"{name}.log",
            stop_seconds=8,
        )
        self._programs[name] = (program, environment)
        program.start()

    def pid(self, name: str) -> int | None:
        program = self._programs[name][0]
        return program.process.pid if program.process and program.poll() is None else None

    def tick(self) -> None:
        """Start what has ended, and let go on what has stood still for long enough."""
        for program, environment in self._programs.values():
            if program.poll() is not None:
                program.env = environment()
                program.start()
                self.restarts += 1
        for pid in [pid for pid, until in self._stopped.items() if time.monotonic() >= until]:
            del self._stopped[pid]
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def hold(self, pid: int, seconds: float, *, is_stopped: bool = False) -> None:
        """Stop the process for so long."""
        if not is_stopped:
            os.kill(pid, signal.SIGSTOP)
        self._stopped[pid] = time.monotonic() + seconds

    def let_go(self) -> None:
        """Nobody is held any more."""
        self._stopped = dict.fromkeys(self._stopped, 0.0)
        self.tick()

    def stop(self, name: str) -> None:
        """End the process for good."""
        self._programs.pop(name)[0].stop()

    def kill_all(self) -> None:
        self.let_go()
        for program, _ in self._programs.values():
            program.stop_seconds = 0
            program.stop()
        self._programs.clear()


def children(pid: int) -> list[int]:
    """Return the processes that `pid` started and that still run."""
    try:
        return [
            int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        ]
    except (OSError, ValueError):
        return []


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: Any = listener.getsockname()[1]
        return int(port)
