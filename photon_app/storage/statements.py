"""The SQL statements. Pure: each function makes one statement of SQLAlchemy Core.

The statements are the same for SQLite and PostgreSQL, with two exceptions: how a list of spans is
passed, and the dialect of ``INSERT … ON CONFLICT``.
"""

import datetime as dt
import functools
import json
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from photon_app.storage.tables import FIELDS, INCOMPLETE, NOT_FIRM, bars, leases, series

FORGOTTEN = "forgotten:"
"""The prefix of the source of series whose bars are being deleted in chunks; no feed has it."""
UNAGEING = "replay:"
"""The prefix of sources whose bars may be of any time, and are kept however old they are."""
LEASE_S = 12
"""How long a lease is valid after its holder last renewed it; less than 15 s together with the
pause between the attempts of a process that waits for it.
"""
_LEASE = dt.timedelta(seconds=LEASE_S)
_RENEWED = dt.timedelta(seconds=4)
"""The age at which it is renewed while nothing is written."""


# Writing


@functools.cache
def upsert(dialect: str, *, fuller: bool = False) -> sa.Insert:
    """Write rows in place of those of the same minute; see ``parameters``.

    Args:
        dialect: of the database.
        fuller: whether a stored minute stays if it has more trades than the new row, or if it is
            complete and the new row is not.
    """
    insert: Any = sqlite.insert(bars)
    if dialect != "sqlite":
        arrays = [sa.bindparam(c.name, type_=postgresql.ARRAY(c.type)) for c in bars.c]
        given = sa.func.unnest(*arrays).table_valued(*bars.c.keys(), name="given").render_derived()
        insert = postgresql.insert(bars).from_select(bars.c.keys(), sa.select(*given.c))
    values = {c.name: insert.excluded[c.name] for c in FIELDS if c.name != "time_ms"}
    new = insert.excluded
    at_least = sa.and_(
        new["count"] >= bars.c["count"],
        new.flags.op("&")(INCOMPLETE) <= bars.c.flags.op("&")(INCOMPLETE),
    )
    upserted: sa.Insert = insert.on_conflict_do_update(
        index_elements=["series_id", "time_ms"],
        set_=values,
        where=at_least if fuller else None,
    )
    return upserted


def parameters(dialect: str, rows: Sequence[Mapping[str, Any]]) -> Any:
    """The parameters of ``upsert``. SQLite gets one row after the other. PostgreSQL gets all rows
    at once, by columns, because each statement costs a round trip; it refuses two rows of one
    minute in one statement.
    """
    if dialect == "sqlite":
        return rows
    newest = {(row["series_id"], row["time_ms"]): row for row in rows}.values()
    return {name: [row[name] for row in newest] for name in bars.c.keys()}  # noqa: SIM118 - no dict


def add_series(dialect: str) -> sa.Insert:
    """Add series that do not exist yet."""
    insert = sqlite.insert(series) if dialect == "sqlite" else postgresql.insert(series)
    return insert.on_conflict_do_nothing(index_elements=["source", "symbol"])


def ids(source: str) -> sa.Select[str, int]:
    """The symbols of a source and their series, which no other process can forget before this
    transaction ends (SQLite has one writer anyway).
    """
    found = sa.select(series.c.symbol, series.c.id).where(series.c.source == source)
    return found.with_for_update(read=True, key_share=True)


def forget(source: str) -> sa.Update:
    """Detach all series from a source, so that it has no bars; ``leftovers`` are deleted later."""
    name = sa.literal(FORGOTTEN) + sa.cast(series.c.id, sa.Text)
    return sa.update(series).where(series.c.source == source).values(source=name)


# Deleting, in chunks


def leftovers() -> sa.Select[int]:
    """The series that were detached by ``forget``."""
    return sa.select(series.c.id).where(series.c.source.startswith(FORGOTTEN))


def drop_series(series_id: int) -> sa.Delete:
    """Delete a series that has no bars left."""
    return sa.delete(series).where(series.c.id == series_id)


def ageing() -> sa.Select[int, str]:
    """The series whose bars can be too old, with their symbols."""
    kept = (FORGOTTEN, UNAGEING)
    return sa.select(series.c.id, series.c.symbol).where(
        *(~series.c.source.startswith(name) for name in kept)
    )


def first_ageing(from_ms: int, before_ms: int) -> sa.Select[int | None]:
    """When the oldest bar of a range begins, among the series whose bars can be too old. Each
    series is searched by its index; none is scanned.
    """
    kept = (FORGOTTEN, UNAGEING)
    oldest = (
        sa.select(sa.func.min(bars.c.time_ms))
        .where(
            bars.c.series_id == series.c.id,
            bars.c.time_ms >= from_ms,
            bars.c.time_ms < before_ms,
        )
        .correlate(series)
        .scalar_subquery()
    )
    each = sa.select(oldest.label("time_ms")).where(
        *(~series.c.source.startswith(name) for name in kept)
    )
    found = each.subquery("each")
    return sa.select(sa.func.min(found.c.time_ms))


def cut(series_id: int, before_ms: int, rows: int) -> sa.Select[int]:
    """The time after the oldest ``rows`` minutes before a time; no row if there are no more."""
    return (
        sa.select(bars.c.time_ms)
        .where(bars.c.series_id == series_id, bars.c.time_ms < before_ms)
        .order_by(bars.c.time_ms)
        .limit(1)
        .offset(rows)
    )


def delete(series_id: int, before_ms: int) -> sa.Delete:
    """Delete the minutes of a series before a time."""
    return sa.delete(bars).where(bars.c.series_id == series_id, bars.c.time_ms < before_ms)


# Leases, for PostgreSQL


def lease(source: str, holder: str) -> sa.Select[bool, bool, bool]:
    """The lease of a source: whether it is this holder's, is fresh enough, and is free to take."""
    fresh = sa.and_(
        leases.c.until > _now() + (_LEASE - _RENEWED),
        leases.c.backend == sa.func.pg_backend_pid(),
    )
    return sa.select(leases.c.holder == holder, fresh, _is_free()).where(leases.c.source == source)


def keep_lease(source: str, holder: str) -> sa.Update:
    """Renew a lease, and lock it until the transaction ends; no row is changed if it is lost."""
    mine = (leases.c.source == source, leases.c.holder == holder)
    return sa.update(leases).where(*mine).values(_lease(source, holder))


def take_lease(source: str, holder: str) -> sa.Insert:
    """Take a lease that is free or this holder's; returns no row if it is neither."""
    insert = postgresql.insert(leases).values(_lease(source, holder))
    return insert.on_conflict_do_update(
        index_elements=["source"],
        set_={name: insert.excluded[name] for name in ("holder", "backend", "until")},
        where=sa.or_(leases.c.holder == holder, _is_free()),
    ).returning(leases.c.holder)


def drop_leases(holder: str) -> sa.Delete:
    """Release all leases of a holder."""
    return sa.delete(leases).where(leases.c.holder == holder)


def _lease(source: str, holder: str) -> dict[str, Any]:
    backend = sa.func.pg_backend_pid()
    return {"source": source, "holder": holder, "backend": backend, "until": _now() + _LEASE}


def _is_free() -> sa.ColumnElement[bool]:
    """Whether a lease has expired, or its backend process in the server is gone. A backend ends at
    once when its client does, so that this does not depend on any clock or machine.
    """
    activity = sa.table("pg_stat_activity", sa.column("pid", sa.Integer))
    talks = sa.exists().where(activity.c.pid == leases.c.backend)
    return sa.or_(leases.c.until < _now(), ~talks)


def _now() -> sa.Function[dt.datetime]:
    """The server's current time, not the start of the transaction."""
    return sa.func.clock_timestamp(type_=sa.DateTime(timezone=True))


# Reading


def _id(source: str, symbol: str) -> sa.ScalarSelect[int]:
    found = sa.select(series.c.id).where(series.c.source == source, series.c.symbol == symbol)
    return found.scalar_subquery()


def window(
    source: str, symbol: str, from_ms: int, to_ms: int, limit: int | None, *, newest: bool
) -> sa.Select[Any]:
    """The oldest minutes of a range, or the newest ones, in descending order."""
    order = bars.c.time_ms.desc() if newest else bars.c.time_ms
    return (
        sa.select(*FIELDS)
        .where(
            bars.c.series_id == _id(source, symbol),
            bars.c.time_ms >= from_ms,
            bars.c.time_ms < to_ms,
        )
        .order_by(order)
        .limit(limit)
    )


def since(source: str, since_ms: int) -> sa.Select[Any]:
    """Every minute of a source from a time on, each row after its symbol. The join's condition is
    on the key, so that each series is searched by its index and none is scanned.
    """
    return (
        sa.select(series.c.symbol, *FIELDS)
        .select_from(series.join(bars, bars.c.series_id == series.c.id))
        .where(series.c.source == source, bars.c.time_ms >= since_ms)
        .order_by(series.c.symbol, bars.c.time_ms)
    )


def any_series() -> sa.Select[int]:
    """Any one row."""
    return sa.select(series.c.id).limit(1)


def edge(source: str, symbol: str, *, newest: bool) -> sa.Select[int | None]:
    """The time of a series' first or last minute."""
    extreme = sa.func.max if newest else sa.func.min
    return sa.select(extreme(bars.c.time_ms)).where(bars.c.series_id == _id(source, symbol))


def extremes(source: str, symbol: str, from_ms: int, to_ms: int) -> sa.Select[Any]:
    """The lowest and the highest price of the minutes of a range; two nulls if there are none."""
    return sa.select(sa.func.min(bars.c.low), sa.func.max(bars.c.high)).where(
        bars.c.series_id == _id(source, symbol),
        bars.c.time_ms >= from_ms,
        bars.c.time_ms < to_ms,
    )


def listing() -> sa.Select[str, str, int, int, int]:
    """Every series that has bars: source, symbol, first and last minute, how many."""
    return (
        sa.select(
            series.c.source,
            series.c.symbol,
            sa.func.min(bars.c.time_ms),
            sa.func.max(bars.c.time_ms),
            sa.func.count(),
        )
        .select_from(series.join(bars, bars.c.series_id == series.c.id))
        .where(~series.c.source.startswith(FORGOTTEN))
        .group_by(series.c.source, series.c.symbol)
        .order_by(series.c.source, series.c.symbol)
    )


@functools.cache
def merged(dialect: str) -> sa.Select[Any]:
    """One row for each span that has minutes, merged as by ``market.merge``; for its parameters see
    ``spans_of``. Cached, because building it takes longer than most databases take to answer.

    High, low and the sums come from all of a span's minutes. Open and close are those of the first
    and the last firm minute, or of the first and the last if none is firm: the times of a minute's
    open and close are within it, so that the order of minutes is that of their trades.

    Returns:
        The start of the span; open, high, low, close, volume, turnover, count; the times of open
        and close; and ``flags``.
    """
    found = sa.select(series.c.id).where(
        series.c.source == sa.bindparam("source"), series.c.symbol == sa.bindparam("symbol")
    )
    one = sa.select(found.scalar_subquery().label("id")).cte("one")
    ident = sa.select(one.c.id).scalar_subquery()
    span = _spans(dialect)
    begin = _edge(span, ident)
    first, last = bars.alias("first"), bars.alias("last")
    firm = sa.case((first.c.flags.op("&")(NOT_FIRM) == 0, 0), else_=NOT_FIRM)
    inner = span.join(first, sa.and_(first.c.series_id == ident, first.c.time_ms == begin)).join(
        last,
        sa.and_(last.c.series_id == ident, last.c.time_ms == _edge(span, ident, newest=True)),
    )
    total, sums = _sums(dialect, span, ident)
    return (
        sa.select(
            span.c.start_ms,
            first.c.open,
            total["high"],
            total["low"],
            last.c.close,
            total["volume"],
            total["turnover"],
            total["count"],
            first.c.time_ms + first.c.open_ms - span.c.start_ms,
            last.c.time_ms + last.c.close_ms - span.c.start_ms,
            total["incomplete"] + firm,
        )
        .select_from(inner if sums is None else inner.join(sums, sa.true()))
        .order_by(span.c.start_ms)
    )


def _sums(dialect: str, span: Any, ident: sa.ScalarSelect[int]) -> tuple[dict[str, Any], Any]:
    """The aggregates of all minutes of a span, and what to join for them. SQLite has no lateral
    join, and with ``GROUP BY`` it would sort all minutes first, at four times the cost.
    """
    minute = bars.alias("minute")
    figures = {
        "high": sa.func.max(minute.c.high),
        "low": sa.func.min(minute.c.low),
        "volume": sa.func.sum(minute.c.volume),
        "turnover": sa.func.sum(minute.c.turnover),
        "count": sa.func.sum(minute.c["count"]),
        "incomplete": sa.func.max(minute.c.flags.op("&")(INCOMPLETE)),
    }
    inside = (
        minute.c.series_id == ident,
        minute.c.time_ms >= span.c.start_ms,
        minute.c.time_ms < span.c.end_ms,
    )
    if dialect == "sqlite":
        each = {
            name: sa.select(figure).where(*inside).correlate(span).scalar_subquery()
            for name, figure in figures.items()
        }
        return each, None
    labelled = [figure.label(name) for name, figure in figures.items()]
    sums = sa.select(*labelled).where(*inside).correlate(span).lateral("sums")
    return {name: sums.c[name] for name in figures}, sums


def _edge(span: Any, ident: sa.ScalarSelect[int], *, newest: bool = False) -> Any:
    """The first or last minute of a span, a firm one if any is. As a rule this reads one row."""

    def found(*conditions: Any) -> sa.ScalarSelect[int]:
        minute = bars.alias()
        return (
            sa.select(minute.c.time_ms)
            .where(
                minute.c.series_id == ident,
                minute.c.time_ms >= span.c.start_ms,
                minute.c.time_ms < span.c.end_ms,
                *(condition(minute) for condition in conditions),
            )
            .order_by(minute.c.time_ms.desc() if newest else minute.c.time_ms)
            .limit(1)
            .correlate(span)
            .scalar_subquery()
        )

    return sa.func.coalesce(found(lambda m: m.c.flags.op("&")(NOT_FIRM) == 0), found())


def spans_of(
    dialect: str, source: str, symbol: str, spans: Sequence[tuple[int, int]]
) -> dict[str, Any]:
    """The parameters of ``merged``."""
    given: dict[str, Any] = {"source": source, "symbol": symbol}
    if dialect == "sqlite":
        return given | {"spans": json.dumps(spans)}
    return given | {"starts": [span[0] for span in spans], "ends": [span[1] for span in spans]}


def _spans(dialect: str) -> Any:
    """Spans as a table of ``start_ms`` and ``end_ms``."""
    if dialect == "sqlite":
        given = sa.bindparam("spans", type_=sa.Text)
        each = sa.func.json_each(given).table_valued("value", name="given")
        parts = [sa.func.json_extract(each.c.value, f"$[{n}]") for n in (0, 1)]
        return sa.select(
            *(part.label(name) for part, name in zip(parts, ("start_ms", "end_ms"), strict=True))
        ).cte("span")
    columns = [
        sa.bindparam(name, type_=postgresql.ARRAY(sa.BigInteger)) for name in ("starts", "ends")
    ]
    unnested = sa.func.unnest(*columns).table_valued("start_ms", "end_ms", name="given")
    each = unnested.render_derived()
    return sa.select(each.c.start_ms, each.c.end_ms).cte("span")
