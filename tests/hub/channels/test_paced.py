"""Interval clients share one encoding of a symbol's newest price. Order and pace are in
``test_order``.
"""

from typing import Any

import pytest

from photon_app.hub import messages
from photon_app.hub.channels.paced import STEPS_MS
from photon_app.hub.frames import Frames
from photon_app.hub.sink import Sink
from photon_app.model import Quote, Seed
from tests.fakes.exchange import NOON_MS, FakeExchange, status
from tests.fakes.kept import kept
from tests.fakes.outlet import FakeOutlet, prices


class KeepingOutlet(FakeOutlet):
    """Keeps the runs of frames themselves too."""

    def __init__(self) -> None:
        super().__init__()
        self.runs: list[Frames] = []

    def write(self, frames: Frames) -> None:
        """Keep the run."""
        super().write(frames)
        self.runs.append(frames)


def paced(exchange: FakeExchange, *symbols: str, interval_s: float) -> KeepingOutlet:
    """A client that has just subscribed."""
    outlet = KeepingOutlet()
    client = exchange.hub.join(Sink(outlet, exchange.loop))
    for symbol in symbols:
        assert exchange.hub.hold(client, symbol)
    exchange.hub.subscribe(client, symbols, interval_s)
    exchange.hub.welcome(client, symbols)
    outlet.take()
    outlet.runs.clear()
    return outlet


def test_clients_of_equal_interval_and_symbols_share_their_bytes() -> None:
    """One encoding a symbol, one join for all."""
    exchange = FakeExchange()
    one, two = (paced(exchange, "A", "B", interval_s=1) for _ in range(2))
    exchange.trade("A", 1)
    exchange.trade("B", 2)
    exchange.loop.advance(2)
    exchange.trade("A", 3)
    exchange.trade("B", 4)
    exchange.loop.advance(2)
    assert prices(one.take()) == [("A", 1, 1), ("B", 1, 2), ("A", 2, 3), ("B", 2, 4)]
    priced = [[run for run in outlet.runs if b"price" in run.joined] for outlet in (one, two)]
    assert all(mine is theirs for mine, theirs in zip(*priced, strict=True))


def test_one_who_comes_between_two_prices_is_in_step_from_the_second_on() -> None:
    """It sits out the price that would come too soon after its snapshot, and loses nothing."""
    exchange = FakeExchange()
    exchange.demand.hold("A")
    exchange.trade("A", 1)
    early = paced(exchange, "A", interval_s=1)
    exchange.loop.advance(1)
    exchange.trade("A", 2)
    exchange.settle()
    exchange.loop.advance(0.5)
    late = paced(exchange, "A", interval_s=1)
    early.take()
    exchange.trade("A", 3)
    exchange.loop.advance(0.6)
    assert (prices(early.take()), prices(late.take())) == ([("A", 3, 3)], [])
    exchange.loop.advance(1)
    assert (prices(early.take()), prices(late.take())) == ([], [("A", 3, 3)])
    exchange.trade("A", 4)
    exchange.loop.advance(1)
    assert prices(early.take()) == prices(late.take()) == [("A", 4, 4)]


def test_figures_without_a_new_price_reach_interval_clients_too() -> None:
    """Also the one who sat out the price that brought them."""
    exchange = FakeExchange()
    exchange.demand.hold("A")
    exchange.trade("A", 10)
    early = paced(exchange, "A", interval_s=1)
    exchange.loop.advance(0.5)
    late = paced(exchange, "A", interval_s=1)
    exchange.market.seed(Seed(symbol="A", prev_close=8))
    exchange.loop.advance(3)
    for outlet in (early, late):
        [update] = [m for m in outlet.take() if m["type"] == "price_update"]
        assert (update["seq"], update["snapshot"], update["data"]["prev_close"]) == (1, True, 8)


def test_a_price_that_waits_while_the_feed_is_lost_does_not_call_it_live() -> None:
    """It comes after the status, so it says its state itself; the next one that flows need not."""
    exchange = FakeExchange()
    exchange.demand.hold("A")
    exchange.trade("A", 1)
    client = paced(exchange, "A", interval_s=1)
    exchange.loop.advance(1)
    for price in (2, 3):
        exchange.trade("A", price)
        exchange.settle()
    exchange.market.status(status("reconnecting"))
    exchange.loop.advance(1)
    *_, lost, waited = client.take()
    assert (lost["type"], lost["symbols"]) == ("status", {"A": "stale"})
    assert (waited["seq"], waited["data"]["state"]) == (3, "stale")
    exchange.market.status(status("live"))
    exchange.trade("A", 4)
    exchange.loop.advance(1)
    *_, back, flowing = client.take()
    assert (back["symbols"], flowing["seq"]) == ({"A": "live"}, 4)
    assert "snapshot" not in flowing


def test_a_trade_costs_nothing_for_each_interval_client() -> None:
    """Only its symbol is marked, once, until the flush."""
    exchange = FakeExchange()
    for number in range(50):
        paced(exchange, "A", interval_s=1 + number / 10)
    exchange.trade("A", 1)
    exchange.settle()
    exchange.trade("A", 2)
    before = kept(exchange.hub)
    for price in range(3, 100):
        exchange.trade("A", price)
    assert kept(exchange.hub) == before + 1


def test_paces_that_were_left_do_not_pile_up() -> None:
    """A client that comes and goes with ever new intervals leaves nothing that waits."""
    exchange = FakeExchange()
    exchange.demand.hold("A")
    client = exchange.client()
    before = kept(exchange.hub)
    for number in range(5000):
        exchange.trade("A", 1 + number)
        client.subscribe("A", interval_s=5 + number / 1000)
        exchange.trade("A", 2 + number)
        exchange.settle()
        exchange.hub.unsubscribe(client.registered, ["A"])
    assert kept(exchange.hub) - before <= 2 * 64 + 2


def test_paces_of_a_symbol_that_are_due_together_share_an_encoding(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However many intervals clients ask for, a flush makes a price once in each form."""
    exchange = FakeExchange(defaults=("A",))
    exchange.trade("A", 1)
    clients = [exchange.client("A", interval_s=ms / 1000) for ms in STEPS_MS]
    made: list[float] = []
    make = messages.snapshot

    def counted(quote: Quote, *more: Any) -> bytes:
        made.append(quote.price)
        return make(quote, *more)

    monkeypatch.setattr(messages, "snapshot", counted)
    exchange.loop.advance(20)
    for price in (2.0, 3.0, 4.0):  # more than one in an interval: the snapshot form
        exchange.trades([("A", price, 1, NOON_MS), ("A", price + 0.5, 1, NOON_MS)])
        exchange.loop.advance(20)
    assert made == [2.5, 3.5, 4.5]
    assert all(len(client.outlet.take()) == 3 for client in clients)
