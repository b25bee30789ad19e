"""The hub hands every change to everyone who wants it, in order, once."""

import asyncio
import math
from typing import cast

import pytest

from photon_app.calendar.hours import MarketView
from photon_app.hub.flusher import RETRY_S
from photon_app.hub.frames import Frames
from photon_app.hub.hub import BEATS, SESSIONS_A_TICK
from photon_app.model import FeedStatus, Seed, Trade
from tests.fakes.exchange import NOON_MS, FakeClient, FakeExchange, OneUnreadable, status
from tests.fakes.kept import kept
from tests.fakes.outlet import prices

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def test_a_client_gets_every_trade_of_its_symbols_and_no_other() -> None:
    """In the order of the tape, with seqs that grow by one."""
    exchange = FakeExchange()
    client = exchange.client("A", "B")
    other = exchange.client("C")
    exchange.trades([("A", 1, 1, NOON_MS), ("B", 2, 1, NOON_MS), ("C", 3, 1, NOON_MS)])
    exchange.trades([("A", 4, 1, NOON_MS), ("B", 5, 1, NOON_MS)])
    exchange.settle()
    assert prices(client.outlet.take()) == [("A", 1, 1), ("B", 1, 2), ("A", 2, 4), ("B", 2, 5)]
    assert prices(other.outlet.take()) == [("C", 1, 3)]


def test_a_price_whose_shares_were_counted_before_is_sent_with_none() -> None:
    """As the snapshot tells it: a corrected close (condition 39) is a price of volume 0."""
    exchange = FakeExchange()
    client = exchange.client("A")
    exchange.market.trades([Trade("A", 10, 7, NOON_MS), Trade("A", 11, 7, NOON_MS, ("39",))])
    exchange.settle()
    told = [m["data"]["volume"] for m in client.outlet.take() if m["type"] == "price_update"]
    assert told == [7, 0]
    late = exchange.client()
    late.subscribe("A")
    (snapshot,) = [m for m in late.outlet.take() if m["type"] == "price_update"]
    assert (snapshot["data"]["volume"], snapshot["data"]["day_volume"]) == (0, 7)


def test_a_lone_trade_is_not_held_back() -> None:
    """The first frame after a quiet time leaves at once; the next waits for the flush."""
    exchange = FakeExchange()
    client = exchange.client("A")
    exchange.loop.advance(1)
    exchange.trade("A", 1)
    assert len(prices(client.outlet.take())) == 1
    exchange.trade("A", 2)
    exchange.trade("A", 3)
    assert prices(client.outlet.take()) == []
    exchange.loop.advance(0.02)
    assert len(prices(client.outlet.take())) == 2


def test_clients_of_equal_symbols_share_their_bytes() -> None:
    """One join for all of them."""
    exchange = FakeExchange()
    clients = [exchange.client("A", "B"), exchange.client("B", "A")]
    assert clients[0].registered.group is clients[1].registered.group


def test_a_snapshot_comes_with_the_subscription_and_updates_follow_it_without_a_gap() -> None:
    """Even when a trade was waiting for its flush."""
    exchange = FakeExchange()
    first = exchange.client("A")
    exchange.loop.advance(1)
    exchange.trade("A", 1)
    exchange.trade("A", 2)
    second = exchange.client()
    second.subscribe("A")
    exchange.trade("A", 3)
    exchange.settle()
    assert [seq for _, seq, _ in prices(first.outlet.take())] == [1, 2, 3]
    received = [m for m in second.outlet.take() if m["type"] == "price_update"]
    assert [(m["seq"], m.get("snapshot", False)) for m in received] == [(2, True), (3, False)]


def test_the_first_price_of_a_symbol_brings_its_day_with_it() -> None:
    """Short form and snapshot in one flush: the previous close was known before any trade."""
    exchange = FakeExchange()
    client = exchange.client("A")
    exchange.market.seed(Seed(symbol="A", prev_close=8))
    exchange.trade("A", 10)
    exchange.settle()
    first, whole, told = client.outlet.take()
    assert (first["seq"], first.get("snapshot")) == (1, None)
    assert (whole["seq"], whole["snapshot"], whole["data"]["change"]) == (1, True, 2)
    assert told["symbols"] == {"A": "live"}


def test_a_symbol_that_cannot_be_read_costs_no_update_of_another() -> None:
    """They leave a second later; their ``seq`` has no gap."""
    exchange = FakeExchange(book_type=OneUnreadable)
    client = exchange.client("A", "B")
    for symbol in ("A", "B"):
        exchange.trade(symbol, 10)
    exchange.settle()
    client.outlet.take()
    cast("OneUnreadable", exchange.book).symbol = "B"
    exchange.trades([("B", 9, 1, NOON_MS - 1000), ("A", 11, 1, NOON_MS), ("A", 12, 1, NOON_MS)])
    exchange.settle()
    assert client.outlet.take() == []
    exchange.loop.advance(RETRY_S)
    assert prices(client.outlet.take()) == [("A", 2, 11), ("A", 3, 12)]


def test_a_late_trade_makes_a_snapshot_with_an_unchanged_seq() -> None:
    """The figures changed; the price did not."""
    exchange = FakeExchange()
    client = exchange.client("A")
    exchange.trade("A", 10)
    exchange.settle()
    client.outlet.take()
    exchange.trade("A", 99, volume=5, time_ms=NOON_MS - 1000)
    exchange.settle()
    [update] = client.outlet.take()
    assert (update["snapshot"], update["seq"]) == (True, 1)
    assert (update["data"]["price"], update["data"]["high"], update["data"]["day_volume"]) == (
        10,
        99,
        105,
    )


def test_a_client_that_comes_and_goes_between_two_flushes_costs_the_others_nothing() -> None:
    """A thousand clients that come back at once must not cost a thousand flushes."""
    exchange = FakeExchange()
    staying = exchange.client("A", "B")
    exchange.loop.advance(1)
    exchange.trade("A", 1)
    exchange.trade("A", 2)
    staying.outlet.take()
    for number in range(10):
        passing = exchange.client("A")
        exchange.trade("A", 3 + number)
        passing.subscribe("B")
        exchange.hub.answer(passing.registered, Frames.of(b"{}"))
        exchange.hub.unsubscribe(passing.registered, ["A"])
        assert [seq for _, seq, _ in prices([m for m in passing.outlet.take() if m])] == [
            3 + number
        ]
    assert staying.outlet.take() == []
    exchange.settle()
    assert [seq for _, seq, _ in prices(staying.outlet.take())] == list(range(2, 13))


def test_clients_that_changed_their_subscriptions_join_the_others_at_the_next_flush() -> None:
    """Until then each is alone: what was pending before it came must not come again."""
    exchange = FakeExchange()
    staying = exchange.client("A")
    exchange.loop.advance(1)
    exchange.trade("A", 1)
    exchange.trade("A", 2)
    coming = exchange.client("A")
    assert coming.registered.group is not staying.registered.group
    exchange.trade("A", 3)
    exchange.settle()
    assert prices(coming.outlet.take()) == [("A", 3, 3)]
    assert coming.registered.group is staying.registered.group


def test_nothing_of_a_symbol_follows_its_unsubscription() -> None:
    """What was pending is flushed before."""
    exchange = FakeExchange()
    client = exchange.client("A", "B")
    exchange.loop.advance(1)
    exchange.trade("A", 1)
    exchange.trade("A", 2)
    exchange.hub.unsubscribe(client.registered, ["A", "UNKNOWN"])
    assert len(prices(client.outlet.take())) == 2
    exchange.trade("A", 3)
    exchange.trade("B", 4)
    exchange.settle()
    assert prices(client.outlet.take()) == [("B", 1, 4)]


def test_a_slow_client_is_conflated_to_the_newest_prices_and_costs_nobody_else() -> None:
    """When it drains it gets one snapshot for each symbol that moved, and goes on from there."""
    exchange = FakeExchange()
    slow, quick = exchange.client("A", "B", "C"), exchange.client("A", "B", "C")
    slow.sink.congest()
    for price in range(1, 101):
        exchange.trades([("A", price, 1, NOON_MS), ("B", 2 * price, 1, NOON_MS)])
        exchange.loop.advance(0.02)
    assert len(prices(quick.outlet.take())) == 200
    assert prices(slow.outlet.take()) == []
    slow.sink.drain()
    caught_up = [m for m in slow.outlet.take() if m["type"] == "price_update"]
    assert prices(caught_up) == [("A", 100, 100), ("B", 100, 200)]
    assert all(m["snapshot"] for m in caught_up)
    exchange.trade("A", 7)
    exchange.settle()
    assert prices(slow.outlet.take()) == [("A", 101, 7)]


def test_the_statuses_of_a_slow_client_do_not_pile_up() -> None:
    """A thousand changes and new epochs are one status, before the prices."""
    exchange = FakeExchange()
    client = exchange.client("A", "B")
    exchange.trade("B", 1)
    exchange.settle()
    client.outlet.take()
    client.sink.congest()
    for _ in range(500):
        exchange.market.status(status("reconnecting", "gone"))
        exchange.market.new_epoch()
        exchange.trade("A", 7)
        exchange.market.status(status("live"))
    exchange.market.rejected("B", "no such symbol")
    assert client.outlet.take() == []
    client.sink.drain()
    told, price = client.outlet.take()
    assert (told["epoch"], told["feed"]) == (exchange.hub.epoch, "live")
    assert told["symbols"] == {"A": "live", "B": "rejected"}
    assert (price["symbol"], price["seq"], price["snapshot"]) == ("A", 1, True)


def test_what_is_pending_when_a_client_drains_is_part_of_what_it_missed() -> None:
    """No short form skips a seq: the snapshot comes instead."""
    exchange = FakeExchange()
    client = exchange.client("A")
    exchange.trade("A", 1)
    exchange.loop.advance(1)
    client.sink.congest()
    for price in (2, 3, 4):
        exchange.trade("A", price)
    client.outlet.take()
    client.sink.drain()
    [caught_up] = client.outlet.take()
    assert (caught_up["seq"], caught_up["snapshot"]) == (4, True)
    exchange.trade("A", 5)
    exchange.settle()
    assert prices(client.outlet.take()) == [("A", 5, 5)]


def test_a_new_day_is_sent_with_its_first_price() -> None:
    """Clients that fold day figures themselves would continue yesterday's."""
    exchange = FakeExchange()
    client = exchange.client("A")
    exchange.trade("A", 10)
    exchange.settle()
    client.outlet.take()
    exchange.trade("A", 12, time_ms=NOON_MS + 86_400_000)
    exchange.settle()
    short, whole = client.outlet.take()
    assert (short["seq"], whole["seq"], whole["snapshot"]) == (2, 2, True)
    assert (whole["data"]["prev_close"], whole["data"]["low"]) == (10, 12)


def sessions(exchange: FakeExchange, client: FakeClient) -> dict[str, str | None]:
    """The sessions that a client is sent in a second."""
    exchange.hub.tick()
    exchange.settle()
    told = [m for m in client.outlet.take() if m["type"] == "price_update"]
    return {m["symbol"]: m["data"]["session"] for m in told}


def test_each_symbol_has_the_session_of_its_own_market_and_hears_when_it_changes() -> None:
    """On a Sunday bitcoin trades, at 17:00 in New York the euro begins to, stocks the day after;
    of a market with unknown hours none is sent. What did not change is not sent again.
    """
    exchange = FakeExchange()
    symbols = ("A", "BINANCE:BTCUSDT", "OANDA:EUR_USD", "ELSEWHERE:A")
    sunday = NOON_MS + 2 * DAY_MS
    exchange.hours = MarketView("closed", sunday + DAY_MS, "pre", sunday, 1.0)
    exchange.hub.tick()
    client = exchange.client(*symbols)
    exchange.trades([(symbol, 1, 1, NOON_MS) for symbol in symbols])
    exchange.settle()
    client.outlet.take()
    late = exchange.client()
    late.subscribe(*symbols)
    told = {m["symbol"]: m["data"]["session"] for m in late.outlet.take() if "data" in m}
    assert told == dict(zip(symbols, ("closed", "regular", "closed", None), strict=True))
    assert sessions(exchange, client) == {}
    evening = sunday + 6 * HOUR_MS
    exchange.hours = MarketView("closed", sunday + DAY_MS, "pre", evening, 1.0)
    assert sessions(exchange, client) == {"OANDA:EUR_USD": "regular"}
    exchange.hours = MarketView("pre", evening + DAY_MS, "regular", evening, 1.0)
    assert sessions(exchange, client) == {"A": "pre"}
    assert sessions(exchange, client) == {}


def test_a_new_session_of_many_symbols_is_sent_over_some_seconds() -> None:
    """No flush is as large as the whole market."""
    exchange = FakeExchange(limit=1_000)
    symbols = [f"S{index}" for index in range(SESSIONS_A_TICK + 50)]
    client = exchange.client(*symbols)
    exchange.trades([(symbol, 1, 1, NOON_MS) for symbol in symbols])
    exchange.settle()
    exchange.hub.tick()
    client.outlet.take()
    exchange.hours = MarketView("post", NOON_MS + DAY_MS, "closed", NOON_MS, 1.0)
    counts = [len(sessions(exchange, client)) for _ in range(3)]
    assert counts == [SESSIONS_A_TICK, 50, 0]


def test_a_client_is_sent_the_states_of_its_own_symbols_only() -> None:
    """However many others arrive in the same flush."""
    exchange = FakeExchange()
    client = exchange.client("A")
    exchange.client("A", "B")
    exchange.trades([("A", 1, 1, NOON_MS), ("B", 1, 1, NOON_MS)])
    exchange.settle()
    assert [m["symbols"] for m in client.outlet.take() if m["type"] == "status"] == [{"A": "live"}]


def test_a_client_that_stays_slow_is_closed() -> None:
    """With the code that says: reconnect."""
    exchange = FakeExchange()
    client = exchange.client("A")
    client.sink.congest()
    exchange.loop.advance(9.9)
    exchange.clients.tick()
    assert client.outlet.closed() is None
    exchange.loop.advance(0.1)
    for _ in range(2):
        exchange.clients.tick()
    assert (client.outlet.closed() or (0,))[0] == 4008
    assert (exchange.clients.congested, exchange.clients.closed_as_slow) == (0, 1)


def test_a_write_that_fails_harms_nobody_else(caplog: pytest.LogCaptureFixture) -> None:
    """A fault of ours with one client: it is closed, the others get this flush and the next."""
    exchange = FakeExchange()
    before, broken, after = (exchange.client("A") for _ in range(3))

    def fail(_: bytes) -> int:
        raise RuntimeError("a fault")

    broken.sink.put = fail
    exchange.trade("A", 1)
    assert (broken.outlet.closed() or (0,))[0] == 1011
    assert "a fault of ours" in caplog.text
    broken.leave()
    exchange.trade("A", 2)
    exchange.settle()
    for client in (before, after):
        assert prices(client.outlet.take()) == [("A", 1, 1), ("A", 2, 2)]


def test_an_interval_client_gets_the_newest_price_at_most_that_often() -> None:
    """In the snapshot form where it skipped, in the short form where it did not."""
    exchange = FakeExchange()
    client = exchange.client("A", interval_s=1)
    for n in range(1, 31):
        exchange.trade("A", n)
        exchange.loop.advance(0.1)
    received = client.outlet.take()
    updates = [m for m in received if m["type"] == "price_update"]
    assert 2 <= len(updates) <= 4
    assert [m.get("snapshot", False) for m in updates] == [False, *[True] * (len(updates) - 1)]
    exchange.loop.advance(5)
    client.outlet.take()
    exchange.trade("A", 50)
    exchange.loop.advance(1)
    [update] = [m for m in client.outlet.take() if m["type"] == "price_update"]
    assert (update["seq"], update.get("snapshot")) == (31, None)


def test_an_interval_client_gets_its_last_price_even_when_the_market_goes_quiet() -> None:
    """And a client of a longer interval does not delay one of a shorter."""
    exchange = FakeExchange()
    slow = exchange.client("A", interval_s=10)
    quick = exchange.client("A", interval_s=0.05)
    exchange.trade("A", 0.5)
    exchange.settle()
    assert prices(slow.outlet.take()) == prices(quick.outlet.take()) == [("A", 1, 0.5)]
    exchange.trade("A", 1)
    exchange.trade("A", 2)
    exchange.loop.advance(0.06)
    assert prices(quick.outlet.take())[-1] == ("A", 3, 2)
    assert prices(slow.outlet.take()) == []
    exchange.loop.advance(10)
    assert prices(slow.outlet.take()) == [("A", 3, 2)]


def test_a_new_epoch_is_sent_and_sequences_begin_again() -> None:
    """What was pending of the old one comes before."""
    exchange = FakeExchange()
    client = exchange.client("A")
    exchange.trade("A", 1)
    exchange.trade("A", 2)
    old = exchange.hub.epoch
    exchange.market.new_epoch()
    exchange.trade("A", 3, time_ms=NOON_MS - 10**9)
    exchange.settle()
    received = client.outlet.take()
    told = next(i for i, m in enumerate(received) if m["type"] == "status" and m["epoch"] != old)
    assert received[told]["symbols"] == {"A": "waiting"}
    assert prices(received[:told]) == [("A", 1, 1), ("A", 2, 2)]
    assert prices(received[told:]) == [("A", 1, 3)]
    assert received[-1]["type"] == "status"
    assert received[-1]["symbols"] == {"A": "live"}


def test_a_symbol_that_waits_says_so_until_its_first_price_whatever_else_comes_and_goes() -> None:
    """A change of the other subscriptions does not make it forget."""
    exchange = FakeExchange()
    client = exchange.client("A", "B")
    exchange.hub.unsubscribe(client.registered, ["B"])
    client.subscribe("C")
    client.outlet.take()
    exchange.trade("A", 1)
    exchange.settle()
    assert [m["symbols"] for m in client.outlet.take() if m["type"] == "status"] == [{"A": "live"}]


def test_a_feed_that_goes_down_makes_known_prices_stale_and_back_up_live() -> None:
    """Clients are notified of their own symbols only."""
    exchange = FakeExchange()
    client = exchange.client("A", "B")
    exchange.trade("A", 1)
    exchange.settle()
    client.outlet.take()
    exchange.market.status(status("reconnecting", "Failed to connect to Finnhub: gone"))
    [told] = client.outlet.take()
    assert (told["feed"], told["symbols"]) == ("reconnecting", {"A": "stale", "B": "waiting"})
    exchange.market.status(status("live"))
    [told] = client.outlet.take()
    assert told["symbols"] == {"A": "live", "B": "waiting"}


def test_a_rejected_symbol_leaves_the_subscriptions_of_everyone() -> None:
    """With a status that says so."""
    exchange = FakeExchange()
    client = exchange.client("A", "ZZZZ")
    exchange.market.rejected("ZZZZ", "no such symbol")
    [told] = client.outlet.take()
    assert told["symbols"] == {"ZZZZ": "rejected"}
    assert client.registered.symbols == ("A",)


def test_relief_waits_while_an_every_trade_client_is_congested() -> None:
    """And ends when it drains, or leaves."""

    async def scenario(leave: bool) -> None:
        exchange = FakeExchange()
        client = exchange.client("A")
        await asyncio.wait_for(exchange.clients.drained(), 1)
        client.sink.congest()
        waiting = asyncio.ensure_future(exchange.clients.drained())
        await asyncio.sleep(0)
        assert not waiting.done()
        client.leave() if leave else client.sink.drain()
        await asyncio.wait_for(waiting, 1)

    for leave in (True, False):
        asyncio.run(scenario(leave))


def test_memory_is_where_it_was_after_unbounded_curiosity() -> None:
    """Ten thousand ever new names, subscribed and unsubscribed."""
    exchange = FakeExchange(limit=100, linger_s=1)
    client = exchange.client()
    for n in range(10_000):
        client.subscribe(f"S{n}")
        exchange.trade(f"S{n}", 1)
        assert kept(exchange.hub) > 0
        exchange.hub.unsubscribe(client.registered, [f"S{n}"])
    exchange.loop.advance(2)
    exchange.demand.sweep()
    exchange.settle()
    hub = exchange.hub
    assert len(exchange.book) == len(exchange.demand) == hub.subscribed == 0
    assert kept(hub, apart_from=(exchange.clients, exchange.flusher)) == 0


def test_shutdown_tells_everyone_and_closes() -> None:
    """With 1012: come back."""
    exchange = FakeExchange()
    client = exchange.client("A")
    exchange.clients.shutdown()
    assert client.outlet.take() == [{"type": "shutdown", "retry_after_ms": 1500}]
    assert client.outlet.closed() == (1012, "the server is going")


@pytest.mark.parametrize("congested", [True, False])
def test_heartbeats_go_to_those_who_read(congested: bool) -> None:
    """Once in a round; a congested client has enough to read."""
    exchange = FakeExchange()
    client = exchange.client()
    if congested:
        client.sink.congest()
    for _ in range(BEATS - 1):
        exchange.hub.heartbeat(NOON_MS)
    assert client.outlet.take() == []
    exchange.hub.heartbeat(NOON_MS)
    expected = [] if congested else [{"type": "heartbeat", "timestamp": NOON_MS, "now": NOON_MS}]
    assert client.outlet.take() == expected


def test_a_price_that_is_no_number_never_reaches_a_client() -> None:
    """JSON has none."""
    exchange = FakeExchange()
    client = exchange.client("A")
    exchange.trade("A", math.nan)
    exchange.trade("A", math.inf)
    exchange.settle()
    assert client.outlet.take() == []


def test_what_a_feed_says_reaches_clients_printable() -> None:
    """Whatever its source, and whichever feed it is."""
    exchange = FakeExchange()
    odd = FeedStatus(source="x", state="reconnecting", since_ms=0, detail="a\x1b[2J\x9b\u202e\n")
    exchange.market.status(odd)
    assert exchange.hub.feed.detail == r"a\x1b[2J\x9b\u202e\n"
