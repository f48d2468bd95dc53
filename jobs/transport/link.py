"""A connection to RabbitMQ in a thread of its own, renewed for as long as the process lives.

pika's `SelectConnection` does everything in one thread; other threads pass it actions. Methods
whose name starts with `_on`, `_do` or `do` run in that thread and nowhere else.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import structlog
from pika.adapters.select_connection import SelectConnection

from jobs.transport import topology

log = structlog.get_logger(__name__)

RECONNECT_MINIMUM_SECONDS = 0.2
RECONNECT_MAXIMUM_SECONDS = 2.0
ABORT_SECONDS = 1.0

_generations = itertools.count(1)


class Link:
    """Common part of publisher and receiver: the connection and its channel."""

    def __init__(self, url: str, name: str) -> None:
        self._parameters = topology.connection_parameters(url)
        self._name = name
        self._inbox: deque[Callable[[], None]] = deque()
        self._is_draining = False
        self._connection: SelectConnection | None = None
        self._channel: Any = None
        self._is_blocked = False
        self._is_stopping = threading.Event()
        #: A new number after every reconnection: what was known of RabbitMQ before may be wrong.
        self.generation = next(_generations)
        self._thread = threading.Thread(target=self._run, name=f"civiclens-{name}", daemon=True)

    # --- For any thread -------------------------------------------------------------------------
    @property
    def is_connected(self) -> bool:
        """Return whether RabbitMQ takes messages right now."""
        return self._channel is not None and not self._is_blocked

    @property
    def is_blocked(self) -> bool:
        """Return whether RabbitMQ is connected but takes no messages, as in its memory alarm."""
        return self._is_blocked

    @property
    def is_alive(self) -> bool:
        """Return whether the connection's thread runs."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Open the connection and keep it open."""
        self._thread.start()

    def stop(self) -> None:
        """Close the connection; nothing is lost with it, since every task is in the ledger."""
        self._is_stopping.set()
        connection = self._connection
        if connection is not None:  # at once, also while what is called waits for the channel
            connection.ioloop.add_callback_threadsafe(self._do_close)
        self._thread.join(timeout=5)

    def call(self, action: Callable[[], None]) -> None:
        """Run `action` in the connection's thread; many actions wake that thread only once."""
        self._inbox.append(action)
        connection = self._connection
        if not self._is_draining and connection is not None:
            self._is_draining = True
            connection.ioloop.add_callback_threadsafe(self._do_drain)

    # --- The connection's thread ----------------------------------------------------------------
    def _run(self) -> None:
        pause = RECONNECT_MINIMUM_SECONDS
        while not self._is_stopping.is_set():
            started_at = time.monotonic()
            try:
                self._connection = SelectConnection(
                    self._parameters,
                    on_open_callback=self._on_open,
                    on_open_error_callback=self._on_closed,
                    on_close_callback=self._on_closed,
                )
                self._is_draining = False
                if self._is_stopping.is_set():  # `stop` may have come while there was no connection
                    self._do_close()
                self._connection.ioloop.start()
            except Exception as error:  # noqa: BLE001 - the thread must outlive any fault of the connection
                log.warning("jobs.link_failed", link=self._name, error_type=type(error).__name__)
                self._abort()
            ended, self._connection = self._connection, None
            if ended is not None:
                ended.ioloop.close()
            self._channel = None
            self._is_blocked = False
            self._on_lost()
            has_lived = time.monotonic() - started_at > pause * 4
            pause = (
                RECONNECT_MINIMUM_SECONDS
                if has_lived
                else min(pause * 2, RECONNECT_MAXIMUM_SECONDS)
            )
            self._is_stopping.wait(pause)

    def _abort(self) -> None:
        """Close the socket of a connection whose loop an error has ended.

        pika closes it in the loop, so the loop runs on until that is done.
        """
        connection = self._connection
        if connection is None or connection.is_closed:
            return
        try:
            connection.ioloop.call_later(ABORT_SECONDS, connection.ioloop.stop)
            if (transport := connection._transport) is not None:  # noqa: SLF001 - nothing public does it
                transport.abort()
            else:
                connection.close()
            connection.ioloop.start()
        except Exception as error:  # noqa: BLE001 - as above
            log.warning("jobs.link_abort_failed", link=self._name, error_type=type(error).__name__)

    def _on_open(self, connection: SelectConnection) -> None:
        connection.add_on_connection_blocked_callback(lambda *_: self._on_blocked(is_blocked=True))
        connection.add_on_connection_unblocked_callback(
            lambda *_: self._on_blocked(is_blocked=False)
        )
        connection.channel(on_open_callback=self._on_channel_open)

    def _on_channel_open(self, channel: Any) -> None:
        channel.add_on_close_callback(lambda _channel, _reason: self._do_close())
        self._on_ready(channel)

    def _on_ready(self, channel: Any) -> None:
        """Use the channel, which is open now."""
        self._channel = channel
        log.info("jobs.link_connected", link=self._name)
        self._do_drain()

    def _on_closed(self, connection: SelectConnection, _reason: object) -> None:
        connection.ioloop.stop()

    def _on_blocked(self, *, is_blocked: bool) -> None:
        self._is_blocked = is_blocked
        log.warning("jobs.link_blocked" if is_blocked else "jobs.link_unblocked", link=self._name)

    def _on_lost(self) -> None:
        """Answer the actions that waited for the lost connection, and begin a new generation."""
        self.generation = next(_generations)
        self._do_drain()

    def _do_close(self) -> None:
        connection = self._connection
        if connection is not None and not (connection.is_closing or connection.is_closed):
            connection.close()  # also while it opens

    def _do_drain(self) -> None:
        self._is_draining = False
        if self._connection is not None and self._channel is None:
            return  # still connecting: what waits is done when the channel is ready
        while self._inbox:
            self._inbox.popleft()()
