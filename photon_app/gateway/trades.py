"""``GET /api/trades``: time and sales of one symbol, as JSON or CSV.

Owns the route, its parameters and its refusals; ``market.sales`` has the prints and what became of
each. Trades and ``seq`` of an answer are of one moment. Bounds: those of ``_slots``, as for bars; a
long CSV is written in slices, so that prices can be sent in between.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel
from pydantic.json_schema import SkipJsonSchema

from photon_app import services
from photon_app.gateway.problems import REQUIRED, one_of, problems, read, whole
from photon_app.gateway.slots import Slots, slot_for
from photon_app.history.one_at_a_time import OneAtATime
from photon_app.market.digits import decimals_of, plain
from photon_app.market.sales import MOST_OF_SYMBOL, Sale
from photon_app.model import parse_symbol
from photon_app.timestamps import parse_moment

MOST = MOST_OF_SYMBOL
USUAL = 200
SLICE = 200
"""Lines of CSV written per iteration of the event loop; some 0.5 ms."""
AT_ONCE, AT_ONCE_OF_ADDRESS = 20 * MOST, 10 * MOST
"""Trades of all answers in progress, counted by their ``limit``: in total, and for one address."""
MOST_WAITING = 512
"""Requests of one address that wait, as for bars."""
COLUMNS = ("time", "price", "volume", "conditions", "counted", "why")
_FORMULA = tuple("=+-@")
"""What a spreadsheet takes for the beginning of a formula."""

router = APIRouter()
_slots = Slots(AT_ONCE, AT_ONCE_OF_ADDRESS, MOST_WAITING)
_encoder = msgspec.json.Encoder()


class Trade(BaseModel):
    """A print as upstream reported it."""

    time: int
    """UNIX ms, as upstream reported it."""
    price: float
    volume: float
    conditions: list[str]
    """The names of its conditions; the code of an unknown one."""
    counted: bool
    """Whether it is in a figure of the day, or was the last price."""
    why: str
    """Why not, or why not in all figures; empty if it counted in all."""


class Trades(BaseModel):
    """``GET /api/trades``, the oldest first."""

    symbol: str
    source: str
    """Whose trades: ``finnhub``, ``simulated`` or ``replay:<name>``."""
    epoch: str
    seq: int
    """Of the symbol's newest price at the time of the answer, 0 without a price: an update on `/ws`
    with a greater one in the same epoch is of a later trade."""
    trades: list[Trade]


class _Trade(msgspec.Struct, gc=False):
    time: int
    price: float
    volume: float
    conditions: list[str]
    counted: bool
    why: str

    @classmethod
    def of(cls, sale: Sale) -> "_Trade":
        """As it is sent."""
        one, verdict = sale.print_, sale.verdict
        return cls(
            one.time_ms, one.price, one.volume, sale.conditions, verdict.counted, verdict.why
        )


class _Body(msgspec.Struct):
    symbol: str
    source: str
    epoch: str
    seq: int
    trades: list[_Trade]


_CSV = {"schema": {"type": "string"}, "example": ",".join(COLUMNS) + "\n"}


@router.get(
    "/api/trades",
    summary="The newest trades of a symbol, and whether each counted",
    response_model=Trades,
    responses={200: {"content": {"text/csv": _CSV}}, **problems(422, 429, 503)},
)
async def trades(
    request: Request,
    *,
    symbol: Annotated[
        str,
        Query(description="such as AAPL", examples=["AAPL"], json_schema_extra={REQUIRED: True}),
    ] = "",
    from_: Annotated[
        str | SkipJsonSchema[None],
        Query(
            alias="from",
            description="only trades of then or later: UNIX ms, or ISO 8601 (UTC without a zone)",
        ),
    ] = None,
    to: Annotated[
        str | SkipJsonSchema[None],
        Query(description="only trades from before: UNIX ms, or ISO 8601"),
    ] = None,
    limit: Annotated[
        int,
        Query(description="at most so many: the newest", ge=1, le=MOST),
        whole(1, MOST),
    ] = USUAL,
    format: Annotated[  # noqa: A002 - its name on the wire
        str, Query(json_schema_extra={"enum": ["json", "csv"]})
    ] = "json",
) -> Response:
    """The newest trades as they came, including late ones and those that did not count. A symbol
    that is not followed has none.
    """
    live = services.current()
    wanted = read("symbol", symbol, parse_symbol)
    shape = one_of("format", format, ("json", "csv"))
    begin = None if from_ is None else read("from", from_, parse_moment)
    end = None if to is None else read("to", to, parse_moment)
    hops = live.settings.proxy_hops
    async with slot_for(request, _slots, limit, hops=hops, what="trades"):
        async with live.history.assembling.one():
            quote = live.book.quote(wanted)
            sales = live.sales.newest(wanted, limit, from_ms=begin, to_ms=end)
            if shape == "json":
                body = _Body(
                    symbol=wanted,
                    source=live.hub.feed.source,
                    epoch=live.market.epoch,
                    seq=0 if quote is None else quote.seq,
                    trades=[_Trade.of(sale) for sale in sales],
                )
                return Response(_encoder.encode(body), media_type="application/json")
        prices = (sale.print_.price for sale in sales)
        decimals = decimals_of(wanted, prices) if quote is None else quote.decimals
        return await _csv(wanted, sales, decimals, live.history.assembling)


async def _csv(
    symbol: str, sales: Sequence[Sale], decimals: int, assembling: OneAtATime
) -> Response:
    pieces = [",".join(COLUMNS) + "\n"]
    for at in range(0, len(sales), SLICE):
        async with assembling.one():
            pieces.append(_lines(sales[at : at + SLICE], decimals))
    name = re.sub(r"[^A-Z0-9.\-]", "_", symbol)
    headers = {"Content-Disposition": f'attachment; filename="{name}-trades.csv"'}
    return Response("".join(pieces), media_type="text/csv", headers=headers)


def _lines(sales: Iterable[Sale], decimals: int) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for row in map(_Trade.of, sales):
        price, volume = plain(row.price, decimals), plain(row.volume)
        conditions = "; ".join(map(_harmless, row.conditions))
        counted = "true" if row.counted else "false"
        writer.writerow([row.time, price, volume, conditions, counted, row.why])
    return text.getvalue()


def _harmless(code: str) -> str:
    """A condition that no spreadsheet takes for a formula: its code may be any text."""
    return f"'{code}" if code.startswith(_FORMULA) else code
