"""What other clients wait for beside slow ones, and beside many who sign in at the desk at once.

The product's server is compared with gunicorn, which serves the same application, in the same run.
"""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from urllib.parse import urlencode

from benchmarks.load import Load, Request, open_loop
from benchmarks.results import Target
from benchmarks.services import Services

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


@dataclass(frozen=True, slots=True)
class Kind:
    """One way of being slow: what is sent at once, and a byte after each pause."""

    start: bytes
    pause_seconds: float


_POST = b"POST /api/v1/reports/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
KINDS = (
    Kind(_POST + b"Content-Length: 20000\r\n\r\n{", 1),
    Kind(_POST + b"X-Slow: ", 1),
    Kind(_POST + b"Content-Length: 20000\r\n\r\n{", 10),
)


@dataclass(slots=True)
class SlowClient:
    """A connection that sends as slowly as its kind; opened again when the server ends it."""

    port: int
    kind: Kind
    socket: socket.socket = field(init=False)
    opened_at: float = field(init=False)
    due_at: float = field(init=False)

    def open(self, selector: selectors.BaseSelector) -> None:
        self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        self.socket.sendall(self.kind.start)
        self.socket.setblocking(False)
        self.opened_at = time.monotonic()
        self.due_at = self.opened_at + self.kind.pause_seconds
        selector.register(self.socket, selectors.EVENT_READ, self)

    def send_when_due(self, now: float) -> None:
        if now >= self.due_at:
            self.due_at = now + self.kind.pause_seconds
            with suppress(OSError):  # it was ended; reading says so
                self.socket.send(b"a")

    def is_ended(self) -> bool:
        """Read what the server says; return whether it has ended the connection."""
        try:
            return not self.socket.recv(65_536)
        except BlockingIOError:
            return False
        except OSError:
            return True


@dataclass(slots=True)
class Crowd:
    """All slow clients at once, and how long the server let each of them be slow."""

    port: int
    lasted_seconds: list[float] = field(default_factory=list)
    longest_open_seconds: float = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def connected(self) -> Iterator[None]:
        """Keep all connections open while the block runs."""
        ready = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(self._run, ready)
            try:
                ready.wait(60)
                yield
            finally:
                self._stop.set()
                running.result()

    def _run(self, ready: threading.Event) -> None:
        clients = [SlowClient(self.port, KINDS[i % len(KINDS)]) for i in range(SLOW_CLIENTS)]
        with selectors.DefaultSelector() as selector:
            for client in clients:
                client.open(selector)
            ready.set()
            while not self._stop.is_set():
                self._turn(clients, selector)
            now = time.monotonic()
            self.longest_open_seconds = max(now - client.opened_at for client in clients)
            for client in clients:
                client.socket.close()

    def _turn(self, clients: list[SlowClient], selector: selectors.BaseSelector) -> None:
        for key, _ in selector.select(0.05):
            client: SlowClient = key.data
            if client.is_ended():
                self.lasted_seconds.append(time.monotonic() - client.opened_at)
                selector.unregister(client.socket)
                client.socket.close()
                client.open(selector)
        now = time.monotonic()
        for client in clients:
            client.send_when_due(now)


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
        "slow_client_cut_seconds_max": max(*crowd.lasted_seconds, crowd.longest_open_seconds),
        "slow_clients_cut": len(crowd.lasted_seconds),
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
