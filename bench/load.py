"""Many ``/ws`` clients in a process of their own: ``python -m bench.load PORT CLIENTS SYMBOLS
SECONDS``. Prints one line of JSON: updates received, latencies, sequence gaps.

A bare asyncio protocol that parses no JSON, so that it can read more than a server can write: it
counts the updates in what it reads, and takes the latency of all of them from the oldest, which is
an upper bound.
"""

import asyncio
import json
import re
import sys
import time

WARM_UP_S = 2.0
_UPDATE = b'"seq":'
_STAMP = re.compile(rb'"seq":\d+,"data":\{[^}]*"timestamp":(\d+)')


class Client(asyncio.Protocol):
    """One client that counts what it gets."""

    def __init__(self, tally: "Tally", symbols: list[str]) -> None:
        self._tally = tally
        self._symbols = symbols
        self._upgraded = False
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say hello."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(
            b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )

    def data_received(self, data: bytes) -> None:
        """Count."""
        if not self._upgraded:
            data = self._rest + data
            head, end, data = data.partition(b"\r\n\r\n")
            if not end:
                self._rest = head
                return
            self._upgraded = True
            self._tally.connected += 1
            if self._symbols:
                self._send({"action": "subscribe", "symbols": self._symbols})
        self._tally.read(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Count that too."""
        del exc
        self._tally.lost += 1

    def _send(self, message: dict[str, object]) -> None:
        text = json.dumps(message).encode()
        size = len(text)
        head = bytes((0x81, 0x80 | size)) if size < 126 else b"\x81\xfe" + size.to_bytes(2, "big")
        self._transport.write(head + b"\0\0\0\0" + text)


class Tally:
    """What all clients got together."""

    def __init__(self) -> None:
        self.connected = self.lost = self.updates = 0
        self.counting = False
        self.latencies_ms: dict[int, int] = {}

    def read(self, data: bytes) -> None:
        """Find the updates in some bytes."""
        if not self.counting:
            return
        updates = data.count(_UPDATE)
        oldest = _STAMP.search(data)
        if not updates or oldest is None:
            return
        late_ms = time.time_ns() // 1_000_000 - int(oldest[1])
        self.latencies_ms[late_ms] = self.latencies_ms.get(late_ms, 0) + updates
        self.updates += updates

    def percentile(self, share: float) -> int:
        """The latency that this share of the updates did not exceed, in ms."""
        left = share * self.updates
        for late_ms in sorted(self.latencies_ms):
            left -= self.latencies_ms[late_ms]
            if left <= 0:
                return late_ms
        return -1


async def main(port: int, clients: int, symbols: int, seconds: float) -> None:
    """Connect, warm up, count, print."""
    loop = asyncio.get_running_loop()
    tally = Tally()
    wanted = [f"S{n}" for n in range(symbols)]
    for _ in range(clients):
        await loop.create_connection(lambda: Client(tally, wanted), "127.0.0.1", port)
    while tally.connected < clients:
        await asyncio.sleep(0.01)
    print("ready", flush=True)
    await asyncio.sleep(WARM_UP_S)
    tally.counting = True
    begun = loop.time()
    await asyncio.sleep(seconds)
    tally.counting = False
    result = {
        "updates_per_s": tally.updates / (loop.time() - begun),
        "p50_ms": tally.percentile(0.5),
        "p99_ms": tally.percentile(0.99),
        "p999_ms": tally.percentile(0.999),
        "lost": tally.lost,
    }
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])))
