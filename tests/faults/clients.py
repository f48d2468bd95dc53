"""Citizens who use the product's own API while it breaks, and remember what they were promised."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from http.client import HTTPConnection, HTTPException
from typing import Any

from tests.faults.civic import CivicLife, CivicPromises

PAUSE_SECONDS = 0.1
PATIENCE_SECONDS = 10.0
BOUNDARY = "civiclens-faults"


class Clients:
    """Threads that report, ask for codes, and take part as citizens and staff do.

    What was answered 200, 201 or 202 is a promise.
    """

    def __init__(
        self, port: int, tokens: list[str], *, staff: str, seed: int, count: int = 2
    ) -> None:
        self._port = port
        self._tokens = tokens
        self._is_stopping = threading.Event()
        self._lock = threading.Lock()
        self.reports: dict[str, bool] = {}  # id: whether its reporter was signed in
        self.challenges: list[str] = []
        self.civic = CivicPromises()
        self._civic_life = CivicLife(self._post, staff=staff, promises=self.civic)
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
        asked, own = 0, list[str]()
        while not self._is_stopping.wait(PAUSE_SECONDS * dice.uniform(0.5, 1.5)):
            asked += 1
            with self._lock:
                self.in_flight += 1
            try:
                self._act(dice, number, asked, own)
            except (OSError, HTTPException, ValueError) as error:
                self.answers[type(error).__name__] += 1
                time.sleep(0.2)
            finally:
                with self._lock:
                    self.in_flight -= 1

    def _act(self, dice: random.Random, number: int, asked: int, own: list[str]) -> None:
        """Do one of the things that people do; `own` are reports of this thread."""
        chance = dice.random()
        if chance < 0.3:
            self._ask_for_code(number, asked)
        elif chance < 0.45 and own:
            self._civic_life.live(dice, own)
        else:
            self._report(dice, own)

    def _report(self, dice: random.Random, own: list[str]) -> None:
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
            own.append(answer["id"])

    def _ask_for_code(self, number: int, asked: int) -> None:
        phone = f"+1{[202, 203, 212, 213][number]}{2_000_000 + asked:07}"
        status, answer = self._post("/api/v1/auth/request-otp/", {"phone": phone}, None)
        if status == 202:
            self.challenges.append(answer["challenge_id"])

    def _post(
        self, path: str, body: dict[str, Any], token: str | None, *, photo: bytes | None = None
    ) -> tuple[int, Any]:
        status, answer = post(self._port, path, body, token, photo=photo)
        self.answers[str(status)] += 1
        return status, answer


def post(
    port: int, path: str, body: dict[str, Any], token: str | None, *, photo: bytes | None = None
) -> tuple[int, Any]:
    """Post a body or a photo to the product's API; return the answer's status and its JSON."""
    kind = f"multipart/form-data; boundary={BOUNDARY}" if photo else "application/json"
    headers = {"Content-Type": kind, "X-Acknowledge-Duplicate": "true"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    content = _multipart(photo) if photo else json.dumps(body).encode()
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    try:
        connection.request("POST", path, content, headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def _multipart(photo: bytes) -> bytes:
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="photo"; filename="lamp.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n"
    )
    return head.encode() + photo + f"\r\n--{BOUNDARY}--\r\n".encode()
