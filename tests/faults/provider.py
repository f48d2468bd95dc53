"""A stand-in for the SMS provider: remembers every call it accepted, calls back, and misbehaves on
demand.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from uuid import uuid4

from tests.faults.callbacks import CallBacks

#: Whom the campaign's own actors write to; nobody is called back about that.
PROBE = "probe"


@dataclass(frozen=True, slots=True)
class Call:
    """A message that the provider took; `answer` is what the caller got to hear, `at` the monotonic
    time.
    """

    key: str
    to: str
    body: str
    answer: str
    at: float = field(default_factory=time.monotonic, compare=False)


class Provider:
    """The ground truth of what left the house. `misbehaviour` maps an answer to its probability.

    Each message it took has an id of its own, repeated ones too; `call_backs`, where there are any,
    are told of it before the caller is answered.
    """

    def __init__(self, seed: int) -> None:
        self.calls: list[Call] = []
        self.misbehaviour: dict[str, float] = {}
        self.call_backs: CallBacks | None = None
        self.hang_seconds = 2.0
        self._chance = random.Random(seed)
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"provider": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/messages"

    def accept(self, key: str, to: str, body: str) -> tuple[str, str]:
        """Accept a message; return how to answer, and its id."""
        with self._lock:
            answers = ["ok", *self.misbehaviour]
            weights = [1 - sum(self.misbehaviour.values()), *self.misbehaviour.values()]
            answer = self._chance.choices(answers, weights)[0]
            self.calls.append(Call(key, to, body, answer))
        message_id = f"message-{uuid4()}"
        if self.call_backs is not None and to != PROBE:
            self.call_backs.plan(message_id)
        return answer, message_id

    def misdeeds(self) -> Counter[str]:
        """Return how often it misbehaved, by kind."""
        return Counter(call.answer for call in self.calls if call.answer != "ok")

    def stop(self) -> None:
        if self.call_backs is not None:
            self.call_backs.stop()
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    provider: ClassVar[Provider]

    def do_POST(self) -> None:
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer, message_id = self.provider.accept(
            self.headers["Idempotency-Key"], message["to"], message["body"]
        )
        if answer == "timeout":
            time.sleep(self.provider.hang_seconds)
        with suppress(OSError):  # the caller was killed, or tired of waiting
            self.send_response(500 if answer == "error" else 200)
            self.end_headers()
            self.wfile.write(json.dumps({"id": message_id}).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Nothing: the calls are kept."""
