"""The real web server for tests, as production starts it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPMessage
from typing import Any

from config.development import processes

COMMAND = [sys.executable, "-m", "config.serving"]


@dataclass(frozen=True)
class Answer:
    """What the server answered."""

    status: int
    headers: HTTPMessage
    content: bytes

    def json(self) -> Any:
        """Return the content, which is JSON."""
        return json.loads(self.content)


@dataclass(frozen=True)
class Server:
    """A running web server."""

    port: int
    process: subprocess.Popen[bytes]

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send one request on a connection of its own; a dict is sent as JSON."""
        names = {name.replace("_", "-"): text for name, text in headers.items()}
        if isinstance(body, dict):
            body, names = json.dumps(body), {"Content-Type": "application/json"} | names
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            connection.request(method, path, body, names)
            with connection.getresponse() as answer:
                return Answer(answer.status, answer.headers, answer.read())

    def connect(self) -> socket.socket:
        """Open a connection on which a test may send what it likes."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def answers(self) -> bool:
        """Return whether it answers."""
        try:
            return self.ask("GET", "/livez").status == 200
        except (OSError, HTTPException):
            return False


@contextmanager
def serving(environment: Mapping[str, str], **more: str) -> Iterator[Server]:
    """Run a web server in `environment`, where `more` wins; its port is kept free by a socket of
    ours.
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind(("127.0.0.1", 0))
        port = holder.getsockname()[1]
        values = {"WEB_BIND": f"127.0.0.1:{port}", "WEB_PROCESSES": "1"} | more
        process = subprocess.Popen(COMMAND, env={**environment, **values})
        server = Server(port, process)
        try:
            assert processes.wait_for(server.answers, 60), "the web server did not start"
            yield server
        finally:
            process.terminate()
            process.wait(30)
