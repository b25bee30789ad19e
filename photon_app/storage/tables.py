"""The tables, and a bar as a row of them. Pure.

A series is one symbol of one source. A row has the times of open and close as offsets from the
start of the minute, and two booleans in ``flags``, so that SQLite needs few bytes for them. Floats
are doubles in both databases, and are read back exactly as they were written.
"""

import math
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from photon_app.model import Bar

INCOMPLETE = 1
NOT_FIRM = 2
"""Bits of ``flags``."""
_MOST = 2**31 - 1
"""The maximum of PostgreSQL's integer."""

metadata = sa.MetaData()

series = sa.Table(
    "series",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("symbol", sa.Text, nullable=False),
    sa.UniqueConstraint("source", "symbol", name="series_source_symbol"),
)

bars = sa.Table(
    "bars",
    metadata,
    sa.Column("series_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("time_ms", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("open", sa.Double, nullable=False),
    sa.Column("high", sa.Double, nullable=False),
    sa.Column("low", sa.Double, nullable=False),
    sa.Column("close", sa.Double, nullable=False),
    sa.Column("volume", sa.Double, nullable=False),
    sa.Column("turnover", sa.Double, nullable=False),
    sa.Column("count", sa.Integer, nullable=False),
    sa.Column("open_ms", sa.Integer, nullable=False),
    sa.Column("close_ms", sa.Integer, nullable=False),
    sa.Column("flags", sa.SmallInteger, nullable=False),
    sqlite_with_rowid=False,
)

leases = sa.Table(
    "leases",
    metadata,
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("backend", sa.Integer, nullable=False),
    sa.Column("until", sa.DateTime(timezone=True), nullable=False),
)
"""Which process writes a source: a random name for it, its backend process in the server, and until
when the lease is valid unless it is renewed.
"""

FIELDS = tuple(column for column in bars.c if column.name != "series_id")
"""A bar's columns, in the order that ``bar_of`` takes them."""


def row_of(series_id: int, bar: Bar) -> dict[str, Any]:
    """A bar as a row of its series."""
    return {
        "series_id": series_id,
        "time_ms": bar.time_ms,
        "open": bar.open,
        "high": bar.high,
        "low": bar.low,
        "close": bar.close,
        "volume": bar.volume,
        "turnover": bar.turnover,
        "count": bar.count,
        "open_ms": bar.open_ms - bar.time_ms,
        "close_ms": bar.close_ms - bar.time_ms,
        "flags": (INCOMPLETE if bar.incomplete else 0) | (0 if bar.firm else NOT_FIRM),
    }


def bar_of(row: Iterable[Any]) -> Bar:
    """The bar of a row of ``FIELDS``."""
    time_ms, opened, high, low, close, volume, turnover, count, open_ms, close_ms, flags = row
    return Bar(
        time_ms=time_ms,
        open=opened,
        high=high,
        low=low,
        close=close,
        volume=volume,
        turnover=turnover,
        count=count,
        open_ms=time_ms + open_ms,
        close_ms=time_ms + close_ms,
        firm=not flags & NOT_FIRM,
        incomplete=bool(flags & INCOMPLETE),
    )


def is_sound(bar: Bar) -> bool:
    """Whether a bar fits into a row: one that does not would keep all others from being written."""
    whole = (bar.count, abs(bar.open_ms - bar.time_ms), abs(bar.close_ms - bar.time_ms))
    figures = (bar.open, bar.high, bar.low, bar.close, bar.volume, bar.turnover)
    return (
        max(whole) <= _MOST
        and bar.count >= 0
        and abs(bar.time_ms) < 2**62
        and all(map(math.isfinite, figures))
    )
