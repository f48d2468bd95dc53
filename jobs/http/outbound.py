"""Call machines whose addresses somebody else chose: feeds, other cities, webhooks.

One session serves every such call, also those of libraries that take a session of `requests`. It
connects to checked addresses only (`jobs.http.addresses`), at each redirect anew; it bounds the
time of a call and the bytes of its answer as they are after decompression; it takes no proxy, no
cookie and no password from the environment.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.cookies import RequestsCookieJar
from requests.exceptions import ChunkedEncodingError, ContentDecodingError, SSLError
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from jobs.errors import OutboundError
from jobs.http import addresses
from jobs.http.pauses import retry_after

CHUNK_BYTES = 64 * 1024
REDIRECTS = 5


class Unreachable(OutboundError):
    """The other machine cannot be reached."""


class TooSlow(OutboundError):
    """The other machine took too long to answer."""


class AnswerTooLarge(OutboundError):
    """The answer is larger than is allowed."""


class AnswerBroken(OutboundError):
    """The answer ended early, or is not what its headers say."""


class TooManyRedirects(OutboundError):
    """The address redirects again and again."""


class AddressInvalid(OutboundError):
    """The address is no URL with http or https."""


class BadStatus(OutboundError):
    """The other machine answered with an error; `status` is its status code."""

    def __init__(self, status: int, *, pause: timedelta | None = None) -> None:
        super().__init__(f"The other machine answered {status}.")
        self.status = status
        self.retry_after = pause


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How long a call may take and how large its answer may be.

    `silence_seconds` is the longest pause without a byte, `total_seconds` bounds the whole call.
    """

    silence_seconds: float = 10
    total_seconds: float = 60
    body_bytes: int = 20_000_000


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of another machine, decompressed; `address` is the one that gave it."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    address: str


#: Called with the host before each request, redirects included; it may wait or raise.
BeforeRequest = Callable[[str], None]


class GuardedSession(requests.Session):
    """A session of `requests` that calls checked addresses only, within `bounds`."""

    def __init__(
        self, *, user_agent: str, bounds: Bounds, before: BeforeRequest | None = None
    ) -> None:
        super().__init__()
        self.trust_env = False
        self.max_redirects = REDIRECTS
        self.headers["User-Agent"] = user_agent
        self.cookies = _NoCookies()
        self._before = before
        self.adapters.clear()
        for scheme in ("https://", "http://"):
            self.mount(scheme, _GuardedAdapter(bounds))

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Send one request, after `before` has let it go."""
        if self._before is not None:
            self._before(urlsplit(request.url or "").hostname or "")
        return super().send(request, **options)


class Client:
    """Asks other machines; every failure is an `OutboundError`."""

    def __init__(self, session: GuardedSession) -> None:
        self._session = session

    def get(
        self,
        address: str,
        *,
        headers: Mapping[str, str] | None = None,
        parameters: Mapping[str, str] | None = None,
    ) -> Answer:
        """Return the answer to a GET, whose status is below 400.

        Raises:
            OutboundError: there is no such answer; `retry_after` says when to ask again.
        """
        with translated_errors():
            answer = self._session.get(
                address, headers=dict(headers or {}), params=dict(parameters or {})
            )
        if answer.status_code >= 400:
            raise BadStatus(answer.status_code, pause=retry_after(answer.headers))
        return Answer(answer.status_code, answer.headers, answer.content, answer.url)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class translated_errors:  # noqa: N801 - reads as a statement
    """Turn the errors of `requests` inside the block into OutboundErrors."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, requests.RequestException):
            raise translate(error) from error
        if isinstance(error, ValueError):  # of the standard library, about a redirection
            raise AddressInvalid from error


def translate(error: requests.RequestException) -> OutboundError:
    """Return the OutboundError for an error of `requests`; no message holds what was sent."""
    match error:
        case requests.TooManyRedirects():
            return TooManyRedirects()
        case requests.Timeout():
            return TooSlow()
        case ChunkedEncodingError() | ContentDecodingError():
            return AnswerBroken()
        case ValueError():  # such as InvalidURL and MissingSchema
            return AddressInvalid()
        case SSLError():
            return Unreachable("The other machine has no valid certificate.")
    return Unreachable()


class _NoCookies(RequestsCookieJar):
    """Keeps no cookie: each call is as the first."""

    def set_cookie(self, cookie: Any, *_: Any, **__: Any) -> None:
        return None


class _GuardedAdapter(HTTPAdapter):
    """Opens checked connections, and reads each answer whole within the bounds."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}

    def send(self, request: requests.PreparedRequest, *_: Any, **options: Any) -> requests.Response:
        silence = self._bounds.silence_seconds
        options |= {"stream": True, "timeout": (silence, silence), "proxies": {}}
        with _Watch(self._bounds.total_seconds) as watch:
            try:
                answer = super().send(request, **options)
                answer._content = self._content(answer)  # noqa: SLF001 - as `requests` reads it
                answer._content_consumed = True  # noqa: SLF001
            except (requests.RequestException, HTTPError, OSError) as error:
                if watch.has_rung:
                    raise requests.Timeout(request=request) from error
                raise
            if watch.has_rung:  # an ended connection can look like the end of the answer
                raise requests.Timeout(request=request)
        return answer

    def _content(self, answer: requests.Response) -> bytes:
        """Return the body, decompressed.

        Raises:
            AnswerTooLarge: it is larger than allowed, as it was sent or decompressed.
        """
        limit = self._bounds.body_bytes
        content = bytearray()
        try:
            for chunk in answer.iter_content(CHUNK_BYTES):
                content += chunk
                if len(content) > limit:
                    raise AnswerTooLarge(f"The answer is larger than {limit:,} bytes.")
        finally:
            answer.close()
        return bytes(content)


_here = threading.local()  # the watch of this thread's call


class _Watch:
    """Ends the connections of this thread when a call has taken `seconds` in all.

    A machine that sends a byte every few seconds never falls silent.
    """

    def __init__(self, seconds: float) -> None:
        self._timer = threading.Timer(seconds, self._ring)
        self._timer.daemon = True
        self._sockets: list[socket.socket] = []
        self.has_rung = False

    def __enter__(self) -> _Watch:
        _here.current = self
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        _here.current = None

    def _ring(self) -> None:
        self.has_rung = True
        for connected in self._sockets:
            with suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)

    def add(self, connected: socket.socket) -> None:
        """End this connection too when the time is over."""
        self._sockets.append(connected)


def _show_to_watch(connected: socket.socket) -> None:
    watch: _Watch | None = getattr(_here, "current", None)
    if watch is not None:
        watch.add(connected)


def _open(connection: HTTPConnection) -> socket.socket:
    """Return a socket to the first allowed address of the connection's host that answers.

    Raises:
        AddressRefused: no address of the host may be called.
        OSError: none answers.
    """
    failure: OSError | None = None
    deadline = time.monotonic() + float(connection.timeout or 10)
    for family, address in addresses.resolve(connection.host.strip("[]"), connection.port):
        one = socket.socket(family, socket.SOCK_STREAM)
        one.settimeout(max(deadline - time.monotonic(), 0.1))
        try:
            one.connect(address)
        except OSError as error:
            one.close()
            failure = error
            continue
        one.settimeout(connection.timeout)
        return one
    raise failure or OSError("The name has no address.")


class _Checked(HTTPConnection):
    """Connects to a checked address, and shows its socket to the watch of each call."""

    def _new_conn(self) -> socket.socket:
        return _open(self)

    def connect(self) -> None:
        super().connect()
        _show_to_watch(self.sock)

    def request(self, *args: Any, **options: Any) -> None:
        """Send a request on this connection, which may have served another one before."""
        if self.sock is not None:
            _show_to_watch(self.sock)
        super().request(*args, **options)


class _HttpConnection(_Checked):
    """Of http."""


class _HttpsConnection(_Checked, HTTPSConnection):
    """Of https: certificates are still checked by the host's name."""


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _HttpConnection


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _HttpsConnection
