"""Order, ``seq`` and conflation, whatever happens in whatever order.

A state machine plays a market and several clients of the event format through everything that can
happen to them: trades in time and late, previous closes, new days, subscribing at any pace,
leaving, falling behind and catching up, new epochs, a feed that comes and goes, refused symbols.
Every client is read by an ``Observer`` that knows the protocol only, asserts its laws at each
message, and must know the whole truth when all is quiet.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from photon_app.hub.frames import Frames
from photon_app.market.book import Book, Outcome
from photon_app.model import FeedState, Seed, Trade
from tests.fakes.exchange import NOON_MS, FakeExchange, status
from tests.fakes.kept import kept
from tests.fakes.outlet import FakeOutlet

SYMBOLS = ("A", "B", "C", "D")
INTERVALS_MS = (0, 0, 50, 400, 2000)
DAY_MS = 86_400_000
WRITES_S = (0.0, 0.0, 0.0001, 0.002)
MOST_WRITES_S = 8 * max(WRITES_S)
"""How much later one client may be written to than the first one of a flush."""
symbol_sets = st.lists(st.sampled_from(SYMBOLS), min_size=1, max_size=4, unique=True)
choice = st.integers(0, 10)


class NotingBook(Book):
    """A book that tells which price every ``seq`` had."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.note: Callable[[str, int, float], None] = lambda *_: None

    def apply(self, batch: Iterable[Trade]) -> Outcome:
        outcome = super().apply(batch)
        for trade, _, seq in outcome.counted:
            if seq:
                self.note(trade.symbol, seq, trade.price)
        return outcome

    def seed(self, seed: Seed) -> Outcome:
        outcome, quote = super().seed(seed), self.quote(seed.symbol)
        if outcome.newest and quote is not None and seed.price is not None:
            self.note(seed.symbol, quote.seq, seed.price)
        return outcome


class Exchange(FakeExchange):
    """The exchange, and the price that each ``seq`` of each epoch had."""

    def __init__(self) -> None:
        super().__init__(defaults=("A",), linger_s=1, book_type=NotingBook)
        self.truth: dict[tuple[str, str, int], float] = {}
        assert isinstance(self.book, NotingBook)
        self.book.note = self._note

    def _note(self, symbol: str, seq: int, price: float) -> None:
        self.truth[self.hub.epoch, symbol, seq] = price


class StampingOutlet(FakeOutlet):
    """An outlet that notes when each message was written, which takes time."""

    def __init__(self, exchange: FakeExchange, *, ready: bool) -> None:
        super().__init__(ready=ready)
        self._exchange = exchange

    def write(self, frames: Frames) -> None:
        before = len(self.messages)
        super().write(frames)
        for message in self.messages[before:]:
            message["at_s"] = self._exchange.loop.time()
        self._exchange.loop.spend(self._exchange.write_s)


class Observer:
    """One client, as a program that has only read the protocol would write it."""

    def __init__(self, exchange: Exchange, *, ready: bool = True) -> None:
        self._exchange = exchange
        self.session, self.outlet, self.sink = exchange.session(
            StampingOutlet(exchange, ready=ready), messages_per_s=1e9
        )
        self._asked_s = 0.0
        self._answered: set[str] = set()
        self.interval_s: dict[str, float] = {}
        self.quotes: dict[str, dict[str, Any]] = {}
        self.states: dict[str, str] = {}
        self.sent_s: dict[str, float] = {}
        self.epoch = self.feed = ""
        self.behind = False
        self.read()
        assert self.epoch

    @property
    def subscribed(self) -> set[str]:
        return set(self.interval_s)

    def ask(self, **message: Any) -> list[dict[str, Any]]:
        """Say something; returns what was sent meanwhile, and reads it."""
        self.read()
        self._asked_s = message.get("interval_ms", 0) / 1000
        self.session.receive(json.dumps(message))
        sent = list(self.outlet.messages)
        self.read()
        return sent

    def read(self) -> None:
        """Take in everything that was sent since."""
        for message in self.outlet.take():
            getattr(self, "_" + message["type"])(message)

    def drain(self) -> None:
        """Keep up again."""
        self.sink.drain()
        self.read()
        self.behind = False

    def _connection(self, message: dict[str, Any]) -> None:
        assert not self.epoch, "first, and once"
        self.epoch, self.feed = message["epoch"], message["feed"]

    def _status(self, message: dict[str, Any]) -> None:
        if message["epoch"] != self.epoch:
            self.epoch = message["epoch"]
            self.quotes.clear()
            self.sent_s.clear()
        self.feed = message["feed"]
        for symbol, state in message["symbols"].items():
            if state == "rejected":
                self._drop(symbol)
            else:
                assert symbol in self.subscribed
                self.states[symbol] = state

    def _subscription(self, message: dict[str, Any]) -> None:
        for symbol in self.subscribed - set(message["subscriptions"]):
            self._drop(symbol)
        if message["status"] == "subscribed":
            self._answered.update(message["symbols"])
            for symbol in message["symbols"]:
                self.sent_s.pop(symbol, None)  # the snapshot to come is an answer
                self.interval_s[symbol] = self._asked_s
        assert self.subscribed == set(message["subscriptions"])

    def _heartbeat(self, message: dict[str, Any]) -> None:
        assert message["timestamp"]

    def _price_update(self, message: dict[str, Any]) -> None:
        symbol, seq, data = message["symbol"], message["seq"], message["data"]
        assert symbol in self.subscribed, "nothing of a symbol follows its unsubscription"
        assert data["price"] == self._exchange.truth[self.epoch, symbol, seq]
        known = self.quotes.get(symbol)
        if message.get("snapshot"):
            assert known is None or seq >= known["seq"]
            if known is not None and seq > known["seq"] and symbol not in self._answered:
                assert self.behind or self.interval_s[symbol], "every trade, while it keeps up"
            self._answered.discard(symbol)
            self.quotes[symbol] = {"seq": seq, **data}
            self.states[symbol] = data["state"]
        elif known is None:
            assert self.states[symbol] == "waiting", "else a snapshot came before"
            first = dict.fromkeys(("price", "open", "high", "low"), data["price"])
            rest = {"seq": seq, "day_volume": data["volume"], "prev_close": None}
            self.quotes[symbol] = first | rest
        else:
            assert seq == known["seq"] + 1, "a gap is covered by a snapshot"
            self._fold(known, data)
        self._keep_pace(symbol, message["at_s"])

    def _fold(self, known: dict[str, Any], data: dict[str, Any]) -> None:
        known["seq"] += 1
        known["price"] = data["price"]
        known["high"] = max(known["high"], data["price"])
        known["low"] = min(known["low"], data["price"])
        known["day_volume"] += data["volume"]

    def _keep_pace(self, symbol: str, at_s: float) -> None:
        """At most one price in an interval."""
        last_s = self.sent_s.get(symbol)
        if last_s is not None:
            assert at_s - last_s >= self.interval_s[symbol] - 0.001 - MOST_WRITES_S
        self.sent_s[symbol] = at_s

    def _drop(self, symbol: str) -> None:
        for known in (self.interval_s, self.quotes, self.states, self.sent_s):
            known.pop(symbol, None)

    def knows_the_truth(self) -> None:
        """Assert that nothing newer is known than what this client was sent."""
        exchange = self._exchange
        assert (self.epoch, self.feed) == (exchange.hub.epoch, exchange.hub.feed.state)
        for symbol in self.subscribed:
            assert self.states[symbol] == exchange.hub.state(symbol)
            quote, known = exchange.book.quote(symbol), self.quotes.get(symbol)
            assert (quote is None) == (known is None)
            if quote is None or known is None:
                continue
            for name in ("seq", "price", "open", "high", "low", "day_volume", "prev_close"):
                assert known[name] == getattr(quote, name), (symbol, name)


class AnyHistory(RuleBasedStateMachine):
    """Everything that can happen."""

    def __init__(self) -> None:
        super().__init__()
        self.exchange = Exchange()
        self.clients = [Observer(self.exchange)]
        self.time_ms = NOON_MS
        self.price = 10_000

    def _client(self, number: int) -> Observer:
        return self.clients[number % len(self.clients)]

    @precondition(lambda self: len(self.clients) < 6)
    @rule(ready=st.booleans())
    def connect(self, ready: bool) -> None:
        self.clients.append(Observer(self.exchange, ready=ready))

    @precondition(lambda self: len(self.clients) > 1)
    @rule(number=choice)
    def disconnect(self, number: int) -> None:
        self.clients.pop(number % len(self.clients)).session.end()

    @rule(number=choice, symbols=symbol_sets, interval_ms=st.sampled_from(INTERVALS_MS))
    def subscribe(self, number: int, symbols: list[str], interval_ms: int) -> None:
        sent = self._client(number).ask(
            action="subscribe", symbols=symbols, interval_ms=interval_ms
        )
        answered = [m["type"] for m in sent].index("subscription")
        told = [m["symbol"] for m in sent[answered:] if m["type"] == "price_update"]
        priced = [symbol for symbol in symbols if self.exchange.book.quote(symbol) is not None]
        assert told == priced, "acknowledgement, then a snapshot of each price, in order"

    @rule(number=choice, symbols=symbol_sets)
    def unsubscribe(self, number: int, symbols: list[str]) -> None:
        self._client(number).ask(action="unsubscribe", symbols=symbols)

    @rule(number=choice)
    def unsubscribe_all(self, number: int) -> None:
        self._client(number).ask(action="unsubscribe_all")

    @rule(symbols=st.lists(st.sampled_from(SYMBOLS), min_size=1, max_size=6))
    def trade(self, symbols: list[str]) -> None:
        batch = []
        for symbol in symbols:
            self.time_ms += 1
            self.price += 7 if self.time_ms % 3 else -11
            batch.append((symbol, float(self.price), 10.0, self.time_ms))
        self.exchange.trades(batch)

    @rule(symbol=st.sampled_from(SYMBOLS), back_ms=st.integers(1, 5000))
    def late_trade(self, symbol: str, back_ms: int) -> None:
        self.exchange.trades([(symbol, float(self.price + 500), 3.0, self.time_ms - back_ms)])

    @rule(symbol=st.sampled_from(SYMBOLS), times=st.integers(1, 2))
    def far_trade(self, symbol: str, times: int) -> None:
        self.time_ms += 1
        far = self.price * 1.5
        self.exchange.trades([(symbol, far + i, 5.0, self.time_ms) for i in range(times)])

    @rule()
    def next_day(self) -> None:
        self.time_ms += DAY_MS

    @rule(symbol=st.sampled_from(SYMBOLS), prev_close=st.integers(50, 150))
    def seed(self, symbol: str, prev_close: int) -> None:
        self.exchange.market.seed(Seed(symbol=symbol, prev_close=float(prev_close)))

    @rule(symbol=st.sampled_from(SYMBOLS), move=st.integers(-20, 20))
    def poll(self, symbol: str, move: int) -> None:
        self.time_ms += 1000
        price, low = float(self.price + move), float(self.price - 30)
        self.exchange.market.seed(
            Seed(
                symbol=symbol,
                prev_close=float(self.price),
                low=low,
                price=price,
                time_ms=self.time_ms // 1000 * 1000,
            )
        )

    @rule(symbols=st.sets(st.sampled_from(SYMBOLS)))
    def change_what_is_polled(self, symbols: set[str]) -> None:
        self.exchange.market.polling(frozenset(symbols))

    @rule(number=choice)
    def fall_behind(self, number: int) -> None:
        client = self._client(number)
        client.behind = True
        client.sink.congest()

    @rule(number=choice)
    def drain(self, number: int) -> None:
        self._client(number).drain()

    @rule(ms=st.sampled_from((1, 5, 20, 100, 1000, 3000)))
    def wait(self, ms: int) -> None:
        self.exchange.loop.advance(ms / 1000)
        self.exchange.hub.heartbeat(NOON_MS)

    @rule(write_s=st.sampled_from(WRITES_S))
    def writes_take(self, write_s: float) -> None:
        self.exchange.write_s = write_s

    @rule()
    def let_go(self) -> None:
        self.exchange.demand.sweep()

    @rule()
    def new_epoch(self) -> None:
        self.exchange.market.new_epoch()

    @rule(state=st.sampled_from(("live", "reconnecting", "simulated")))
    def feed(self, state: FeedState) -> None:
        self.exchange.market.status(status(state))

    @rule(symbol=st.sampled_from(SYMBOLS))
    def reject(self, symbol: str) -> None:
        self.exchange.market.rejected(symbol, "no such symbol")

    @rule()
    def be_quiet(self) -> None:
        for client in self.clients:
            client.drain()
        self.exchange.loop.advance(2 * max(INTERVALS_MS) / 1000 + 0.1)
        for client in self.clients:
            client.read()
            client.knows_the_truth()

    @invariant()
    def every_client_reads_only_what_the_protocol_allows(self) -> None:
        for client in self.clients:
            client.read()

    @invariant()
    def what_a_congested_client_missed_is_among_its_subscriptions(self) -> None:
        for client in self.exchange.clients.of(self.exchange.hub):
            missed = client.sink.missed
            assert missed is None or missed.symbols <= client.order.keys()
            assert missed is None or len(missed.rejected) <= len(SYMBOLS)

    def teardown(self) -> None:
        self.be_quiet()
        for client in self.clients:
            client.session.end()
        self.exchange.loop.advance(10)
        self.exchange.demand.sweep()
        hub = self.exchange.hub
        assert not hub.clients
        assert not hub.subscribed
        assert not kept(hub, apart_from=(self.exchange.clients, self.exchange.flusher))
        assert self.exchange.demand.wanted == {"A"}


def play(machine: type[RuleBasedStateMachine], *, examples: int, steps: int) -> None:
    """Run a state machine."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            report_multiple_bugs=False,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )


@pytest.mark.usefixtures("small_groups")
def test_every_client_reads_a_lawful_history_and_ends_with_the_truth() -> None:
    """Whatever happens, in whatever order."""
    play(AnyHistory, examples=120, steps=60)
