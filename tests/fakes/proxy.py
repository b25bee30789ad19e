"""A proxy as many are set up: it asks the server with a ``Host`` of its own.

``with own_host(port) as proxy`` gives the port on which it listens. It runs in a thread, forwards
bytes, and rewrites the one header of each request that comes at the beginning of a read.
"""

import asyncio
import contextlib
import re
import threading
from collections.abc import Iterator

_HOST = re.compile(rb"\r\nHost: [^\r]*", re.IGNORECASE)
_REQUEST = re.compile(rb"(GET|HEAD|POST|OPTIONS) ")
_CHUNK = 1 << 16


@contextlib.contextmanager
def own_host(port: int) -> Iterator[int]:
    """Listen on a free port until the block ends, and ask a port of this machine."""
    listening = threading.Event()
    ports: list[int] = []
    loop = asyncio.new_event_loop()
    ended = asyncio.Event()

    async def serve() -> None:
        async with await asyncio.start_server(
            lambda reader, writer: _forward(reader, writer, port), "127.0.0.1", 0
        ) as server:
            ports.append(server.sockets[0].getsockname()[1])
            listening.set()
            await ended.wait()
        forwarding = asyncio.all_tasks() - {asyncio.current_task()}
        for task in forwarding:
            task.cancel()
        await asyncio.gather(*forwarding, return_exceptions=True)

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    assert listening.wait(10)
    try:
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(10)
        loop.close()


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    behind, before = await asyncio.open_connection("127.0.0.1", port)

    async def copy(
        source: asyncio.StreamReader, target: asyncio.StreamWriter, host: bytes | None
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(_CHUNK):
                asks = host is not None and _REQUEST.match(data)
                target.write(
                    _HOST.sub(b"\r\nHost: " + (host or b""), data, count=1) if asks else data
                )
                await target.drain()
        target.close()

    ours = f"127.0.0.1:{port}".encode()
    try:
        await asyncio.gather(copy(reader, before, ours), copy(behind, writer, None))
    finally:
        for end in (before, writer):
            end.transport.abort()
        await asyncio.sleep(0)
