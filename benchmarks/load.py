"""A light HTTP client of bounded size, closed (a client asks again once answered) or open (at fixed
times).
"""

from __future__ import annotations

import itertools
import json
import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException

from benchmarks.results import percentile
from reports.demo.texts import REPORTS

TIMEOUT_SECONDS = 30
OPEN_LOOP_CLIENTS = 48
#: Inside the boundary of the demo city, about 7 km by 7 km.
SOUTH, NORTH, WEST, EAST = 41.278, 41.340, -72.976, -72.889
IDLE_SECONDS = 10  # a server may close a connection that was idle for long


@dataclass(frozen=True, slots=True)
class Request:
    """One request, ready to be sent, and the status its answer should have."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""
    expected: int = 200


@dataclass(frozen=True, slots=True)
class Load:
    """What a load saw: milliseconds of each answer, from when it was due; how many were not as
    expected; its span.
    """

    milliseconds: list[float]
    failures: int
    began_at: float
    ended_at: float
    due_at: list[float] = field(default_factory=list)  # of each request, since 1970

    @property
    def per_second(self) -> float:
        return len(self.milliseconds) / (self.ended_at - self.began_at)

    def percentile(self, percent: float) -> float:
        return percentile(self.milliseconds, percent)


def request_json(
    method: str, path: str, token: str, content: object = None, *, expected: int = 200
) -> Request:
    """Return a request of the citizen with this access token."""
    headers = {"Authorization": f"Bearer {token}"}
    if content is None:
        return Request(method, path, headers, expected=expected)
    headers |= {"Content-Type": "application/json", "X-Acknowledge-Duplicate": "true"}
    return Request(method, path, headers, json.dumps(content).encode(), expected)


def new_reports(path: str, tokens: Sequence[str], count: int) -> list[Request]:
    """So many report creations, by the citizens in turn, in the words of the demo city.

    Each is about another street: who repeats themselves waits for moderation.
    """
    return [
        request_json("POST", path, tokens[i % len(tokens)], _report(next(_streets)), expected=201)
        for i in range(count)
    ]


def _report(number: int) -> dict[str, object]:
    _, title, description = REPORTS[number % len(REPORTS)]
    latitude, longitude = _place()
    return {
        "title": title,
        "description": description.format(street=f"Street {number}"),
        "latitude": round(latitude, 6),
        "longitude": round(longitude, 6),
    }


def _place() -> tuple[float, float]:
    """Return a place in the demo city: half of the reports lie around a hundred corners.

    Among 1,000 to 3,000 reports each has 2 to 6 within 150 m, among these sometimes 15. In 7,800
    real reports of a city of that size each has 3 of the last 90 days, and one in a hundred 17.
    """
    if _city.random() < 0.5:
        return _anywhere()
    latitude, longitude = _city.choice(_CORNERS)
    return (
        min(max(latitude + _city.gauss(0, 0.00135), SOUTH), NORTH),
        min(max(longitude + _city.gauss(0, 0.0018), WEST), EAST),
    )


def _anywhere() -> tuple[float, float]:
    return _city.uniform(SOUTH, NORTH), _city.uniform(WEST, EAST)


_city, _streets = random.Random(1), itertools.count()
_CORNERS = [_anywhere() for _ in range(100)]


def closed_loop(port: int, requests: Sequence[Request], *, clients: int) -> Load:
    """Send requests from `clients` at once, each asking again as soon as it is answered."""
    return _run(port, requests, clients=clients, due=lambda _number: time.perf_counter())


def open_loop(port: int, requests: Sequence[Request], *, rate: float) -> Load:
    """Send `rate` requests a second, however long the answers take.

    Each counts from the time at which it was due.
    """
    start = time.perf_counter() + 0.2
    return _run(port, requests, clients=OPEN_LOOP_CLIENTS, due=lambda number: start + number / rate)


def _run(
    port: int, requests: Sequence[Request], *, clients: int, due: Callable[[int], float]
) -> Load:
    milliseconds: list[float] = []
    failed: list[int] = []
    wall_times = [0.0] * len(requests)
    numbers, lock = itertools.count(), threading.Lock()

    def ask_on() -> None:
        connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
        used_at = time.perf_counter()
        while True:
            with lock:
                number = next(numbers)
            if number >= len(requests):
                connection.close()
                return
            due_at = due(number)
            wall_times[number] = time.time() + due_at - time.perf_counter()
            time.sleep(max(0.0, due_at - time.perf_counter()))
            if time.perf_counter() - used_at > IDLE_SECONDS:
                connection.close()  # the next request opens it anew
            if not _ask(connection, requests[number]):
                failed.append(number)
            used_at = time.perf_counter()
            milliseconds.append((time.perf_counter() - due_at) * 1000)

    began_at = time.time()
    with ThreadPoolExecutor(clients) as pool:
        for client in [pool.submit(ask_on) for _ in range(clients)]:
            client.result()
    return Load(milliseconds, len(failed), began_at, time.time(), wall_times)


def _ask(connection: HTTPConnection, request: Request) -> bool:
    """Send one request; return whether the answer was as expected."""
    try:
        connection.request(request.method, request.path, request.body, request.headers)
        answer = connection.getresponse()
        answer.read()
    except (OSError, HTTPException):
        connection.close()
        return False
    return answer.status == request.expected
