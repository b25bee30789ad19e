"""Honest clients, in a process of their own: they follow prices, ping ten times a second, and say
how long it took.

``python -m tests.siege.honest PORT SYMBOL…`` reads ``mark``, one on a line, from its standard
input, and answers each with what was seen since the one before, as a line of JSON.
"""

import asyncio
import contextlib
import json
import math
import sys
import time
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

CLIENTS = 5
PING_S = 0.1
PATIENCE_S = 5.0
"""A ping without an answer for so long was not answered."""


class Honest:
    """Some clients, and what they saw since the last mark."""

    def __init__(self, url: str, symbols: list[str]) -> None:
        self._url = url
        self._symbols = symbols
        self._sent: dict[str, float] = {}
        self._offset_ms = math.inf
        """The server's clock and the way here: the least that any price took."""
        self._last_price_s: dict[int, float] = {}
        self._clear()

    def _clear(self) -> None:
        self._answers_ms: list[float] = []
        self._took_ms: list[float] = []
        self._gap_ms = 0.0
        self._closed: list[str] = []
        self._lost = 0
        self._beat_ms = 0.0

    async def run(self) -> None:
        """Connect all of them, say so, and answer marks."""
        ready = [asyncio.Event() for _ in range(CLIENTS)]
        async with asyncio.TaskGroup() as tasks:
            for number, event in enumerate(ready):
                tasks.create_task(self._stay(number, event))
            tasks.create_task(self._beat())
            for event in ready:
                await event.wait()
            print("ready", flush=True)
            await self._marks()
            raise SystemExit

    async def _marks(self) -> None:
        loop = asyncio.get_running_loop()
        lines = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
        while (await lines.readline()).strip() == b"mark":
            print(json.dumps(self._seen()), flush=True)
            self._clear()

    def _seen(self) -> dict[str, Any]:
        now = time.perf_counter()
        overdue = [key for key, at in self._sent.items() if now - at > PATIENCE_S]
        for key in overdue:
            del self._sent[key]
        waiting = [(now - at) * 1000 for at in self._sent.values()]
        answers = sorted(self._answers_ms + [w for w in waiting if w > 100])
        return {
            "pings": len(answers),
            "unanswered": self._lost + len(overdue),
            "p50_ms": _quantile(answers, 0.5),
            "p99_ms": _quantile(answers, 0.99),
            "prices": len(self._took_ms),
            "late_ms": max(self._took_ms, default=math.inf) - self._offset_ms,
            "gap_ms": max(
                [self._gap_ms, *((now - at) * 1000 for at in self._last_price_s.values())]
            ),
            "closed": self._closed,
            "beat_ms": self._beat_ms,
        }

    async def _beat(self) -> None:
        """How late this process itself is at worst."""
        while True:
            due = time.perf_counter() + 0.01
            await asyncio.sleep(0.01)
            self._beat_ms = max(self._beat_ms, (time.perf_counter() - due) * 1000)

    async def _stay(self, number: int, ready: asyncio.Event) -> None:
        while True:
            try:
                async with connect(self._url, compression=None) as connection:
                    message = {"action": "subscribe", "symbols": self._symbols}
                    await connection.send(json.dumps(message))
                    await self._use(number, connection, ready)
            except ConnectionClosed as error:
                self._closed.append(str(error))
            except (OSError, WebSocketException, TimeoutError) as error:
                self._closed.append(repr(error))
            await asyncio.sleep(0.2)

    async def _use(self, number: int, connection: ClientConnection, ready: asyncio.Event) -> None:
        pinging = asyncio.create_task(self._ping(number, connection))
        try:
            async for text in connection:
                message = json.loads(text)
                if message["type"] == "pong":
                    at = self._sent.pop(str(message.get("id")), None)
                    if at is not None:
                        self._answers_ms.append((time.perf_counter() - at) * 1000)
                elif message["type"] == "price_update" and not message.get("snapshot"):
                    self._price(number, message["data"])
                    ready.set()
        finally:
            pinging.cancel()
            mine = [key for key in self._sent if key.startswith(f"{number} ")]
            self._lost += len(mine)
            for key in mine:
                del self._sent[key]

    def _price(self, number: int, data: dict[str, Any]) -> None:
        took_ms = time.time() * 1000 - data["timestamp"]
        self._offset_ms = min(self._offset_ms, took_ms)
        self._took_ms.append(took_ms)
        now, before = time.perf_counter(), self._last_price_s.get(number)
        if before is not None:
            self._gap_ms = max(self._gap_ms, (now - before) * 1000)
        self._last_price_s[number] = now

    async def _ping(self, number: int, connection: ClientConnection) -> None:
        await asyncio.sleep(PING_S * number / CLIENTS)
        with contextlib.suppress(ConnectionClosed):
            for turn in range(10**9):
                key = f"{number} {turn}"
                self._sent[key] = time.perf_counter()
                await connection.send(json.dumps({"action": "ping", "id": key}))
                await asyncio.sleep(PING_S)


def _quantile(ordered: list[float], share: float) -> float:
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else math.inf


if __name__ == "__main__":
    with contextlib.suppress(SystemExit, BaseExceptionGroup):
        asyncio.run(Honest(f"ws://127.0.0.1:{sys.argv[1]}/ws", sys.argv[2:]).run())
