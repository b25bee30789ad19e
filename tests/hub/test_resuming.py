"""A client that comes back misses nothing that it could have, and learns where it does."""

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    rule,
)

from photon_app import disconnect
from photon_app.gateway.session import Session
from photon_app.gateway.wire import HIGH_WATER_BYTES
from photon_app.hub.frames import Frames
from photon_app.hub.journal import KEEP_S
from photon_app.hub.resuming import CATCH_UP_S, CHUNK_BYTES, MOST_RESUMED
from photon_app.hub.sink import Sink
from photon_app.model import Seed, Trade
from tests.fakes.exchange import NOON_MS, FakeExchange
from tests.fakes.outlet import prices, split
from tests.hub.test_order import DAY_MS, WRITES_S, Exchange, Observer, StampingOutlet, play

SYMBOLS = ("A", "B", "C")
KERNEL_BYTES = 3_000
MANY = CHUNK_BYTES // 100 + 100
"""Trades whose updates do not fit into one chunk."""
symbol_sets = st.lists(st.sampled_from(SYMBOLS), min_size=1, max_size=3, unique=True)
choice = st.integers(0, 10)


class MarkedOutlet(StampingOutlet):
    """An outlet over a kernel with a small buffer: ``read`` takes what its client reads."""

    def __init__(self, exchange: FakeExchange) -> None:
        super().__init__(exchange, ready=True)
        self.sink: Sink | None = None
        self.conflated = False
        """Whether updates were ever replaced by the newest one."""
        self._sizes: list[int] = []
        self._queueing = False
        self._rest = 0

    @property
    def unsent_bytes(self) -> int:  # type: ignore[override]
        """What neither the client nor the kernel has taken."""
        return max(0, sum(self._sizes) - KERNEL_BYTES)

    def write(self, frames: Frames) -> None:
        """Behind what is unsent."""
        self._keep(frames)
        self._look()

    def put_rest(self, data: bytes) -> None:
        """The rest of a write, or all of one that was refused."""
        if not self._rest:
            self._keep(Frames(split(data)))
        self._rest = 0
        self._look()

    def close(self, code: int, reason: str) -> None:
        """Nobody is closed for a fault of ours."""
        assert code != disconnect.FAULT.code, reason
        super().close(code, reason)

    def take(self) -> list[dict[str, Any]]:
        """Read all."""
        self._sizes.clear()
        messages = super().take()
        self._look()
        return messages

    def read(self) -> dict[str, Any]:
        """The next message."""
        message = self.messages.pop(0)
        del self._sizes[0]
        self._look()
        return message

    def _put(self, joined: bytes) -> int:
        assert not self._queueing, "nothing may overtake what is unsent"
        room = KERNEL_BYTES - sum(self._sizes)
        if room <= 0:
            raise BlockingIOError
        self._keep(Frames(split(joined)))
        self._rest = max(0, len(joined) - room)
        return min(len(joined), room)

    def _keep(self, frames: Frames) -> None:
        super().write(frames)
        self._sizes += map(len, frames.each)

    def _look(self) -> None:
        if self.sink is None:
            return
        unsent = self.unsent_bytes
        if unsent and not self._queueing:
            self._queueing = True
            self.sink.queue()
        if unsent > HIGH_WATER_BYTES:
            self.conflated |= self.sink.missed is None
            self.sink.congest()
        if not unsent and self._queueing:
            self._queueing = False
            self.sink.drain()


class Returning(Observer):
    """A client whose connection is cut now and then, and which asks for what it missed."""

    def __init__(self, exchange: Exchange) -> None:
        self.connected = True
        self.holes: list[tuple[str, int]] = []
        """The last ``seq`` of each symbol that was not recovered."""
        super().__init__(exchange)
        self.connect()

    def connect(self) -> None:
        """Open a connection."""
        self.session.end()
        self.outlet = self.marked = MarkedOutlet(self._exchange)
        self.session, _, self.sink = self._exchange.session(self.outlet, messages_per_s=1e9)
        self.marked.sink = self.sink
        self.connected = True
        self.read()

    def read(self, most: int = 10**9) -> None:
        """Read the next messages."""
        while self.outlet.messages and most:
            most -= 1
            if isinstance(self.outlet, MarkedOutlet):
                message = self.outlet.read()
                self.behind = self.outlet.conflated
            else:
                message = self.outlet.messages.pop(0)
            getattr(self, "_" + message["type"])(message)

    @property
    def held(self) -> bool:
        """Whether it is still being sent what it missed."""
        return self.sink.missed is not None and self.sink.missed.more is not None

    def cut(self, read: int) -> None:
        """The connection is lost when the client has read so much of what was sent."""
        self.read(read)
        self.session.end()
        self.connected = False

    def come_back(self, symbols: Iterable[str], **changed: int) -> None:
        """Connect again, and ask for what was missed."""
        epoch, had = self.epoch, dict(self.quotes)
        self._forget_subscriptions()
        self.connect()
        seqs = {symbol: had[symbol]["seq"] for symbol in symbols if symbol in had}
        since = {"epoch": epoch, "seq": seqs | changed}
        request = {"action": "subscribe", "symbols": list(symbols), "since": since}
        self.session.receive(json.dumps(request))

    def _forget_subscriptions(self) -> None:
        self.interval_s.clear()
        self._answered.clear()
        self.sent_s.clear()
        self.states.clear()
        self._asked_s = 0.0

    def _connection(self, message: dict[str, Any]) -> None:
        if message["epoch"] != self.epoch:
            self.quotes.clear()
        self.epoch, self.feed = message["epoch"], message["feed"]

    def _subscription(self, message: dict[str, Any]) -> None:
        super()._subscription(message)
        recovered = message.get("recovered", {})
        for symbol in message["symbols"]:
            known = self.quotes.get(symbol)
            if recovered.get(symbol):
                assert known is not None, "recovered from what it had"
                self._answered.discard(symbol)
            elif known is not None:
                self.holes.append((symbol, known["seq"]))
                del self.quotes[symbol]
        for symbol in self.quotes.keys() - self.subscribed:
            del self.quotes[symbol]


class AnyCuts(RuleBasedStateMachine):
    """Clients that are cut and come back while everything happens to the market."""

    def __init__(self) -> None:
        super().__init__()
        self.exchange = Exchange()
        self.clients = [Returning(self.exchange) for _ in range(3)]
        self.time_ms = NOON_MS
        self.prices = dict.fromkeys(SYMBOLS, 10_000)
        for client in self.clients:
            client.ask(action="subscribe", symbols=list(SYMBOLS))

    def _client(self, number: int) -> Returning:
        return self.clients[number % len(self.clients)]

    def _trade(self, symbols: Iterable[str]) -> None:
        batch = []
        for symbol in symbols:
            self.time_ms += 1
            self.prices[symbol] += 7 if self.time_ms % 3 else -11
            batch.append((symbol, float(self.prices[symbol]), 10.0, self.time_ms))
        self.exchange.trades(batch)

    def _all_read(self) -> None:
        for client in self.clients:
            if client.connected:
                client.read()

    @rule(number=choice, read=st.integers(0, 40))
    def cut(self, number: int, read: int) -> None:
        client = self._client(number)
        if client.connected:
            client.cut(read)

    @rule(number=choice, symbols=symbol_sets)
    def come_back(self, number: int, symbols: list[str]) -> None:
        client = self._client(number)
        if not client.connected:
            client.come_back(symbols)

    @rule(number=choice, symbols=symbol_sets, interval_ms=st.sampled_from((0, 0, 400)))
    def subscribe(self, number: int, symbols: list[str], interval_ms: int) -> None:
        client = self._client(number)
        if client.connected:
            client.ask(action="subscribe", symbols=symbols, interval_ms=interval_ms)

    @rule(number=choice, symbols=symbol_sets)
    def unsubscribe(self, number: int, symbols: list[str]) -> None:
        client = self._client(number)
        if client.connected:
            client.ask(action="unsubscribe", symbols=symbols)

    @rule(symbols=st.lists(st.sampled_from(SYMBOLS), min_size=1, max_size=6))
    def trade(self, symbols: list[str]) -> None:
        self._trade(symbols)

    @rule(symbols=symbol_sets, times=st.integers(1, 3))
    def trade_much(self, symbols: list[str], times: int) -> None:
        for _ in range(times):
            self._trade((symbols * MANY)[:MANY])
            for client in self.clients:
                if client.connected and not client.held:
                    client.read()

    @rule(symbol=st.sampled_from(SYMBOLS), back_ms=st.integers(1, 5000))
    def late_trade(self, symbol: str, back_ms: int) -> None:
        self.exchange.trades(
            [(symbol, float(self.prices[symbol] + 500), 3.0, self.time_ms - back_ms)]
        )

    @rule(symbol=st.sampled_from(SYMBOLS), times=st.integers(1, 2))
    def far_trade(self, symbol: str, times: int) -> None:
        self.time_ms += 1
        far = self.prices[symbol] * 1.5
        self.exchange.trades([(symbol, far + i, 5.0, self.time_ms) for i in range(times)])

    @rule()
    def next_day(self) -> None:
        self.time_ms += DAY_MS

    @rule(symbol=st.sampled_from(SYMBOLS), prev_close=st.integers(50, 150))
    def seed(self, symbol: str, prev_close: int) -> None:
        self.exchange.market.seed(Seed(symbol=symbol, prev_close=float(prev_close)))

    @rule(symbol=st.sampled_from(SYMBOLS), move=st.integers(-20, 20))
    def poll(self, symbol: str, move: int) -> None:
        self.time_ms = self.time_ms // 1000 * 1000 + 1000
        price = float(self.prices[symbol] + move)
        self.exchange.market.seed(Seed(symbol=symbol, price=price, time_ms=self.time_ms))

    @rule(number=choice, most=st.integers(1, 400))
    def read(self, number: int, most: int) -> None:
        self._client(number).read(most)

    @rule(seconds=st.sampled_from((0.001, 0.02, 0.4, 3.0, 40.0)))
    def wait(self, seconds: float) -> None:
        self._all_read()
        self.exchange.loop.advance(seconds)
        self._all_read()
        self.exchange.clients.tick()
        self.exchange.demand.sweep()

    @rule(write_s=st.sampled_from(WRITES_S))
    def writes_take(self, write_s: float) -> None:
        self.exchange.write_s = write_s

    @rule()
    def new_epoch(self) -> None:
        for client in self.clients:
            client.marked.conflated |= client.held  # the old epoch ends with its newest price
        self.exchange.market.new_epoch()

    @rule()
    def be_quiet(self) -> None:
        for client in self.clients:
            if not client.connected:
                client.come_back(SYMBOLS)
        for _ in range(100):
            self._all_read()
            self.exchange.loop.advance(0.02)
        for client in self.clients:
            client.read()
            assert not client.held
            client.knows_the_truth()

    def teardown(self) -> None:
        self.be_quiet()
        for client in self.clients:
            client.session.end()
        hub, journal = self.exchange.hub, self.exchange.journal
        self.exchange.loop.advance(KEEP_S + 1)
        self.exchange.clients.tick()
        assert not journal
        assert not journal.bytes
        self.exchange.loop.advance(KEEP_S)
        self.exchange.demand.sweep()
        assert self.exchange.demand.wanted == {"A"}
        assert not hub.subscribed


@pytest.mark.usefixtures("small_groups")
def test_what_a_client_has_after_any_cut_is_what_it_would_have_without() -> None:
    """Every update of a symbol once and in order, or a hole that ``recovered`` told of; and the
    figures of the day, whatever changed them meanwhile.
    """
    play(AnyCuts, examples=60, steps=40)


def resume(
    exchange: FakeExchange, seqs: dict[str, Any], epoch: str | None = None, **more: Any
) -> tuple[Session, MarkedOutlet]:
    """A client that comes back."""
    outlet = MarkedOutlet(exchange)
    session, _, outlet.sink = exchange.session(outlet)
    outlet.take()
    since = {"epoch": exchange.hub.epoch if epoch is None else epoch, "seq": seqs}
    request = {"action": "subscribe", "symbols": ["A", "B"], "since": since}
    session.receive(json.dumps(request | more))
    return session, outlet


def read_all(exchange: FakeExchange, outlet: MarkedOutlet) -> list[dict[str, Any]]:
    """Everything that a client is sent while it reads."""
    messages = []
    while outlet.messages:
        messages.append(outlet.read())
        if not outlet.messages:
            exchange.settle()
    return messages


def traded(exchange: FakeExchange, count: int) -> None:
    """So many trades of A, each at the price of its ``seq``."""
    quote = exchange.book.quote("A")
    begin = 1 if quote is None else quote.seq + 1
    seqs = range(begin, begin + count)
    exchange.trades([("A", float(seq), 1.0, NOON_MS + seq) for seq in seqs])
    exchange.settle()


def short(messages: list[dict[str, Any]]) -> list[int]:
    """The ``seq`` of each short form."""
    return [m["seq"] for m in messages if m["type"] == "price_update" and "snapshot" not in m]


def test_missed_updates_come_between_the_acknowledgement_and_the_status() -> None:
    """And a snapshot of what cannot be recovered, all in the order of the request."""
    exchange = FakeExchange()
    exchange.client("A", "B")
    exchange.trades([("A", 1, 1, NOON_MS), ("B", 2, 1, NOON_MS), ("A", 3, 1, NOON_MS)])
    exchange.trade("A", 4)
    _, outlet = resume(exchange, {"A": 1, "B": 7})
    messages = outlet.take()
    assert [m["type"] for m in messages] == ["subscription", *["price_update"] * 3, "status"]
    assert messages[0]["recovered"] == {"A": True, "B": False}
    assert prices(messages) == [("A", 2, 3), ("A", 3, 4), ("B", 1, 2)]
    assert [m.get("snapshot", False) for m in messages[1:4]] == [False, False, True]
    assert messages[-1]["symbols"] == {"A": "live"}
    exchange.settle()
    assert prices(outlet.take()) == [], "what was pending came with the rest"
    exchange.trade("A", 5)
    exchange.settle()
    assert prices(outlet.take()) == [("A", 4, 5)]


def test_who_missed_nothing_is_sent_nothing_but_the_state() -> None:
    """The acknowledgement says that it is up to date."""
    exchange = FakeExchange()
    exchange.client("A")
    traded(exchange, 2)
    _, outlet = resume(exchange, {"A": 2})
    assert [m["type"] for m in outlet.take()] == ["subscription", "status"]


def test_updates_are_kept_while_nobody_is_connected() -> None:
    """As long as the symbol lingers."""
    exchange = FakeExchange()
    client = exchange.client("A")
    traded(exchange, 1)
    client.leave()
    exchange.trades([("A", 9.0, 1.0, NOON_MS + 9)])
    exchange.loop.advance(10)
    exchange.trades([("A", 8.0, 1.0, NOON_MS + 10)])
    _, outlet = resume(exchange, {"A": 1})
    assert prices(outlet.take()) == [("A", 2, 9), ("A", 3, 8)]


@pytest.mark.parametrize("seq", [-1, 0, 3, 10**12, -(2**63), 2**63 - 1])
def test_a_number_that_was_not_sent_is_not_recovered(seq: int) -> None:
    """It gets a snapshot."""
    exchange = FakeExchange()
    exchange.client("A")
    traded(exchange, 2)
    _, outlet = resume(exchange, {"A": seq})
    messages = outlet.take()
    assert messages[0]["recovered"] == {"A": False}
    assert prices(messages) == [("A", 2, 2)]


def test_another_epoch_an_interval_and_bars_are_not_recovered() -> None:
    """Nor what the connection has already, nor what it does not ask for."""
    exchange = FakeExchange()
    exchange.client("A")
    traded(exchange, 2)
    asked: tuple[dict[str, Any], ...] = (
        {"epoch": "another"},
        {"interval_ms": 50},
        {"channel": "bars", "timeframe": "1m"},
        {"symbols": ["B"]},
    )
    for more in asked:
        _, outlet = resume(exchange, {"A": 1, "é": 1, "zz": 1}, **more)
        assert outlet.take()[0]["recovered"] == {"A": False, "ZZ": False}, more
    session, outlet = resume(exchange, {"a": 1})
    assert outlet.take()[0]["recovered"] == {"A": True}
    since = {"epoch": exchange.hub.epoch, "seq": {"A": 1}}
    session.receive(json.dumps({"action": "subscribe", "symbols": ["A"], "since": since}))
    messages = outlet.take()
    assert messages[0]["recovered"] == {"A": False}
    assert prices(messages) == [("A", 2, 2)]


def test_more_than_one_write_waits_in_the_journal_until_the_client_has_read() -> None:
    """Never much more than the mark is unsent, and what comes meanwhile comes after it."""
    exchange = FakeExchange()
    exchange.client("A")
    traded(exchange, 5000)
    _, outlet = resume(exchange, {"A": 1})
    sent = [outlet.read()]
    assert sent[0]["recovered"] == {"A": True}
    price = 6000
    while outlet.messages:
        assert outlet.unsent_bytes <= HIGH_WATER_BYTES + CHUNK_BYTES
        sent.append(outlet.read())
        if len(sent) % 100 == 0 and price < 6040:
            price += 1
            exchange.trade("A", price, time_ms=NOON_MS + price)
        exchange.loop.advance(0.001)
    assert short(sent) == list(range(2, 5041))
    assert sent[-1]["type"] == "status"
    assert [m["type"] for m in sent].count("status") == 1
    exchange.trade("A", 7000, time_ms=NOON_MS + 7000)
    exchange.settle()
    assert prices(outlet.take()) == [("A", 5041, 7000)]


@pytest.mark.parametrize("missed", [400, 900])
def test_a_client_is_not_congested_by_what_it_had_missed(missed: int) -> None:
    """It is released only when it has read most of that: no flush can make its ``seq`` jump."""
    exchange = FakeExchange()
    exchange.client("A")
    traded(exchange, 1000)
    _, outlet = resume(exchange, {"A": 1000 - missed})
    read = [outlet.read() for _ in range(20)]
    for _ in range(10):
        traded(exchange, 60)
        read += [outlet.read() for _ in range(60)]
    read += read_all(exchange, outlet)
    assert short(read) == list(range(1001 - missed, 1601))


def test_a_client_that_is_released_before_it_has_read_all_gets_the_rest_in_order() -> None:
    """What is new goes behind what is unsent."""
    exchange = FakeExchange()
    exchange.client("A")
    traded(exchange, 1000)
    _, outlet = resume(exchange, {"A": 100})
    sent = [outlet.read()]
    assert outlet.sink is not None
    while outlet.sink.congested:
        sent.append(outlet.read())
        exchange.loop.advance(0.001)
    assert outlet.unsent_bytes
    traded(exchange, 20)
    assert outlet.unsent_bytes
    sent += read_all(exchange, outlet)
    assert short(sent) == list(range(101, 1021))


def test_a_client_that_cannot_follow_gets_the_newest_price_after_a_while() -> None:
    """``seq`` jumps, which a snapshot says; nobody is left with old prices."""
    exchange = FakeExchange()
    exchange.client("A")
    traded(exchange, 5000)
    _, outlet = resume(exchange, {"A": 1})
    for _ in range(int(CATCH_UP_S)):
        for _ in range(100):
            outlet.read()
        exchange.loop.advance(1)
        exchange.clients.tick()
    messages = read_all(exchange, outlet)
    assert prices(messages)[-1] == ("A", 5000, 5000)
    assert messages[-1]["snapshot"]
    assert len(prices(messages)) < 3000


def test_one_connection_is_sent_a_bounded_number_of_missed_updates() -> None:
    """However often it unsubscribes and comes back."""
    exchange = FakeExchange()
    exchange.client("A")
    for _ in range(10):
        traded(exchange, 2000)
    session, outlet = resume(exchange, {"A": 1})
    assert outlet.read()["recovered"] == {"A": True}
    read_all(exchange, outlet)
    session.receive(json.dumps({"action": "unsubscribe", "symbols": ["A"]}))
    since = {"epoch": exchange.hub.epoch, "seq": {"A": 20_000 - MOST_RESUMED + 1}}
    outlet.take()
    session.receive(json.dumps({"action": "subscribe", "symbols": ["A"], "since": since}))
    assert outlet.read()["recovered"] == {"A": False}


def test_a_held_client_may_change_its_mind() -> None:
    """Nothing of a symbol follows its unsubscription; a new snapshot replaces what was to come."""
    exchange = FakeExchange()
    exchange.client("A", "B")
    traded(exchange, 5000)
    session, outlet = resume(exchange, {"A": 1})
    session.receive(json.dumps({"action": "unsubscribe", "symbols": ["A"]}))
    messages = read_all(exchange, outlet)
    end = [m.get("status") for m in messages].index("unsubscribed")
    assert prices(messages[end:]) == []
    session, outlet = resume(exchange, {"A": 1})
    session.receive(json.dumps({"action": "subscribe", "symbols": ["A"]}))
    messages = read_all(exchange, outlet)
    assert prices(messages)[-1] == ("A", 5000, 5000)
    assert messages[-1]["type"] == "status"
    exchange.trade("A", 1, time_ms=NOON_MS + 5001)
    exchange.settle()
    assert prices(outlet.take()) == [("A", 5001, 1)]


def test_a_new_epoch_ends_what_was_to_come() -> None:
    """The client gets the newest price of the old one, and its last status is of the new one."""
    exchange = FakeExchange()
    exchange.client("A")
    traded(exchange, 5000)
    _, outlet = resume(exchange, {"A": 1})
    exchange.market.new_epoch()
    messages = read_all(exchange, outlet)
    assert messages[-1]["epoch"] == exchange.hub.epoch
    assert messages[-1]["symbols"] == {"A": "waiting", "B": "waiting"}
    assert len(prices(messages)) < 2000


def test_a_price_without_a_short_form_ends_what_can_be_recovered() -> None:
    """Who had it already may lack its figures, and gets them."""
    exchange = FakeExchange()
    exchange.client("A")
    traded(exchange, 3)
    exchange.market.past([Trade("A", 4.0, 1.0, NOON_MS + 4)])
    exchange.settle()
    traded(exchange, 1)
    _, outlet = resume(exchange, {"A": 3})
    assert outlet.take()[0]["recovered"] == {"A": False}
    _, outlet = resume(exchange, {"A": 4})
    messages = outlet.take()
    assert messages[0]["recovered"] == {"A": True}
    assert prices(messages) == [("A", 5, 5), ("A", 5, 5)]
    assert messages[2]["snapshot"]


def test_a_symbol_that_was_dropped_meanwhile_is_not_recovered() -> None:
    """Even if something else keeps it wanted, and its ``seq`` continues without a gap."""
    exchange = FakeExchange(linger_s=1)
    client = exchange.client("A")
    traded(exchange, 3)
    client.leave()
    exchange.loop.advance(2)
    exchange.demand.sweep()
    assert exchange.demand.hold("A")
    exchange.trade("A", 50.0)
    _, outlet = resume(exchange, {"A": 3})
    messages = outlet.take()
    assert messages[0]["recovered"] == {"A": False}
    assert prices(messages) == [("A", 4, 50)]
    assert messages[1]["snapshot"]


def test_without_since_the_acknowledgement_is_as_it_was() -> None:
    """Byte for byte."""
    exchange = FakeExchange()
    session, outlet, _ = exchange.session()
    outlet.take()
    session.receive('{"action":"subscribe","symbols":["A"],"since":null}')
    assert list(outlet.take()[0]) == ["type", "status", "symbols", "rejected", "subscriptions"]
