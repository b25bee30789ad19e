"""The market of a symbol: where a trading day begins, and when trades are to be expected.

Pure functions of a symbol and a time; nothing here reads a clock. A name without a colon is a US
stock and follows New York (``calendar``). The part before a colon names the market of the others,
as Finnhub writes them:

- a crypto exchange (``BINANCE:BTCUSDT``) trades round the clock; its day is the UTC day;
- a house of foreign exchange (``OANDA:EUR_USD``) trades from Sunday 17:00 to Friday 17:00 New
  York time, and its day begins at 17:00: the market's own convention, at which positions roll over;
- any other has the UTC day, and hours that are not known.

Sources: Finnhub's lists of forex and crypto exchanges, as its clients show them
(https://rdrr.io/github/threadingdata/finnhubr/man/forex_symbols.html); OANDA's hours
(https://www.oanda.com/us-en/trading/hours-of-operation/): a pause from 16:58 to 17:03 each day.
"""

import datetime as dt
import functools
from typing import Literal, NamedTuple

from photon_app.market.calendar import NEW_YORK, Calendar

Venue = Literal["us", "fx", "crypto", "other"]

FX: frozenset[str] = frozenset(
    {
        *("OANDA", "FXCM", "FOREX", "FOREX.COM", "FXPRO", "FXPIG", "OCTAFX", "SAXO", "DUKASCOPY"),
        *("IC MARKETS", "ICM", "ICMTRADER", "PEPPERSTONE", "PEPPERSTONEUK"),
    }
)
CRYPTO: frozenset[str] = frozenset(
    {
        *("BINANCE", "BINANCEUS", "COINBASE", "KRAKEN", "GEMINI", "BITFINEX", "BITSTAMP", "BITMEX"),
        *("BYBIT", "OKEX", "OKX", "KUCOIN", "HUOBI", "POLONIEX", "HITBTC", "BITTREX", "ZB"),
    }
)
FX_TURN = dt.time(17, 0)
"""When a day, and with Sunday's a week, of foreign exchange begins in New York."""
FX_PAUSE = dt.timedelta(minutes=5)
"""Around that turn quotes rest each day: OANDA's from 16:58 to 17:03."""
_FRIDAY, _SATURDAY, _SUNDAY = 4, 5, 6
_FX_HOLIDAYS = frozenset({(12, 25), (1, 1)})
"""Month and day that no house deals on: https://fxopen.com/cn/news/trading-hours-on-christmas-and-new-year/"""


class Day(NamedTuple):
    """One trading day as a half-open span of UNIX ms."""

    start_ms: int
    end_ms: int


@functools.lru_cache(maxsize=4096)
def venue_of(symbol: str) -> Venue:
    """The kind of market that a symbol trades on."""
    house, colon, _ = symbol.partition(":")
    if not colon:
        return "us"
    if house in FX:
        return "fx"
    return "crypto" if house in CRYPTO else "other"


def day_of(symbol: str, time_ms: int) -> Day:
    """The trading day of a symbol that holds a time."""
    venue = venue_of(symbol)
    zone = NEW_YORK if venue in {"us", "fx"} else dt.UTC
    turn = FX_TURN if venue == "fx" else dt.time()
    here = dt.datetime.fromtimestamp(time_ms / 1000, zone)
    date = here.date() if here.time() >= turn else here.date() - dt.timedelta(days=1)
    start = dt.datetime.combine(date, turn, zone)
    end = dt.datetime.combine(date + dt.timedelta(days=1), turn, zone)
    return Day(_ms(start), _ms(end))


def trades_at(venue: Venue, time_ms: int, calendar: Calendar) -> bool:
    """Whether trades are to be expected from a kind of market at a time: the regular session of US
    stocks, the week of foreign exchange but for its daily pause and its two holidays, always of
    crypto exchanges, never where the hours are not known.
    """
    if venue == "us":
        return calendar.phase_at(time_ms).session == "regular"
    if venue == "fx":
        return _fx_trades_at(dt.datetime.fromtimestamp(time_ms / 1000, NEW_YORK))
    return venue == "crypto"


def _fx_trades_at(here: dt.datetime) -> bool:
    turn = dt.datetime.combine(here.date(), FX_TURN, NEW_YORK)
    belongs_to = here.date() + dt.timedelta(days=here >= turn)  # the date on which this day ends
    return (
        abs(here - turn) >= FX_PAUSE
        and belongs_to.weekday() not in {_SATURDAY, _SUNDAY}
        and (belongs_to.month, belongs_to.day) not in _FX_HOLIDAYS
    )


def _ms(moment: dt.datetime) -> int:
    return round(moment.timestamp() * 1000)
