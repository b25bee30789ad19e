"""Polled prices: they are marked as polled, and never go back in time."""

import math

import msgspec

from photon_app.model import Seed
from tests.fakes.exchange import NOON_MS, FakeExchange, status

QUOTE = Seed(symbol="A", prev_close=9, open=9.5, high=12, low=9, price=10, time_ms=NOON_MS)


def test_a_polled_price_is_a_price_update_that_says_so() -> None:
    """Of volume 0, with the next seq; its figures follow at once."""
    exchange = FakeExchange()
    client = exchange.client("A")
    exchange.market.polling(frozenset("A"))
    exchange.market.seed(QUOTE)
    exchange.settle()
    update, figures = [m for m in client.outlet.take() if m["type"] == "price_update"]
    assert update == {
        "type": "price_update",
        "symbol": "A",
        "seq": 1,
        "polled": True,
        "data": {"price": 10, "volume": 0, "timestamp": NOON_MS},
    }
    assert (figures["snapshot"], figures["polled"], figures["seq"]) == (True, True, 1)
    assert figures["data"]["prev_close"] == 9
    assert (figures["data"]["open"], figures["data"]["high"]) == (9.5, 12)
    assert figures["data"]["state"] == "polled"


def test_the_same_answer_again_is_no_news() -> None:
    """No client is notified, and no seq is used up."""
    exchange = FakeExchange()
    client = exchange.client("A")
    exchange.market.seed(QUOTE)
    exchange.settle()
    client.outlet.take()
    exchange.market.seed(QUOTE)
    exchange.settle()
    assert client.outlet.take() == []


def test_clients_of_a_symbol_are_notified_when_it_is_polled_and_when_no_more() -> None:
    """And no other client; a client that comes later finds it in the snapshot."""
    exchange = FakeExchange()
    client, other = exchange.client("A"), exchange.client("B")
    exchange.trade("A", 10)
    exchange.settle()
    client.outlet.take()
    exchange.market.polling(frozenset("AZ"))
    assert [m["symbols"] for m in client.outlet.take()] == [{"A": "polled"}]
    exchange.market.polling(frozenset("AZ"))
    exchange.market.polling(frozenset("Z"))
    assert [m["symbols"] for m in client.outlet.take()] == [{"A": "live"}]
    assert other.outlet.take() == []


def test_a_polled_symbol_stays_polled_while_the_line_is_down() -> None:
    """It does not depend on the connection."""
    exchange = FakeExchange()
    client = exchange.client("A", "B")
    exchange.trades([("A", 10, 1, NOON_MS), ("B", 10, 1, NOON_MS)])
    exchange.settle()
    exchange.market.polling(frozenset("A"))
    client.outlet.take()
    exchange.market.status(status("reconnecting"))
    assert client.outlet.take()[-1]["symbols"] == {"A": "polled", "B": "stale"}


def test_an_interval_client_is_notified_of_a_polled_price_in_the_same_way() -> None:
    """The short form for the very next price."""
    exchange = FakeExchange()
    client = exchange.client("A", interval_s=0.1)
    exchange.market.seed(Seed(symbol="A", price=10, time_ms=NOON_MS))
    exchange.loop.advance(1)
    exchange.market.seed(Seed(symbol="A", price=11, time_ms=NOON_MS + 1000))
    exchange.loop.advance(1)
    polled = [m for m in client.outlet.take() if m["type"] == "price_update"]
    assert all(message["polled"] for message in polled)
    assert polled[-1]["data"]["price"] == 11
    assert not math.isnan(polled[-1]["data"]["timestamp"])


def test_what_is_not_followed_is_nowhere_live() -> None:
    """Not in a status, a snapshot, or in an answer; and its subscribers are notified once."""
    exchange = FakeExchange()
    client, other = exchange.client("A"), exchange.client("B")
    exchange.trades([("A", 10, 1, NOON_MS), ("B", 10, 1, NOON_MS)])
    exchange.settle()
    client.outlet.take()
    other.outlet.take()
    exchange.market.polling(frozenset(), frozenset("AZ"))
    assert [m["symbols"] for m in client.outlet.take()] == [{"A": "stale"}]
    exchange.market.polling(frozenset("Z"), frozenset("A"))
    assert client.outlet.take() == other.outlet.take() == []
    assert exchange.hub.state("A") == "stale"
    late = exchange.client()
    late.subscribe("A")
    [told] = [m for m in late.outlet.take() if m["type"] == "price_update"]
    assert told["data"]["state"] == "stale"
    exchange.market.polling(frozenset("A"), frozenset())
    assert [m["symbols"] for m in client.outlet.take()] == [{"A": "polled"}]
    exchange.market.polling(frozenset(), frozenset())
    assert [m["symbols"] for m in client.outlet.take()] == [{"A": "live"}]


def test_the_delay_of_the_tape_is_in_every_status() -> None:
    """As a number, or null where there is none."""
    exchange = FakeExchange()
    client = exchange.client("A")
    exchange.market.status(status("live"))
    assert client.outlet.take()[-1]["delay_ms"] is None
    late = msgspec.structs.replace(status("live"), delay_ms=900_000, detail="late")
    exchange.market.status(late)
    told = client.outlet.take()[-1]
    assert (told["feed"], told["delay_ms"], told["detail"]) == ("live", 900_000, "late")
