"""A TCP proxy on loopback that spoils what passes through it."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Literal

Mode = Literal["pass", "latency", "slow", "cut", "reset", "half_open"]
CHUNK_BYTES = 65_536
LATENCY_SECONDS = 0.1
SLOW_BYTES_PER_SECOND = 2_000


class Proxy:
    """Listens on `port` and hands everything on to `target`, as the mode says.

    `latency` delays every chunk, `slow` throttles, `cut` closes and refuses, `reset` does so with
    RST, `half_open` swallows what is sent in both directions and says nothing; when it ends the
    swallowed connections get RST, as from a machine that is back after a crash.
    """

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._mode: Mode = "pass"
        self._writers: set[asyncio.StreamWriter] = set()
        self._tainted: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._run(self._listen())

    @property
    def connections(self) -> int:
        """Return how many connections pass through at the moment."""
        return len(self._writers) // 2

    def set_mode(self, mode: Mode) -> None:
        """Everything that passes from now on is treated so."""
        self._run(self._change(mode))

    def stop(self) -> None:
        self.set_mode("reset")
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, action: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(action, self._loop).result(timeout=10)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, sock=self._listener)

    async def _close(self) -> None:
        self._server.close()
        while pumps := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(pumps, timeout=5)
        await asyncio.sleep(0.05)  # what was closed last is closed in the loop's next turns

    async def _change(self, mode: Mode) -> None:
        for writer in list(self._tainted):
            _reset(writer)
        self._tainted.clear()
        self._mode = mode
        endings: dict[str, Callable[[asyncio.StreamWriter], None]] = {
            "cut": _close,
            "reset": _reset,
        }
        if mode in endings:
            for writer in list(self._writers):
                endings[mode](writer)
        elif mode == "half_open":
            self._tainted = set(self._writers)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._mode in ("cut", "reset"):
            _reset(writer)
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target)
        except OSError:
            _reset(writer)
            return
        pair = {writer, far_writer}
        self._writers |= pair
        if self._mode == "half_open":
            self._tainted |= pair
        await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))
        self._writers -= pair
        self._tainted -= pair
        for end in pair:
            _close(end)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(CHUNK_BYTES):
                if self._mode == "latency":
                    await asyncio.sleep(LATENCY_SECONDS)
                elif self._mode == "slow":
                    await asyncio.sleep(len(data) / SLOW_BYTES_PER_SECOND)
                if writer in self._tainted:
                    continue
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        if writer not in self._tainted:
            _close(writer)


def _close(writer: asyncio.StreamWriter) -> None:
    if not writer.is_closing():
        writer.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    if connection is not None and connection.fileno() != -1:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
