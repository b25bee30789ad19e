"""Prints: every trade of a subscribed symbol, once and in order, as Finnhub would send it."""

import asyncio
import json
from collections import Counter, defaultdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from photon_app.feed import finnhub_wire
from photon_app.hub import finnhub_messages as messages
from photon_app.hub.channels import print_clients
from photon_app.hub.channels.print_clients import REPEATS, PrintsClient, Recent
from photon_app.hub.channels.prints import FRAME_TRADES, PING_TICKS, PrintsChannel
from photon_app.hub.clients import Clients
from photon_app.hub.flusher import Flusher
from photon_app.hub.frames import Frames
from photon_app.hub.sink import Sink
from photon_app.model import Trade
from tests.fakes.exchange import status
from tests.fakes.kept import kept
from tests.fakes.loop import FakeLoop
from tests.fakes.outlet import FakeOutlet

NOON_MS = 1_795_194_000_000


class Texts(FakeOutlet):
    """Keeps the texts besides what they mean."""

    def __init__(self, *, ready: bool = True) -> None:
        super().__init__(ready=ready)
        self.texts: list[str] = []

    def write(self, frames: Frames) -> None:
        """Keep the texts."""
        if self.closed() is None:
            self.texts += frames.texts
        super().write(frames)


class Client:
    """One client and what it got."""

    def __init__(self, world: "World", *, conditions: bool = True, ready: bool = True) -> None:
        self.world = world
        self.outlet = Texts(ready=ready)
        self.sink = Sink(self.outlet, world.loop)
        self.member: PrintsClient = world.prints.join(
            self.sink, conditions=conditions, address=str(id(self))
        )

    @property
    def released(self) -> Counter[str]:
        """What it held and holds no more."""
        return self.world.released[self.member.address]

    def subscribe(self, *symbols: str) -> "Client":
        """Follow more."""
        for symbol in symbols:
            assert self.world.prints.hold(self.member, symbol)
            self.world.prints.subscribe(self.member, symbol)
        return self

    @property
    def trades(self) -> list[Trade]:
        """All trades, read as Photon reads Finnhub."""
        read: list[Trade] = []
        for text in self.outlet.texts:
            event = finnhub_wire.decode(text)
            if isinstance(event, finnhub_wire.Trades):
                assert event.skipped == 0
                read += event.batch
        return read

    @property
    def prices(self) -> list[float]:
        """The prices of all trades."""
        return [trade.price for trade in self.trades]


class World:
    """A prints channel on a fake loop."""

    def __init__(self, slow_s: float = 10, flush_s: float = 0.02) -> None:
        self.loop = FakeLoop()
        self.clients = Clients(self, slow_s)
        self.prints = PrintsChannel(self.clients, flusher=Flusher(self.loop, flush_s))
        self.released: defaultdict[str | None, Counter[str]] = defaultdict(Counter)
        self._price = 0

    def hold(self, symbol: str, address: str | None = None) -> bool:
        """There is always room."""
        return bool(symbol and address)

    def release(self, symbol: str, address: str | None = None) -> None:
        """Note it."""
        self.released[address][symbol] += 1

    def spelled(self, text: str) -> None:
        """Nothing."""

    def client(self, *symbols: str, **options: Any) -> Client:
        """One more client."""
        return Client(self, **options).subscribe(*symbols)

    def trade(self, *symbols: str) -> list[Trade]:
        """One frame of trades, each at a price of its own."""
        batch = []
        for symbol in symbols:
            self._price += 1
            batch.append(trade(symbol, self._price))
        self.prints.trades(batch)
        return batch

    def pass_seconds(self, seconds: int) -> None:
        """Let time pass; the table of clients ticks each second, as in a process."""
        for _ in range(seconds):
            self.loop.advance(1)
            self.clients.tick()

    def settle(self) -> None:
        """Let every pending flush happen."""
        self.loop.advance(0.02)


def trade(symbol: str, price: float = 7, volume: float = 100, *conditions: str) -> Trade:
    return Trade(symbol, price, volume, NOON_MS, conditions)


names = st.sampled_from("ABCD")
clients = st.integers(0, 2)


class PrintsHistory(RuleBasedStateMachine):
    """Whatever clients subscribe to, and whichever falls behind: each gets each of its trades once
    and in order, no frame looks like a repeated one, and every hold is released once.
    """

    def __init__(self) -> None:
        super().__init__()
        self.world = World(slow_s=1e9)
        self.clients = [
            self.world.client(),
            self.world.client(conditions=False),
            self.world.client(ready=False),
        ]
        self.expected: list[list[Trade]] = [[], [], []]
        self.held: list[Counter[str]] = [Counter(), Counter(), Counter()]

    @rule(batch=st.lists(st.tuples(names, st.integers(1, 2)), max_size=4))
    def upstream_says(self, batch: list[tuple[str, int]]) -> None:
        trades = [trade(symbol, price) for symbol, price in batch]
        self.world.prints.trades(trades)
        for client, wanted in zip(self.clients, self.expected, strict=True):
            wanted += [t for t in trades if t.symbol in client.member.symbols]

    @rule(n=clients, symbol=names)
    def subscribe_or_unsubscribe(self, n: int, symbol: str) -> None:
        client = self.clients[n]
        if symbol in client.member.symbols:
            self.world.prints.unsubscribe(client.member, symbol)
        else:
            self.held[n][symbol] += 1
            client.subscribe(symbol)

    @rule(n=clients)
    def stop_reading(self, n: int) -> None:
        self.clients[n].sink.congest()

    @rule(n=clients)
    def read_again(self, n: int) -> None:
        self.clients[n].sink.drain()

    @rule(symbol=names)
    def reject(self, symbol: str) -> None:
        self.world.prints.reject(symbol)

    @rule(ms=st.integers(0, 30))
    def wait(self, ms: int) -> None:
        self.world.loop.advance(ms / 1000)

    def teardown(self) -> None:
        self.world.settle()
        for client, wanted, holds in zip(self.clients, self.expected, self.held, strict=True):
            client.sink.drain()
            bare = [Trade(t.symbol, t.price, t.volume, t.time_ms) for t in client.trades]
            assert bare == wanted
            got = [text for text in client.outlet.texts if '"trade"' in text]
            for at, text in enumerate(got):
                assert text not in got[max(0, at - REPEATS) : at]
            self.world.prints.leave(client.member)
            self.world.prints.leave(client.member)
            assert client.released == holds
        assert self.world.prints.symbols == frozenset()


TestPrintsHistory = PrintsHistory.TestCase


@given(
    st.floats(1e-9, 1e12),
    st.one_of(st.integers(0, 2**62), st.floats(0, 1e15)),
    st.lists(st.text(st.characters(codec="utf-8"), max_size=4), max_size=4).map(tuple),
)
def test_what_is_written_is_read_back(
    price: float, volume: float, conditions: tuple[str, ...]
) -> None:
    """By the decoder of Finnhub's frames, bit for bit."""
    first = Trade("BINANCE:BTCUSDT", price, volume, NOON_MS, conditions)
    event = finnhub_wire.decode(messages.trades([messages.encode_print(first)]))
    assert event == finnhub_wire.Trades(batch=(first,))


def test_trades_are_written_as_finnhub_writes_them() -> None:
    """Whole volumes without a point, none as 0, no conditions as null; ``c`` left out on demand."""
    whole = trade("TSLA", 122.1, 1.0, "1", "8")
    assert messages.trades([messages.encode_print(whole)]) == (
        b'{"data":[{"c":["1","8"],"p":122.1,"s":"TSLA","t":1795194000000,"v":1}],"type":"trade"}'
    )
    crypto = trade("BINANCE:BTCUSDT", 42_000.5, 0.013)
    assert messages.encode_print(crypto) == (
        b'{"c":null,"p":42000.5,"s":"BINANCE:BTCUSDT","t":1795194000000,"v":0.013}'
    )
    assert messages.encode_print(trade("A", 2.5, 0, "1"), conditions=False) == (
        b'{"p":2.5,"s":"A","t":1795194000000,"v":0}'
    )


def test_late_equal_and_empty_trades_are_trades() -> None:
    """The channel does not judge: what upstream sent is repeated."""
    world = World()
    client = world.client("A")
    batch = [trade("A", 7), trade("A", 7), Trade("A", 6, 0, NOON_MS - 60_000, ("8",))]
    world.prints.trades(batch)
    assert client.trades == batch


def test_a_lone_trade_leaves_at_once_and_more_wait_for_the_flush() -> None:
    """In one message then."""
    world = World(flush_s=0.02)
    client = world.client("A", "B")
    world.trade("A")
    assert client.prices == [1]
    world.trade("A")
    world.trade("B", "A")
    assert client.prices == [1]
    world.settle()
    assert client.prices == [1, 2, 3, 4]
    assert len(client.outlet.texts) == 2


def test_many_trades_leave_early_and_in_messages_that_every_client_takes() -> None:
    """Of 500 trades at most."""
    world = World()
    client = world.client("A")
    world.trade("A")
    batch = world.trade(*["A"] * (2 * FRAME_TRADES + 100))
    assert len(client.trades) == 1 + len(batch)
    assert [len(m["data"]) for m in client.outlet.messages] == [1, 500, 500, 100]


def test_equal_frames_of_different_trades_differ_as_bytes_and_not_as_json() -> None:
    """A reader drops a frame that repeats one of its last eight; here none does."""
    world = World()
    client = world.client("A")
    for _ in range(40):
        world.prints.trades([trade("A")])
        world.settle()
    texts = client.outlet.texts
    assert len(texts) == 40
    assert all(len(set(texts[at : at + REPEATS + 1])) == REPEATS + 1 for at in range(32))
    assert {json.dumps(json.loads(text)) for text in texts} == {json.dumps(json.loads(texts[0]))}


def test_a_change_of_subscriptions_does_not_make_frames_look_repeated() -> None:
    """What a client had in one group counts in the next."""
    world = World()
    other, mover = world.client("A", "B"), world.client("A")
    world.prints.trades([trade("A")])
    mover.subscribe("B")
    world.settle()
    world.prints.trades([trade("A")])
    world.prints.unsubscribe(mover.member, "A")
    world.prints.unsubscribe(mover.member, "B")
    mover.subscribe("A")
    world.settle()
    world.prints.trades([trade("A")])
    assert len(set(mover.outlet.texts)) == 3
    assert len(set(other.outlet.texts)) == 3


def test_what_is_remembered_of_frames_is_bounded() -> None:
    """However many there were."""
    recent = Recent()
    for n in range(1000):
        recent.distinct(b"%d" % n)
    assert len(recent.remaining()) == REPEATS
    assert kept(recent) <= 2 * REPEATS


def test_equal_subscriptions_share_their_bytes() -> None:
    """One object for both."""
    world = World()
    written: list[bytes] = []

    def put(joined: bytes) -> int:
        written.append(joined)
        return len(joined)

    for _ in range(2):
        client = world.client()
        client.sink.put = put
        client.subscribe("A")
    world.trade("A")
    assert written[0] is written[1]


def test_a_channel_without_subscriptions_costs_nothing_and_keeps_nothing() -> None:
    """Trades of symbols without subscribers are skipped."""
    world = World()
    world.trade("A")
    client = world.client("B")
    before = kept(world.prints)
    world.trade("A")
    assert kept(world.prints) == before
    world.settle()
    assert client.outlet.texts == []


def test_everyone_is_pinged_once_a_minute() -> None:
    """Each at its own time, first a minute after it joined, and no congested client."""
    world = World(slow_s=1e9)
    first = world.client()
    world.pass_seconds(30)
    second, behind = world.client(), world.client()
    behind.sink.congest()
    world.pass_seconds(29)
    assert first.outlet.messages == []
    world.pass_seconds(1)
    assert (first.outlet.messages, second.outlet.messages) == ([{"type": "ping"}], [])
    world.pass_seconds(3 * PING_TICKS)
    assert (len(first.outlet.messages), len(second.outlet.messages)) == (4, 3)
    assert behind.outlet.messages == []


def test_nobody_is_pinged_while_the_feed_is_down() -> None:
    """Else its clients would take an outage for a quiet market."""
    world = World()
    client = world.client()
    world.prints.set_feed(status("reconnecting"))
    world.pass_seconds(5 * PING_TICKS)
    assert client.outlet.messages == []
    world.prints.set_feed(status("live"))
    world.pass_seconds(PING_TICKS)
    assert client.outlet.messages == [{"type": "ping"}]


def test_a_client_that_falls_behind_misses_nothing() -> None:
    """And gets it, in order, before what comes after."""
    world = World()
    slow, fast = world.client("A"), world.client("A")
    world.trade("A")
    slow.sink.congest()
    for _ in range(5):
        world.trade("A", "A")
        world.settle()
    assert (slow.prices, len(fast.prices)) == ([1], 11)
    assert world.clients.congested == 1
    slow.sink.drain()
    world.trade("A")
    world.settle()
    assert slow.prices == fast.prices == list(range(1, 13))
    assert slow.outlet.closed() is None


def test_a_client_with_too_large_a_backlog_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gap must be seen: with 4008, and without a trade after the hole."""
    monkeypatch.setattr(print_clients, "BACKLOG_BYTES", 300)
    world = World()
    slow = world.client("A")
    slow.sink.congest()
    for _ in range(5):
        world.trade("A")
        world.settle()
    assert slow.outlet.closed() == (4008, "too slow: trades were lost, reconnect")
    assert slow.released == {"A": 1}
    assert slow.member.backlog == []
    slow.sink.drain()
    assert slow.prices == []
    assert world.clients.closed_as_slow == 1
    world.prints.leave(slow.member)
    assert slow.released == {"A": 1}


def test_a_client_that_stays_behind_is_closed() -> None:
    """After ``slow_s``, whether it has a backlog or not; one that keeps up stays."""
    world = World(slow_s=10)
    slow, idle, fast = world.client("A"), world.client(), world.client("A")
    slow.sink.congest()
    idle.sink.congest()
    world.loop.advance(9)
    world.clients.tick()
    assert slow.outlet.closed() is None
    world.loop.advance(2)
    world.clients.tick()
    assert [c.outlet.closed() is None for c in (slow, idle, fast)] == [False, False, True]
    world.loop.advance(20)
    world.clients.tick()
    assert world.clients.closed_as_slow == 2


def test_a_refused_symbol_is_reported_in_finnhubs_words_and_lost() -> None:
    """After the pending trades; no other client is notified."""
    world = World()
    client, other = world.client("A", "B"), world.client("B")
    world.trade("A")
    world.trade("A")
    world.prints.reject("A")
    world.trade("A", "B")
    world.settle()
    assert client.outlet.messages[2] == {"msg": "Invalid symbol A", "type": "error"}
    assert client.prices == [1, 2, 4]
    assert client.released == {"A": 1}
    assert [m["type"] for m in other.outlet.messages] == ["trade"]


def test_relief_waits_for_clients_that_are_behind() -> None:
    """Until it has drained, or is gone."""

    async def scenario() -> None:
        world = World()
        one, two = world.client("A"), world.client("A")
        world.client().sink.congest()  # no subscription: no trade can be lost
        one.sink.congest()
        two.sink.congest()
        waiting = asyncio.create_task(world.clients.drained())
        await asyncio.sleep(0)
        one.sink.drain()
        await asyncio.sleep(0)
        assert not waiting.done()
        world.prints.leave(two.member)
        await asyncio.wait_for(waiting, 1)

    asyncio.run(scenario())


def test_a_fault_with_one_client_is_nobody_elses(caplog: pytest.LogCaptureFixture) -> None:
    """It is closed, and the log says so."""
    world = World()
    bad, good = world.client("A"), world.client("A")

    def fail(_: bytes) -> int:
        raise RuntimeError("a fault")

    bad.sink.put = fail
    world.trade("A")
    assert good.prices == [1]
    assert bad.outlet.closed() == (1011, "a fault of this server: reconnect")
    assert "fault of ours" in caplog.text


def test_shutdown_writes_what_is_pending_closes_everyone_and_stops_the_timers() -> None:
    """And what was held is released."""
    world = World()
    client = world.client("A")
    world.trade("A")
    world.trade("A")
    world.clients.shutdown()
    assert client.prices == [1, 2]
    assert client.outlet.closed() == (1012, "the server is going")
    assert (len(world.prints), client.released) == (0, {"A": 1})
    assert world.loop.waiting == []
