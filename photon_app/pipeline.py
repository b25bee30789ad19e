"""The path of every price: upstream frame → book → hub, in one synchronous run.

``Pipeline`` is the ``model.Market`` that a feed delivers to; ``SessionClock`` is the market's time
as clients are told it. Both are called on the event loop only, neither awaits, and neither knows
which feed or which clients there are.
"""

import logging
from collections.abc import Sequence

from photon_app.hub.hub import Hub
from photon_app.hub.messages import MarketView
from photon_app.market import session
from photon_app.market.book import FIGURES, NOTHING, Book
from photon_app.market.session import Phase
from photon_app.model import FLOWING, Clock, FeedStatus, Seed, Trade

log = logging.getLogger(__name__)


class SessionClock:
    """The market's session, looked up in the calendar only when it may have changed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._looked_up_ms = 0
        self._phase = Phase("closed", 0, "closed")

    def __call__(self) -> MarketView:
        """Clock and session now."""
        now_ms = self._clock.now_ms()
        if not self._looked_up_ms <= now_ms < self._phase.until_ms:
            self._phase = session.phase_at(now_ms)
            self._looked_up_ms = now_ms
        phase = self._phase
        return MarketView(phase.session, phase.until_ms, phase.following, now_ms, self._clock.rate)


class Pipeline:
    """``model.Market``: applies what the feed delivers and hands it to the hub."""

    def __init__(self, book: Book, hub: Hub) -> None:
        self._book = book
        self._hub = hub

    def trades(self, batch: Sequence[Trade]) -> None:
        """The trades of one upstream frame."""
        apply, publish = self._book.apply, self._hub.publish
        for trade in batch:
            seq = apply(trade)
            if seq > NOTHING:
                publish(trade, seq)
            elif seq == FIGURES:
                self._hub.refigure(trade.symbol)
        for symbol in self._book.take_turned():
            self._hub.refigure(symbol)
        self._hub.changed()

    def seed(self, seed: Seed) -> None:
        """Day figures that trades do not carry."""
        if self._book.seed(seed):
            self._hub.refigure(seed.symbol)
            self._hub.changed()

    def status(self, status: FeedStatus) -> None:
        """The feed's state."""
        level = logging.INFO if status.state in FLOWING else logging.WARNING
        if status.state in {"simulated", "replay", "connecting"}:
            level = logging.DEBUG
        log.log(level, "feed %s: %s %s", status.source, status.state, status.detail)
        self._hub.set_feed(status)

    def rejected(self, symbol: str, reason: str) -> None:
        """Upstream refuses a symbol."""
        log.warning("upstream refuses %s: %s", symbol, reason)
        self._hub.reject(symbol)

    def new_epoch(self) -> None:
        """The market starts anew."""
        self._hub.flush()
        self._book.new_epoch()
        self._hub.new_epoch()

    async def relief(self) -> None:
        """See ``Hub.relief``."""
        await self._hub.relief()
