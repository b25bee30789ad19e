"""Publishes the tape to a NATS server, one subject a symbol: ``… TAPE_PORT NATS_PORT``.

It is not under test itself: it runs on the load's core, and its CPU time is not counted.
"""

import asyncio
import sys

from bench.peers.lines import lines, say_port

_CONNECT = b'CONNECT {"verbose":false,"pedantic":false,"echo":false}\r\n'


async def main(port: int) -> None:
    """Publish until the tape ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(_CONNECT)
    answering = asyncio.create_task(_answer(reader, writer))
    say_port(port)
    async for symbol, text in lines():
        writer.write(b"PUB %s %d\r\n%s\r\n" % (symbol.encode(), len(text), text))
        await writer.drain()
    answering.cancel()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    async for line in reader:
        if line.startswith(b"PING"):
            writer.write(b"PONG\r\n")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv.pop())))
