"""Child processes of a development machine: each in its own group, ended with its parent."""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

PR_SET_PDEATHSIG = 1  # linux/prctl.h
POLL_SECONDS = 0.05
AUTOGROUP = Path("/proc/self/autogroup")
AUTOGROUP_TRIES, AUTOGROUP_PAUSE_SECONDS = 5, 0.12
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class ServiceError(Exception):
    """A server of the development machine could not be started; the message says why."""


def end_with_parent() -> None:
    """Have the kernel send SIGTERM to this process when its parent dies (on Linux)."""
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def spawn(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    log: IO[bytes],
    niceness: int = 0,
    pass_fds: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start `command` in its own session; on Linux it gets SIGTERM when this thread ends.

    A niceness above 0 counts against the processes of all sessions.
    """
    return subprocess.Popen(
        command,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        pass_fds=pass_fds,
        preexec_fn=_before_exec(niceness, os.getpid()),  # noqa: PLW1509 - it needs no lock that another thread may hold
    )


def stop_group(process: subprocess.Popen[bytes], *, grace_seconds: float) -> None:
    """End the whole process group: SIGTERM to its leader, then, after the grace, SIGKILL to all."""
    if process.poll() is None:
        process.terminate()
    wait_for(lambda: process.poll() is not None, grace_seconds)
    kill_group(process)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill the whole process group at once, also the orphans of a dead leader."""
    with suppress(
        ProcessLookupError, PermissionError
    ):  # the group has ended (macOS: EPERM for a group of zombies)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_for(
    condition: Callable[[], bool], timeout_seconds: float, *, poll_seconds: float = POLL_SECONDS
) -> bool:
    """Return True as soon as the condition holds, False when the time is over."""
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(poll_seconds)
    return True


@contextmanager
def locked(path: Path) -> Iterator[int]:
    """Hold an exclusive lock on the file, against other processes; yield its descriptor."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _before_exec(niceness: int, parent_pid: int) -> Callable[[], None]:
    def prepare() -> None:
        if niceness:
            be_nice(niceness)
        end_with_parent()
        if os.getppid() != parent_pid:  # the parent died before the call above
            os._exit(1)

    return prepare


def be_nice(niceness: int) -> None:
    """Give this process, which leads its session, another niceness.

    Raises:
        PermissionError: it is less than that of now, which root alone may do.
    """
    os.nice(niceness)
    _make_session_nice(niceness)


def _make_session_nice(niceness: int) -> None:
    """Give the session of this process the same niceness as the process has.

    Where Linux groups processes by session (`kernel.sched_autogroup_enabled`), their own niceness
    counts within the session only: a nice worker in a session of its own would get as much of the
    processor as the web server. See sched(7).
    """
    for _ in range(AUTOGROUP_TRIES):
        try:
            AUTOGROUP.write_text(str(niceness))
        except BlockingIOError:  # Linux takes one such change in a tenth of a second
            time.sleep(AUTOGROUP_PAUSE_SECONDS)
        except OSError:
            return
        else:
            return
