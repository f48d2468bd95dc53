"""The load generator and the slow mail server, on loopback."""

from __future__ import annotations

import json
import smtplib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks.load import closed_loop, new_reports, open_loop
from benchmarks.services import BASE_DIR, listening_socket


class _Api(BaseHTTPRequestHandler):
    """Keeps what it is asked, and refuses every tenth report."""

    protocol_version = "HTTP/1.1"
    asked: list[tuple[str, str, dict[str, object]]]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append((self.path, self.headers["Authorization"], body))
        self.send_response(500 if len(self.asked) % 10 == 0 else 201)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Silent."""


@pytest.fixture
def api() -> Iterator[ThreadingHTTPServer]:
    _Api.asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), _Api) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_closed_loop_asks_as_often_as_told(api: ThreadingHTTPServer) -> None:
    load = closed_loop(api.server_port, new_reports("/reports/", ["a", "b"], 20), clients=1)
    assert len(load.milliseconds) == len(_Api.asked) == 20
    assert load.failures == 2
    assert {(path, token) for path, token, _ in _Api.asked} == {
        ("/reports/", "Bearer a"),
        ("/reports/", "Bearer b"),
    }
    assert set(_Api.asked[0][2]) == {"title", "description", "latitude", "longitude"}


def test_an_open_loop_keeps_its_rate(api: ThreadingHTTPServer) -> None:
    load = open_loop(api.server_port, new_reports("/reports/", ["a"], 20), rate=50)
    assert len(load.milliseconds) == 20
    assert load.ended_at - load.began_at >= 19 / 50


def test_a_server_that_is_away_counts_as_failures() -> None:
    with listening_socket() as listener:
        port = listener.getsockname()[1]
    load = closed_loop(port, new_reports("/reports/", ["a"], 4), clients=2)
    assert load.failures == 4


def test_the_mail_server_takes_a_message_after_its_delay() -> None:
    with listening_socket() as listener:
        port, descriptor = listener.getsockname()[1], listener.fileno()
        command = [sys.executable, "-m", "benchmarks.smtp", str(descriptor), "0.1"]
        with subprocess.Popen(command, cwd=BASE_DIR, pass_fds=[descriptor]) as server:
            try:
                with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
                    began = time.monotonic()
                    assert (
                        client.sendmail(
                            "a@example.org", ["b@example.org"], "Subject: x\r\n\r\n.\r\nbody"
                        )
                        == {}
                    )
                    assert time.monotonic() - began >= 0.1
            finally:
                server.kill()
