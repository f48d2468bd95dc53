"""The web server: `python -m config.serving [APPLICATION]`, the same in development and production.

granian reads requests in Rust, outside Python's threads, and closes connections whose headers do
not arrive in time; `config.asgi` does the rest. docs/adr/0011 compares it with other servers.
"""

from __future__ import annotations

import os
import resource
import shutil
import sys
import tempfile
from pathlib import Path

from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels

APPLICATION = "config.asgi:application"
HEADERS_MILLISECONDS = 30_000
HEADERS_MAX_BYTES = 65_536
#: A process is replaced after this time, so that leaks of libraries do not add up.
PROCESS_LIFETIME_SECONDS = 24 * 3600
STOP_SECONDS = 15


def main() -> None:
    """Serve until SIGTERM or SIGINT; a process that dies is replaced."""
    connections = _number("WEB_CONNECTIONS", os.environ.get("WEB_CONNECTIONS", "4096"))
    processes = _number("WEB_PROCESSES", os.environ.get("WEB_PROCESSES", "2"))
    host, port = _address(os.environ.get("WEB_BIND", "127.0.0.1:8000"))
    _allow_files(connections)
    # Files in memory that all processes share; they are removed when the server ends.
    shared = tempfile.mkdtemp(prefix="civiclens-metrics-", dir=_memory_folder())
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = shared
    server = Granian(
        sys.argv[1] if len(sys.argv) > 1 else APPLICATION,
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        workers=processes,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(
            header_read_timeout=HEADERS_MILLISECONDS, max_buffer_size=HEADERS_MAX_BYTES
        ),
        websockets=False,
        backlog=2048,
        backpressure=connections,
        log_level=LogLevels.warning,
        respawn_failed_workers=True,
        workers_lifetime=PROCESS_LIFETIME_SECONDS,
        workers_kill_timeout=STOP_SECONDS,
    )
    try:
        server.serve()
    finally:
        shutil.rmtree(shared, ignore_errors=True)


def _memory_folder() -> str | None:
    """Return a folder in memory, where the system has one."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108


def _address(bind: str) -> tuple[str, int]:
    """Return host and port of `host:port` (an IPv6 host in brackets); exit with an error message
    where it is invalid.
    """
    host, _, port = bind.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65_536:
        sys.exit(f"WEB_BIND must be HOST:PORT, such as 127.0.0.1:8000, not {bind!r}.")
    return host.strip("[]"), int(port)


def _number(name: str, text: str) -> int:
    """Return a whole number of at least 1; exit with an error message for anything else."""
    if not text.isdecimal() or int(text) < 1:
        sys.exit(f"{name} must be a whole number of at least 1, not {text!r}.")
    return int(text)


def _allow_files(connections: int) -> None:
    """Raise the limit of open files to the need of `connections`, as far as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 2 * connections + 256  # a body may be kept in a file
    if soft != resource.RLIM_INFINITY and soft < needed:
        limit = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


if __name__ == "__main__":
    main()
