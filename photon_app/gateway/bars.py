"""``GET /api/bars``: the history of one symbol, as JSON or CSV.

Owns the route, its parameters and its errors; ``history`` supplies the bars. Parameters are read as
text, so that any invalid one is answered with a sentence.
"""

import csv
import datetime as dt
import io
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Annotated

import msgspec
from fastapi import APIRouter, HTTPException, Query, Request, Response
from pydantic import BaseModel, Field
from pydantic.json_schema import SkipJsonSchema

from photon_app import services
from photon_app.calendar.calendar import Calendar, new_york_date
from photon_app.calendar.session import venue_of
from photon_app.errors import BusyError
from photon_app.gateway.problems import REQUIRED, one_of, problems, read, whole
from photon_app.gateway.slots import Slots, slot_for
from photon_app.history.history import Past
from photon_app.history.one_at_a_time import OneAtATime
from photon_app.hub.messages import BarBody
from photon_app.market.digits import decimals_of
from photon_app.model import TIMEFRAMES, MarketSession, Timeframe, parse_symbol
from photon_app.timestamps import parse_moment

MOST = 10_000
USUAL = 500
SLICE = 200
"""Bars encoded per iteration of the event loop."""
AT_ONCE, AT_ONCE_OF_ADDRESS = 4 * MOST, 2 * MOST
"""Bars of all answers in progress, counted by their ``limit``: in total, and for one address."""
MOST_WAITING = 512
"""Requests of one address that wait: enough for sixty pages that load their charts."""
MOST_SESSION_DAYS = 400
_CLOSES_FOR_DECIMALS = 64
"""How many of the newest closes determine the decimals of a symbol that has no price."""
COLUMNS = (
    *("time", "open", "high", "low", "close", "volume", "count", "vwap", "final"),
    "incomplete",
)

router = APIRouter()
slots = Slots(AT_ONCE, AT_ONCE_OF_ADDRESS, MOST_WAITING)
"""Of all answers that are made of bars, also those of ``gateway.sparklines``."""
_encoder = msgspec.json.Encoder()


class Bar(BaseModel):
    """What the trades of one span came to."""

    time: int
    """Where the span begins, UNIX ms."""
    open: float
    high: float
    low: float
    close: float
    volume: float
    count: int
    """How many trades."""
    vwap: float | None
    """Volume-weighted average price; null without volume."""
    final: bool
    """Whether the bar is over: 2 s after the end of its span."""
    incomplete: bool = False
    """Only where it is true: the feed was down, or did not follow the symbol, in a part of it."""
    invented: bool = False
    """Only where it is true: the simulator made up a part of it that it never traded."""


class SessionSpan(BaseModel):
    """A session of the exchange: from its begin, to its end, UNIX ms."""

    session: MarketSession
    from_: Annotated[int, Field(alias="from")]
    to: int


class Bars(BaseModel):
    """``GET /api/bars``, the oldest first."""

    symbol: str
    timeframe: Timeframe
    source: str
    """Whose trades: ``finnhub``, ``simulated`` or ``replay:<name>``."""
    since: int | None
    """Where the oldest bar that there is begins; null when there is none."""
    bars: list[Bar]
    partial: bool = False
    """Only where it is true: the database did not answer, and older bars may be missing."""
    sessions: list[SessionSpan] = []
    """Only on request: the sessions that the bars belong to."""


class _Span(msgspec.Struct, rename={"from_": "from"}):
    session: MarketSession
    from_: int
    to: int


class _Body(msgspec.Struct, omit_defaults=True):
    symbol: str
    timeframe: Timeframe
    source: str
    since: int | None
    bars: msgspec.Raw
    partial: bool = False
    sessions: list[_Span] = []


_CSV = {"schema": {"type": "string"}, "example": ",".join(COLUMNS) + "\n"}
_MOMENT = "UNIX ms, or ISO 8601 (UTC when it names no zone)"


@router.get(
    "/api/bars",
    summary="The history of a symbol",
    response_model=Bars,
    responses={
        200: {"content": {"text/csv": _CSV}},
        **problems(422, 429, 503),
    },
)
async def bars(
    request: Request,
    *,
    symbol: Annotated[
        str,
        Query(description="such as AAPL", examples=["AAPL"], json_schema_extra={REQUIRED: True}),
    ] = "",
    timeframe: Annotated[
        str, Query(description="how long a bar is", json_schema_extra={"enum": list(TIMEFRAMES)})
    ] = "1m",
    from_: Annotated[
        str | SkipJsonSchema[None],
        Query(alias="from", description=f"the oldest `limit` from then on: {_MOMENT}"),
    ] = None,
    to: Annotated[
        str | SkipJsonSchema[None],
        Query(description="only bars that begin before: UNIX ms, or ISO 8601"),
    ] = None,
    limit: Annotated[
        int,
        Query(description="at most so many; without `from` the newest", ge=1, le=MOST),
        whole(1, MOST),
    ] = USUAL,
    format: Annotated[  # noqa: A002 - its name on the wire
        str, Query(json_schema_extra={"enum": ["json", "csv"]})
    ] = "json",
    sessions: Annotated[
        str, Query(description="1: tell the sessions too", json_schema_extra={"enum": ["0", "1"]})
    ] = "0",
) -> Response:
    """Bars of the feed that this process has, from its own trades. The running bar is the last
    one, with `final` false. Spans without a trade have no bar.
    """
    live = services.current()
    wanted = read("symbol", symbol, parse_symbol)
    step = one_of("timeframe", timeframe, TIMEFRAMES)
    shape = one_of("format", format, ("json", "csv"))
    sessions_flag = one_of("sessions", sessions, ("0", "1"))
    begin = None if from_ is None else read("from", from_, parse_moment)
    end = None if to is None else read("to", to, parse_moment)
    hops = live.settings.proxy_hops
    async with slot_for(request, slots, limit, hops=hops, what="bars"):
        try:
            past = await live.history.bars(wanted, step, from_ms=begin, to_ms=end, limit=limit)
        except BusyError as problem:
            raise HTTPException(503, str(problem), headers={"Retry-After": "1"}) from problem
        pieces = _Pieces(past, live.history.memory.final_ms, live.history.assembling)
        if shape == "csv":
            quote = live.book.quote(wanted)
            newest = (bar.close for bar in past.bars[-_CLOSES_FOR_DECIMALS:])
            decimals = decimals_of(wanted, newest) if quote is None else quote.decimals
            return await _csv(wanted, step, pieces, decimals, partial=past.partial)
        rows = await pieces.written(lambda rows: _encoder.encode(rows)[1:-1])
        body = _Body(
            symbol=wanted,
            timeframe=step,
            source=live.hub.feed.source,
            since=past.since_ms,
            bars=msgspec.Raw(b"[" + b",".join(rows) + b"]"),
            partial=past.partial,
            sessions=list(_sessions(wanted, past, live.hours.calendar))
            if sessions_flag == "1"
            else [],
        )
        return Response(_encoder.encode(body), media_type="application/json")


class _Pieces:
    """Bars as clients see them, encoded in slices, so that prices can be sent in between."""

    def __init__(self, past: Past, final_ms: int, assembling: OneAtATime) -> None:
        self._past = past
        self._final_ms = final_ms
        self._assembling = assembling

    async def written(self, write: Callable[[list[BarBody]], bytes]) -> list[bytes]:
        """The slices as ``write`` encodes them."""
        pieces = []
        for at in range(0, len(self._past.bars), SLICE):
            async with self._assembling.one():
                pieces.append(write(self._rows(at, at + SLICE)))
        return pieces

    def _rows(self, begin: int, end: int) -> list[BarBody]:
        spans = zip(self._past.bars[begin:end], self._past.ends_ms[begin:end], strict=True)
        return [BarBody.of(bar, final=end_ms <= self._final_ms) for bar, end_ms in spans]


async def _csv(
    symbol: str, timeframe: Timeframe, pieces: _Pieces, decimals: int, *, partial: bool
) -> Response:
    def write(rows: Iterable[BarBody]) -> bytes:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        for row in rows:
            flags = ["true" if flag else "false" for flag in (row.final, row.incomplete)]
            writer.writerow([row.time, *row.written(decimals), *flags])
        return text.getvalue().encode()

    head = (",".join(COLUMNS) + "\n").encode()
    content = b"".join([head, *await pieces.written(write)])
    name = re.sub(r"[^A-Z0-9.\-]", "_", symbol)
    headers = {"Content-Disposition": f'attachment; filename="{name}-{timeframe}.csv"'}
    if partial:
        headers["Photon-Partial"] = "1"
    return Response(content, media_type="text/csv", headers=headers)


def _sessions(symbol: str, past: Past, calendar: Calendar) -> Iterator[_Span]:
    """The exchange's sessions that the bars belong to, in order; only US stocks have any."""
    if venue_of(symbol) != "us" or not past.bars:
        return
    first_ms, end_ms = past.bars[0].time_ms, past.ends_ms[-1]
    date = max(new_york_date(first_ms), new_york_date(end_ms) - dt.timedelta(MOST_SESSION_DAYS))
    while date <= new_york_date(end_ms):
        day = calendar.day(date)
        date += dt.timedelta(days=1)
        if day is None:
            continue
        names: tuple[MarketSession, ...] = ("pre", "regular", "post")
        for name, begin, end in zip(names, day.edges_ms, day.edges_ms[1:], strict=False):
            if begin < end_ms and first_ms < end and begin < end:
                yield _Span(name, begin, end)
