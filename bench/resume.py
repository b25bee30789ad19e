"""Clients whose connections are cut at random, and what they have in the end.

``python -m bench.resume [SECONDS [CLIENTS]]``: 200 clients of ten symbols, at 1,000 trades a
second. Each is cut every few seconds, in the middle of whatever it is being sent, and stays away
for up to 10 s.
When it comes back it asks for what it missed. One more client is never cut, and says what there was
to get. In the end every client must have exactly that, or a ``recovered: false`` that says where it
has not.
"""

import asyncio
import contextlib
import gc
import json
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from bench import machine
from bench.findings import Finding
from bench.load import wire
from bench.rig import BATCH_S, UNIVERSE
from bench.servers import Ports, Server, serve
from bench.worker import worker

RATE = 1000.0
SYMBOLS = UNIVERSE[:10]
CONNECTED_S, AWAY_S = (0.5, 6.0), (0.0, 10.0)
_REST_S = 3.0
_DRAIN_S = 20.0


class _Data(msgspec.Struct, gc=False):
    price: float
    volume: float


class _Update(msgspec.Struct, gc=False):
    symbol: str
    seq: int
    data: _Data
    snapshot: bool = False


_decode_update = msgspec.json.Decoder(_Update).decode
_UPDATE = b'{"type":"price_update"'


@dataclass
class Truth:
    """What there was to get: the trade of each ``seq``, as whoever got it first had it."""

    wrong: int = 0
    """Trades of which two clients got different ones; the volume of each is unique
    (``bench.tape``)."""
    _trades: dict[tuple[str, int], float] = field(default_factory=dict)
    known: dict[bytes, _Update] = field(default_factory=dict)
    """The short forms by their bytes."""

    def update(self, payload: bytes) -> _Update:
        """Decode an update. Those of clients that get the same have the same bytes."""
        update = self.known.get(payload)
        if update is None:
            update = _decode_update(payload)
            if not update.snapshot:
                self.known[payload] = update
                volume, trade = update.data.volume, (update.symbol, update.seq)
                self.wrong += self._trades.setdefault(trade, volume) != volume
        return update


@dataclass
class Had:
    """What one client got, over all its connections."""

    truth: Truth
    epoch: str = ""
    last: dict[str, int] = field(default_factory=dict)
    updates: int = 0
    cuts: int = 0
    holes: list[tuple[str, int, int]] = field(default_factory=list)
    """Symbol, and the first and last ``seq`` that it was told it would not get."""
    conflated: int = 0
    """Snapshots because it was too slow."""
    gaps: int = 0
    """Holes of which it was not told."""
    doubled: int = 0
    _may_jump: set[str] = field(default_factory=set)

    def request(self) -> bytes:
        """The first message of a connection."""
        self._may_jump = set(SYMBOLS)
        request: dict[str, Any] = {"action": "subscribe", "symbols": SYMBOLS}
        if self.last:
            request["since"] = {"epoch": self.epoch, "seq": self.last}
        return wire.frame(wire.TEXT, json.dumps(request).encode())

    def take(self, payload: bytes) -> None:
        """One message."""
        update = self.truth.known.get(payload)
        if update is not None:  # hot
            self.updates += 1
            if update.seq == self.last.get(update.symbol, 0) + 1:
                self.last[update.symbol] = update.seq
                return
        if payload.startswith(_UPDATE):
            self._update(self.truth.update(payload))
            return
        message = json.loads(payload)
        if message["type"] == "connection":
            self.epoch = message["epoch"]
        elif message["type"] == "subscription":
            recovered = message.get("recovered", {})
            self._may_jump -= {symbol for symbol, whole in recovered.items() if whole}

    def _update(self, update: _Update) -> None:
        symbol, seq, last = update.symbol, update.seq, self.last.get(update.symbol)
        if update.snapshot:
            if last is not None and seq > last:
                if symbol in self._may_jump:
                    self.holes.append((symbol, last + 1, seq))
                else:
                    self.conflated += 1
            self._may_jump.discard(symbol)
        elif last is not None and seq != last + 1:
            self.doubled += seq <= last
            self.gaps += seq > last
        self.last[symbol] = max(seq, last or 0)


class Line(asyncio.Protocol):
    """One connection of a client."""

    def __init__(self, had: Had, server: Server) -> None:
        self._had = had
        self._server = server
        self._received = bytearray()
        self._upgraded = False
        self._transport: asyncio.Transport | None = None
        self.ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(wire.upgrade("/ws", self._server.port))

    def data_received(self, data: bytes) -> None:
        """Take every whole frame."""
        self._received += data
        if not self._upgraded:
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                return
            assert self._received.startswith(b"HTTP/1.1 101"), bytes(self._received[:80])
            del self._received[: end + 4]
            self._upgraded = True
            assert self._transport is not None
            self._transport.write(self._had.request())
        got, at, take = bytes(self._received), 0, self._had.take
        end = len(got)
        while end - at >= 4:
            size, begin = got[at + 1], at + 2
            if size == 126:
                size, begin = got[at + 2] << 8 | got[at + 3], at + 4
            if end < begin + size:
                break
            if got[at] & 15 == wire.TEXT:
                take(got[begin : begin + size])
            elif got[at] & 15 == wire.PING:
                self._pong(got[begin : begin + size])
            at = begin + size
        del self._received[:at]

    def connection_lost(self, exc: Exception | None) -> None:
        """Over."""
        del exc
        self.ended = True

    def cut(self) -> None:
        """Cut the connection, with a reset."""
        if self._transport is not None:
            self._transport.abort()

    def _pong(self, payload: bytes) -> None:
        assert self._transport is not None
        self._transport.write(wire.frame(wire.PONG, payload))


async def _connect(had: Had, server: Server) -> Line:
    loop = asyncio.get_running_loop()
    _, line = await loop.create_connection(lambda: Line(had, server), "127.0.0.1", server.port)
    return line


async def _live(had: Had, server: Server, rng: random.Random, over: asyncio.Event) -> Line:
    """A client until the end of the measurement; returns its last connection."""
    while True:
        line = await _connect(had, server)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), rng.uniform(*CONNECTED_S))
        if over.is_set() and not line.ended:
            return line
        line.cut()
        had.cuts += 1
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), rng.uniform(*AWAY_S))


async def _all_live(
    server: Server, clients: int, seconds: float, stop: Callable[[], object]
) -> tuple[Had, list[Had]]:
    """The clients' lives, until the tape is stopped and they have read everything."""
    truth, over = Truth(), asyncio.Event()
    uncut = Had(truth)
    steady = await _connect(uncut, server)
    every = [Had(truth) for _ in range(clients)]
    lives = [
        asyncio.create_task(_live(had, server, random.Random(n), over))
        for n, had in enumerate(every)
    ]
    await asyncio.sleep(seconds)
    over.set()
    lines = await asyncio.gather(*lives)
    await asyncio.sleep(_REST_S)
    await asyncio.to_thread(stop)
    until = asyncio.get_running_loop().time() + _DRAIN_S
    while asyncio.get_running_loop().time() < until:
        if all(had.last == uncut.last for had in every):
            break
        await asyncio.sleep(0.2)
    for line in (steady, *lines):
        line.cut()
    return uncut, every


def run(seconds: float, clients: int) -> Iterator[Finding]:
    """Measure, and compare every client with the one that is never cut."""
    with worker("bench.tape") as tape:
        ports = Ports(**{key: int(port) for key, port in tape.answer(20).items()})
        with serve("photon", ports, SYMBOLS) as server:
            tape.ask("play", symbols=SYMBOLS, rate=RATE, batch=round(RATE * BATCH_S))
            meter = machine.Meter(server.pid)
            gc.disable()  # a full collection over what is kept stops all clients
            try:
                uncut, every = asyncio.run(
                    _all_live(server, clients, seconds, lambda: tape.ask("stop"))
                )
            finally:
                gc.enable()
            cores = meter.cores()
    yield from _findings(uncut, every, cores, seconds)


def _findings(uncut: Had, every: list[Had], cores: float, seconds: float) -> Iterator[Finding]:
    setup = f"{len(every)} clients cut at random for {seconds:.0f} s, {RATE:,.0f} trades/s"
    truth = uncut.truth
    current = sum(had.last == uncut.last for had in every)
    figure = f"{current} of {len(every)}, after {sum(had.cuts for had in every):,} cuts"
    yield Finding(f"{setup}: end with the newest seq", figure, "all", current == len(every))
    everybody = [uncut, *every]
    gaps, doubled = sum(had.gaps for had in everybody), sum(had.doubled for had in everybody)
    figure = f"{gaps}, {doubled}, {truth.wrong}"
    holds = gaps == doubled == truth.wrong == 0
    yield Finding("… lost without a word, doubled, of another price", figure, "0, 0, 0", holds)
    holes = [hole for had in every for hole in had.holes]
    lost = sum(end - begin + 1 for _, begin, end in holes)
    figure = f"{len(holes)} with {lost:,} of {sum(had.updates for had in every):,} updates"
    yield Finding("… holes that recovered: false told of", figure, "")
    conflated = sum(had.conflated for had in everybody)
    what = "… replaced by snapshots, because this process read too slowly"
    yield Finding(what, str(conflated), "0", conflated == 0)
    yield Finding("… server", f"{cores:.2f} cores", "< 1", cores < 1)


def main() -> None:
    """Run it, and print what was found."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    clients = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    found = []
    for finding in run(seconds, clients):
        print(finding, flush=True)
        found.append(finding)
    sys.exit(not all(finding.holds is not False for finding in found))


if __name__ == "__main__":
    main()
