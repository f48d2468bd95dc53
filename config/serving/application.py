"""The ASGI application around Django's WSGI handler: waiting in the event loop, work in threads.

A thread is held only while Django works on a request. Bodies are read before and answers are sent
after that by the event loop, and a request that waits for the end of a task waits there as well.
"""

from __future__ import annotations

import asyncio
import functools
import signal
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any
from uuid import UUID

import structlog

from config import http_metrics
from config.middleware import ARRIVED_AT
from config.probes import PROBE_PATHS
from config.serving.answers import Answer, Send, refusal
from config.serving.bodies import Body, BodyBroken, BodyTooSlow, Receive
from config.serving.environ import environ_of
from config.serving.uploads import TooManyUploads, Uploads, explanation
from config.serving.watch import TaskWatch
from jobs.http import waiting

Scope = Mapping[str, Any]
WsgiApplication = Callable[[dict[str, Any], Any], Iterable[bytes]]

log = structlog.get_logger(__name__)

RETRY_AFTER_SECONDS = 2


class ThreadedApplication:
    """Serve a WSGI application with `threads` threads.

    While `queue_max` requests wait, more are answered 503.
    """

    def __init__(self, application: WsgiApplication, *, threads: int, queue_max: int) -> None:
        self._application = application
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="web")
        self._probe_threads = ThreadPoolExecutor(1, thread_name_prefix="web-probe")
        self._admitted = 0
        self._admitted_max = threads + queue_max
        self._uploads = Uploads()
        self._watch = TaskWatch(waiting.ended)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            _on_stop(self._watch.stop)
            await _live(receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await self._read_and_answer(scope, receive)
        if answer is None:
            return
        if answer.is_refusal:
            http_metrics.count(scope["method"], http_metrics.REFUSED, answer.status, 0)
        await answer.send(send)

    async def _read_and_answer(self, scope: Scope, receive: Receive) -> Answer | None:
        accept = dict(scope["headers"]).get(b"accept", b"").decode("latin-1")
        refuse = functools.partial(refusal, path=scope["path"], accept=accept)
        try:
            body = await self._uploads.read(scope, receive)
        except TooManyUploads:
            return refuse(HTTPStatus.SERVICE_UNAVAILABLE, retry_after=RETRY_AFTER_SECONDS)
        except BodyTooSlow:
            return refuse(HTTPStatus.REQUEST_TIMEOUT)
        except BodyBroken:
            return refuse(HTTPStatus.BAD_REQUEST)
        with body.file:
            if not body.is_complete:
                return refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail=explanation(scope))
            return await self._answer(scope, body, receive)

    async def _answer(self, scope: Scope, body: Body, receive: Receive) -> Answer | None:
        """Return Django's answer, after the end of a task if the view asks to wait for one.

        Django then answers the request a second time. Return None if the client closed the
        connection meanwhile.
        """
        environ = environ_of(scope, body.file, body.length)
        environ[ARRIVED_AT] = time.perf_counter()
        wishes = self._offer_to_wait(environ)
        answer = await self._compute(environ)
        if not wishes:
            return answer
        task_id, seconds = wishes[0]
        if not await self._client_stays(receive, self._watch.until_ended(task_id, seconds)):
            return None
        body.file.seek(0)
        environ = environ_of(scope, body.file, body.length)
        environ[ARRIVED_AT] = time.perf_counter()
        environ[waiting.AWAITED] = task_id
        environ["HTTP_X_REQUEST_ID"] = dict(answer.headers)[b"x-request-id"].decode()
        return await self._compute(environ)

    def _offer_to_wait(self, environ: dict[str, Any]) -> list[tuple[UUID, float]]:
        """Offer the view to wait for a task's end; return the list to which it adds its wish."""
        wishes: list[tuple[UUID, float]] = []

        def wait(task_id: UUID, seconds: float) -> bool:
            if self._watch.is_full:
                return False
            wishes.append((task_id, seconds))
            return True

        environ[waiting.OFFER] = wait
        return wishes

    async def _client_stays(self, receive: Receive, wait: Awaitable[None]) -> bool:
        """Wait for `wait`; return False as soon as the client has closed the connection."""
        waiting_task, leaving = asyncio.ensure_future(wait), asyncio.ensure_future(receive())
        try:
            await asyncio.wait({waiting_task, leaving}, return_when=asyncio.FIRST_COMPLETED)
            return waiting_task.done()
        finally:
            waiting_task.cancel()
            leaving.cancel()

    async def _compute(self, environ: dict[str, Any]) -> Answer:
        if environ["PATH_INFO"].startswith(PROBE_PATHS):
            # Probes have their own thread, so that they are answered while all others are busy.
            return await self._run_in(self._probe_threads, environ)
        if self._admitted >= self._admitted_max:
            log.warning("web_overloaded", admitted=self._admitted)
            return _refused(
                environ, HTTPStatus.SERVICE_UNAVAILABLE, retry_after=RETRY_AFTER_SECONDS
            )
        self._admitted += 1
        try:
            return await self._run_in(self._threads, environ)
        finally:
            self._admitted -= 1

    async def _run_in(self, threads: ThreadPoolExecutor, environ: dict[str, Any]) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(threads, self._run, environ)

    def _run(self, environ: dict[str, Any]) -> Answer:
        answer = Answer()
        try:
            parts = self._application(environ, answer.start)
            try:
                answer.take(parts)
            finally:
                if hasattr(parts, "close"):
                    parts.close()  # ends the request, which gives its database connection back
        except Exception:
            log.exception("request_crashed", path=environ["PATH_INFO"])
            return _refused(environ, HTTPStatus.INTERNAL_SERVER_ERROR)
        return answer


def _refused(
    environ: dict[str, Any], status: HTTPStatus, *, retry_after: int | None = None
) -> Answer:
    path, accept = environ["PATH_INFO"], environ.get("HTTP_ACCEPT", "")
    return refusal(status, path, accept=accept, retry_after=retry_after)


def _on_stop(stop: Callable[[], None]) -> None:
    """Call `stop` on the event loop when this process is asked to end.

    The server's own handler stays: the loop hears of a signal through its wakeup file.
    """
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop))
        signal.siginterrupt(number, False)


async def _live(receive: Receive, send: Send) -> None:
    """Answer the messages of the lifespan protocol; there is nothing to prepare."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
