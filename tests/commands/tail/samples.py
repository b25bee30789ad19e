"""Messages of a Photon, made for tests of the terminal."""

from typing import Any

from photon_app.commands.tail import wire
from photon_app.commands.tail.board import Board

NOON_MS = 1_795_626_000_000
"""Wednesday 2026-11-25, noon in New York."""


def hello(epoch: str = "one", feed: str = "live") -> wire.Connection:
    """The first message."""
    return wire.Connection(epoch=epoch, feed=feed)


def status(feed: str = "live", epoch: str = "one", **more: Any) -> wire.Status:
    """The feed's state; at noon."""
    said = {"market": "regular", "source": "finnhub", "now": NOON_MS, **more}
    return wire.Status(feed=feed, epoch=epoch, **said)


def trade(
    symbol: str = "AAPL", seq: int = 1, price: float = 150.0, at_ms: int = NOON_MS, **more: Any
) -> wire.Update:
    """The short form."""
    data = wire.Figures(price=price, volume=100, timestamp=at_ms)
    return wire.Update(symbol=symbol, seq=seq, data=data, **more)


def snapshot(
    symbol: str = "AAPL", seq: int = 1, price: float = 150.0, at_ms: int = NOON_MS, **day: Any
) -> wire.Update:
    """The snapshot form."""
    data = wire.Figures(price=price, volume=100, timestamp=at_ms, **day)
    return wire.Update(symbol=symbol, seq=seq, snapshot=True, data=data)


def board(*messages: wire.Message, symbols: tuple[str, ...] = ("AAPL",), now_s: float = 0) -> Board:
    """A board after some messages on an open connection."""
    made = Board(symbols)
    for message in (hello(), status(), *messages):
        made.apply(message, now_s)
    return made
