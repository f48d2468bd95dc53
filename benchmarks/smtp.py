"""A mail server on loopback that takes everything, after a delay: `python -m benchmarks.smtp
DESCRIPTOR SECONDS`.

DESCRIPTOR is a listening socket inherited from the parent.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from asyncio import StreamReader, StreamWriter

END_OF_MESSAGE = b".\r\n"


async def serve(listener: socket.socket, delay_seconds: float) -> None:
    """Answer for ever; the delay stands between the message and its acknowledgement, as a busy
    provider's does.
    """

    async def converse(reader: StreamReader, writer: StreamWriter) -> None:
        try:
            await _converse(reader, writer, delay_seconds)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(converse, sock=listener)
    async with server:
        await server.serve_forever()


async def _converse(reader: StreamReader, writer: StreamWriter, delay_seconds: float) -> None:
    writer.write(b"220 benchmark\r\n")
    while line := await reader.readline():
        verb = line[:4].upper()
        if verb == b"DATA":
            writer.write(b"354 go on\r\n")
            while await reader.readline() not in (END_OF_MESSAGE, b""):
                pass
            await asyncio.sleep(delay_seconds)
        writer.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")
        if verb == b"QUIT":
            return


if __name__ == "__main__":
    asyncio.run(serve(socket.socket(fileno=int(sys.argv[1])), float(sys.argv[2])))
