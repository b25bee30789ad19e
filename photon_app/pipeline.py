"""The path of every price: upstream frame → book and bars → hub, in one synchronous run.

``Pipeline`` is the ``model.Market`` that a feed delivers to; ``SessionClock`` is the market's time
as clients are told it. Both are called on the event loop only, neither awaits, and neither knows
which feed or which clients there are.
"""

import logging
from collections.abc import Callable, Sequence

import msgspec

from photon_app import foreign
from photon_app.hub.hub import Hub
from photon_app.hub.messages import MarketView
from photon_app.hub.tape import Tape
from photon_app.market.book import FIGURES, NOTHING
from photon_app.market.calendar import Calendar, Phase
from photon_app.market.conditions import REGULAR
from photon_app.market.ledger import Ledger
from photon_app.model import FLOWING, Clock, FeedStatus, Recollection, Seed, Trade

log = logging.getLogger(__name__)


class SessionClock:
    """The market's session, looked up in the calendar only when it may have changed."""

    def __init__(self, clock: Clock, calendar: Callable[[], Calendar]) -> None:
        """Join them.

        Args:
            clock: the market's time.
            calendar: what is known of the exchange's days now.
        """
        self._clock = clock
        self._calendar = calendar
        self._looked_up: Calendar | None = None
        self._looked_up_ms = 0
        self._phase = Phase("closed", 0, "closed")

    def __call__(self) -> MarketView:
        """Clock and session now."""
        now_ms, calendar = self._clock.now_ms(), self._calendar()
        known = self._looked_up_ms <= now_ms < self._phase.until_ms
        if not known or calendar is not self._looked_up:
            self._phase = calendar.phase_at(now_ms)
            self._looked_up, self._looked_up_ms = calendar, now_ms
        phase = self._phase
        return MarketView(phase.session, phase.until_ms, phase.following, now_ms, self._clock.rate)


class Pipeline:
    """``model.Market``: applies what the feed delivers and hands it to the hub."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        hub: Hub,
        tape: Tape,
        heard: Callable[[Sequence[Trade]], None],
        learns: Callable[[str, int, float], None],
        begins_anew: Callable[[], None],
    ) -> None:
        """Join them.

        Args:
            ledger: where trades become truth, and those that count history.
            hub: where every change goes.
            tape: where every trade goes as it is.
            heard: told of every trade that comes from upstream, whatever becomes of it.
            learns: told when, and at which price, a feed that makes prices up began a symbol.
            begins_anew: told when the market starts anew, before anything else.
        """
        self._ledger = ledger
        self._book = ledger.book
        self._hub = hub
        self._tape = tape
        self._heard = heard
        self._learns = learns
        self._begins_anew = begins_anew

    def trades(self, batch: Sequence[Trade]) -> None:
        """The trades of one upstream frame."""
        ledger, book, publish = self._ledger, self._book, self._hub.publish
        apply = ledger.apply
        for trade in batch:
            seq = apply(trade)
            if seq > NOTHING:
                if book.effect is not REGULAR and not book.effect.volume:  # the book says so too
                    trade = msgspec.structs.replace(trade, volume=0)  # noqa: PLW2901
                publish(trade, seq)
            elif seq == FIGURES:
                self._hub.refigure(trade.symbol)
        if ledger.outside:
            for symbol in ledger.outside:
                self._hub.refigure(symbol)
            ledger.outside.clear()
        self._refigure_turned()
        self._hub.changed()
        self._tape.trades(batch)
        self._heard(batch)

    def past(self, batch: Sequence[Trade]) -> None:
        """Trades that are over: of each symbol the newest price and its day are told. The tape does
        not have them.
        """
        for trade in batch:
            self._ledger.apply(trade)
        for symbol in {trade.symbol for trade in batch}:
            self._hub.catch_up(symbol)
        self._book.take_turned()
        self._hub.changed()

    def seed(self, seed: Seed) -> None:
        """Day figures that trades do not carry, or a price that was asked for. On the tape such a
        price is one of volume 0, as Finnhub writes a price without a trade.
        """
        seq = self._ledger.seed(seed)
        quote = self._book.quote(seed.symbol)
        if seq == NOTHING or quote is None:
            return
        if seq > NOTHING:
            self._hub.publish_polled(quote)
        self._hub.refigure(seed.symbol)
        self._refigure_turned()
        self._hub.changed()
        if seq > NOTHING:
            self._tape.trades([Trade(quote.symbol, quote.price, 0, quote.time_ms)])

    def began(self, symbol: str, time_ms: int, price: float) -> None:
        """A feed that makes prices up began a symbol's."""
        self._learns(symbol, time_ms, price)

    def recall(self, symbol: str, what: Recollection) -> None:
        """What a symbol's newest day came to before now, from its bars."""
        seq = self._book.recall(
            symbol,
            what.day,
            close=what.close,
            prev_close=what.prev_close,
            as_price=what.as_price,
        )
        if seq > NOTHING:
            self._hub.catch_up(symbol)
        elif seq == FIGURES:
            self._hub.refigure(symbol)
        self._hub.changed()

    def polling(self, symbols: frozenset[str], stale: frozenset[str] = frozenset()) -> None:
        """The symbols whose prices come from asking, and those that are not followed."""
        self._ledger.bars.unseen(symbols | stale)
        self._hub.set_polling(symbols, stale)

    def tape(self, behind_ms: int, ahead_ms: int) -> None:
        """How far the tape's times are from this machine's clock."""
        self._book.ahead_ms = ahead_ms
        self._ledger.bars.tape(behind_ms)

    def status(self, status: FeedStatus) -> None:
        """The feed's state; what upstream said in it is made printable, whatever the feed."""
        if not status.detail.isprintable():
            status = msgspec.structs.replace(status, detail=foreign.printable(status.detail, 500))
        well = status.state in FLOWING and not status.detail
        level = logging.INFO if well else logging.WARNING
        if status.state in {"simulated", "replay", "connecting"}:
            level = logging.DEBUG
        kind = {"kind": status.state}
        log.log(level, "feed %s: %s %s", status.source, status.state, status.detail, extra=kind)
        self._ledger.bars.flowing(flows=status.state in FLOWING, lost_ms=status.lost_ms)
        self._hub.set_feed(status)
        self._tape.set_feed(status)

    def rejected(self, symbol: str, reason: str) -> None:
        """Upstream refuses a symbol."""
        log.info("upstream refuses %s: %s", symbol, reason)
        self._hub.reject(symbol)
        self._tape.reject(symbol)

    def new_epoch(self) -> None:
        """The market starts anew."""
        self._begins_anew()
        self._hub.flush()
        self._book.new_epoch()
        self._hub.new_epoch()

    async def relief(self) -> None:
        """See ``Hub.relief``; the clients of the tape count too."""
        await self._tape.relief()
        await self._hub.relief()

    def _refigure_turned(self) -> None:
        for symbol in self._book.take_turned():
            self._hub.refigure(symbol)
