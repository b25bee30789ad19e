"""The current status of feed, epoch and symbols, and snapshots, as ready frames.

Synchronous, on the event loop. It keeps feed, epoch and sources as the hub got them from the
market's facts; prices and the market's hours it reads when they are needed. It does not know the
clients.
"""

from collections.abc import Iterable, Mapping
from typing import Protocol

from photon_app.calendar.hours import Hours, MarketView
from photon_app.calendar.session import market_of, session_at
from photon_app.hub import messages
from photon_app.hub.frames import Frames, frame
from photon_app.market.bars import Bars
from photon_app.model import FLOWING, FeedStatus, MarketSession, Quote, SymbolState


class MarketState(Protocol):
    """The market's current state, as a new listener reads it."""

    bars: Bars
    feed: FeedStatus
    epoch: str
    polled: frozenset[str]
    stale: frozenset[str]

    def quote(self, symbol: str) -> Quote | None:
        """The newest price of a symbol and the figures of its day, if there is one."""
        ...


class Status:
    """The current status; the hub sets ``feed``, ``epoch``, ``polled`` and ``stale``.

    Args:
        market: its state is copied now; only prices are read from it later.
        hours: the market's clock and session.
    """

    def __init__(self, market: MarketState, hours: Hours) -> None:
        self._market = market
        self._hours = hours
        self.feed = market.feed
        self.epoch = market.epoch
        self.polled = market.polled
        """The symbols whose prices come from polling."""
        self.stale = market.stale
        """The symbols that are not followed upstream, or whose price may move unseen."""

    def state(self, symbol: str) -> SymbolState:
        """How far the price of a symbol can be trusted to be the newest."""
        quote = self._market.quote(symbol)
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
        return Frames.of(messages.status(self.feed, self._hours.view(), self.epoch, states))

    def heartbeat(self, wall_ms: int) -> Frames:
        """``heartbeat``, with the wall clock and the market's."""
        return Frames.of(messages.heartbeat(wall_ms, self._hours.view().now_ms))

    def snapshot(self, quote: Quote) -> bytes:
        """A quote in the snapshot form."""
        session = self._session(quote.symbol, self._hours.view())
        return frame(messages.snapshot(quote, session, self._state_of(quote)))

    def sessions(self, symbols: Iterable[str]) -> dict[str, MarketSession | None]:
        """The sessions of the markets of some symbols, by market (``session.market_of``)."""
        now = self._hours.view()
        markets = {market_of(symbol): symbol for symbol in symbols}
        return {market: self._session(symbol, now) for market, symbol in markets.items()}

    def _session(self, symbol: str, now: MarketView) -> MarketSession | None:
        return session_at(symbol, now.now_ms, now.session, self._hours.calendar)

    def snapshots(self, symbols: Iterable[str]) -> Frames:
        """The snapshot form of each symbol with a known price."""
        quotes = [quote for symbol in symbols if (quote := self._market.quote(symbol)) is not None]
        return Frames([self.snapshot(quote) for quote in quotes])

    def _state_of(self, quote: Quote) -> SymbolState:
        if quote.recalled:
            return "stale"
        if quote.symbol in self.polled:
            return "polled"
        flows = self.feed.state in FLOWING and quote.symbol not in self.stale
        return "live" if flows else "stale"
