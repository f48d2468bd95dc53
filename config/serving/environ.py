"""Conversion of an ASGI scope into a WSGI environ (PEP 3333)."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import IO, Any
from urllib.parse import unquote_to_bytes


def environ_of(scope: Mapping[str, Any], body: IO[bytes], length: int) -> dict[str, Any]:
    """Return the WSGI environ of a request whose body has been read.

    The path comes from the raw bytes, since servers decode it in different ways. Headers whose
    names have an underscore are left out: as CGI variables they could not be told from those with a
    hyphen, such as X_Forwarded_For.
    """
    host, port = scope.get("server") or ("localhost", 80)
    client = scope.get("client") or ("", 0)
    environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": _path(scope),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": str(host),
        "SERVER_PORT": str(port or 0),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": str(client[0]),
        "REMOTE_PORT": str(client[1]),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": body,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    _add_headers(environ, scope)
    environ.pop("HTTP_CONTENT_LENGTH", None)
    environ["CONTENT_LENGTH"] = str(length)  # also for a chunked body
    environ["CONTENT_TYPE"] = environ.pop("HTTP_CONTENT_TYPE", "")
    return environ


def _path(scope: Mapping[str, Any]) -> str:
    raw = scope.get("raw_path")
    path = scope["path"].encode() if raw is None else unquote_to_bytes(raw.partition(b"?")[0])
    return path.decode("latin-1")


def _add_headers(environ: dict[str, Any], scope: Mapping[str, Any]) -> None:
    """Add the headers as `HTTP_*`; repeated headers are joined, as RFC 9110 section 5.3 says."""
    for name, value in scope["headers"]:
        if b"_" in name:
            continue
        key = "HTTP_" + name.decode("latin-1").upper().replace("-", "_")
        text = value.decode("latin-1")
        separator = "; " if key == "HTTP_COOKIE" else ","
        environ[key] = f"{environ[key]}{separator}{text}" if key in environ else text
