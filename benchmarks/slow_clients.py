"""What other clients wait for beside slow ones, and beside many who sign in at the desk at once.

The product's server is compared with gunicorn, which serves the same application, in the same run.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from urllib.parse import urlencode

from benchmarks.load import Load, Request, open_loop
from benchmarks.results import Target
from benchmarks.services import BASE_DIR, Services

PATH = "/api/v1/categories/"
SIGN_IN = "/admin/login/"
SLOW_CLIENTS = 200
SIGN_INS_AT_ONCE = 16
RATE = 20
#: Of gunicorn: one for each client of the load, none of which waits longer than its time-out.
PEER_REQUESTS = 48
THREADS = "8"
TARGETS: Mapping[str, Target] = {
    "beside_slow_p99_ms": Target(200, 60, is_ceiling=True),
    "beside_slow_p50_to_alone": Target(3, 1.2, is_ceiling=True),
    "gunicorn_threads_p50_over_ours_beside_slow": Target(10, 100),
    "gunicorn_sync_p50_over_ours_beside_slow": Target(10, 100),
    "slow_client_cut_seconds_max": Target(45, 31, is_ceiling=True),
    "beside_sign_ins_p50_to_alone": Target(10, 1.5, is_ceiling=True),
    "requests_failed": Target(0, 0, is_ceiling=True),
}
GUNICORN: Mapping[str, tuple[str, ...]] = {
    "gunicorn_threads": ("--worker-class", "gthread", "--workers", "1", "--threads", THREADS),
    "gunicorn_sync": ("--worker-class", "sync", "--workers", THREADS),
}


@dataclass(slots=True)
class Crowd:
    """200 slow clients in a process of their own, and how long the server let them be slow."""

    port: int
    cut: int = 0
    longest_seconds: float = 0

    @contextmanager
    def connected(self) -> Iterator[None]:
        """Keep all connections open while the block runs."""
        command = [sys.executable, "-m", "benchmarks.crowd", str(self.port), str(SLOW_CLIENTS)]
        with subprocess.Popen(
            command, cwd=BASE_DIR, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()  # all are connected
            try:
                yield
            finally:
                facts = json.loads(process.communicate()[0])
        self.cut, self.longest_seconds = facts["cut"], facts["longest_seconds"]


def run(services: Services, *, quick: bool, say: Callable[[str], None]) -> dict[str, float]:
    """Others alone, beside slow clients and beside sign-ins; then the same on gunicorn."""
    seconds = 35 if quick else 50
    services.run_child("citizens", 1)  # the demo city with its categories
    figures = _ours(services, seconds, say)
    for name, options in GUNICORN.items():
        say(f"slow_clients: {name}")
        with services.gunicorn(name, options) as port:
            _ask(port, 40)
            with Crowd(port).connected():
                beside = _ask(port, PEER_REQUESTS)
        figures |= {
            f"{name}_beside_slow_p50_ms": beside.percentile(50),
            f"{name}_beside_slow_unanswered": beside.failures,
            f"{name}_p50_over_ours_beside_slow": beside.percentile(50)
            / figures["beside_slow_p50_ms"],
        }
    return figures


def _ours(services: Services, seconds: int, say: Callable[[str], None]) -> dict[str, float]:
    settings = {"WEB_THREADS": THREADS, "STAFF_LOGINS_PER_HOST_HOUR": "1000000"}
    settings |= {"DJANGO_SETTINGS_MODULE": "config.settings"}
    with services.web("config.asgi:application", **settings) as port:
        _ask(port, 40)
        say("slow_clients: others alone")
        alone = _ask(port, RATE * 15)
        say(f"slow_clients: others beside {SLOW_CLIENTS} slow clients")
        crowd = Crowd(port)
        with crowd.connected():
            beside = _ask(port, RATE * seconds)
        say(f"slow_clients: others beside {SIGN_INS_AT_ONCE} sign-ins at once")
        with _signing_in(port) as statuses:
            signing = _ask(port, RATE * 15)
    return {
        **_percentiles("alone", alone),
        **_percentiles("beside_slow", beside),
        **_percentiles("beside_sign_ins", signing),
        "beside_slow_p50_to_alone": beside.percentile(50) / alone.percentile(50),
        "beside_sign_ins_p50_to_alone": signing.percentile(50) / alone.percentile(50),
        "slow_client_cut_seconds_max": crowd.longest_seconds,
        "slow_clients_cut": crowd.cut,
        "sign_ins_judged": statuses.count(200),
        "sign_ins_sent_away": statuses.count(503),
        "requests_failed": sum(load.failures for load in (alone, beside, signing)),
    }


def _percentiles(name: str, load: Load) -> dict[str, float]:
    return {f"{name}_p{percent}_ms": load.percentile(percent) for percent in (50, 99)}


def _ask(port: int, count: int) -> Load:
    requests = [Request("GET", PATH, {"Host": "127.0.0.1"}) for _ in range(count)]
    return open_loop(port, requests, rate=RATE)


@contextmanager
def _signing_in(port: int) -> Iterator[list[int]]:
    """Let SIGN_INS_AT_ONCE try a wrong password in the same moment, each second anew."""
    stop, statuses, together = threading.Event(), list[int](), threading.Barrier(SIGN_INS_AT_ONCE)

    def try_on(number: int) -> None:
        token = _csrf_token(port)
        attempt = 0
        while not stop.is_set():
            with suppress(threading.BrokenBarrierError):
                together.wait(10)
            statuses.append(_try(port, token, f"nobody{number}-{attempt}@example.org"))
            attempt += 1
            stop.wait(1)

    with ThreadPoolExecutor(SIGN_INS_AT_ONCE) as pool:
        running = [pool.submit(try_on, number) for number in range(SIGN_INS_AT_ONCE)]
        try:
            yield statuses
        finally:
            stop.set()
            together.abort()
            for one in running:
                one.result()


def _csrf_token(port: int) -> str:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", SIGN_IN)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.headers["Set-Cookie"].partition("csrftoken=")[2].partition(";")[0]


def _try(port: int, token: str, name: str) -> int:
    form = {"username": name, "password": "a wrong password", "csrfmiddlewaretoken": token}
    headers = {
        "Cookie": f"csrftoken={token}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("POST", SIGN_IN, urlencode(form), headers)
    with connection.getresponse() as answer:
        answer.read()
    connection.close()
    return answer.status
