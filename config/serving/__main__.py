"""The web server: `python -m config.serving [APPLICATION]`, the same in development and production.

granian reads requests in Rust, outside Python's threads, and closes connections whose headers do
not arrive in time; `config.asgi` does the rest. docs/adr/0011 compares it with other servers.
"""

from __future__ import annotations

import os
import resource
import sys

from django.conf import settings
from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels

from config.environment import load_settings
from config.serving import address, metrics_folder

APPLICATION = "config.asgi:application"
HEADERS_MILLISECONDS = 30_000
HEADERS_MAX_BYTES = 65_536
#: A process is replaced after this time, so that leaks of libraries do not add up.
PROCESS_LIFETIME_SECONDS = 24 * 3600
STOP_SECONDS = 15


def main() -> None:
    """Serve until SIGTERM or SIGINT; a process that dies is replaced.

    A setting that makes no sense, and an address that is in use, end it with one sentence.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ["CIVICLENS_PROCESS"] = "web"  # its processes are forks, which keep these settings
    load_settings()
    host, port = address.free_address(settings.WEB_BIND)
    _allow_files(settings.WEB_CONNECTIONS)
    with metrics_folder.shared() as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
        _serve(host, port)


def _serve(host: str, port: int) -> None:
    server = Granian(
        sys.argv[1] if len(sys.argv) > 1 else APPLICATION,
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        workers=settings.WEB_PROCESSES,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(
            header_read_timeout=HEADERS_MILLISECONDS, max_buffer_size=HEADERS_MAX_BYTES
        ),
        websockets=False,
        backlog=2048,
        backpressure=settings.WEB_CONNECTIONS,
        log_level=LogLevels.warning,
        respawn_failed_workers=True,
        workers_lifetime=PROCESS_LIFETIME_SECONDS,
        workers_kill_timeout=STOP_SECONDS,
    )
    server.serve()


def _allow_files(connections: int) -> None:
    """Raise the limit of open files to the need of `connections`, as far as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 2 * connections + 256  # a body may be kept in a file
    if soft != resource.RLIM_INFINITY and soft < needed:
        limit = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


if __name__ == "__main__":
    main()
