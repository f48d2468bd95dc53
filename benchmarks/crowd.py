"""Slow clients: `python -m benchmarks.crowd PORT COUNT` keeps connections until its input ends.

It prints a line once all are connected, and at the end, as JSON, how many connections the server
has ended and how long the slowest of all lasted.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field


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
    """All slow clients of this process."""

    clients: list[SlowClient]
    selector: selectors.BaseSelector
    cut: int = 0
    longest_seconds: float = 0

    def turn(self) -> None:
        """Open anew what the server has ended, and send what is due."""
        for key, _ in self.selector.select(0.05):
            if isinstance(client := key.data, SlowClient) and client.is_ended():
                self.cut += 1
                self.end(client)
                client.open(self.selector)
        now = time.monotonic()
        for client in self.clients:
            client.send_when_due(now)

    def end(self, client: SlowClient) -> None:
        self.longest_seconds = max(self.longest_seconds, time.monotonic() - client.opened_at)
        self.selector.unregister(client.socket)
        client.socket.close()


def main(port: int, count: int) -> None:
    """Keep `count` connections, of each kind a third, until standard input ends."""
    with selectors.DefaultSelector() as selector:
        crowd = Crowd([SlowClient(port, KINDS[i % len(KINDS)]) for i in range(count)], selector)
        for client in crowd.clients:
            client.open(selector)
        print("connected", flush=True)
        selector.register(sys.stdin, selectors.EVENT_READ)
        while not any(key.fileobj is sys.stdin for key, _ in selector.select(0)):
            crowd.turn()
        for client in crowd.clients:
            crowd.end(client)
    print(json.dumps({"cut": crowd.cut, "longest_seconds": crowd.longest_seconds}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
