"""A hub needs nothing but the market's facts: two hubs that hear the same facts send the same, even
if one started later and gets the facts as bytes.
"""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from photon_app.hub.clients import Clients
from photon_app.hub.demand import Demand, DemandListener
from photon_app.hub.flusher import Flusher
from photon_app.hub.hub import Hub
from photon_app.hub.sink import Sink
from photon_app.market.bars import Bars
from photon_app.market.book import Book
from photon_app.model import FeedState, Seed, Trade
from tests.fakes.exchange import NOON_MS, FakeExchange, status
from tests.fakes.mirror import Mirror, Recorder
from tests.fakes.outlet import FakeOutlet

SYMBOLS = "ABC"
MARKS: tuple[tuple[str, ...], ...] = ((), ("1", "12"), ("3",), ("16",), ("30",), ("39",))
symbol = st.sampled_from(SYMBOLS)
trade = st.builds(
    Trade,
    symbol,
    st.integers(80, 140).map(float),
    st.sampled_from((0.0, 1.0, 250.0)),
    st.sampled_from((-86_400_000, -5_000, 0, 1_000, 7_200_000, 86_400_000)).map(NOON_MS.__add__),
    st.sampled_from(MARKS),
)
step = st.one_of(
    st.tuples(st.just("trades"), st.lists(trade, min_size=1, max_size=5)),
    st.tuples(st.just("trades"), st.lists(trade, min_size=1, max_size=5)),
    st.tuples(st.just("past"), st.lists(trade, min_size=1, max_size=5)),
    st.tuples(
        st.just("seed"),
        st.builds(
            Seed,
            symbol=symbol,
            prev_close=st.sampled_from((None, 99.0, 101.0)),
            high=st.sampled_from((None, 150.0)),
            price=st.sampled_from((None, 100.0, 112.0)),
            time_ms=st.sampled_from((NOON_MS - 60_000, NOON_MS + 3_000)),
        ),
    ),
    st.tuples(st.just("polling"), st.sets(symbol)),
    st.tuples(st.just("status"), st.sampled_from(("live", "reconnecting", "simulated"))),
    st.tuples(st.just("rejected"), symbol),
    st.tuples(st.just("new_epoch"), st.none()),
    st.tuples(st.just("wait"), st.sampled_from((0.001, 0.02, 1.0))),
)


class Pair:
    """A hub, and clients of it: one that wants every trade, and one that is paced."""

    def __init__(self, exchange: FakeExchange, hub: Hub) -> None:
        self.outlets = []
        for interval_s in (0.0, 0.4):
            outlet = FakeOutlet()
            self.outlets.append(outlet)
            client = hub.join(Sink(outlet, exchange.loop))
            for name in SYMBOLS:
                assert hub.hold(client, name)
            hub.subscribe(client, SYMBOLS, interval_s)
            hub.welcome(client, SYMBOLS)

    def messages(self) -> list[list[dict[str, Any]]]:
        """What was written to each, without its name."""
        taken = [outlet.take() for outlet in self.outlets]
        return [[{**m, "client_id": ""} for m in messages] for messages in taken]


def mirrored(exchange: FakeExchange) -> tuple[Mirror, Hub]:
    """A second hub, from what the market is now."""
    bars = Bars(clock=exchange, gaps=False)
    for name in SYMBOLS:
        bars.follow(name)
    mirror = Mirror(exchange.market, SYMBOLS, bars)
    demand = Demand((), limit=9, linger_s=30, time=exchange.loop, listener=DemandListener())
    clients = Clients(demand, slow_s=10)
    hub = Hub(mirror, exchange, clients=clients, flusher=Flusher(exchange.loop, 0.02))
    mirror.listeners.append(hub)
    return mirror, hub


def prices_in(messages: list[dict[str, Any]]) -> dict[tuple[str, str, int], float]:
    """The price of each ``seq`` of each symbol in each epoch."""
    epoch, prices = "", {}
    for message in messages:
        epoch = message.get("epoch", epoch)
        if message["type"] == "price_update":
            prices[epoch, message["symbol"], message["seq"]] = message["data"]["price"]
    return prices


def conflicts(one: dict[Any, float], other: dict[Any, float]) -> dict[Any, tuple[float, float]]:
    """Where the same ``seq`` is two prices."""
    return {key: (one[key], other[key]) for key in one.keys() & other if one[key] != other[key]}


def newest(messages: list[dict[str, Any]]) -> dict[str, Any]:
    """What a client knows in the end of feed, epoch and symbols: price and ``seq``, and state."""
    known: dict[str, Any] = {}
    for message in messages:
        if message["type"] == "price_update":
            of_symbol = known.setdefault(message["symbol"], {})
            price, time_ms = message["data"]["price"], message["data"]["timestamp"]
            of_symbol.update(price=price, timestamp=time_ms, seq=message["seq"])
        elif message["type"] == "status":
            if known.get("epoch") != message["epoch"]:
                known = {"epoch": message["epoch"]}
            known["feed"] = message["feed"]
            for name, state in message["symbols"].items():
                known[name] = {**known.get(name, {}), "state": state}
    return known


def do(exchange: FakeExchange, what: str, given: Any) -> None:
    """One thing that happens to a market."""
    market = exchange.market
    match what:
        case "polling":
            market.polling(frozenset(given))
        case "status":
            state: FeedState = given
            market.status(status(state))
        case "rejected":
            market.rejected(given, "no such symbol")
        case "new_epoch":
            market.new_epoch()
        case "wait":
            exchange.loop.advance(given)
        case _:
            getattr(market, what)(given)


@given(before=st.lists(step, max_size=12), after=st.lists(step, max_size=25))
@settings(deadline=None)
def test_two_hubs_with_the_same_input_write_the_same(before: list[Any], after: list[Any]) -> None:
    """The same messages in the same order: ``seq``, epoch, states and figures."""
    exchange = FakeExchange(defaults=tuple(SYMBOLS), book_type=Book)
    recorder = Recorder()
    exchange.market.listen(recorder, whole=True)
    first, first_hub = mirrored(exchange)
    early = Pair(exchange, first_hub)
    ours = Pair(exchange, exchange.hub)
    applied = 0

    def play(steps: list[Any], mirrors: list[Mirror]) -> None:
        nonlocal applied
        for what, thing in steps:
            do(exchange, what, thing)
            for kind, encoded in recorder.facts[applied:]:
                for mirror in mirrors:
                    mirror.read(kind, encoded)
            applied = len(recorder.facts)

    play(before, [first])
    exchange.settle()
    late, late_hub = mirrored(exchange)
    newcomers = (
        Pair(exchange, exchange.hub),
        Pair(exchange, first_hub),
        Pair(exchange, late_hub),
    )
    play(after, [first, late])
    exchange.loop.advance(2)
    assert ours.messages() == early.messages()
    (every, paced), *others = [each.messages() for each in newcomers]
    for each in others:  # when a hub flushes, and what is due at a pace, is its own affair
        assert conflicts(prices_in(each[0]), prices_in(every)) == {}
        assert newest(each[0]) == newest(every)
        assert newest(each[1]) == newest(paced)
    for name in SYMBOLS:
        assert first.bars.between(name, "1m") == exchange.bars.between(name, "1m")
        assert first.quote(name) == late.quote(name) == exchange.book.quote(name)
