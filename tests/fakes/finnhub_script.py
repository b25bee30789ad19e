"""What a fake Finnhub does to clients that connect, as data.

A *visit* is what happens on one connection: a tuple of steps. A *script* is a tuple of visits; the
last one is played again for every further connection, so that ``(accept_then_close,)`` closes for
ever. A visit that begins with ``Refuse`` or ``HangUp`` opens no connection; every other opens one.
When its steps are over the connection stays open and silent, as Finnhub's does.

Times are seconds on the fake's clock. ``SCRIPTS`` are the ones that can be played by hand.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from photon_app.feed.finnhub_wire import encode_trades
from photon_app.model import Trade

PING = '{"type":"ping"}'
TOO_MANY = '{"msg":"Subscribing to too many symbols","type":"error"}'


def invalid(symbol: str) -> str:
    """Finnhub's word for a symbol that it does not take."""
    return f'{{"msg":"Invalid symbol {symbol}","type":"error"}}'


def trades(*prints: tuple[str, float, int]) -> str:
    """A frame of (symbol, price, time in ms)."""
    return encode_trades(
        [Trade(symbol=s, price=p, volume=100, time_ms=t, conditions=("1",)) for s, p, t in prints]
    )


@dataclasses.dataclass(frozen=True)
class Refuse:
    """Answer the handshake with an HTTP status and nothing else."""

    status: int
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class HangUp:
    """End the TCP connection in the handshake."""


@dataclasses.dataclass(frozen=True)
class Subscribed:
    """Wait until the connection is subscribed to so many symbols."""

    count: int = 1


@dataclasses.dataclass(frozen=True)
class Frames:
    """Send frames as they are, one message each; bytes as a binary message."""

    frames: tuple[str | bytes, ...]

    def __init__(self, *frames: str | bytes) -> None:
        object.__setattr__(self, "frames", frames)


@dataclasses.dataclass(frozen=True)
class Tell:
    """Send what is made for this ``FinnhubConnection`` at that moment."""

    make: Callable[[Any], Iterable[str | bytes]]


@dataclasses.dataclass(frozen=True)
class Wait:
    """Do nothing for some time."""

    seconds: float


@dataclasses.dataclass(frozen=True)
class Times:
    """The same steps again and again."""

    count: int
    steps: tuple["Step", ...]


@dataclasses.dataclass(frozen=True)
class Close:
    """Close with a closing frame; in the middle of a message if that is given."""

    code: int = 1000
    reason: str = ""
    mid_message: bool = False


@dataclasses.dataclass(frozen=True)
class Cut:
    """End the TCP connection without a word, which clients call 1006."""

    mid_message: bool = False


@dataclasses.dataclass(frozen=True)
class Freeze:
    """Read no more and say nothing, with TCP open, for ever."""


Step = Refuse | HangUp | Subscribed | Frames | Tell | Wait | Times | Close | Cut | Freeze
Visit = tuple[Step, ...]
Script = tuple[Visit, ...]

PATIENT: Visit = (Times(10_000, (Wait(60), Frames(PING))),)
"""A healthy connection on which nothing trades."""


def pinging(seconds: int) -> Times:
    """A minute of silence and a ping, for so long."""
    return Times(seconds // 60, (Wait(60), Frames(PING)))


def after(visits: Iterable[Visit], then: Visit = PATIENT) -> Script:
    """These visits, and then a connection that stays."""
    return (*visits, then)


SCRIPTS: dict[str, Script] = {
    "healthy": (PATIENT,),
    "refused key": ((Refuse(401),),),
    "throttled": after([(Refuse(429, {"Retry-After": "180"}),)]),
    "outage": after([(Refuse(503),)] * 5),
    "accept then close": ((Close(1000),),),
    "key in use": ((Wait(1.5), Cut()),),
    "silence": ((Freeze(),),),
    "drops every two minutes": ((pinging(120), Cut()),),
    "maintenance": after([(pinging(60), Close(1012, "service restart"))]),
}
