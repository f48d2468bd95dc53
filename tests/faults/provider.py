"""A stand-in for the SMS and email provider: remembers every call it accepted, and misbehaves on demand."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Call:
    """A message that the provider took; `answer` is what the caller got to hear."""

    key: str
    to: str
    body: str
    answer: str


class Provider:
    """The ground truth of what left the house. `misbehaviour` maps an answer to its probability."""

    def __init__(self, seed: int) -> None:
        self.calls: list[Call] = []
        self.misbehaviour: dict[str, float] = {}
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

    def accept(self, key: str, to: str, body: str) -> str:
        """The message is on its way; return how to answer."""
        with self._lock:
            answers = ["ok", *self.misbehaviour]
            weights = [1 - sum(self.misbehaviour.values()), *self.misbehaviour.values()]
            answer = self._chance.choices(answers, weights)[0]
            self.calls.append(Call(key, to, body, answer))
        return answer

    def misdeeds(self) -> Counter[str]:
        """How often it misbehaved, by kind."""
        return Counter(call.answer for call in self.calls if call.answer != "ok")

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    provider: ClassVar[Provider]

    def do_POST(self) -> None:
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = self.provider.accept(self.headers["Idempotency-Key"], message["to"], message["body"])
        if answer == "timeout":
            time.sleep(self.provider.hang_seconds)
        with suppress(OSError):  # the caller was killed, or tired of waiting
            self.send_response(500 if answer == "error" else 200)
            self.end_headers()
            self.wfile.write(b'{"id": "message"}')

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Nothing: the calls are kept."""
