"""A small server of this machine that speaks the protocol of Nominatim's reverse search."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

Answer = tuple[int, bytes, dict[str, str]]


def found(address: str) -> Answer:
    """Return the answer about a place whose address is known."""
    body = {"place_id": 1, "lat": "41.3", "lon": "-72.9", "display_name": address}
    return 200, json.dumps(body).encode(), {}


NOTHING: Answer = (200, b'{"error": "Unable to geocode"}', {})


class Nominatim:
    """What the server answers, and what it was asked."""

    def __init__(self) -> None:
        self.questions: list[dict[str, str]] = []
        self.user_agents: list[str] = []
        self.answer: Answer = found("12, Main Street, New Haven, 06510, United States")
        self.is_silent = False
        self.before_answer: Callable[[], Any] = lambda: None
        self.url = ""
        self.released = Event()


@contextmanager
def running() -> Iterator[Nominatim]:
    """Run a server while the block lasts."""
    state = Nominatim()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            asked = {name: values[0] for name, values in parse_qs(url.query).items()}
            state.questions.append(asked | {"path": url.path})
            state.user_agents.append(self.headers["User-Agent"])
            if state.is_silent:
                state.released.wait(30)
                return
            state.before_answer()
            status, body, headers = state.answer
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    state.url = f"http://127.0.0.1:{server.server_port}/search"
    try:
        yield state
    finally:
        state.released.set()
        server.shutdown()
        server.server_close()
