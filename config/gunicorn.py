"""The web server's settings: `gunicorn -c python:config.gunicorn config.wsgi:application`."""

import os
from pathlib import Path
from typing import Any

from django.conf import settings

bind = os.environ.get("WEB_BIND", "127.0.0.1:8000")
workers = int(os.environ.get("WEB_PROCESSES", "2"))
worker_class = "gthread"
threads = int(os.environ.get("WEB_THREADS", "8"))
keepalive = 30
timeout = 60
graceful_timeout = 10
# Leaks of a library end with the process; the jitter keeps the workers from restarting together.
max_requests = 20_000
max_requests_jitter = 2_000
# Heartbeats of the workers: in memory, so that a busy disk never looks like a dead worker.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108
forwarded_allow_ips = os.environ.get("WEB_TRUSTED_PROXIES", "127.0.0.1")
control_socket_disable = True


def pre_request(_worker: Any, request: Any) -> None:
    """Who sends a body that may not be read to its end is told that the connection ends with the
    answer.

    An application cannot say so itself: gunicorn keeps `Connection` to itself.
    """
    headers = dict(request.headers)
    length = headers.get("CONTENT-LENGTH", "0")
    if "TRANSFER-ENCODING" in headers or (
        length.isdecimal() and int(length) > settings.API_DRAIN_MAX_BYTES
    ):
        request.force_close()
