"""The tape: a process that prints trades at a given rate, stamped as they are sent.

It serves the same trades in two ways: with Finnhub's WebSocket protocol, for Photon, and as lines
of text over TCP, each a ready ``price_update`` message, for the servers that Photon is compared
with, so that those encode nothing. ``python -m bench.tape`` prints its two ports as a line of JSON,
then takes commands: ``play`` (symbols, rate, batch), ``stop``, ``report``.

The stamp is the wall clock in µs, modulo 1,000 s. It is in ``volume``, after a leading 1 so that it
always has ten digits: a ``timestamp`` of whole milliseconds is too coarse. Symbols come in rounds,
each in a new order, so that every set of symbols gets its exact share. For a page, which shows
prices only, ``since_ms`` makes each price tell when it was printed (``price_at``), and ``ahead_ms``
dates the trades for a server whose clock is ahead.

If the tape falls behind by more than a quarter of a second, it skips the missed trades. A consumer
of lines with ``_MAX_UNSENT_BYTES`` unsent misses the following trades; the tape never waits for
one.
"""

import asyncio
import contextlib
import json
import random
import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed

from photon_app.feed import finnhub_wire as wire
from photon_app.model import Trade

STAMP_MODULO_US = 1_000_000_000
_CATCH_UP_S = 0.25
_MAX_UNSENT_BYTES = 8 << 20


_TOLD_FROM = 1000.0


def price_at(elapsed_ms: float) -> float:
    """The price that tells a time: a cent for every 10 ms since ``since_ms``, from 1000.00."""
    return round(_TOLD_FROM + elapsed_ms // 10 / 100, 2)


def stamp_us() -> int:
    """The wall clock as it is written in a volume, without the leading 1."""
    return time.time_ns() // 1000 % STAMP_MODULO_US


class Market:
    """Invented trades: the next batch, and the last price of every symbol."""

    def __init__(self) -> None:
        self._rng = random.Random(1)
        self.prices: dict[str, float] = {}
        self.seqs: dict[str, int] = {}

    def symbols(self, names: list[str]) -> Iterator[str]:
        """Endless rounds of all symbols."""
        names = list(names)
        while True:
            self._rng.shuffle(names)
            yield from names

    def trade(self, symbol: str, time_ms: int, stamp: int, price: float | None = None) -> Trade:
        """The next trade of a symbol: at a given price, or a cent up or down."""
        if price is None:
            moved = self.prices.get(symbol, 100.0) + self._rng.choice((-0.01, 0.01))
            price = round(max(moved, 1.0), 2)
        self.prices[symbol] = price
        self.seqs[symbol] = self.seqs.get(symbol, 0) + 1
        return Trade(symbol=symbol, price=price, volume=STAMP_MODULO_US + stamp, time_ms=time_ms)

    def line(self, trade: Trade) -> bytes:
        """Photon's message about the last trade of a symbol, as a line of text."""
        return (
            f'{{"type":"price_update","symbol":"{trade.symbol}","seq":{self.seqs[trade.symbol]},'
            f'"data":{{"price":{trade.price},"volume":{trade.volume},'
            f'"timestamp":{trade.time_ms}}}}}\n'
        ).encode()


class Tape:
    """The consumers of the tape, and the trades that are played to them."""

    def __init__(self) -> None:
        self._market = Market()
        self._feeds: set[ServerConnection] = set()
        self._wanted: set[str] = set()
        self._lines: set[asyncio.StreamWriter] = set()
        self._playing: asyncio.Task[None] | None = None
        self._sent = 0
        self._skipped = 0

    async def feed(self, connection: ServerConnection) -> None:
        """Serve one connection of Finnhub's protocol."""
        self._feeds.add(connection)
        try:
            async for text in connection:
                command = wire.decode_command(text)
                if isinstance(command, wire.Subscribe):
                    self._wanted.add(command.symbol)
                elif isinstance(command, wire.Unsubscribe):
                    self._wanted.discard(command.symbol)
        except ConnectionClosed:
            return  # servers under test are killed
        finally:
            self._feeds.discard(connection)

    async def consume(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one consumer of lines of text."""
        self._lines.add(writer)
        with contextlib.suppress(ConnectionError):
            await reader.read()
        self._lines.discard(writer)
        writer.close()

    def obey(self, command: dict[str, Any]) -> dict[str, Any]:
        """Execute one command and return the answer."""
        if command["do"] in {"play", "stop"} and self._playing is not None:
            self._playing.cancel()
            self._playing = None
        if command["do"] == "play":
            del command["do"]
            self._playing = asyncio.get_running_loop().create_task(self._play(**command))
        return {
            "sent": self._sent,
            "skipped": self._skipped,
            "wanted": len(self._wanted),
            "prices": self._market.prices,
        }

    async def _play(
        self,
        symbols: list[str],
        rate: float,
        batch: int,
        since_ms: int | None = None,
        ahead_ms: int = 0,
    ) -> None:
        """Print ``rate`` trades a second, ``batch`` of them in each upstream frame."""
        loop, names = asyncio.get_running_loop(), self._market.symbols(symbols)
        begun, printed = loop.time(), 0
        while True:
            next_s = begun + (printed + batch) / rate
            await asyncio.sleep(max(0.0, next_s - loop.time()))
            due = int((loop.time() - begun) * rate) // batch * batch
            late = due - printed - max(batch, int(rate * _CATCH_UP_S))
            if late > 0:
                self._skipped += late
                printed += late
            while printed + batch <= due:
                self._emit([next(names) for _ in range(batch)], since_ms, ahead_ms)
                printed += batch

    def _emit(self, symbols: list[str], since_ms: int | None, ahead_ms: int) -> None:
        """Send one batch to all consumers."""
        stamp, now_ms = stamp_us(), time.time_ns() // 1_000_000
        price = None if since_ms is None else price_at(now_ms - since_ms)
        lines, trades = [], []
        for symbol in symbols:
            trade = self._market.trade(symbol, now_ms + ahead_ms, stamp, price)
            trades.append(trade)
            if self._lines:
                lines.append(self._market.line(trade))
        if self._feeds:
            broadcast(self._feeds, wire.encode_trades(trades))
        for writer in self._lines:
            if writer.transport.get_write_buffer_size() < _MAX_UNSENT_BYTES:
                writer.write(b"".join(lines))
        self._sent += len(symbols)


async def commands(obey: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Read commands until the input ends."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async for line in reader:
        print(json.dumps(obey(json.loads(line))), flush=True)


def _port(sockets: Iterable[socket.socket]) -> int:
    port: int = next(iter(sockets)).getsockname()[1]
    return port


async def main() -> None:
    """Serve until the input ends."""
    tape = Tape()
    async with (
        serve(tape.feed, "127.0.0.1", 0, compression=None) as feeds,
        await asyncio.start_server(tape.consume, "127.0.0.1", 0) as lines,
    ):
        ports = {"feed": _port(feeds.sockets), "lines": _port(lines.sockets)}
        print(json.dumps(ports), flush=True)
        await commands(tape.obey)


if __name__ == "__main__":
    asyncio.run(main())
