"""The web server as production runs it: what holds its threads, and how it reads bodies."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction

from config.development import processes
from config.serving import address, metrics_folder
from jobs.models import Task
from jobs.operations import web_processes
from jobs.states import State
from jobs.testing import run_tasks
from matching.models import MatchRun
from reports.models import Report
from tests.accounts.factories import bearer, make_user
from tests.conftest import server_environment
from tests.environment import read_settings
from tests.reports.factories import new_report
from tests.serving import Server, serving

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

MEGABYTE = b"x" * 1_000_000
HEAD = b"POST /api/v1/reports/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
#: Short, so that tests see them end.
QUICK = {"WEB_BODY_GRACE_SECONDS": "3", "MATCHING_WAIT_SECONDS": "20"}


@pytest.fixture(scope="module")
def server(django_db_setup: None) -> Iterator[Server]:
    """A server of two threads, so that a held one would be missed."""
    more = {"WEB_THREADS": "2", "DB_STATEMENT_TIMEOUT_SECONDS": "5"}
    with serving(server_environment(), **QUICK, **more) as running:
        yield running


def test_web_processes_report_their_memory(server: Server) -> None:
    """They do so as they start, and four times a minute; hence it is the first test."""
    assert processes.wait_for(lambda: web_processes.largest_memory() > 10_000_000, 30)


def test_slow_clients_hold_no_thread_and_are_cut_in_time(server: Server) -> None:
    slow = [server.connect() for _ in range(30)]
    for number, client in enumerate(slow):
        client.sendall(HEAD if number % 2 else HEAD + b"Content-Length: 2000\r\n\r\n{")
    assert server.ask("GET", "/api/v1/categories/").status == 200
    answer = slow[0].recv(1000)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"application/problem+json" in answer
    for client in slow:
        client.close()


def test_many_wait_for_their_matches_and_hold_no_thread(server: Server) -> None:
    """Ten times as many as there are threads."""
    url = "/api/v1/jobs/match/"
    paths = [f"{url}?wait=true", f"{url}legacy/"] * 10
    headers = [bearer(make_user()) for _ in paths]
    with ThreadPoolExecutor(len(paths)) as pool:
        waiting = [
            pool.submit(server.ask, "POST", path, {}, **sender)
            for path, sender in zip(paths, headers, strict=True)
        ]
        wait_until(lambda: MatchRun.objects.count() == len(paths))
        assert server.ask("GET", "/api/v1/categories/").status == 200
        assert not any(request.done() for request in waiting)
        Task.objects.update(state=State.CANCELLED)
        answers = [request.result() for request in waiting]
    assert [answer.status for answer in answers] == [200, 202] * 10
    assert {answer.json()["status"] for answer in answers[::2]} == {"cancelled"}
    assert MatchRun.objects.count() == len(paths), "a request called again starts no second run"


def test_a_wait_counts_once_against_the_limit_and_keeps_its_request_id(server: Server) -> None:
    user = make_user()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(
            server.ask,
            "POST",
            "/api/v1/jobs/match/?wait=true",
            {},
            X_Request_ID="request-0001",
            **bearer(user),
        )
        wait_until(MatchRun.objects.exists)
        run_tasks()
    assert asked.result().json()["status"] == "completed"
    assert asked.result().headers["X-Request-ID"] == "request-0001"
    assert Task.objects.filter(request_id="request-0001").exists()


def test_a_wait_ends_with_its_time(server: Server) -> None:
    user = make_user()
    job = server.ask(
        "POST", "/api/v1/jobs/", {"job_type": "accounts.leaderboard", "payload": {}}, **bearer(user)
    )
    answer = server.ask("GET", f"{job.json()['status_url']}?wait=1", **bearer(user))
    assert (answer.json()["state"], answer.headers["Retry-After"]) == ("queued", "2")


def test_a_client_that_leaves_while_it_waits_is_forgotten(server: Server) -> None:
    body = b"{}"
    head = "".join(f"{name}: {text}\r\n" for name, text in bearer(make_user()).items()).encode()
    with server.connect() as client:
        client.sendall(
            b"POST /api/v1/jobs/match/?wait=true HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: application/json\r\n"
            + head + b"Content-Length: 2\r\n\r\n" + body
        )  # fmt: skip
        wait_until(MatchRun.objects.exists)
    assert server.ask("GET", "/api/v1/categories/").status == 200


def test_bodies_are_read_whole_and_connections_end_when_it_is_said(server: Server) -> None:
    """One server for all of it: its start is what takes time."""
    chunked_bodies_are_read(server)
    chunked_bodies_have_the_limits_of_others(server)
    broken_chunks_are_refused(server)
    a_body_that_is_too_large_is_refused_and_ends_the_connection(server)
    an_upload_of_the_desk_may_be_larger(server)
    a_refused_body_that_was_read_does_not(server)
    headers_with_an_underscore_are_no_forwarding_headers(server)


def send_chunks(server: Server, chunks: list[bytes], path: str = "/api/v1/reports/") -> int:
    framed = [b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in (*chunks, b"")]
    headers = {"Content_Type": "application/json", "Transfer_Encoding": "chunked"}
    return server.ask("POST", path, iter(framed), **headers).status


def chunked_bodies_are_read(server: Server) -> None:
    text = json.dumps(new_report()).encode()
    assert send_chunks(server, [text[:10], text[10:11], text[11:]]) == 201
    assert Report.objects.count() == 1


def chunked_bodies_have_the_limits_of_others(server: Server) -> None:
    assert send_chunks(server, [MEGABYTE]) == 413
    assert send_chunks(server, [MEGABYTE] * 4, "/admin/login/") in {400, 403}


def broken_chunks_are_refused(server: Server) -> None:
    with server.connect() as client:
        client.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 400")


def a_body_that_is_too_large_is_refused_and_ends_the_connection(server: Server) -> None:
    with server.connect() as client:
        client.sendall(HEAD + b"Content-Length: 9000000\r\n\r\n" + b" " * 8_900_000)
        head = client.recv(1000)
    assert head.startswith(b"HTTP/1.1 413")
    assert b"connection: close" in head.lower()


def an_upload_of_the_desk_may_be_larger(server: Server) -> None:
    """It gets as far as Django, which knows no such session: 403 for want of a CSRF token."""
    path, body = "/admin/imports/upload/add/", b"x" * 9_000_000
    assert server.ask("POST", path, body, Cookie="sessionid=none").status == 403
    assert server.ask("POST", path, b"x" * 9_000_000).status == 413


def a_refused_body_that_was_read_does_not(server: Server) -> None:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
    for _ in range(2):
        connection.request(
            "POST", "/api/v1/reports/", MEGABYTE * 2, {"Content-Type": "application/json"}
        )
        with connection.getresponse() as answer:
            assert answer.status == 413
            assert answer.headers["Connection"] != "close"
            answer.read()
    connection.close()


def headers_with_an_underscore_are_no_forwarding_headers(server: Server) -> None:
    with server.connect() as client:
        client.sendall(
            b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX_Forwarded_For: 203.0.113.7\r\n\r\n"
        )
        assert client.recv(100).startswith(b"HTTP/1.1 200"), (
            "the header with a hyphen would say 403"
        )


def wait_until(condition: Any, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_server_of_one_thread_refuses_what_it_cannot_take_and_stops_when_all_are_answered(
    django_db_setup: None,
) -> None:
    """One server for all of it: its start is what takes time."""
    narrow = {"WEB_THREADS": "1", "WEB_QUEUE_REQUESTS": "1"}
    with serving(server_environment(), **QUICK, **narrow) as server, ThreadPoolExecutor(4) as pool:
        what_waits_beyond_the_queue_is_refused_at_once(server, pool)
        a_server_that_stops_answers_who_waits(server, pool)


def what_waits_beyond_the_queue_is_refused_at_once(
    server: Server, pool: ThreadPoolExecutor
) -> None:
    """One request has the thread, one waits for it, and whoever comes then is told to come back."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE reports_category IN ACCESS EXCLUSIVE MODE")
        asked = [pool.submit(server.ask, "GET", "/api/v1/categories/") for _ in range(4)]
        wait_until(lambda: sum(one.done() for one in asked) == 2)
        assert server.ask("GET", "/livez").status == 200, "probes have a thread of their own"
    answers = sorted((one.result() for one in asked), key=lambda answer: answer.status)
    assert [answer.status for answer in answers] == [200, 200, 503, 503]
    refused = answers[-1]
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert refused.json()["retry_after"] == int(refused.headers["Retry-After"]) == 2


def a_server_that_stops_answers_who_waits(server: Server, pool: ThreadPoolExecutor) -> None:
    """Also while a request comes slowly: that one is answered once it has come."""
    user, kinds = make_user(), ("PATCH", "/api/v1/users/me/")
    url = "/api/v1/jobs/match/?wait=true"
    waiting = pool.submit(server.ask, "POST", url, {}, **bearer(user))
    wait_until(MatchRun.objects.exists)
    slow = server.connect()
    head = "".join(f"{name}: {text}\r\n" for name, text in bearer(user).items())
    slow.sendall(
        f"{' '.join(kinds)} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"{head}Content-Length: 2\r\n\r\n{{".encode()
    )
    server.process.terminate()
    answer = waiting.result()
    slow.sendall(b"}")
    assert slow.recv(100).startswith(b"HTTP/1.1 200")
    slow.close()
    assert server.process.wait(30) == 0
    assert (answer.status, answer.json()["status"]) == (200, "pending")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("WEB_PROCESSES", "two", "WEB_PROCESSES must be a whole number from 1 to 256, not 'two'."),
        ("WEB_PROCESSES", "0", "WEB_PROCESSES must be a whole number from 1 to 256, not '0'."),
        ("WEB_CONNECTIONS", "-1", "WEB_CONNECTIONS must be a whole number"),
        ("WEB_THREADS", "0", "WEB_THREADS must be a whole number from 1 to 256, not '0'."),
    ],
)
def test_a_setting_of_the_server_that_makes_no_sense_is_refused_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    with pytest.raises(ImproperlyConfigured, match=message):
        read_settings(monkeypatch, **{name: value})


def test_a_server_that_cannot_start_says_why_in_a_sentence() -> None:
    assert "WEB_PROCESSES must be a whole number" in refusal_of(WEB_PROCESSES="two")
    bind = "192.0.2.1:8000"
    assert f"The web server cannot listen at {bind} (WEB_BIND)" in refusal_of(WEB_BIND=bind)
    with pytest.raises(SystemExit, match="WEB_BIND must be HOST:PORT"):
        address.free_address("8000")


def test_a_port_that_another_server_answers_is_not_shared(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(address, "PATIENCE_SECONDS", 0)
    with pytest.raises(SystemExit, match=rf"Another server answers at 127.0.0.1:{server.port} "):
        address.free_address(f"127.0.0.1:{server.port}")
    assert server.ask("GET", "/livez").status == 200


def test_the_time_limit_of_statements_reaches_the_web_processes(server: Server) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE reports_category IN ACCESS EXCLUSIVE MODE")
        assert server.ask("GET", "/api/v1/categories/").status == 503


def test_what_a_killed_server_left_in_memory_is_removed(tmp_path: Path) -> None:
    left, other = tmp_path / f"{metrics_folder.PREFIX}left", tmp_path / "other"
    for folder in (left, other):
        folder.mkdir()
        (folder / "counter_1.db").write_bytes(b"")
    holding = (
        "import sys; from pathlib import Path; from config.serving import metrics_folder as m\n"
        "m._memory_folder = lambda: Path(sys.argv[1])\n"
        "with m.shared() as folder: print(folder, flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", holding, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        held = Path(process.stdout.readline().decode().strip())
        assert (left.exists(), other.exists(), held.exists()) == (False, True, True)
        metrics_folder.remove_leftovers(tmp_path)
        assert held.exists(), "its server lives"
        process.kill()
    metrics_folder.remove_leftovers(tmp_path)
    assert not held.exists()


def refusal_of(**settings: str) -> str:
    """Return the sentence with which the server refuses to start."""
    done = subprocess.run(
        [sys.executable, "-m", "config.serving"],
        env=os.environ | settings,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr
