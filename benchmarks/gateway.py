"""An SMS provider on loopback that takes every message: `python -m benchmarks.gateway DESCRIPTOR`.

DESCRIPTOR is a listening socket inherited from the parent.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from asyncio import IncompleteReadError, StreamReader, StreamWriter

ANSWER = json.dumps({"id": "taken"}).encode()
RESPONSE = b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nConnection: close\r\n"


async def serve(listener: socket.socket) -> None:
    """Answer for ever, one request a connection."""
    server = await asyncio.start_server(_answer, sock=listener)
    async with server:
        await server.serve_forever()


async def _answer(reader: StreamReader, writer: StreamWriter) -> None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
        await reader.readexactly(length)
        writer.write(RESPONSE + b"Content-Length: %d\r\n\r\n" % len(ANSWER) + ANSWER)
        await writer.drain()
    except (ConnectionError, IncompleteReadError, ValueError):
        pass
    finally:
        writer.close()


if __name__ == "__main__":
    asyncio.run(serve(socket.socket(fileno=int(sys.argv[1]))))
