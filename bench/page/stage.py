"""A Photon to look at: with invented prices as a user starts it, or fed by the tape.

A fed one gets prices that tell when they were printed (``bench.tape.price_at``), so that the age
of a price can be read off the page. Every Photon here lives on an open Wednesday, because the page
of a closed market has less to do; the browser and the tape get the same clock
(``Stage.ahead_ms``).
"""

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass

from websockets.sync.client import connect

from bench import machine
from bench.rig import BATCH_S, UNIVERSE
from bench.worker import Worker, worker
from photon_app.settings import DEFAULT_SYMBOLS
from tests.fakes.dates import OPEN_MS
from tests.fakes.process import Process, photon

FIFTY = UNIVERSE[:50]
_WANTED_WITHIN_S = 30.0


@dataclass(frozen=True)
class Stage:
    """A running Photon."""

    process: Process
    symbols: tuple[str, ...]
    ahead_ms: int
    """How far its clock is ahead of this machine's."""
    since_ms: int | None = None
    """The moment, UNIX ms of this machine, from which its prices count; ``None``: they do not."""
    tape: Worker | None = None

    @property
    def http(self) -> str:
        """The address of its page."""
        return self.process.http

    @property
    def pid(self) -> int:
        """Its process."""
        return self.process.popen.pid

    def wait_wanted(self) -> None:
        """Return when Photon has asked the tape for every symbol, which it does for a page."""
        until = time.monotonic() + _WANTED_WITHIN_S
        while self.tape is not None and self.tape.ask("report")["wanted"] < len(self.symbols):
            assert time.monotonic() < until, "Photon did not ask the tape for every symbol"
            time.sleep(0.05)


@contextlib.contextmanager
def simulated(symbols: list[str] | None = None) -> Iterator[Stage]:
    """Photon with invented prices, and with its own ten symbols if none are given."""
    settings = {} if symbols is None else {"PHOTON_SYMBOLS": ",".join(symbols)}
    with contextlib.ExitStack() as stack:
        with machine.on_core(machine.SERVER_CORE):
            process = stack.enter_context(photon(None, OPEN_MS, **settings))
        yield Stage(process, tuple(symbols or DEFAULT_SYMBOLS), _ahead_ms(process))


@contextlib.contextmanager
def fed(rate: float, symbols: list[str] = FIFTY) -> Iterator[Stage]:
    """Photon with these symbols as its list, of which the tape prints ``rate`` trades a second."""
    with contextlib.ExitStack() as stack:
        tape = stack.enter_context(worker("bench.tape"))
        port = tape.answer(20)["feed"]
        with machine.on_core(machine.SERVER_CORE):
            process = stack.enter_context(
                photon(
                    None,
                    OPEN_MS,
                    FINNHUB_API_KEY="bench",
                    FINNHUB_WS_URL=f"ws://127.0.0.1:{port}",
                    FINNHUB_API_URL=f"http://127.0.0.1:{port}",
                    PHOTON_SYMBOLS=",".join(symbols),
                )
            )
        ahead_ms, since_ms = _ahead_ms(process), time.time_ns() // 1_000_000
        batch = max(1, round(rate * BATCH_S))
        tape.ask(
            "play",
            symbols=symbols,
            rate=rate,
            batch=batch,
            since_ms=since_ms,
            ahead_ms=ahead_ms,
        )
        yield Stage(process, tuple(symbols), ahead_ms, since_ms, tape)


def _ahead_ms(process: Process) -> int:
    """By its own word: it stamps the answer to a ping."""
    with connect(process.ws) as socket:
        socket.send('{"action":"ping"}')
        for text in socket:
            message = json.loads(text)
            if message["type"] == "pong":
                return int(message["timestamp"]) - time.time_ns() // 1_000_000
    raise AssertionError("Photon closed the connection instead of answering a ping")
