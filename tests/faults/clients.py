"""Citizens who use the product's own API while it breaks, and remember what they were promised."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from http.client import HTTPConnection, HTTPException
from typing import Any

PAUSE_SECONDS = 0.1
PATIENCE_SECONDS = 10.0


class Clients:
    """Threads that report and ask for codes; what was answered 201 or 202 is a promise."""

    def __init__(self, port: int, tokens: list[str], *, seed: int, count: int = 2) -> None:
        self._port = port
        self._tokens = tokens
        self._is_stopping = threading.Event()
        self._lock = threading.Lock()
        self.reports: dict[str, bool] = {}  # id: whether its reporter was signed in
        self.challenges: list[str] = []
        self.answers: Counter[str] = Counter()
        self.in_flight = 0
        self._threads = [
            threading.Thread(
                target=self._run, args=(random.Random(f"{seed}-{number}"), number), daemon=True
            )
            for number in range(count)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Nobody asks for anything afterwards."""
        self._is_stopping.set()
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS + 1)

    def _run(self, dice: random.Random, number: int) -> None:
        asked = 0
        while not self._is_stopping.wait(PAUSE_SECONDS * dice.uniform(0.5, 1.5)):
            asked += 1
            with self._lock:
                self.in_flight += 1
            try:
                self._ask_for_code(number, asked) if dice.random() < 0.3 else self._report(dice)
            except (OSError, HTTPException, ValueError) as error:
                self.answers[type(error).__name__] += 1
                time.sleep(0.2)
            finally:
                with self._lock:
                    self.in_flight -= 1

    def _report(self, dice: random.Random) -> None:
        token = dice.choice(self._tokens) if dice.random() < 0.6 else None
        body = {
            "title": "Broken lamp",
            "description": "It is dark.",
            "latitude": 41.31,
            "longitude": -72.92,
        }
        status, answer = self._post("/api/v1/reports/", body, token)
        if status == 201:
            self.reports[answer["id"]] = token is not None

    def _ask_for_code(self, number: int, asked: int) -> None:
        phone = f"+1{[202, 203, 212, 213][number]}{2_000_000 + asked:07}"
        status, answer = self._post("/api/v1/auth/request-otp/", {"phone": phone}, None)
        if status == 202:
            self.challenges.append(answer["challenge_id"])

    def _post(self, path: str, body: dict[str, Any], token: str | None) -> tuple[int, Any]:
        status, answer = post(self._port, path, body, token)
        self.answers[str(status)] += 1
        return status, answer


def post(port: int, path: str, body: dict[str, Any], token: str | None) -> tuple[int, Any]:
    """Post to the product's API; return the answer's status and its JSON."""
    headers = {"Content-Type": "application/json", "X-Acknowledge-Duplicate": "true"} | (
        {"Authorization": f"Bearer {token}"} if token else {}
    )
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    try:
        connection.request("POST", path, json.dumps(body), headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()
