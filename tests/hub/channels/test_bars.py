"""The bars channel: what its clients are sent, and when."""

import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photon_app.gateway.session import Session
from photon_app.hub.channels.bars import PER_S
from photon_app.market.bars import GRACE_MS
from tests.fakes.exchange import NOON_MS, FakeExchange
from tests.fakes.outlet import FakeOutlet

TURN_S = 1 / PER_S
MINUTE_MS = 60_000


class Viewer:
    """A client of ``/ws``."""

    def __init__(self, exchange: FakeExchange, **limits: float) -> None:
        self._session: Session
        self._session, self.outlet, self.sink = exchange.session(FakeOutlet(), **limits)
        self.outlet.take()

    def say(self, action: str, *symbols: str, **fields: Any) -> list[dict[str, Any]]:
        """Ask, and return what came at once."""
        message = {"action": action, "symbols": symbols, "channel": "bars", **fields}
        self._session.receive(msgspec.json.encode(message).decode())
        return self.outlet.take()

    def bars(self) -> list[dict[str, Any]]:
        """The bars that came since."""
        return [m for m in self.outlet.take() if m["type"] == "bar"]

    def end(self) -> None:
        """Disconnect."""
        self._session.end()


def told(messages: list[dict[str, Any]]) -> list[tuple[int, float, bool, bool]]:
    """Of each bar: minutes after noon, close, final, corrected."""
    return [
        (
            (m["bar"]["time"] - NOON_MS) // MINUTE_MS,
            m["bar"]["close"],
            m["final"],
            m.get("corrected", False),
        )
        for m in messages
        if m["type"] == "bar"
    ]


def now_trade(exchange: FakeExchange, price: float) -> None:
    """A trade now."""
    exchange.trade("A", price, time_ms=exchange.now_ms())


def test_the_answer_comes_first_then_the_running_bar() -> None:
    """So that a client has a bar at once, and knows what it asked for."""
    exchange = FakeExchange(defaults=("A",))
    exchange.trade("A", 10, volume=7)
    answer, bar = Viewer(exchange).say("subscribe", "A", timeframe="1m", id=5)
    assert answer == {
        "type": "subscription",
        "status": "subscribed",
        "symbols": ["A"],
        "rejected": [],
        "subscriptions": ["A"],
        "id": 5,
        "channel": "bars",
        "timeframe": "1m",
    }
    assert bar == {
        "type": "bar",
        "symbol": "A",
        "timeframe": "1m",
        "bar": {
            "time": NOON_MS,
            "open": 10,
            "high": 10,
            "low": 10,
            "close": 10,
            "volume": 7,
            "count": 1,
            "vwap": 10,
        },
        "final": False,
    }


def test_a_bar_is_sent_at_most_four_times_a_second() -> None:
    """Whatever the tape does, and with its newest figures."""
    exchange = FakeExchange()
    viewer = Viewer(exchange)
    viewer.say("subscribe", "A", timeframe="1m")
    for tick in range(100):
        now_trade(exchange, 100 + tick / 100)
        exchange.loop.advance(0.01)
    bars = viewer.bars()
    assert len(bars) == PER_S
    assert bars[-1]["bar"]["count"] >= 97


def test_a_still_bar_is_not_sent_again() -> None:
    """A quiet market costs nothing."""
    exchange = FakeExchange()
    viewer = Viewer(exchange)
    viewer.say("subscribe", "A", timeframe="1m")
    now_trade(exchange, 10)
    exchange.loop.advance(10)
    assert told(viewer.bars()) == [(0, 10, False, False)]


def test_a_closed_bar_is_sent_once_as_final() -> None:
    """A moment after its end, so that trades on their way are in it; without any further trade."""
    exchange = FakeExchange()
    viewer = Viewer(exchange)
    viewer.say("subscribe", "A", timeframe="1m")
    now_trade(exchange, 10)
    exchange.loop.advance(60)
    viewer.bars()
    exchange.trade("A", 11, time_ms=NOON_MS + MINUTE_MS - 1)
    exchange.loop.advance(GRACE_MS / 1000 + 2 * TURN_S)
    assert told(viewer.bars()) == [(0, 11, False, False), (0, 11, True, False)]
    exchange.loop.advance(120)
    assert viewer.bars() == []


def test_a_late_trade_corrects_a_bar_that_was_final() -> None:
    """And says so, with the whole bar."""
    exchange = FakeExchange()
    viewer = Viewer(exchange)
    viewer.say("subscribe", "A", timeframe="1m")
    now_trade(exchange, 10)
    exchange.loop.advance(70)
    now_trade(exchange, 12)
    exchange.loop.advance(1)
    viewer.bars()
    exchange.trade("A", 9, time_ms=NOON_MS + 5)
    exchange.loop.advance(1)
    [corrected] = viewer.bars()
    assert told([corrected]) == [(0, 9, True, True)]
    assert corrected["bar"]["count"] == 2


@pytest.mark.parametrize("others", [[], ["B"]])
def test_a_correction_is_not_sent_to_those_who_came_after_it(others: list[str]) -> None:
    """Their first bar has it already, whether or not bars of anything else are watched."""
    exchange = FakeExchange()
    watching = Viewer(exchange)
    if others:
        watching.say("subscribe", *others, timeframe="1m")
    exchange.demand.hold("A")
    now_trade(exchange, 10)
    exchange.loop.advance(90)
    now_trade(exchange, 11)
    exchange.trade("A", 9, time_ms=NOON_MS + 5)
    late = Viewer(exchange)
    late.say("subscribe", "A", timeframe="1m")
    now_trade(exchange, 12)
    exchange.loop.advance(1)
    assert told(late.bars()) == [(1, 12, False, False)]


@pytest.mark.parametrize("timeframe", ["1s", "5m", "1h", "1d"])
def test_every_timeframe_has_its_running_bar(timeframe: str) -> None:
    """Put together from what there is of shorter ones."""
    exchange = FakeExchange()
    viewer = Viewer(exchange)
    viewer.say("subscribe", "A", timeframe=timeframe)
    for _ in range(4):
        now_trade(exchange, 10)
        exchange.loop.advance(20)
    running = {m["bar"]["time"]: m["bar"]["count"] for m in viewer.bars()}
    assert list(running.values()) == ([1] * 4 if timeframe == "1s" else [4])


def test_symbols_are_held_upstream_as_long_as_their_bars_are_wanted() -> None:
    """Each timeframe by itself; leaving lets go of all."""
    exchange = FakeExchange()
    viewer = Viewer(exchange)
    viewer.say("subscribe", "A", timeframe="1m")
    viewer.say("subscribe", "A", "B", timeframe="5m")
    assert exchange.demand.viewers == {"A": 2, "B": 1}
    [answer] = viewer.say("unsubscribe", "A", timeframe="1m")
    assert (answer["status"], answer["subscriptions"]) == ("unsubscribed", [])
    assert exchange.demand.viewers == {"A": 1, "B": 1}
    viewer.end()
    assert exchange.demand.viewers == {}
    assert len(exchange.hub.bars) == 0


def test_unsubscribing_without_a_timeframe_is_of_all_and_list_tells_what_is_left() -> None:
    """``unsubscribe_all`` leaves nothing."""
    exchange = FakeExchange()
    viewer = Viewer(exchange)
    for timeframe in ("1m", "5m"):
        viewer.say("subscribe", "A", "B", timeframe=timeframe)
    viewer.say("unsubscribe", "A")
    [listed] = viewer.say("list")
    assert (listed["subscriptions"], listed["bars"]) == ([], {"1m": ["B"], "5m": ["B"]})
    viewer.say("unsubscribe_all")
    [listed] = viewer.say("list")
    assert "bars" not in listed
    assert exchange.demand.viewers == {}


def test_nothing_of_a_symbol_follows_its_unsubscribed() -> None:
    """Though its bar has changed."""
    exchange = FakeExchange()
    viewer = Viewer(exchange)
    viewer.say("subscribe", "A", timeframe="1m")
    now_trade(exchange, 10)
    viewer.say("unsubscribe", "A", timeframe="1m")
    exchange.loop.advance(5)
    assert viewer.bars() == []


def test_subscriptions_of_bars_are_bounded_by_name() -> None:
    """Each symbol and timeframe counts; those that a client has already are free."""
    exchange = FakeExchange()
    viewer = Viewer(exchange, max_symbols=2)
    viewer.say("subscribe", "A", "B", timeframe="1m")
    answer = viewer.say("subscribe", "A", "C", timeframe="1m")[0]
    assert answer["symbols"] == ["A"]
    assert [(r["symbol"], r["code"]) for r in answer["rejected"]] == [("C", "too_many_symbols")]
    viewer.say("unsubscribe", "B", timeframe="1m")
    answer = viewer.say("subscribe", "A", "C", timeframe="1m")[0]
    assert answer["symbols"] == ["A", "C"]


def test_a_congested_client_gets_the_newest_bars_when_it_reads_again() -> None:
    """And nothing in between."""
    exchange = FakeExchange()
    viewer = Viewer(exchange)
    viewer.say("subscribe", "A", timeframe="1m")
    viewer.sink.congest()
    for price in (10, 11, 12):
        now_trade(exchange, price)
        exchange.loop.advance(1)
    assert viewer.bars() == []
    viewer.sink.drain()
    assert told(viewer.bars()) == [(0, 12, False, False)]


def test_a_symbol_that_upstream_refuses_leaves_the_bars_too() -> None:
    """The client is notified once, whichever channel it has it in."""
    exchange = FakeExchange()
    viewer = Viewer(exchange)
    viewer.say("subscribe", "A", timeframe="1m")
    exchange.market.rejected("A", "no such symbol")
    assert [m["symbols"] for m in viewer.outlet.take()] == [{"A": "rejected"}]
    assert exchange.demand.viewers == {}


def test_a_long_round_is_cut_into_slices_and_leaves_nobody_out() -> None:
    """Prices leave between them: each slice looks at the clock after each symbol, and leaves as
    much time to others as it may take.
    """
    exchange = FakeExchange()
    viewer = Viewer(exchange)
    symbols = ["A", "B", "C", "D"]
    viewer.say("subscribe", *symbols, timeframe="1m")
    for symbol in symbols:
        exchange.trade(symbol, 10, time_ms=exchange.now_ms())
    clock, still = itertools.count(), exchange.flusher.now_s
    exchange.flusher.now_s = lambda: still() + next(clock) * 0.004  # type: ignore[method-assign]
    writes = viewer.outlet.writes
    exchange.loop.advance(TURN_S)
    assert viewer.outlet.writes - writes == 1
    exchange.loop.advance(TURN_S)
    exchange.flusher.now_s = still  # type: ignore[method-assign]
    assert sorted(m["symbol"] for m in viewer.bars()) == symbols
    assert viewer.outlet.writes - writes > 1


def test_a_client_that_cannot_be_written_to_is_closed_and_the_others_are_served_on() -> None:
    """By a fault of ours: it costs that client alone, and no later round."""
    exchange = FakeExchange()
    broken, other = Viewer(exchange), Viewer(exchange)
    for viewer in (broken, other):
        viewer.say("subscribe", "A", timeframe="1m")
    broken.outlet.write = lambda _: 1 / 0  # type: ignore[method-assign, assignment]
    for price in (10, 11):
        now_trade(exchange, price)
        exchange.loop.advance(1)
    assert [close for _, close, _, _ in told(other.bars())] == [10, 11]
    assert broken.outlet.closed() == (1011, "a fault of this server: reconnect")


steps = st.lists(
    st.one_of(
        st.tuples(st.just("trade"), st.integers(0, 240_000), st.integers(90, 110)),
        st.tuples(st.just("wait"), st.integers(1, 40_000), st.just(0)),
    ),
    max_size=40,
)


@settings(max_examples=60)
@given(steps, st.sampled_from(["1m", "5m"]))
def test_a_client_that_keeps_the_newest_of_each_bar_has_the_bars(
    script: list[tuple[str, int, int]], timeframe: str
) -> None:
    """Running, final and corrected together lose nothing, and a final bar changes only by a
    correction.
    """
    exchange = FakeExchange()
    viewer = Viewer(exchange)
    viewer.say("subscribe", "A", timeframe=timeframe)
    kept: dict[int, dict[str, Any]] = {}
    final: set[int] = set()
    for what, amount, price in [*script, ("wait", 400_000, 0)]:
        if what == "trade":
            exchange.trade("A", price, time_ms=exchange.now_ms() - amount)
        else:
            exchange.loop.advance(amount / 1000)
        for message in viewer.bars():
            time = message["bar"]["time"]
            assert time not in final or message.get("corrected")
            final |= {time} if message["final"] else set()
            kept[time] = message["bar"]
    exact = {}
    for bar in exchange.bars.between("A", "1m"):
        span, whole = exchange.bars.bar_at("A", timeframe, bar.time_ms, exchange.calendar)  # type: ignore[arg-type]
        assert whole is not None
        exact[span.start_ms] = (whole.open, whole.high, whole.low, whole.close, whole.count)
    got = {t: (b["open"], b["high"], b["low"], b["close"], b["count"]) for t, b in kept.items()}
    assert got == exact
    assert final == set(exact)
