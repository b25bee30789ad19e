"""The rules of one client of Finnhub's protocol, without a socket."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app.gateway.finnhub_session import NO_ACCESS, FinnhubSession
from photon_app.hub.sink import Sink
from tests.fakes.exchange import FakeExchange
from tests.fakes.outlet import FakeOutlet

TOO_MANY = {"msg": "Subscribing to too many symbols", "type": "error"}


class World:
    """One session over an exchange."""

    def __init__(
        self, *, max_symbols: int = 100, limit: int = 100, messages_per_s: float = 1e6
    ) -> None:
        self.exchange = FakeExchange(limit=limit)
        self.outlet = FakeOutlet()
        self.session = FinnhubSession(
            self.exchange.prints,
            Sink(self.outlet, self.exchange.loop),
            conditions=True,
            max_symbols=max_symbols,
            messages_per_s=messages_per_s,
            time=self.exchange.loop,
        )

    def say(self, kind: str, symbol: Any = None) -> list[dict[str, Any]]:
        """What one message is answered with."""
        command = {"type": kind} if symbol is None else {"type": kind, "symbol": symbol}
        return self.text(json.dumps(command))

    def text(self, text: str) -> list[dict[str, Any]]:
        """The same for any text."""
        self.session.receive(text)
        return self.outlet.take()

    def traded(self, *symbols: str) -> list[str]:
        """Whose trades come, of one trade of each."""
        for symbol in symbols:
            self.exchange.trade(symbol, 7)
        self.exchange.settle()
        return [t["s"] for message in self.outlet.take() for t in message["data"]]


def test_what_is_refused_is_sent_back_printable() -> None:
    """A terminal that shows it must not obey it."""
    world = World()
    for said in (world.say("\x1b[2J\u202e"), world.say("subscribe", "\x9b2J")):
        assert all(message["msg"].isprintable() for message in said)


def test_a_subscribed_symbol_is_held_and_its_trades_come_and_nothing_is_acknowledged() -> None:
    """Until it is unsubscribed; twice is once."""
    world = World()
    assert world.say("subscribe", "AAPL") == []
    assert world.say("subscribe", "AAPL") == []
    assert world.exchange.demand.viewers == {"AAPL": 1}
    assert world.traded("AAPL", "NVDA") == ["AAPL"]
    assert world.say("unsubscribe", "AAPL") == []
    assert world.say("unsubscribe", "AAPL") == []
    assert world.exchange.demand.viewers == {}
    assert world.traded("AAPL") == []


def test_symbols_are_upper_cased_and_may_hold_spaces() -> None:
    """As on ``/ws``."""
    world = World()
    world.say("subscribe", "ic markets:1")
    assert world.traded("IC MARKETS:1") == ["IC MARKETS:1"]


def test_more_symbols_than_allowed_are_refused_in_finnhubs_words() -> None:
    """One symbol let go makes room for another."""
    world = World(max_symbols=2)
    assert world.say("subscribe", "A") + world.say("subscribe", "B") == []
    assert world.say("subscribe", "C") == [TOO_MANY]
    assert world.say("subscribe", "A") == []
    world.say("unsubscribe", "A")
    assert world.say("subscribe", "C") == []
    assert world.exchange.prints.symbols == {"B", "C"}


def test_the_limit_of_the_process_is_reported_in_the_same_words() -> None:
    """And nothing is held."""
    world = World(limit=1)
    world.say("subscribe", "A")
    assert world.say("subscribe", "B") == [TOO_MANY]
    assert world.exchange.demand.viewers == {"A": 1}


@pytest.mark.parametrize("symbol", ["", "é", "A" * 33, " A"])
def test_what_is_no_symbol_is_invalid_in_finnhubs_words(symbol: str) -> None:
    """It never counts as a bad message."""
    world = World()
    for _ in range(20):
        [answer] = world.say("subscribe", symbol)
        assert answer == {"msg": f"Invalid symbol {symbol}", "type": "error"}
    assert world.outlet.closed() is None


def test_a_symbol_that_upstream_refuses_later_is_invalid_too() -> None:
    """And no longer held."""
    world = World()
    world.say("subscribe", "NOPE")
    world.exchange.market.rejected("NOPE", "unknown")
    assert world.outlet.take() == [{"msg": "Invalid symbol NOPE", "type": "error"}]
    assert world.exchange.demand.viewers == {}


def test_streams_of_paid_plans_are_refused_and_do_not_count_as_bad() -> None:
    """A program that asks for news too keeps its prices."""
    world = World()
    for _ in range(20):
        [answer] = world.say("subscribe-news", "AAPL")
        assert answer == {"msg": NO_ACCESS, "type": "error"}
    assert world.outlet.closed() is None


@pytest.mark.parametrize(
    "text",
    ["", "?", "[]", "7", "{}", '{"type":7}', '{"type":"subscribe"}', '{"symbol":"AAPL"}',
     '{"type":"subscribe","symbol":["AAPL"]}', '{"type":"buy","symbol":"AAPL"}',
     '{"action":"subscribe","symbols":["AAPL"]}', '{"type":"subscribe","symbol":NaN}',
     "[" * 16_000],
)  # fmt: skip
def test_a_bad_message_is_answered_and_the_fifth_in_a_row_ends_the_connection(text: str) -> None:
    """With an error in Finnhub's shape, and 1008."""
    world = World()
    for _ in range(4):
        [answer] = world.text(text)
        assert (set(answer), answer["type"]) == ({"msg", "type"}, "error")
    world.say("ping")
    for _ in range(5):
        assert world.outlet.closed() is None
        world.text(text)
    assert world.outlet.closed() == (1008, "five bad messages in a row")


def test_pings_are_tolerated() -> None:
    """And not answered."""
    world = World()
    assert world.say("ping") == []
    assert world.say("ping", "AAPL") == []


def test_all_symbols_may_be_subscribed_at_once_and_let_go() -> None:
    """A message carries one symbol, so the burst is as wide as the subscriptions; then the rate."""
    world = World(max_symbols=100, messages_per_s=20)
    for n in range(100):
        assert world.say("subscribe", f"N{n}") == []
    for n in range(100):
        assert world.say("unsubscribe", f"N{n}") == []
    for _ in range(60):
        world.say("ping")
    assert world.outlet.closed() == (4029, "too many messages")


@pytest.mark.parametrize("flood", ["ping", "subscribe-news", "nonsense", "subscribe"])
def test_a_flood_that_names_no_symbol_is_cut_after_twice_the_rate(flood: str) -> None:
    """However many symbols one may have; nonsense ends earlier, for being nonsense."""
    world = World(max_symbols=1000, messages_per_s=20)
    said = 0
    while world.outlet.closed() is None:
        world.say(flood)
        said += 1
    bad = flood in {"nonsense", "subscribe"}
    assert said == (5 if bad else 43)
    assert (world.outlet.closed() or (0,))[0] == (1008 if bad else 4029)


def test_the_end_releases_everything() -> None:
    """Once."""
    world = World()
    world.say("subscribe", "A")
    world.say("subscribe", "B")
    world.session.end()
    assert world.exchange.demand.viewers == {}
    assert len(world.exchange.prints) == 0


@given(st.text(max_size=60) | st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["type", "symbol", "x"]), inner, max_size=3
    ),
    max_leaves=8,
).map(json.dumps))  # fmt: skip
def test_whatever_comes_is_survived(text: str) -> None:
    """Each message has at most one answer, an error, and what is held is what is followed."""
    world = World()
    answers = world.text(text)
    assert [answer["type"] for answer in answers] in ([], ["error"])
    assert set(world.exchange.demand.viewers) == world.exchange.prints.symbols
