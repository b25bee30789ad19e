"""A flush writes to as many clients as it has time for, and begins with those it left."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photon_app.hub import registry
from photon_app.hub.channels import every, outboxes
from photon_app.hub.flusher import SHARE
from photon_app.hub.hub import BEATS
from photon_app.hub.registry import Group
from photon_app.hub.sink import Sink
from tests.fakes.exchange import NOON_MS, FakeExchange, status
from tests.fakes.outlet import FakeOutlet, prices

FLUSH_S = 0.02
WRITE_S = 0.001

pytestmark = pytest.mark.usefixtures("small_groups")


class Crowd:
    """Clients, to each of which a write takes time."""

    def __init__(self, count: int, *symbols: str, write_s: float = WRITE_S) -> None:
        self.exchange = FakeExchange(defaults=("A", "B"))
        self.written: list[tuple[float, int, int]] = []
        """Of each write: when it was made, to which client, and how many prices it had."""
        self.outlets: list[FakeOutlet] = []
        self.sinks: list[Sink] = []
        self.sessions: list[Any] = []
        self.seq = 0
        self.printed_s = 0.0
        for _ in range(count):
            self.join(*symbols)
        self.exchange.write_s = write_s
        for _ in range(30):  # until the cost is known
            self.exchange.loop.advance(1)
            self.trade()
        self.exchange.loop.advance(1)
        self.take()

    def join(self, *symbols: str) -> int:
        """One more client; returns its number."""
        crowd, number = self, len(self.outlets)

        class Outlet(FakeOutlet):
            def write(self, frames: Any) -> None:
                before = len(prices(self.messages))
                super().write(frames)
                count = len(prices(self.messages)) - before
                crowd.written.append((crowd.exchange.loop.time(), number, count))
                crowd.exchange.loop.spend(crowd.exchange.write_s)

        session, outlet, sink = self.exchange.session(Outlet(), messages_per_s=1e9)
        self.sessions.append(session)
        self.outlets.append(outlet)
        self.sinks.append(sink)
        self.ask(number, *symbols)
        return number

    def ask(self, number: int, *symbols: str, action: str = "subscribe") -> None:
        """A client asks for symbols."""
        self.sessions[number].receive(json.dumps({"action": action, "symbols": symbols}))

    def trade(self, symbol: str = "A") -> None:
        """A print."""
        self.seq += 1
        self.printed_s = self.exchange.loop.time()
        self.exchange.trade(symbol, 100.0 + self.seq, time_ms=NOON_MS + self.seq)

    def next_print(self) -> None:
        """A print 10 ms after the last one, which nothing is written before."""
        self.wait(self.printed_s + 0.01 - self.exchange.loop.time())
        self.take()
        self.trade()

    def trade_for(self, seconds: float) -> None:
        """Prints that come much faster than writes end."""
        until_s = self.exchange.loop.time() + seconds
        while self.exchange.loop.time() < until_s:
            self.trade()
            self.wait(0.0003)

    @property
    def groups(self) -> set[Group | None]:
        """The groups of all clients."""
        return {client.group for client in self.exchange.clients.of(self.exchange.hub)}

    def take(self) -> list[int]:
        """The clients that were written to since the last call, in order."""
        taken, self.written = self.written, []
        for outlet in self.outlets:
            outlet.take()
        return [number for _, number, _ in taken]

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.exchange.loop.advance(seconds)


def test_a_lone_print_is_written_to_everybody_at_once() -> None:
    """However long that takes: nobody else has to be written to."""
    crowd = Crowd(6, "A")
    crowd.trade()
    assert sorted(crowd.take()) == list(range(6))


def test_whom_a_print_does_not_reach_is_first_at_the_next() -> None:
    """In a market with one print in about half of the time that a whole flush should have."""
    crowd = Crowd(6, "A")
    crowd.trade()
    left: list[int] = []
    for _ in range(20):
        crowd.next_print()
        reached = crowd.take()
        assert reached[: len(left)] == left
        left = [number for number in range(6) if number not in reached]
        assert len(left) in {2, 4}


def test_who_was_left_is_reached_at_the_next_print_though_writes_take_longer() -> None:
    """A half more: what that takes too much is taken from later prints."""
    crowd = Crowd(8, "A")
    crowd.trade()
    for _ in range(3):
        crowd.next_print()
        left = set(range(8)) - {number for _, number, _ in crowd.written}
    assert len(left) == 4
    crowd.wait(crowd.printed_s + 0.01 - crowd.exchange.loop.time())
    crowd.take()
    crowd.exchange.write_s *= 1.5
    crowd.trade()
    assert set(crowd.take()) == left


def test_the_rest_of_a_flush_does_not_count_as_one() -> None:
    """Else a flush would seem to cost little, and flushes would take more than their share."""
    crowd = Crowd(6, "A")
    for _ in range(20):
        crowd.wait(1)
        crowd.trade()
        crowd.next_print()
        assert 0 < len(crowd.take()) < 6
        crowd.wait(1)
        assert 0 < len(crowd.take()) < 6
    crowd.trade()
    flusher = crowd.exchange.flusher
    assert flusher.interval_s(flusher.now_s()) == pytest.approx(6 * WRITE_S / SHARE, rel=0.1)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 16])
def test_writes_take_their_share_while_prints_never_stop(count: int) -> None:
    """However many parts a flush has: with one, it is due once an interval."""
    write_s = 0.005 / count
    crowd = Crowd(count, "A", write_s=write_s)
    begun_s = crowd.exchange.loop.time()
    crowd.trade_for(2)
    passed_s = crowd.exchange.loop.time() - begun_s
    assert 0.9 * SHARE <= len(crowd.take()) * write_s / passed_s <= 1.2 * SHARE


def test_whom_a_print_does_not_reach_is_reached_without_another() -> None:
    """When a whole flush would have been due."""
    crowd = Crowd(6, "A")
    crowd.trade()
    crowd.next_print()
    reached = crowd.take()
    assert 0 < len(reached) < 6
    crowd.wait(FLUSH_S)
    assert sorted(reached + crowd.take()) == list(range(6))
    crowd.wait(10)
    assert not crowd.take()


def test_who_is_left_waits_no_longer_when_prints_end() -> None:
    """Than an interval since a flush left it first, though others have left it since."""
    crowd = Crowd(40, "A", write_s=0.0001)
    interval_s = 40 * 0.0001 / SHARE
    for prints in range(40, 60):
        printed: list[float] = []
        for _ in range(prints):
            printed.append(crowd.exchange.loop.time())
            crowd.trade()
            crowd.wait(0.0003)
        crowd.wait(1)
        for number in range(40):
            times = [
                at_s for at_s, one, count in crowd.written if one == number for _ in range(count)
            ]
            late = [at_s - at for at_s, at in zip(times, printed, strict=True)]
            assert max(late) <= 1.25 * interval_s + 0.002
        crowd.take()


@settings(deadline=None, max_examples=60)
@given(
    gaps=st.lists(st.sampled_from((0.0, 0.0003, 0.001, 0.004, 0.009, 0.05)), max_size=60),
    count=st.integers(1, 9),
    write_s=st.sampled_from((0.00001, 0.0002, 0.001, 0.003)),
    tape=st.lists(st.sampled_from("AB"), min_size=60, max_size=60),
)
def test_everybody_gets_every_print_in_order_and_in_time(
    gaps: list[float], count: int, write_s: float, tape: list[str]
) -> None:
    """However often prints come and however long writes take; and writes take their share."""
    crowd = Crowd(count, "A", "B", write_s=write_s)
    loop, whole_s = crowd.exchange.loop, count * write_s
    printed: list[tuple[str, float]] = []
    came: list[float] = []
    begun_s = loop.time()
    for symbol, gap in zip(tape, gaps, strict=False):
        came.append(loop.time())
        crowd.trade(symbol)
        printed.append((symbol, 100.0 + crowd.seq))
        crowd.wait(gap)
    spent_s, passed_s = len(crowd.written) * write_s, loop.time() - begun_s
    assert spent_s <= max(SHARE, whole_s / FLUSH_S) * passed_s * 1.1 + 2 * whole_s
    crowd.wait(1)
    for number, outlet in enumerate(crowd.outlets):
        told = prices(outlet.take())
        assert [(symbol, price) for symbol, _, price in told] == printed
        times = [at_s for at_s, one, count in crowd.written if one == number for _ in range(count)]
        late = [at_s - came_s for at_s, came_s in zip(times, came, strict=True)]
        assert max(late, default=0) <= max(FLUSH_S, whole_s) + 2 * whole_s + 0.001


def left_client(crowd: Crowd) -> int:
    """Print A, and let a client be left that has not got it."""
    crowd.trade()
    crowd.next_print()
    reached = [number for _, number, _ in crowd.written]
    return next(number for number in range(len(crowd.outlets)) if number not in reached)


@pytest.mark.parametrize("reads", ["later", "before the next flush"])
def test_who_is_left_and_stops_reading_gets_the_newest_price(reads: str) -> None:
    """Of the symbol that moved before it was left, though another one moved after that."""
    crowd = Crowd(6, "A", "B")
    number = left_client(crowd)
    crowd.sinks[number].congest()
    newest = crowd.seq
    if reads == "later":
        crowd.wait(0.01)
        crowd.trade("B")
        crowd.wait(1)
    crowd.sinks[number].drain()
    crowd.wait(1)
    told = prices(crowd.outlets[number].take())
    assert (told[0][0], told[0][2]) == ("A", 100.0 + newest)


def test_who_changes_its_mind_while_it_is_left_gets_nothing_twice() -> None:
    """And nothing late: it has what is pending before it joins the others again."""
    crowd = Crowd(8, "A", "B")
    number = left_client(crowd)
    crowd.ask(number, "B", action="unsubscribe")
    crowd.ask(number, "B")
    for _ in range(8):
        crowd.trade()
        crowd.wait(0.008)
    crowd.wait(1)
    told = [seq for symbol, seq, _ in prices(crowd.outlets[number].take()) if symbol == "A"]
    assert told == list(range(told[0], told[0] + 9))


def test_who_was_sent_what_waits_for_others_is_not_sent_it_with_them() -> None:
    """Though flushes that have nothing for it come before they are written."""
    crowd = Crowd(40, "A", write_s=0.00015)
    crowd.join("B")
    crowd.trade("B")
    crowd.wait(1)
    crowd.exchange.write_s = 0.00015
    crowd.trade()
    crowd.take()
    crowd.trade()
    number = max(set(range(40)) - {number for _, number, _ in crowd.written})
    crowd.ask(number, "A")  # is sent what waits for it first
    first = prices(crowd.outlets[number].take())
    crowd.written.clear()
    while not crowd.written:  # until a flush writes to some of the others
        crowd.wait(0.0002)
        crowd.trade("B")
    for _ in range(3):
        crowd.trade()
        crowd.wait(0.01)
    crowd.wait(1)
    told = [seq for _, seq, _ in prices(crowd.outlets[number].messages)]
    assert told == list(range(first[-1][1] + 1, first[-1][1] + 4))


def test_who_comes_while_others_are_left_joins_them_later() -> None:
    """Not before what they wait for is written: it is not for the new one."""
    crowd = Crowd(7, "A")
    left_client(crowd)
    number = crowd.join("A")
    crowd.exchange.write_s = WRITE_S
    first = prices(crowd.outlets[number].take())
    for _ in range(8):
        crowd.trade()
        crowd.wait(0.008)
    crowd.wait(1)
    told = [*first, *prices(crowd.outlets[number].take())]
    assert [seq for _, seq, _ in told] == list(range(told[0][1], told[0][1] + 9))


def test_flushes_to_everybody_do_not_make_all_later_ones_whole() -> None:
    """What they took too much is forgiven: soon each print is written to some at once again."""
    crowd = Crowd(6, "A")
    crowd.trade()
    for _ in range(5):
        crowd.next_print()
    for state in ("reconnecting", "live", "reconnecting", "live"):
        crowd.trade()
        crowd.exchange.market.status(status(state))
    reached = []
    for _ in range(60):
        crowd.next_print()
        reached.append(len(crowd.take()))
    assert min(reached[30:]) > 0


def test_who_comes_while_prints_never_stop_is_soon_in_a_group_with_others() -> None:
    """Though no flush writes to more than a part of them."""
    crowd = Crowd(7, "A")
    crowd.trade_for(0.1)
    crowd.join("A")
    crowd.trade_for(0.2)
    assert len(crowd.groups) == 4


def test_heartbeats_leave_nobody_alone_for_long() -> None:
    """They come after what is pending, which was then not written to the others of a group."""
    crowd = Crowd(8, "A")
    crowd.trade_for(0.1)
    for _ in range(BEATS):
        crowd.exchange.hub.heartbeat(NOON_MS)
    assert len(crowd.groups) > 4
    crowd.trade_for(0.4)
    assert len(crowd.groups) == 4


def test_groups_have_so_many_members_and_no_more() -> None:
    """And are filled up again when some have left."""
    registered = registry.Registry()
    symbols = frozenset("A")
    clients = [registry.Subscriber(Sink(FakeOutlet(), FakeExchange().loop), 0) for _ in range(9)]
    for client in clients:
        registered.regroup(client, symbols)
    sizes = [len(group.members) for group in registered.topics["A"].groups[False]]
    assert sizes == [2, 2, 2, 2, 1]
    for client in clients[:6:2]:
        registered.regroup(client, frozenset())
    for client in clients[:6:2]:
        registered.regroup(client, symbols)
    filled = [len(group.members) for group in registered.topics["A"].groups[False]]
    assert sorted(filled) == sorted(sizes)
    for client in clients:
        registered.regroup(client, frozenset())
    assert not registered.topics
    assert not registered.has_events


def test_what_waits_for_a_group_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many flushes leave it: before it is too much, everything is written."""
    for module in (every, outboxes):
        monkeypatch.setattr(module, "MOST_FRAMES", 6)
    crowd = Crowd(8, "A")
    for _ in range(60):
        crowd.trade()
        crowd.wait(0.0011)
    assert max(count for _, _, count in crowd.written) == 6
