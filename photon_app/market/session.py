"""The market of a symbol: its trading days, and when trades are to be expected.

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
import itertools
from typing import Final, Literal, NamedTuple, get_args

from photon_app.market.calendar import NEW_YORK, Calendar, new_york_date
from photon_app.model import MarketSession

Venue = Literal["us", "fx", "crypto", "other"]
VENUES: Final[tuple[Venue, ...]] = get_args(Venue)

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
    """One day of dates as a half-open span of UNIX ms; it is not asked when anybody trades."""

    start_ms: int
    end_ms: int

    @property
    def date_ms(self) -> int:
        """Where its bar begins."""
        return self.start_ms

    @property
    def close_ms(self) -> int:
        """As of a market that never closes."""
        return self.end_ms

    @property
    def done_ms(self) -> int:
        """As of a market that never closes."""
        return self.end_ms


class MarketDay(NamedTuple):
    """One trading day, with the night, the weekend or the holiday behind it, in UNIX ms. Those of a
    symbol adjoin each other.
    """

    start_ms: int
    """When its first session begins: a stock's pre-market."""
    close_ms: int
    """When its regular session ends, and the price of then is its close."""
    done_ms: int
    """When its last session ends: a stock's post-market. Nothing more is of this day."""
    end_ms: int
    """When the first session of the next one begins."""
    date_ms: int
    """When its date begins, and with it the bar of the day."""


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
    """The day of dates that holds a time, as bars of a day are counted: of New York for stocks,
    from 17:00 there for foreign exchange, else of UTC.
    """
    venue = venue_of(symbol)
    zone = NEW_YORK if venue in {"us", "fx"} else dt.UTC
    turn = FX_TURN if venue == "fx" else dt.time()
    here = dt.datetime.fromtimestamp(time_ms / 1000, zone)
    date = here.date() if here.time() >= turn else here.date() - dt.timedelta(days=1)
    start = dt.datetime.combine(date, turn, zone)
    end = dt.datetime.combine(date + dt.timedelta(days=1), turn, zone)
    return Day(_ms(start), _ms(end))


def market_day(symbol: str, time_ms: int, calendar: Calendar) -> MarketDay:
    """The newest trading day of a symbol that has begun by a time: on a Sunday it is Friday."""
    venue = venue_of(symbol)
    if venue == "us":
        return _stock_day(time_ms, calendar)
    if venue == "fx":
        return _fx_day(time_ms)
    day = day_of(symbol, time_ms)
    return MarketDay(day.start_ms, day.end_ms, day.end_ms, day.end_ms, day.start_ms)


def market_day_before(symbol: str, day: MarketDay, calendar: Calendar) -> MarketDay:
    """The trading day before one."""
    return market_day(symbol, day.start_ms - 1, calendar)


@functools.lru_cache(maxsize=256)
def _stock_days(date: dt.date, calendar: Calendar) -> tuple[MarketDay, ...]:
    """The trading day before a date, that of the date where there is one, each to the next."""
    here, before, after = calendar.day(date), calendar.day_before(date), calendar.day_after(date)
    days = [day for day in (before, here, after) if day is not None]
    return tuple(
        MarketDay(
            day.pre_ms,
            day.close_ms,
            day.end_ms,
            following.pre_ms,
            _ms(dt.datetime.combine(day.date, dt.time(), NEW_YORK)),
        )
        for day, following in itertools.pairwise(days)
    )


def _stock_day(time_ms: int, calendar: Calendar) -> MarketDay:
    *before, last = _stock_days(new_york_date(time_ms), calendar)
    return before[0] if before and time_ms < last.start_ms else last


def _fx_day(time_ms: int) -> MarketDay:
    """From 17:00 to 17:00; that of Friday, and that before a holiday, to the next begin."""
    here = dt.datetime.fromtimestamp(time_ms / 1000, NEW_YORK)
    ends = here.date() + dt.timedelta(days=here.time() >= FX_TURN)
    while not _fx_deals(ends):
        ends -= dt.timedelta(days=1)
    following = ends + dt.timedelta(days=1)
    while not _fx_deals(following):
        following += dt.timedelta(days=1)
    start, done, end = (
        _ms(dt.datetime.combine(date, FX_TURN, NEW_YORK))
        for date in (ends - dt.timedelta(days=1), ends, following - dt.timedelta(days=1))
    )
    return MarketDay(start, done, done, end, start)


def _fx_deals(date: dt.date) -> bool:
    """Whether a day of foreign exchange ends on a date."""
    holiday = (date.month, date.day) in _FX_HOLIDAYS
    return date.weekday() not in {_SATURDAY, _SUNDAY} and not holiday


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


def session_at(venue: Venue, time_ms: int, exchange: MarketSession) -> MarketSession | None:
    """The session of a kind of market at a time: that of the New York exchanges, which is given,
    for US stocks; ``regular`` or ``closed`` for foreign exchange, whose daily pause ends no
    session; always ``regular`` for crypto; ``None`` where the hours are not known.
    """
    if venue == "us":
        return exchange
    if venue == "fx":
        here = dt.datetime.fromtimestamp(time_ms / 1000, NEW_YORK)
        return "regular" if _fx_week(here) else "closed"
    return "regular" if venue == "crypto" else None


def _fx_trades_at(here: dt.datetime) -> bool:
    turn = dt.datetime.combine(here.date(), FX_TURN, NEW_YORK)
    return abs(here - turn) >= FX_PAUSE and _fx_week(here)


def _fx_week(here: dt.datetime) -> bool:
    turn = dt.datetime.combine(here.date(), FX_TURN, NEW_YORK)
    belongs_to = here.date() + dt.timedelta(days=here >= turn)  # the date on which this day ends
    return _fx_deals(belongs_to)


def _ms(moment: dt.datetime) -> int:
    return round(moment.timestamp() * 1000)
