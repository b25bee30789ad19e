"""Whatever the form, a client gets the same prices in the same order."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photon_app.gateway.session import Session
from photon_app.hub.form import EVENTS, Form
from photon_app.hub.frames import MOST_BATCH_BYTES, Frames
from photon_app.hub.sink import Sink
from photon_app.model import FeedState, Seed
from tests.fakes.exchange import NOON_MS, FakeClient, FakeExchange, status
from tests.fakes.outlet import FakeOutlet, flat, prices
from tests.hub.test_order import AnyHistory, Exchange, Observer, StampingOutlet, play

SYMBOLS = ("A", "B", "C")
symbols = st.lists(st.sampled_from(SYMBOLS), min_size=1, max_size=3, unique=True)
step = st.one_of(
    st.tuples(st.just("trades"), st.lists(st.sampled_from(SYMBOLS), min_size=1, max_size=8)),
    st.tuples(st.just("trades"), st.lists(st.sampled_from(SYMBOLS), min_size=1, max_size=8)),
    st.tuples(st.just("late"), st.sampled_from(SYMBOLS)),
    st.tuples(st.just("seed"), st.sampled_from(SYMBOLS)),
    st.tuples(st.just("subscribe"), st.tuples(symbols, st.sampled_from((0, 0, 0.05, 0.4)))),
    st.tuples(st.just("unsubscribe"), symbols),
    st.tuples(st.just("congest"), st.none()),
    st.tuples(st.just("drain"), st.none()),
    st.tuples(st.just("status"), st.sampled_from(("live", "reconnecting", "simulated"))),
    st.tuples(st.just("new_epoch"), st.none()),
    st.tuples(st.just("wait"), st.sampled_from((0.001, 0.02, 1.0))),
)


class Twins:
    """Clients of every form that want the same at the same times."""

    def __init__(self, *, ready: bool) -> None:
        self.exchange = FakeExchange()
        deflater = self.exchange.hub.deflater
        forms = [EVENTS, Form(batch=True)]
        if ready:  # only frames can be compressed
            forms += [Form(deflater=deflater), Form(batch=True, deflater=deflater)]
        self.clients = [self.exchange.client(form=form, ready=ready) for form in forms]
        self.time_ms, self.price = NOON_MS, 100

    def play(self, name: str, with_: Any) -> None:
        """One step."""
        getattr(self, "_" + name)(with_)

    def _trades(self, symbols: list[str]) -> None:
        batch = []
        for symbol in symbols:
            self.time_ms, self.price = self.time_ms + 1, self.price + 1
            batch.append((symbol, float(self.price), 10.0, self.time_ms))
        self.exchange.trades(batch)

    def _late(self, symbol: str) -> None:
        self.exchange.trade(symbol, 1, time_ms=NOON_MS - 1000)

    def _seed(self, symbol: str) -> None:
        self.price += 1
        self.exchange.market.seed(Seed(symbol=symbol, prev_close=float(self.price)))

    def _subscribe(self, want: tuple[list[str], float]) -> None:
        for client in self.clients:
            client.subscribe(*want[0], interval_s=want[1])

    def _unsubscribe(self, symbols: list[str]) -> None:
        for client in self.clients:
            self.exchange.hub.unsubscribe(client.registered, symbols)

    def _congest(self, _: None) -> None:
        for client in self.clients:
            client.sink.congest()

    def _drain(self, _: None) -> None:
        for client in self.clients:
            client.sink.drain()

    def _status(self, state: FeedState) -> None:
        self.exchange.market.status(status(state))

    def _new_epoch(self, _: None) -> None:
        self.exchange.market.new_epoch()

    def _wait(self, seconds: float) -> None:
        self.exchange.loop.advance(seconds)


@settings(max_examples=150, deadline=None)
@given(st.lists(step, max_size=40), st.booleans())
def test_every_form_has_the_same_content(steps: list[tuple[str, Any]], ready: bool) -> None:
    """For any run: a batch is those messages in one."""
    twins = Twins(ready=ready)
    for name, with_ in steps:
        twins.play(name, with_)
    for client in twins.clients:
        client.sink.drain()
    twins.exchange.loop.advance(1)
    events, *others = [client.outlet.take() for client in twins.clients]
    assert all(message["type"] != "batch" for message in events)
    for client, messages in zip(twins.clients[1:], others, strict=True):
        assert flat(messages) == events
        if client.registered.form.batch:
            assert all(message["type"] != "price_update" for message in messages)


def _batch_client(exchange: FakeExchange, *symbols: str, **more: Any) -> FakeClient:
    return exchange.client(*symbols, form=Form(batch=True), **more)


@pytest.mark.parametrize("ready", [True, False])
def test_the_prices_of_a_flush_arrive_in_one_message(ready: bool) -> None:
    """One alone too, and in the order of the tape."""
    exchange = FakeExchange()
    client = _batch_client(exchange, "A", "B", ready=ready)
    exchange.loop.advance(1)
    exchange.trade("A", 1)
    exchange.trades([("B", 2, 1, NOON_MS), ("A", 3, 1, NOON_MS)])
    exchange.settle()
    first, second = [m for m in client.outlet.take() if m["type"] == "batch"]
    assert [(u["symbol"], u["seq"]) for u in first["updates"]] == [("A", 1)]
    assert [(u["symbol"], u["seq"]) for u in second["updates"]] == [("B", 1), ("A", 2)]


@pytest.mark.parametrize("beside", [True, False])
def test_batches_leave_at_most_once_in_the_longest_interval(beside: bool) -> None:
    """And a lone price at once, whether or not clients of the event format get it sooner."""
    exchange = FakeExchange()
    client = _batch_client(exchange, "A")
    other = exchange.client("A") if beside else None
    exchange.loop.advance(1)
    sizes, seen = [], 0
    for place in range(100):  # a price each millisecond
        exchange.trade("A", place + 1, time_ms=NOON_MS + place)
        sizes += [len(m["updates"]) for m in client.outlet.take() if m["type"] == "batch"]
        if other is not None:
            seen += len(other.outlet.take())
        exchange.loop.advance(0.001)
    assert sizes[0] == 1
    assert set(sizes[1:]) <= {19, 20, 21}
    assert seen in ((0,) if other is None else range(95, 102))
    exchange.settle()
    assert sum(sizes) + sum(len(m["updates"]) for m in client.outlet.take()) == 100


def test_a_paced_price_comes_after_the_updates_before_it() -> None:
    """A batch that waits leaves first; other clients' batches wait on."""
    exchange = FakeExchange()
    client, other = _batch_client(exchange, "A"), _batch_client(exchange, "A")
    exchange.client("A")
    client.subscribe("B", interval_s=0.05)
    exchange.trades([("A", 1, 1, NOON_MS), ("B", 1, 1, NOON_MS)])
    exchange.loop.advance(1)
    exchange.trade("A", 2, time_ms=NOON_MS + 1)
    exchange.loop.advance(0.001)
    client.outlet.take(), other.outlet.take()
    exchange.trades([("A", 3, 1, NOON_MS + 2), ("B", 4, 1, NOON_MS + 2)])
    exchange.loop.advance(0.002)
    assert prices(flat(client.outlet.take())) == [("A", 3, 3), ("B", 2, 4)]
    assert not other.outlet.take()
    exchange.settle()
    assert prices(flat(other.outlet.take())) == [("A", 3, 3)]


def test_what_follows_prices_comes_after_their_batch() -> None:
    """A state, an answer, and the end."""
    exchange = FakeExchange()
    client = _batch_client(exchange, "A")
    exchange.trade("A", 1)
    events: list[Callable[[], object]] = [
        lambda: exchange.market.status(status("reconnecting")),
        exchange.market.new_epoch,
        lambda: client.subscribe("B"),
    ]
    for happens in events:
        exchange.trade("A", 2)
        exchange.trade("A", 3)
        happens()
        types = [message["type"] for message in client.outlet.take()]
        assert types.index("batch") == 0
        exchange.settle()
        client.outlet.take()


def test_snapshots_come_in_batches_too() -> None:
    """Those of a subscription, those of what was missed, and those of paced clients."""
    exchange = FakeExchange()
    exchange.client("A", "B")
    exchange.trades([("A", 1, 1, NOON_MS), ("B", 2, 1, NOON_MS)])
    exchange.settle()
    client, paced = _batch_client(exchange), _batch_client(exchange)
    client.subscribe("A", "B")
    paced.subscribe("A", "B", interval_s=0.05)
    client.sink.congest()
    exchange.trades([("A", 3, 1, NOON_MS), ("B", 4, 1, NOON_MS)])
    exchange.loop.advance(1)
    client.sink.drain()
    for one, told in ((client, [1, 1, 2, 2]), (paced, [1, 1, 2, 2])):
        batches = [m["updates"] for m in one.outlet.take() if m["type"] == "batch"]
        assert [len(updates) for updates in batches] == [2, 2]
        assert [u["seq"] for updates in batches for u in updates] == told


def test_clients_of_equal_symbols_and_equal_form_share_their_bytes() -> None:
    """And no others do."""
    exchange = FakeExchange()
    deflated = Form(batch=True, deflater=exchange.hub.deflater)
    forms = [EVENTS, EVENTS, Form(batch=True), Form(batch=True), deflated, deflated]
    groups = [exchange.client("A", form=form).registered.group for form in forms]
    assert groups[0] is groups[1]
    assert groups[2] is groups[3]
    assert groups[4] is groups[5]
    assert len({id(group) for group in groups}) == 3


def test_a_group_costs_one_compression_a_flush() -> None:
    """However many clients it has."""
    exchange = FakeExchange()
    form = Form(batch=True, deflater=exchange.hub.deflater)
    clients = [exchange.client("A", form=form) for _ in range(5)]
    exchange.loop.advance(1)
    before = exchange.hub.deflater.compressed
    exchange.trades([("A", price, 1, NOON_MS) for price in range(1, 30)])
    exchange.settle()
    assert exchange.hub.deflater.compressed == before + 1
    assert all(client.outlet.deflated == 1 for client in clients)


@given(st.lists(st.sampled_from((1, 100, 1000, 70_000, MOST_BATCH_BYTES)), max_size=40))
def test_a_batch_is_cut_before_it_is_too_long(sizes: list[int]) -> None:
    """Only an update that is too long by itself may exceed the bound; no update is lost."""
    texts = [b"0" * size for size in sizes]
    heads = len(b'{"type":"batch","updates":[]}')
    batches = [text.encode() for text in Frames.of(*texts).batched.texts]
    assert [u for b in batches for u in b[27:-2].split(b",")] == texts
    for batch in batches:
        assert b"," not in batch[27:-2] or len(batch) <= MOST_BATCH_BYTES + heads
    assert bool(batches) == bool(texts)


class FlatOutlet(StampingOutlet):
    """An outlet that takes batches apart, and knows what may be in one."""

    def write(self, frames: Frames) -> None:
        """Keep the updates of a batch as if each had come alone."""
        earlier, self.messages = self.messages, []
        super().write(frames)
        for message in self.messages:
            assert message["type"] != "price_update", "only in batches"
            if message["type"] == "batch":
                assert message.keys() == {"type", "updates", "at_s"}
                assert message["updates"]
                for update in message["updates"]:
                    assert update["type"] == "price_update"
                    update["at_s"] = message["at_s"]
        self.messages = earlier + flat(self.messages)


class BatchExchange(Exchange):
    """An exchange whose clients use the batch format, and compression where they can."""

    def session(
        self, outlet: FakeOutlet | None = None, form: Form = EVENTS, /, **limits: float
    ) -> tuple[Session, FakeOutlet, Sink]:
        """A session of the batch format."""
        ready = outlet is None or outlet.put is not None
        deflater = self.hub.deflater if ready and self.hub.clients % 2 else None
        form = Form(batch=True, deflater=deflater)
        return super().session(FlatOutlet(self, ready=ready), form, **limits)


class AnyBatchHistory(AnyHistory):
    """Everything that can happen, to clients of the batch format."""

    def __init__(self) -> None:
        super().__init__()
        self.exchange = BatchExchange()
        self.clients = [Observer(self.exchange)]


@pytest.mark.usefixtures("small_groups")
def test_every_batch_client_reads_a_lawful_history_and_ends_with_the_truth() -> None:
    """The same laws as for the event format."""
    play(AnyBatchHistory, examples=120, steps=60)
