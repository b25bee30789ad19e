"""``GET /api/sparklines``: the day so far of many symbols, each as a line for a list.

Owns the route, its parameter and its answer; ``history.lines`` supplies the lines. A symbol counts
as ``COST`` bars among the answers of ``/api/bars`` in progress, so that both share one limit. Each
symbol is encoded in an iteration of the event loop of its own.
"""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from fastapi import APIRouter, HTTPException, Query, Request, Response
from pydantic import BaseModel, Field

from photon_app import services
from photon_app.errors import BusyError
from photon_app.gateway import bars
from photon_app.gateway.problems import REQUIRED, problems, read
from photon_app.gateway.slots import slot_for
from photon_app.history.lines import STEP_MS, Line
from photon_app.market import digits
from photon_app.model import parse_symbol
from photon_app.services import Services

MOST = 100
COST = bars.MOST // MOST
"""How many bars of an answer in progress one symbol counts as."""

router = APIRouter()
_encode = msgspec.json.Encoder().encode


class Sparkline(BaseModel):
    """The newest day of one symbol; what is not known is null."""

    symbol: str
    day: int | None
    """When its date begins, UNIX ms, as the `day` of its figures."""
    from_: Annotated[int | None, Field(alias="from")]
    """When its first session begins: a stock's pre-market."""
    to: int | None
    """When its last session ends."""
    step_ms: int
    """The distance of two points without a gap between them."""
    points: list[list[float]]
    """The start of each five minutes that have a trade, UNIX ms, and the last price in them."""
    prev_close: float | None
    vwap: float | None
    """The day's volume-weighted average price."""
    high_52w: float | None
    low_52w: float | None
    """The range of the day and the 52 weeks before it; null if the history is shorter, and while
    it is looked up."""


class Sparklines(BaseModel):
    """``GET /api/sparklines``, in the order of the request."""

    source: str
    """Whose trades: ``finnhub``, ``simulated`` or ``replay:<name>``."""
    sparklines: list[Sparkline]
    partial: bool = False
    """Only where it is true: the database did not answer, and points may be missing."""


class _Line(msgspec.Struct, rename={"from_": "from"}):
    symbol: str
    day: int | None
    from_: int | None
    to: int | None
    step_ms: int
    points: Sequence[tuple[int, float]]
    prev_close: float | None
    vwap: float | None
    high_52w: float | None
    low_52w: float | None


class _Body(msgspec.Struct, omit_defaults=True):
    source: str
    sparklines: msgspec.Raw
    partial: bool = False


@router.get(
    "/api/sparklines",
    summary="The day so far of many symbols",
    response_model=Sparklines,
    responses=problems(422, 429, 503),
)
async def sparklines(
    request: Request,
    symbols: Annotated[
        str,
        Query(
            description=f"comma list, at most {MOST}",
            examples=["AAPL,NVDA"],
            json_schema_extra={REQUIRED: True},
        ),
    ] = "",
) -> Response:
    """The newest day of each symbol on the clock of its sessions, in closes of five minutes. A
    symbol without a bar has nulls and no points.
    """
    live = services.current()
    wanted = read("symbols", symbols, _parse)
    cost, hops = COST * len(wanted), live.settings.proxy_hops
    async with slot_for(request, bars.slots, cost, hops=hops, what="sparklines"):
        try:
            lines, partial = await live.history.lines.of(wanted)
        except BusyError as problem:
            raise HTTPException(503, str(problem), headers={"Retry-After": "1"}) from problem
        encoded = []
        for symbol, line in zip(wanted, lines, strict=True):
            async with live.history.assembling.one():
                encoded.append(_encode(_line(symbol, line, live)))
        body = _Body(
            source=live.hub.feed.source,
            sparklines=msgspec.Raw(b"[" + b",".join(encoded) + b"]"),
            partial=partial,
        )
        return Response(_encode(body), media_type="application/json")


def _parse(text: str) -> list[str]:
    """The symbols of a comma list, each once.

    Raises:
        RequestError: one of them is no symbol.
        ValueError: there is none, or there are too many.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    wanted = list(dict.fromkeys(map(parse_symbol, parts[: MOST + 1])))
    if not 0 < len(parts) <= MOST:
        raise ValueError(f"1 to {MOST} symbols with commas between them, such as AAPL,NVDA")
    return wanted


def _line(symbol: str, line: Line, live: Services) -> _Line:
    quote = live.book.quote(symbol)
    prev_close = quote.prev_close if quote is not None and quote.day_ms == line.day_ms else None
    return _Line(
        symbol=symbol,
        day=line.day_ms,
        from_=line.from_ms,
        to=line.to_ms,
        step_ms=STEP_MS,
        points=line.points,
        prev_close=line.prev_close if prev_close is None else prev_close,
        vwap=None if line.vwap is None else digits.mean(line.vwap),
        high_52w=line.high_52w,
        low_52w=line.low_52w,
    )
