"""The web server as production runs it: how it reads bodies, and when it ends a connection."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from typing import Any

import pytest

from config.development import processes
from reports.models import Report
from tests.reports.factories import new_report

pytestmark = pytest.mark.django_db(transaction=True)

MEGABYTE = b"x" * 1_000_000


@pytest.fixture
def port(process_environment: dict[str, str]) -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.set_inheritable(True)
        number = listener.getsockname()[1]
        bind = {"WEB_BIND": f"fd://{listener.fileno()}", "WEB_PROCESSES": "1"}
        command = [
            sys.executable,
            "-m",
            "gunicorn",
            "-c",
            "python:config.gunicorn",
            "config.wsgi:application",
        ]
        process = subprocess.Popen(
            command, env=process_environment | bind, pass_fds=[listener.fileno()]
        )
        try:
            assert processes.wait_for(lambda: answers(number), 60), "gunicorn did not start"
            yield number
        finally:
            process.terminate()
            process.wait(20)


def answers(port: int) -> bool:
    try:
        return ask(port, "GET", "/livez")[0] == 200
    except (OSError, HTTPException):
        return False


def ask(
    port: int, method: str, path: str, body: Any = None, **options: Any
) -> tuple[int, str | None]:
    """The status of the answer, and what it says of the connection."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        headers = {"Content-Type": "application/json"} | options.pop("headers", {})
        connection.request(method, path, body, headers, **options)
        with connection.getresponse() as answer:
            return answer.status, answer.headers["Connection"]


def send_chunks(
    port: int, chunks: list[bytes], path: str = "/api/v1/reports/"
) -> tuple[int, str | None]:
    return ask(
        port,
        "POST",
        path,
        iter(chunks),
        headers={"Transfer-Encoding": "chunked"},
        encode_chunked=True,
    )


def test_bodies_are_read_whole_and_connections_end_when_it_is_said(port: int) -> None:
    """One server for all of it: its start is what takes time."""
    chunked_bodies_are_read(port)
    chunked_bodies_have_the_limits_of_others(port)
    broken_chunks_are_refused(port)
    a_body_that_is_not_drained_ends_the_connection(port)
    a_refused_body_that_is_drained_does_not(port)


def chunked_bodies_are_read(port: int) -> None:
    text = json.dumps(new_report()).encode()
    assert send_chunks(port, [text[:10], text[10:11], text[11:]]) == (201, "close")
    assert Report.objects.count() == 1
    assert send_chunks(port, [b"{"]) == (400, "close")


def chunked_bodies_have_the_limits_of_others(port: int) -> None:
    assert send_chunks(port, [MEGABYTE]) == (413, "close")
    assert send_chunks(port, [MEGABYTE] * 4) == (413, "close")
    assert send_chunks(port, [MEGABYTE] * 4, "/admin/login/")[0] in {400, 403}


def broken_chunks_are_refused(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        client.sendall(
            b"POST /api/v1/reports/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"
        )
        assert client.recv(100).startswith(b"HTTP/1.1 400")


def a_body_that_is_not_drained_ends_the_connection(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        client.sendall(
            b"POST /api/v1/reports/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: 9000000\r\n\r\n" + b" " * 8_900_000
        )
        head = client.recv(1000)
    assert head.startswith(b"HTTP/1.1 413")
    assert b"Connection: close" in head


def a_refused_body_that_is_drained_does_not(port: int) -> None:
    with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        for _ in range(2):
            connection.request(
                "POST", "/api/v1/reports/", MEGABYTE * 2, {"Content-Type": "application/json"}
            )
            with connection.getresponse() as answer:
                assert (answer.status, answer.headers["Connection"]) == (413, "keep-alive")
                answer.read()
