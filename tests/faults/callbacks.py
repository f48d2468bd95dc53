"""The provider's own server calling back: what became of each message, again until it is answered,
and often twice.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from queue import Empty, Queue

PATH = "/api/v1/notifications/receipts/"
TOKEN = "receipts of a campaign"
#: Of the messages, how many are called back about twice or three times at once.
REPEATED = 0.4
PATIENCE_SECONDS = 5.0
PAUSE_SECONDS = 0.3


class CallBacks:
    """Threads that post receipts; `answered` counts by message how many were answered 2xx."""

    def __init__(self, port: int, *, seed: int, count: int = 4) -> None:
        self._port = port
        self._dice = random.Random(f"call-backs {seed}")
        self._is_stopping = threading.Event()
        self._lock = threading.Lock()
        self._waiting: Queue[str] = Queue()
        self._planned: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def plan(self, message_id: str) -> None:
        """Plan to tell the product that the message was delivered.

        It is told once, or several times at the same moment.
        """
        with self._lock:
            times = self._dice.choice((2, 3)) if self._dice.random() < REPEATED else 1
            self._planned[message_id] = times
        for _ in range(times):
            self._waiting.put(message_id)

    @property
    def is_pending(self) -> bool:
        """Return whether a call-back has yet to be answered."""
        with self._lock:
            return self.answered.total() < self._planned.total()

    def duplicates(self) -> tuple[int, int]:
        """Count the messages of which the product took two call-backs or more.

        Also count those of which it should have and did not.
        """
        with self._lock:
            hit = sum(times > 1 for times in self.answered.values())
            return hit, sum(times > 1 for times in self._planned.values()) - hit

    def finish(self, tick: Callable[[], None], *, seconds: float) -> None:
        """Wait until every call-back has been answered, or has had its time."""
        deadline = time.monotonic() + seconds
        while self.is_pending and time.monotonic() < deadline:
            tick()
        self.stop()

    def stop(self) -> None:
        """Nobody calls back any more."""
        self._is_stopping.set()
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS + 1)

    def _run(self) -> None:
        while not self._is_stopping.is_set():
            try:
                message_id = self._waiting.get(timeout=PAUSE_SECONDS)
            except Empty:
                continue
            if self._is_taken(message_id):
                with self._lock:
                    self.answered[message_id] += 1
            else:
                self._waiting.put(message_id)
                self._is_stopping.wait(PAUSE_SECONDS)

    def _is_taken(self, message_id: str) -> bool:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"}
        connection = HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE_SECONDS)
        try:
            connection.request(
                "POST", PATH, json.dumps({"id": message_id, "status": "delivered"}), headers
            )
            response = connection.getresponse()
            response.read()
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()
        return 200 <= response.status < 300
