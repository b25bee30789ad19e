"""What is known of the watched symbols: every message of a Photon folded into rows.

Owns the newest price of each symbol, its day, its recent prices, the feed's status and the state of
the connection to the server. Synchronous and total: messages are applied as they arrive, and an
update older than the row's quote is ignored. Memory is bounded by the symbols and ``RECENT`` prices
of each. It never waits, prints or connects, and has no clock: the caller passes the time.

While the connection or the feed is down, prices stay, and their state is ``stale``.
"""

import math
from collections import deque
from collections.abc import Iterable
from typing import Literal

from photon_app.commands.tail import wire
from photon_app.market import digits
from photon_app.model import FLOWING, Fact

RECENT = 120
"""Recent prices kept of a symbol: the last one of each second that had one."""
MOVED_S = 1.0
"""How long a price counts as just changed."""

ConnectionState = Literal["connecting", "open", "lost", "ended"]


class Quote(Fact, frozen=True):
    """The newest price of a symbol and its day; what is unknown is ``None``."""

    symbol: str
    seq: int
    price: float
    volume: float
    """Of the last trade."""
    time_ms: float
    prev_close: float | None
    change: float | None
    change_percent: float | None
    open: float | None
    high: float | None
    low: float | None
    day_volume: float | None
    polled: bool
    decimals: int
    """Decimals of the symbol's prices: as the server says, else those of the first price."""


class Row:
    """One symbol."""

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.quote: Quote | None = None
        self.server_state = "waiting"
        """The state that the server gave the symbol last."""
        self.reason = ""
        """Why the symbol was rejected."""
        self.hole = False
        """Whether updates were missed for good: the next price begins the figures anew."""
        self.recent: deque[float] = deque(maxlen=RECENT)
        self.direction = 0
        """1, 0 or -1: the newest price compared with the one before."""
        self.moved_s = -math.inf
        self._second = -1.0

    def take(self, update: wire.Update, now_s: float) -> bool:
        """Fold an update in; true when it had a new price."""
        old = self.quote
        quote = fold(None if self.hole else old, update)
        if quote is None:
            return False
        self.quote, self.hole = quote, False
        self.server_state = update.data.state or ("polled" if update.polled else "live")
        self.reason = ""
        if old is not None and quote.seq == old.seq and quote.price == old.price:
            return False
        if old is not None and quote.price != old.price:
            self.direction = 1 if quote.price > old.price else -1
            self.moved_s = now_s
        self._remember(quote)
        return True

    def forget(self) -> None:
        """Reset the row for a new epoch, in which no old price counts."""
        self.quote, self.hole = None, False
        self.server_state = "waiting"
        self.recent.clear()
        self.direction = 0
        self._second = -1.0

    def _remember(self, quote: Quote) -> None:
        second = quote.time_ms // 1000
        if self.recent and second == self._second:
            self.recent[-1] = quote.price
        else:
            self.recent.append(quote.price)
        self._second = second


class Board:
    """All rows, the feed and the connection.

    Args:
        symbols: the watched symbols, in the order shown.
    """

    def __init__(self, symbols: Iterable[str] = ()) -> None:
        self.rows: dict[str, Row] = {}
        self.feed = ""
        """The feed's state as last received; empty before the first message."""
        self.status: wire.Status | None = None
        self.connection: ConnectionState = "connecting"
        self.why = ""
        """Why the connection is not open."""
        self.retry_s: float | None = None
        """When the next attempt is made, on the caller's clock."""
        self.updates = 0
        """Number of new prices so far."""
        self.error = ""
        """The last error that the server sent on this connection."""
        self.epoch = ""
        """Of the prices; empty before the first message."""
        self._clock: tuple[float, float, float] | None = None
        self.watch(symbols)

    def watch(self, symbols: Iterable[str]) -> None:
        """Watch these symbols too."""
        for symbol in symbols:
            self.rows.setdefault(symbol, Row(symbol))

    def seqs(self, symbols: Iterable[str]) -> dict[str, int]:
        """The last ``seq`` of each of these symbols that has a price."""
        quotes = ((symbol, self.rows[symbol].quote) for symbol in symbols)
        return {symbol: quote.seq for symbol, quote in quotes if quote is not None}

    def connecting(self) -> None:
        """An attempt begins; the reason for it is shown until it has succeeded."""
        self.connection = "connecting"
        self.retry_s = None

    def lost(self, why: str, retry_s: float) -> None:
        """The connection is lost; the next attempt is at ``retry_s``."""
        self.connection, self.why, self.retry_s = "lost", why, retry_s

    def ended(self, why: str = "") -> None:
        """The connection has ended for good."""
        self.connection, self.why, self.retry_s = "ended", why, None

    def apply(self, message: wire.Message, now_s: float) -> Row | None:
        """Fold one message in.

        Returns:
            The row that got a new price.
        """
        match message:
            case wire.Update():
                return self._price(message, now_s)
            case wire.Connection():
                self._welcome(message)
            case wire.Status():
                self._apply_status(message, now_s)
            case wire.Subscription():
                for rejection in message.rejected:
                    self._reject(rejection.symbol, rejection.message or rejection.code)
                for symbol in message.recovered.keys() & self.rows.keys():
                    self.rows[symbol].hole = not message.recovered[symbol]
            case wire.Error():
                self.error = wire.clean(message.message or message.code)
            case wire.Heartbeat():
                self._set_clock(message.now, now_s)
        return None

    def state(self, row: Row) -> str:
        """``live``, ``polled``, ``waiting``, ``rejected`` or ``stale``."""
        if row.quote is None or row.server_state == "rejected" or self.connection == "ended":
            return row.server_state
        return row.server_state if self.connection == "open" and self.flowing else "stale"

    @property
    def flowing(self) -> bool:
        """Whether prices arrive at the server."""
        return self.feed in FLOWING

    @property
    def hopeless(self) -> bool:
        """Whether every symbol was rejected."""
        return bool(self.rows) and all(row.server_state == "rejected" for row in self.rows.values())

    @property
    def delay_ms(self) -> float | None:
        """How far the tape is delayed; ``None`` when it is not."""
        return None if self.status is None else self.status.delay_ms

    def market_ms(self, now_s: float) -> float | None:
        """The market's time: the wall clock's, or a recording's; ``None`` before it is known."""
        if self._clock is None:
            return None
        at_ms, rate, at_s = self._clock
        return at_ms + rate * (now_s - at_s) * 1000

    def age_ms(self, row: Row, now_s: float) -> float | None:
        """How old the price of a row is."""
        market_ms = self.market_ms(now_s)
        if row.quote is None or market_ms is None:
            return None
        return max(0.0, market_ms - row.quote.time_ms)

    def _price(self, update: wire.Update, now_s: float) -> Row | None:
        row = self.rows.get(update.symbol)
        if row is None or not row.take(update, now_s):
            return None
        self.updates += 1
        if self._clock is not None and self._clock[1] == 0:  # a full-speed replay: time only jumps
            at_ms = max(self._clock[0], update.data.timestamp)
            self._clock = (at_ms, 0.0, now_s)
        return row

    def _welcome(self, message: wire.Connection) -> None:
        self.connection, self.why, self.retry_s, self.error = "open", "", None, ""
        self.feed = message.feed
        self._begin(message.epoch)
        for row in self.rows.values():
            if row.server_state == "rejected":  # it is requested again
                row.server_state, row.reason = "waiting", ""

    def _apply_status(self, message: wire.Status, now_s: float) -> None:
        self._begin(message.epoch)
        self._set_clock(message.now, now_s, message.rate)
        self.feed, self.status = message.feed, message
        for symbol, state in message.symbols.items():
            if state == "rejected":
                self._reject(symbol, f"{symbol} is not known to the feed")
            elif symbol in self.rows:
                self.rows[symbol].server_state, self.rows[symbol].reason = state, ""

    def _begin(self, epoch: str) -> None:
        if epoch == self.epoch:
            return
        self.epoch = epoch
        for row in self.rows.values():
            row.forget()

    def _reject(self, symbol: str, reason: str) -> None:
        row = self.rows.get(symbol)
        if row is not None:
            row.server_state, row.reason = "rejected", wire.clean(reason)

    def _set_clock(self, now_ms: float | None, now_s: float, rate: float | None = None) -> None:
        if now_ms is None:
            return
        before = 1.0 if self._clock is None else self._clock[1]
        self._clock = (now_ms, before if rate is None else rate, now_s)


def fold(old: Quote | None, update: wire.Update) -> Quote | None:
    """The quote after an update; ``None`` when the update is older than the quote."""
    if old is not None and (update.seq < old.seq if update.snapshot else update.seq <= old.seq):
        return None
    return _whole(old, update) if update.snapshot else _next(old, update)


def _decimals(old: Quote | None, data: wire.Figures) -> int:
    if data.decimals is not None:
        return min(max(data.decimals, 0), digits.MOST)
    return digits.shown_by(data.price) if old is None else old.decimals


def _whole(old: Quote | None, update: wire.Update) -> Quote:
    data = update.data
    return Quote(
        symbol=update.symbol,
        seq=update.seq,
        price=data.price,
        volume=data.volume,
        time_ms=data.timestamp,
        prev_close=data.prev_close,
        change=data.change,
        change_percent=data.change_percent,
        open=data.open,
        high=data.high,
        low=data.low,
        day_volume=data.day_volume,
        polled=update.polled,
        decimals=_decimals(old, data),
    )


def _next(old: Quote | None, update: wire.Update) -> Quote:
    """The quote after a trade; without an old quote the trade is the day's first."""
    price, volume = update.data.price, update.data.volume
    prev_close = None if old is None else old.prev_close
    change, percent = digits.change(price, prev_close)
    return Quote(
        symbol=update.symbol,
        seq=update.seq,
        price=price,
        volume=volume,
        time_ms=update.data.timestamp,
        prev_close=prev_close,
        change=change,
        change_percent=percent,
        open=price if old is None else old.open,
        high=price if old is None or old.high is None else max(old.high, price),
        low=price if old is None or old.low is None else min(old.low, price),
        day_volume=volume if old is None else digits.total((old.day_volume or 0) + volume),
        polled=update.polled,
        decimals=_decimals(old, update.data),
    )
