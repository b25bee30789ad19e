"""Formats numbers for a terminal: pure functions from numbers to text; ``None`` becomes a dash.

Words and digits are those of the page (``ui/live/format.js``). Total: any number from outside is
accepted, and none becomes a long text.
"""

import datetime as dt
import math
from collections.abc import Iterable, Sequence
from zoneinfo import ZoneInfo

from photon_app.market import digits

DASH = "–"
MINUS = "−"
BLOCKS = "▁▂▃▄▅▆▇"
"""Without the full block: sparklines in adjacent rows would touch."""
SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000
NEW_YORK = ZoneInfo("America/New_York")  # not the calendar's: the terminal starts without it

SESSIONS = {"pre": "Pre-market", "regular": "Regular", "post": "After hours", "closed": "Closed"}
_ABSURD = 1e12
_UNITS = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K"))
_CHANGES = {
    ("pre", "regular"): "opens in",
    ("closed", "regular"): "opens in",
    ("regular", "post"): "closes in",
    ("regular", "closed"): "closes in",
}


def price(value: float | None, decimals: int | None = None) -> str:
    """``1043.20``, ``64,210.50``, ``1.08500``.

    Args:
        value: a price.
        decimals: those of its symbol; when they are unknown, as many as the price itself has.
    """
    if value is None:
        return DASH
    return _number(value, digits.shown_by(value) if decimals is None else decimals)


def change(value: float | None, decimals: int) -> str:
    """``+4.12``, with the decimals of its symbol."""
    return DASH if value is None else _signed(value, decimals)


def percent(value: float | None) -> str:
    """``+2.31 %``."""
    return DASH if value is None else f"{_signed(value, 2)} %"


def exact(value: float | None) -> str:
    """A number for programs: all its digits, no grouping, ``-`` when unknown."""
    return "-" if value is None else digits.plain(value)


def name(symbol: str, room: int) -> str:
    """A symbol in at most ``room`` columns.

    ``OA…EUR_USD``: the exchange before a colon says the least, so it is shortened first. Without a
    colon ``IC MARK…``.
    """
    if len(symbol) <= room:
        return symbol
    exchange, colon, ticker = symbol.partition(":")
    if not (colon and ticker):
        return f"{symbol[: room - 1]}…"
    left = room - len(ticker) - 1
    if left >= 0:
        return f"{exchange[:left]}…{ticker}"
    return ticker if len(ticker) == room else f"{ticker[: room - 1]}…"


def arrow(value: float | None) -> str:
    """The direction of a change, for people who do not see colours."""
    if not value:
        return " "
    return "▲" if value > 0 else "▼"


def volume(value: float | None) -> str:
    """``41.2 K``, ``48.7 M``: at most three digits before the decimal point."""
    if value is None:
        return DASH
    for size, unit in _UNITS:
        if value >= size * 0.99995:
            return f"{_number(value / size, 0 if value >= size * 99.95 else 1)} {unit}"
    if value == int(value) or value >= 100:
        return _number(value, 0)
    return _number(value, max(2, min(digits.least("", value) - 2, 8)))


def age(ms: float | None) -> str:
    """``0.2 s``, ``12 s``, ``4 m``, ``3 h``, ``40 h``, ``2 d``."""
    if ms is None:
        return DASH
    if ms < 9_950:
        return f"{max(0.0, ms) / SECOND:.1f} s"
    for size, unit, least in ((DAY, "d", 2 * DAY), (HOUR, "h", HOUR), (MINUTE, "m", MINUTE)):
        if ms >= least:
            return f"{_number(ms // size, 0)} {unit}"
    return f"{int(ms // SECOND)} s"


def span(ms: float) -> str:
    """The time until something: ``2 h 14 m``, ``12 m``, ``40 s``."""
    left = max(0.0, min(ms, 1e15))
    if left < MINUTE:
        return f"{math.ceil(left / SECOND)} s"
    days, hours, minutes = (int(left // DAY), int(left % DAY // HOUR), int(left % HOUR // MINUTE))
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes} m" if hours else f"{minutes} m"


def clock(ms: float | None) -> str:
    """Time of day at the exchange, ``14:02:31``."""
    moment = _moment(ms)
    return "--:--:--" if moment is None else f"{moment.astimezone(NEW_YORK):%H:%M:%S}"


def date(ms: float | None) -> str:
    """The day at the exchange, ``Wed 16 Jan 2013``."""
    moment = _moment(ms)
    if moment is None:
        return ""
    there = moment.astimezone(NEW_YORK)
    return f"{there:%a} {there.day} {there:%b %Y}"


def stamp(ms: float) -> str:
    """A time in full, in UTC: ``2026-11-24T14:30:00.123Z``."""
    moment = _moment(ms)
    if moment is None:
        return DASH
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def session(name: str | None) -> str:
    """The market's session in words."""
    return SESSIONS.get(name or "", DASH)


def market_next(now: str | None, following: str | None, ms: float) -> str:
    """``closes in 2 h 14 m``: what the market does next."""
    if now is None or following is None:
        return ""
    words = _CHANGES.get((now, following), f"{session(following).lower()} in")
    return f"{words} {span(ms)}"


def aligned(texts: Sequence[str]) -> list[str]:
    """Texts padded so that their decimal points are below each other."""
    halves = [text.partition(".") for text in texts]
    left = max((len(whole) for whole, _, _ in halves), default=0)
    right = max((len(point + rest) for _, point, rest in halves), default=0)
    return [whole.rjust(left) + (point + rest).ljust(right) for whole, point, rest in halves]


def sparkline(prices: Iterable[float], width: int) -> str:
    """The newest prices, at most ``width``, as blocks between their own lowest and highest.

    A price that never changed is a level row of blocks of middle height.
    """
    shown = list(prices)[-width:] if width > 0 else []
    if not shown:
        return ""
    low, high = min(shown), max(shown)
    if not high > low:
        return BLOCKS[3] * len(shown)
    top = len(BLOCKS) - 1
    return "".join(BLOCKS[round(position(p, low, high) * top)] for p in shown)


def position(value: float, low: float, high: float) -> float:
    """The position of a price between low and high, 0 to 1."""
    width = high / 2 - low / 2  # halved first: the difference of two huge numbers is infinite
    return min(1.0, max(0.0, (value / 2 - low / 2) / width)) if width > 0 else 0.5


def _number(value: float, decimals: int) -> str:
    if not math.isfinite(value):
        return DASH
    if abs(value) >= _ABSURD:
        return f"{value:.3g}"
    return f"{value:,.{decimals}f}" if abs(value) >= 10_000 else f"{value:.{decimals}f}"


def _signed(value: float, decimals: int) -> str:
    text = _number(abs(value), decimals)
    if value > 0:
        return f"+{text}"
    return f"{MINUS}{text}" if value < 0 else text


def _moment(ms: float | None) -> dt.datetime | None:
    if ms is None:
        return None
    try:
        return dt.datetime.fromtimestamp(ms / 1000, dt.UTC)
    except (OverflowError, OSError, ValueError):
        return None
