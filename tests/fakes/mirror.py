"""A market that is known from facts alone, as one in another process would be."""

from typing import Any

import msgspec

from photon_app.market.bars import Bars
from photon_app.market.conditions import NOTHING, PRICE, RANGE, REGULAR, VOLUME
from photon_app.market.market import Market
from photon_app.model import (
    FLOWING,
    Change,
    Counted,
    EpochBegan,
    Listener,
    MarketFact,
    Quote,
    SourcesChanged,
    StatusChanged,
    TapeOffsetChanged,
)

NAMED = (REGULAR, RANGE, VOLUME, PRICE, NOTHING)


class Recorder:
    """Keeps every fact as bytes, for readers who come later."""

    def __init__(self) -> None:
        self.facts: list[tuple[type[MarketFact], bytes]] = []

    def hear(self, fact: MarketFact) -> None:
        """Keep one."""
        self.facts.append((type(fact), msgspec.msgpack.encode(fact)))


class Mirror:
    """``hub.status.MarketState`` from an image of a market and the facts after it.

    Args:
        market: read once, here.
        symbols: what the image has.
        bars: empty ones of its own.
    """

    def __init__(self, market: Market, symbols: str, bars: Bars) -> None:
        self.bars = bars
        self.feed = market.feed
        self.epoch = market.epoch
        self.polled = market.polled
        self.stale = market.stale
        self.number = market.number
        self._quotes = {s: quote for s in symbols if (quote := market.quote(s)) is not None}
        self.listeners: list[Listener] = []

    def quote(self, symbol: str) -> Quote | None:
        """The newest price of a symbol and its day, if there is one."""
        return self._quotes.get(symbol)

    def read(self, kind: type[MarketFact], encoded: bytes) -> None:
        """Take in one fact, and hand it on."""
        fact: Any = msgspec.msgpack.decode(encoded, type=kind)
        assert fact.number == self.number + 1
        self.number, self.epoch = fact.number, fact.epoch
        match fact:
            case Change():
                self._change(fact)
            case StatusChanged():
                self.feed = fact.status
                flows = fact.status.state in FLOWING
                self.bars.flowing(flows=flows, lost_ms=fact.status.lost_ms)
            case SourcesChanged():
                self.polled, self.stale = fact.polled, fact.stale
                self.bars.unseen(fact.polled | fact.stale)
            case TapeOffsetChanged():
                self.bars.tape_offset(fact.behind_ms)
        for listener in self.listeners:
            listener.hear(fact)
        if isinstance(fact, EpochBegan):
            self._quotes.clear()

    def _change(self, change: Change) -> None:
        self._quotes |= {quote.symbol: quote for quote in change.quotes}
        self.bars.fold([_known(one) for one in change.counted])
        if change.polled:
            quote = self._quotes[change.polled]
            self.bars.sample(quote.symbol, quote.price, quote.time_ms)


def _known(counted: Counted) -> Counted:
    """With an effect that can be asked for with ``is``."""
    trade, effect, seq = counted
    return trade, next((one for one in NAMED if one == effect), effect), seq
