"""A light HTTP client of bounded size, closed (a client asks again once answered) or open (at fixed times)."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from itertools import count

from benchmarks.results import percentile
from reports.demo_texts import REPORTS

TIMEOUT_SECONDS = 30
OPEN_LOOP_CLIENTS = 48


@dataclass(frozen=True, slots=True)
class Request:
    """One report creation, ready to be sent."""

    body: bytes
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Load:
    """What a load saw: milliseconds of each answer, from when it was due; how many were not 201; its span in time."""

    milliseconds: list[float]
    failures: int
    began_at: float
    ended_at: float

    @property
    def per_second(self) -> float:
        return len(self.milliseconds) / (self.ended_at - self.began_at)

    def percentile(self, percent: float) -> float:
        return percentile(self.milliseconds, percent)


def make_request(number: int, tokens: list[str]) -> Request:
    """The report of this number, by one of the citizens, in the words of the demo city."""
    _, title, description = REPORTS[number % len(REPORTS)]
    report = {
        "title": title,
        "description": description.format(street=f"Street {number % 97}"),
        "latitude": 41.29 + number % 300 / 10_000,
        "longitude": -72.95 + number % 400 / 10_000,
    }
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {tokens[number % len(tokens)]}"}
    return Request(json.dumps(report).encode(), headers)


def closed_loop(port: int, path: str, tokens: list[str], *, clients: int, requests: int) -> Load:
    """`clients` at once, each asking again as soon as it is answered, `requests` in all."""
    return _run(port, path, tokens, clients=clients, requests=requests, due=lambda _number: time.perf_counter())


def open_loop(port: int, path: str, tokens: list[str], *, rate: float, seconds: float) -> Load:
    """`rate` requests a second come, however long the answers take; each counts from when it was due."""
    start = time.perf_counter() + 0.2
    requests = int(rate * seconds)
    return _run(
        port, path, tokens, clients=OPEN_LOOP_CLIENTS, requests=requests, due=lambda number: start + number / rate
    )


def _run(port: int, path: str, tokens: list[str], *, clients: int, requests: int, due: Callable[[int], float]) -> Load:
    prepared = [make_request(number, tokens) for number in range(requests)]
    milliseconds: list[float] = []
    failed: list[int] = []
    numbers, lock = count(), threading.Lock()

    def ask_on() -> None:
        connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
        while True:
            with lock:
                number = next(numbers)
            if number >= requests:
                connection.close()
                return
            due_at = due(number)
            time.sleep(max(0.0, due_at - time.perf_counter()))
            if not _ask(connection, path, prepared[number]):
                failed.append(number)
            milliseconds.append((time.perf_counter() - due_at) * 1000)

    began_at = time.time()
    with ThreadPoolExecutor(clients) as pool:
        for client in [pool.submit(ask_on) for _ in range(clients)]:
            client.result()
    return Load(milliseconds, len(failed), began_at, time.time())


def _ask(connection: HTTPConnection, path: str, request: Request) -> bool:
    """Whether the report was created."""
    try:
        connection.request("POST", path, request.body, request.headers)
        answer = connection.getresponse()
        answer.read()
    except (OSError, HTTPException):
        connection.close()
        return False
    return answer.status == 201
