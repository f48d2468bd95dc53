"""The address at which the web server listens."""

from __future__ import annotations

import socket
import sys
import time
from contextlib import suppress

#: A server that is just ending has so long to leave the address to its successor.
PATIENCE_SECONDS = 5
PROBE_SECONDS = 1


def free_address(bind: str) -> tuple[str, int]:
    """Return host and port of `bind`; exit with a sentence where nobody can listen there.

    The server's processes share their port (SO_REUSEPORT), so a second server could take it as
    well, and each would get a part of the requests. Hence this asks whether somebody answers; a
    socket that is bound and does not listen disturbs nobody.
    """
    host, port = _parsed(bind)
    try:
        family, *_, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            probe.bind(where)
    except OSError as error:
        sys.exit(f"The web server cannot listen at {bind} (WEB_BIND): {error.strerror}.")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while _is_served(host, port):
        if time.monotonic() > deadline:
            sys.exit(f"Another server answers at {bind} already; stop it, or change WEB_BIND.")
        time.sleep(0.1)
    return host, port


def _parsed(bind: str) -> tuple[str, int]:
    """Return host and port of `host:port` (an IPv6 host in brackets)."""
    host, _, port = bind.rpartition(":")
    if not host or not (port.isascii() and port.isdecimal()) or not 0 < int(port) < 65_536:
        sys.exit(f"WEB_BIND must be HOST:PORT, such as 127.0.0.1:8000, not {bind!r}.")
    return host.strip("[]"), int(port)


def _is_served(host: str, port: int) -> bool:
    with suppress(OSError), socket.create_connection((host, port), timeout=PROBE_SECONDS):
        return True
    return False
