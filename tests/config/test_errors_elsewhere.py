"""What is reported to Sentry, seen by a server that speaks its protocol."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from tests.environment import read_settings

pytestmark = pytest.mark.slow

BASE_DIR = Path(__file__).resolve().parents[2]
BREAK = """
import django, structlog
django.setup()
log = structlog.get_logger("a.module")
try:
    1 / 0
except ZeroDivisionError:
    log.exception(
        "sum_failed", citizen_phone="+12025550123", note="of ana@example.org", task_id="t-1"
    )
import sentry_sdk
sentry_sdk.flush(20)
"""


@pytest.fixture
def reporter() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A DSN on loopback, and the events that arrive there."""
    events: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            lines = [json.loads(line) for line in body.splitlines() if line.startswith(b"{")]
            events.extend(line for line in lines if "event_id" in line and "level" in line)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Write nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://key@127.0.0.1:{server.server_address[1]}/1", events
        server.shutdown()
        thread.join()


def test_an_error_arrives_once_under_its_name_and_without_secrets(
    reporter: tuple[str, list[dict[str, Any]]], process_environment: dict[str, str]
) -> None:
    dsn, events = reporter
    environment = process_environment | {"SENTRY_DSN": dsn, "SENTRY_ENVIRONMENT": "a-city"}
    environment["DJANGO_SETTINGS_MODULE"] = "tests.jobs.probe.settings"  # few apps, the same log
    done = run(BREAK, environment)
    assert done.returncode == 0, done.stderr[-2000:]
    [event] = events
    assert event["logentry"]["message"] == "sum_failed"
    assert (event["environment"], event["extra"]["task_id"]) == ("a-city", "t-1")
    assert "ZeroDivisionError" in event["extra"]["exception"]
    assert not {"request", "user"} & set(event)
    assert not [secret for secret in ("2025550123", "ana@") if secret in json.dumps(event)]


def test_what_cannot_report_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    done = run("import config.settings", os.environ | {"SENTRY_DSN": "sentry.example"})
    assert done.returncode != 0
    assert "SENTRY_DSN is no address" in done.stderr.splitlines()[-1]
    monkeypatch.setitem(sys.modules, "sentry_sdk", None)
    with pytest.raises(ImproperlyConfigured, match="requirements-sentry"):
        read_settings(monkeypatch, SENTRY_DSN="https://key@sentry.example/1")


def run(program: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
