"""Supervise a few child processes: restart those that end, and stop all at the end."""

from __future__ import annotations

import re
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from config.development import processes

SHORTEST_BACKOFF_SECONDS = 0.5
LONGEST_BACKOFF_SECONDS = 15.0
HEALTHY_SECONDS = 30.0
#: The pause between two probes of a service, and how long it may fail to answer: while it boots,
#: and afterwards.
PROBE_PAUSE_SECONDS = 2.0
BOOT_SILENCE_SECONDS = 120.0
SILENCE_SECONDS = 15.0
LOG_BYTES = 10_000_000
ERROR = re.compile(
    r"\b(ERROR|CRITICAL)\b|\[(error|critical) *\]|\"level\": *\"(error|critical)\""
    r"|^Traceback|^[\w.]+(Error|Exception)\b"
)


class Service(Protocol):
    """A process that the supervisor starts, watches and stops."""

    def start(self) -> None: ...
    def poll(self) -> int | None: ...
    def stop(self) -> None: ...


@dataclass
class Program:
    """One child process with its output in a log file; it inherits the descriptors `pass_fds`."""

    command: Sequence[str]
    env: Mapping[str, str]
    log: Path
    niceness: int = 0
    stop_seconds: float = 15
    pass_fds: Sequence[int] = ()
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        """Start the process, after killing what is left of the earlier one's group."""
        if self.process is not None:
            processes.kill_group(self.process)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("ab") as log:
            self.process = processes.spawn(
                self.command, env=self.env, log=log, niceness=self.niceness, pass_fds=self.pass_fds
            )

    def poll(self) -> int | None:
        return self.process.poll() if self.process else 0

    def stop(self) -> None:
        if self.process is not None:
            processes.stop_group(self.process, grace_seconds=self.stop_seconds)


class LogReader:
    """Reads the lines that were appended to a log file since the last reading."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._position = path.stat().st_size if path.exists() else 0

    def new_lines(self) -> list[str]:
        if not self.path.exists():
            return []
        with self.path.open("rb") as log:
            if self.path.stat().st_size < self._position:  # the file was rotated
                self._position = 0
            log.seek(self._position)
            complete, newline, _ = log.read(1_000_000).rpartition(b"\n")
            self._position += len(complete) + len(newline)
        return complete.decode(errors="replace").splitlines()


def tells_of_error(line: str) -> bool:
    """Return whether this line of a log should be shown at the terminal.

    Failed connections to a RabbitMQ that is still booting are not shown.
    """
    return ERROR.search(line) is not None and "Consumer encountered a connection error" not in line


@dataclass
class Backoff:
    """The wait of a service that keeps ending, before its next start, in seconds."""

    seconds: float = 0
    started_at: float = 0
    due_at: float | None = None

    def died(self, now: float) -> float:
        """Plan the next start and return the wait in seconds.

        It doubles each time, unless the service had run for HEALTHY_SECONDS.
        """
        healthy = now - self.started_at > HEALTHY_SECONDS
        longer = SHORTEST_BACKOFF_SECONDS if healthy or not self.seconds else self.seconds * 2
        self.seconds = min(longer, LONGEST_BACKOFF_SECONDS)
        self.due_at = now + self.seconds
        return self.seconds

    def started(self, now: float) -> None:
        self.started_at, self.due_at = now, None


class Probe:
    """Checks regularly whether a service answers.

    Each check has a new thread, since it may hang.

    `kill` ends the service, also one that hangs.
    """

    def __init__(self, answers: Callable[[], bool], kill: Callable[[], None]) -> None:
        self.kill = kill
        self._answers = answers
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self.restart()

    def restart(self) -> None:
        """Allow the service, which was just started, the time of a boot."""
        with self._lock:
            self._life = object()
            self._deadline = time.monotonic() + BOOT_SILENCE_SECONDS
            self._ask_at = 0.0

    def is_silent(self) -> bool:
        """Return whether the service has not answered for too long; begin a check if one is due."""
        is_asking = self._thread is not None and self._thread.is_alive()
        if time.monotonic() >= self._ask_at and not is_asking:
            self._thread = threading.Thread(target=self._ask, args=[self._life], daemon=True)
            self._thread.start()
        return time.monotonic() > self._deadline

    def _ask(self, life: object) -> None:
        is_answering = self._answers()
        with self._lock:
            if life is not self._life:
                return  # the process that was checked has been replaced
            self._ask_at = time.monotonic() + PROBE_PAUSE_SECONDS
            if is_answering:
                self._deadline = time.monotonic() + SILENCE_SECONDS


class Supervisor:
    """Starts services, restarts each that ends or fails its probe, and stops them all."""

    def __init__(self, say: Callable[[str], None]) -> None:
        #: How often each service has ended by itself, or could not be started again.
        self.ends: Counter[str] = Counter()
        self._say = say
        self._services: dict[str, Service] = {}
        self._backoffs: dict[str, Backoff] = {}
        self._probes: dict[str, Probe] = {}
        self._last_to_stop: set[str] = set()

    def start(
        self, name: str, service: Service, *, stops_last: bool = False, probe: Probe | None = None
    ) -> None:
        """Start a service, which `check` restarts from then on.

        Raises:
            ServiceError: it cannot start.
        """
        self._services[name] = service
        if probe is not None:
            self._probes[name] = probe
        self._backoffs[name] = Backoff(started_at=time.monotonic())
        if stops_last:
            self._last_to_stop.add(name)
        service.start()

    def check(self) -> None:
        """Restart services that ended and whose wait is over; kill those that fail their probe."""
        for name, service in self._services.items():
            status, backoff = service.poll(), self._backoffs[name]
            if status is None:
                self._kill_silent(name)
                continue
            if backoff.due_at is None:
                self.ends[name] += 1
                wait = backoff.died(time.monotonic())
                self._say(f"{name} ended ({_explain(status)}); it starts again in {wait:.1f} s.")
            elif time.monotonic() >= backoff.due_at:
                self._restart(name)

    def stop(self) -> None:
        """Stop all services and their process groups, those with `stops_last` after the others."""
        self._stop_all(self._services.keys() - self._last_to_stop)
        self._stop_all(self._last_to_stop)

    def _kill_silent(self, name: str) -> None:
        probe = self._probes.get(name)
        if probe is not None and probe.is_silent():
            self._say(
                f"{name} runs but has not answered for {SILENCE_SECONDS:.0f} s; it is killed."
            )
            probe.kill()

    def _restart(self, name: str) -> None:
        backoff = self._backoffs[name]
        if name in self._probes:
            self._probes[name].restart()
        try:
            self._services[name].start()
            backoff.started(time.monotonic())
        except processes.ServiceError as error:
            self.ends[name] += 1
            self._say(
                f"{name} cannot start: {error}\nThe next attempt is in "
                f"{backoff.died(time.monotonic()):.1f} s."
            )

    def _stop_all(self, names: Collection[str]) -> None:
        with ThreadPoolExecutor(max_workers=max(len(names), 1)) as pool:
            list(pool.map(lambda name: self._services[name].stop(), names))


def _explain(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"exit status {status}"
