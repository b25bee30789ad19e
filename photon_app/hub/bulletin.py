"""What there is to say right now of the feed, the epoch and the symbols, as ready frames.

Synchronous, on the event loop. It holds the feed's newest status and the epoch; prices and the
market's clock it asks for. It does not know who listens.
"""

import uuid
from collections.abc import Callable, Iterable, Mapping

from photon_app.hub import messages
from photon_app.hub.frames import Frames, frame
from photon_app.hub.messages import MarketView
from photon_app.market.calendar import Calendar
from photon_app.market.session import market_of, session_at
from photon_app.model import FLOWING, FeedStatus, MarketSession, Quote, SymbolState


class Bulletin:
    """The newest of everything."""

    def __init__(
        self,
        *,
        quote: Callable[[str], Quote | None],
        market: Callable[[], MarketView],
        calendar: Callable[[], Calendar],
        feed: FeedStatus,
    ) -> None:
        """Make one with an epoch of its own.

        Args:
            quote: the newest price of a symbol.
            market: the market's clock and session now.
            calendar: the exchanges' days as they are known.
            feed: the feed's first status.
        """
        self._quote = quote
        self._market = market
        self._calendar = calendar
        self.feed = feed
        self.epoch = uuid.uuid4().hex
        self.polling: frozenset[str] = frozenset()
        """The symbols whose prices come from asking."""
        self.stale: frozenset[str] = frozenset()
        """Those that are not followed, or may move unseen."""

    def begin_epoch(self) -> None:
        """The market starts anew."""
        self.epoch = uuid.uuid4().hex

    def state(self, symbol: str) -> SymbolState:
        """How far the price of a symbol can be trusted to be the newest."""
        quote = self._quote(symbol)
        return "waiting" if quote is None else self._state_of(quote)

    def states(self, symbols: Iterable[str]) -> dict[str, SymbolState]:
        """The states of some symbols."""
        return {symbol: self.state(symbol) for symbol in symbols}

    def greeting(self, client_id: str) -> Frames:
        """``connection`` and the full ``status``."""
        hello = messages.connection(client_id, self.epoch, self.feed.state)
        return Frames([frame(hello), *self.status({}).each])

    def status(self, states: Mapping[str, SymbolState]) -> Frames:
        """Feed, market, epoch, and the given states of symbols."""
        return Frames.of(messages.status(self.feed, self._market(), self.epoch, states))

    def heartbeat(self, wall_ms: int) -> Frames:
        """That the line lives."""
        return Frames.of(messages.heartbeat(wall_ms, self._market().now_ms))

    def snapshot(self, quote: Quote) -> bytes:
        """A quote in the snapshot form."""
        session = self._session(quote.symbol, self._market())
        return frame(messages.snapshot(quote, session, self._state_of(quote)))

    def sessions(self, symbols: Iterable[str]) -> dict[str, MarketSession | None]:
        """The sessions of the markets of some symbols, by market (``session.market_of``)."""
        now = self._market()
        markets = {market_of(symbol): symbol for symbol in symbols}
        return {market: self._session(symbol, now) for market, symbol in markets.items()}

    def _session(self, symbol: str, now: MarketView) -> MarketSession | None:
        return session_at(symbol, now.now_ms, now.session, self._calendar())

    def snapshots(self, symbols: Iterable[str]) -> Frames:
        """The snapshot form of each symbol with a known price."""
        quotes = [quote for symbol in symbols if (quote := self._quote(symbol)) is not None]
        return Frames([self.snapshot(quote) for quote in quotes])

    def _state_of(self, quote: Quote) -> SymbolState:
        if quote.recalled:
            return "stale"
        if quote.symbol in self.polling:
            return "polled"
        flows = self.feed.state in FLOWING and quote.symbol not in self.stale
        return "live" if flows else "stale"
