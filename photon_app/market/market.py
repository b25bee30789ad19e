"""The market: applies what a feed delivers, and sends the resulting facts to its listeners.

``Market`` is the ``model.FeedSink`` that a feed delivers to. It owns the book, the bars, the epoch
and the feed's status. It applies each upstream frame in one synchronous run and sends every
listener the result. It does not know what its listeners are, and knows no client and no feed.
Synchronous except for ``drained``; called on the event loop only, or by a command that reads a
recording.

Bound: those of book and bars; nothing is queued here.
"""

import logging
import uuid
from collections.abc import Iterable, Sequence

import msgspec

from photon_app import foreign
from photon_app.errors import RequestError
from photon_app.market.bars import Bars
from photon_app.market.book import Book, Outcome
from photon_app.market.sales import Sales
from photon_app.market.silence import Silence
from photon_app.model import (
    FLOWING,
    Change,
    EpochBegan,
    FeedStatus,
    Listener,
    MarketFact,
    PriceBegan,
    Quote,
    Readers,
    Recollection,
    Rejected,
    Seed,
    SourcesChanged,
    StatusChanged,
    TapeOffsetChanged,
    Trade,
)

log = logging.getLogger(__name__)


class Market:
    """``model.FeedSink``, and the current state of the market.

    Args:
        book: prices and figures.
        bars: the bars of the trades that count.
        status: the feed's initial status.
        silence: detects markets that should trade and do not.
    """

    def __init__(self, book: Book, bars: Bars, status: FeedStatus, silence: Silence) -> None:
        self.book = book
        self.bars = bars
        self.feed = status
        """The feed's newest status."""
        self.polled: frozenset[str] = frozenset()
        """The symbols whose prices are polled."""
        self.stale: frozenset[str] = frozenset()
        """The symbols that are not followed, or whose price may have changed unnoticed."""
        self.epoch = uuid.uuid4().hex
        """Identifies the current epoch."""
        self.number = 0
        """The number of the newest fact."""
        self.silence = silence
        self._sales: Sales | None = None
        self._listeners: list[Listener] = []
        self._whole = False
        self._readers: Readers | None = None

    def wait_for(self, readers: Readers) -> None:
        """Set the readers that ``drained`` waits for."""
        self._readers = readers

    def keep_prints(self, sales: Sales) -> None:
        """Give time and sales every print from now on. They are no listener: a call for every
        frame would cost too much.
        """
        self._sales = sales

    def listen(self, listener: Listener, *, whole: bool = False) -> None:
        """Send a listener every fact from now on, after those that listen already.

        Args:
            listener: the listener.
            whole: whether it keeps facts for later; then every ``Change`` includes its ``quotes``.
        """
        self._listeners.append(listener)
        self._whole = self._whole or whole

    def quote(self, symbol: str) -> Quote | None:
        """The newest price of a symbol and its day; ``None`` if it has no price yet."""
        return self.book.quote(symbol)

    # Called by the feed

    def trades(self, batch: Sequence[Trade]) -> None:
        """Apply the trades of one upstream frame."""
        outcome = self.book.apply(batch)
        counted, figures = outcome.counted, outcome.figures
        self.bars.fold(counted)
        self.silence.heard(batch)
        if self._sales is not None:
            self._sales.heard(batch, outcome.verdicts)
        if self._whole:
            self._change(outcome, prints=batch)
            return
        # as ``_change``, without its calls: on the path of every trade they cost a fiftieth
        self.number = number = self.number + 1
        changed = tuple(figures) if figures else ()
        change = Change(
            epoch=self.epoch, number=number, counted=counted, figures=changed, prints=batch
        )
        for listener in self._listeners:
            listener.hear(change)

    def past(self, batch: Sequence[Trade]) -> None:
        """Apply trades from before the start: listeners get each symbol's newest price and day, no
        single trade and no print.
        """
        outcome = self.book.apply(batch)
        self._settle(outcome)
        self.bars.fold(outcome.counted)
        outcome.figures.clear()
        self._change(outcome, moved=tuple(dict.fromkeys(trade.symbol for trade in batch)))

    def seed(self, seed: Seed) -> None:
        """Apply day figures that trades do not carry, or a polled price. As a print, a polled price
        has volume 0, which is how Finnhub writes a price without a trade.
        """
        outcome = self.book.seed(seed)
        self._settle(outcome)
        self.bars.fold(outcome.counted)
        quote = self.book.quote(seed.symbol)
        if quote is None or not (outcome.figures or outcome.counted):
            return
        if not outcome.newest:
            self._change(outcome)
            return
        self.bars.sample(quote.symbol, quote.price, quote.time_ms)
        price = Trade(quote.symbol, quote.price, 0, quote.time_ms)
        self._change(outcome, polled=quote.symbol, prints=[price])

    def began(self, symbol: str, time_ms: int, price: float) -> None:
        """Report the first price that a feed invented for a symbol."""
        number = self._next()
        fact = PriceBegan(
            epoch=self.epoch, number=number, symbol=symbol, time_ms=time_ms, price=price
        )
        self._publish(fact)

    def polling(self, symbols: frozenset[str], stale: frozenset[str] = frozenset()) -> None:
        """Set the symbols whose prices are polled, and those that are not followed."""
        self.bars.unseen(symbols | stale)
        self.polled, self.stale = symbols, stale
        self._publish(
            SourcesChanged(epoch=self.epoch, number=self._next(), polled=symbols, stale=stale)
        )

    def tape_offset(self, behind_ms: int, ahead_ms: int) -> None:
        """Set how far the tape's times are from this machine's clock."""
        self.book.ahead_ms = ahead_ms
        self.bars.tape_offset(behind_ms)
        self._publish(TapeOffsetChanged(epoch=self.epoch, number=self._next(), behind_ms=behind_ms))

    def status(self, status: FeedStatus) -> None:
        """Set the feed's status. Text from upstream in it is made printable, for every feed."""
        if not status.detail.isprintable():
            status = msgspec.structs.replace(status, detail=foreign.printable(status.detail, 500))
        well = status.state in FLOWING and not status.detail
        level = logging.INFO if well else logging.WARNING
        if status.state in {"simulated", "replay", "connecting"}:
            level = logging.DEBUG
        kind = {"kind": status.state}
        log.log(level, "feed %s: %s %s", status.source, status.state, status.detail, extra=kind)
        self.bars.flowing(flows=status.state in FLOWING, lost_ms=status.lost_ms)
        self._set_status(status)

    def rejected(self, symbol: str, reason: str) -> None:
        """Log and report that upstream refuses a symbol."""
        log.info("upstream refuses %s: %s", symbol, reason)
        self.reject(symbol)

    def new_epoch(self) -> None:
        """Start a new epoch: forget prices and figures."""
        self.epoch = uuid.uuid4().hex
        self._publish(EpochBegan(epoch=self.epoch, number=self._next()))
        self.book.new_epoch()
        if self._sales is not None:
            self._sales.forget()

    async def drained(self) -> None:
        """See ``FeedSink``."""
        if self._readers is not None:
            await self._readers.drained()

    # Called by others

    def recall(self, symbol: str, what: Recollection) -> None:
        """Restore a symbol's newest day from its stored bars."""
        outcome = self.book.recall(
            symbol,
            what.day,
            close=what.close,
            prev_close=what.prev_close,
            as_price=what.as_price,
        )
        if outcome.newest or outcome.figures:
            self._change(outcome, moved=(symbol,) if outcome.newest else ())

    def reject(self, symbol: str, why: RequestError | None = None) -> None:
        """Report that a symbol is unavailable. ``why`` is the reason if upstream does have it."""
        self._publish(Rejected(epoch=self.epoch, number=self._next(), symbol=symbol, why=why))

    def look(self, subscribed: Iterable[str]) -> None:
        """Put silent markets into the feed's status, unless that has a detail of its own. Called
        once a second.

        Args:
            subscribed: the symbols that are subscribed upstream.
        """
        silence, feed = self.silence, self.feed
        said = silence.reason
        live = feed.state == "live"
        now = silence.look(subscribed, live=live, book=self.book, delay_ms=feed.delay_ms or 0)
        if live and feed.detail in {"", said} and feed.detail != now:
            self._set_status(msgspec.structs.replace(feed, detail=now))

    # Inside

    def _settle(self, outcome: Outcome) -> None:
        """What no print was given for may still decide about an earlier one."""
        if self._sales is not None and outcome.verdicts:
            self._sales.settle(outcome.verdicts)

    def _set_status(self, status: FeedStatus) -> None:
        self.feed = status
        self._publish(StatusChanged(epoch=self.epoch, number=self._next(), status=status))

    def _change(
        self,
        outcome: Outcome,
        *,
        prints: Sequence[Trade] = (),
        polled: str = "",
        moved: Sequence[str] = (),
    ) -> None:
        """Send listeners the result of one frame."""
        change = Change(
            epoch=self.epoch,
            number=self._next(),
            counted=outcome.counted,
            figures=tuple(outcome.figures),
            polled=polled,
            moved=moved,
            prints=prints,
            quotes=self._quotes(outcome, moved) if self._whole else (),
        )
        for listener in self._listeners:
            listener.hear(change)

    def _quotes(self, outcome: Outcome, moved: Sequence[str]) -> tuple[Quote, ...]:
        """The quotes of all symbols that an outcome touched."""
        touched = dict.fromkeys(trade.symbol for trade, _, _ in outcome.counted)
        touched |= dict.fromkeys([*outcome.figures, *moved])
        every = map(self.book.quote, touched)
        return tuple(quote for quote in every if quote is not None)

    def _publish(self, fact: MarketFact) -> None:
        for listener in self._listeners:
            listener.hear(fact)

    def _next(self) -> int:
        self.number += 1
        return self.number
