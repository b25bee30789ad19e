"""The rules that all clients share, each over every channel."""

import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from photon_app.calendar.hours import MarketView
from photon_app.hub.channels.arrays import ArraysChannel
from photon_app.hub.channels.bars import Key
from photon_app.hub.clients import Client
from photon_app.hub.frames import Frames
from photon_app.hub.sink import Sink
from photon_app.model import Quote
from tests.fakes.exchange import FakeExchange, TrustingBook
from tests.fakes.outlet import FakeOutlet


class Unreadable(FakeExchange):
    """An exchange whose prices and hours cannot be read, once it is broken."""

    def __init__(self) -> None:
        super().__init__(linger_s=0, book_type=UnreadableBook)

    def view(self) -> MarketView:
        if UnreadableBook.broken:
            raise ZeroDivisionError
        return super().view()


class UnreadableBook(TrustingBook):
    """A book with a fault of ours, once it is broken."""

    broken = False

    def quote(self, symbol: str) -> Quote | None:
        if self.broken:
            raise ZeroDivisionError
        return super().quote(symbol)


class House:
    """An exchange with every channel."""

    def __init__(self, exchange: FakeExchange | None = None) -> None:
        self.exchange = exchange or FakeExchange(linger_s=0)
        self.arrays = ArraysChannel(
            self.exchange.market, self.exchange.clients, flusher=self.exchange.flusher
        )
        self.price = 10.0

    def sink(self, outlet: FakeOutlet) -> Sink:
        """An outbox of a client to be."""
        return Sink(outlet, self.exchange.loop)

    def every(self, outlet: FakeOutlet) -> Client:
        """One that wants each trade of A."""
        return self._subscribed(outlet, 0.0)

    def paced(self, outlet: FakeOutlet) -> Client:
        """One that wants the newest price of A, ten times a second at most."""
        return self._subscribed(outlet, 0.1)

    def bars(self, outlet: FakeOutlet) -> Client:
        """One that wants the minutes of A."""
        hub = self.exchange.hub
        client = hub.join(self.sink(outlet))
        if hub.hold(client, "A"):
            hub.bars.subscribe(client, [Key("A", "1m")])
        return client

    def prints(self, outlet: FakeOutlet) -> Client:
        """A client with the prints of A."""
        prints = self.exchange.prints
        client = prints.join(self.sink(outlet))
        if prints.hold(client, "A"):
            prints.subscribe(client, "A")
        return client

    def array(self, outlet: FakeOutlet) -> Client:
        """One that gets an array each second."""
        return self.arrays.join(self.sink(outlet), ("A",))

    def _subscribed(self, outlet: FakeOutlet, interval_s: float) -> Client:
        hub = self.exchange.hub
        client = hub.join(self.sink(outlet))
        if hub.hold(client, "A"):
            hub.subscribe(client, ["A"], interval_s)
        return client

    def trade(self) -> None:
        """A price, and time enough for every channel to tell it."""
        self.price += 0.01
        self.exchange.trade("A", self.price, time_ms=self.exchange.now_ms())
        self.exchange.loop.advance(1.1)


class Broken(FakeOutlet):
    """An outlet with a fault of ours."""

    broken = False

    def __init__(self) -> None:
        super().__init__(ready=False)

    def write(self, frames: Frames) -> None:
        """Fail, once it is broken."""
        if self.broken:
            raise ZeroDivisionError
        super().write(frames)


Join = Callable[[House, FakeOutlet], Client]
EVERY_CHANNEL = pytest.mark.parametrize(
    "join",
    [House.every, House.paced, House.bars, House.prints, House.array],
    ids=["trades", "paced", "bars", "prints", "arrays"],
)


@EVERY_CHANNEL
def test_who_stays_slow_is_closed_and_counted(join: Join) -> None:
    """After 10 s, with 4008; one that reads stays."""
    house = House()
    slow, quick = FakeOutlet(), FakeOutlet()
    client = join(house, slow)
    join(house, quick)
    client.sink.congest()
    for _ in range(8):
        house.trade()
        house.exchange.clients.tick()
    assert (slow.closed(), house.exchange.clients.congested) == (None, 1)
    house.exchange.loop.advance(5)
    for _ in range(2):
        house.exchange.clients.tick()
    assert (slow.closed() or (0,))[0] == 4008
    assert quick.closed() is None
    assert (house.exchange.clients.congested, house.exchange.clients.closed_as_slow) == (0, 1)


@EVERY_CHANNEL
def test_shutdown_reaches_everyone(join: Join) -> None:
    """Also one that is behind."""
    house = House()
    outlets = [FakeOutlet(), FakeOutlet()]
    clients = [join(house, outlet) for outlet in outlets]
    clients[0].sink.congest()
    house.exchange.clients.shutdown()
    assert [outlet.closed() for outlet in outlets] == [(1012, "the server is going")] * 2
    assert len(house.exchange.clients) == 0


@EVERY_CHANNEL
def test_a_fault_of_ours_costs_one_client(join: Join, caplog: pytest.LogCaptureFixture) -> None:
    """It is closed with 1011, logged, and the others are notified."""
    house = House()
    house.trade()
    outlets = [FakeOutlet(), Broken(), FakeOutlet()]
    for outlet in outlets:
        join(house, outlet)
        outlet.take()
    Broken.broken = True
    try:
        house.trade()
    finally:
        Broken.broken = False
    assert [(outlet.closed() or (0,))[0] for outlet in outlets] == [0, 1011, 0]
    assert all(outlet.take() for outlet in (outlets[0], outlets[2]))
    assert "by a fault of ours" in caplog.text


@EVERY_CHANNEL
def test_a_fault_at_the_greeting_leaves_nothing(join: Join) -> None:
    """No channel was there yet to remove it."""
    house = House()
    house.trade()
    Broken.broken = True
    try:
        client = join(house, Broken())
        house.trade()
    finally:
        Broken.broken = False
    assert client.gone
    assert (len(house.exchange.clients), house.exchange.demand.viewers) == (0, {})


@EVERY_CHANNEL
def test_a_greeting_that_cannot_be_made_leaves_nothing(
    join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client is closed, nothing is held for it, and the next one is served."""
    house = House(Unreadable())
    house.trade()
    ill, well = FakeOutlet(), FakeOutlet()
    with monkeypatch.context() as broken:
        broken.setattr(UnreadableBook, "broken", True)
        client = join(house, ill)
    if join is House.prints:  # its greeting is empty
        house.exchange.clients.leave(client)
    else:
        assert (ill.closed() or (0,))[0] == 1011
    assert client.gone
    assert (len(house.exchange.clients), house.exchange.demand.viewers) == (0, {})
    join(house, well)
    house.trade()
    assert (well.closed(), house.exchange.demand.viewers) == (None, {"A": 1})
    assert well.take()


@EVERY_CHANNEL
def test_a_fault_while_a_symbol_is_refused_costs_one_client(join: Join) -> None:
    """The others are notified that they lose it."""
    house = House()
    outlets = [Broken(), FakeOutlet()]
    clients = [join(house, outlet) for outlet in outlets]
    Broken.broken = True
    try:
        house.exchange.market.reject("A")
        house.arrays.reject("A")
    finally:
        Broken.broken = False
    assert not clients[1].gone
    assert house.exchange.demand.viewers == {}


@EVERY_CHANNEL
def test_who_leaves_holds_nothing(join: Join) -> None:
    """Also what was held and never subscribed, since something failed in between."""
    house = House()
    client = join(house, FakeOutlet())
    house.exchange.clients.hold(client, "B")
    assert house.exchange.demand.viewers == {"A": 1, "B": 1}
    for _ in range(2):
        house.exchange.clients.leave(client)
    assert house.exchange.demand.viewers == {}
    assert not house.exchange.clients.hold(client, "A")


def sizes(thing: object) -> dict[str, int]:
    """How much every collection holds that a house has, by where it is."""
    found: dict[str, int] = {}
    todo: list[tuple[str, Any]] = [("", thing)]
    seen: set[int] = set()
    while todo:
        name, one = todo.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, dict | set | list):
            found[name] = len(one)
        if type(one).__module__.startswith(("photon_app.hub", "tests.hub")):
            fields = getattr(one, "__dict__", {})
            todo += [(f"{name}.{field}", value) for field, value in fields.items()]
    return found


@EVERY_CHANNEL
def test_a_thousand_that_come_and_go_leave_nothing(join: Join) -> None:
    """No table is longer than after the first one, and none of them is alive."""
    house = House()

    visitors: list[weakref.ref[FakeOutlet]] = []

    def visit() -> None:
        outlet = FakeOutlet()
        visitors.append(weakref.ref(outlet))
        client = join(house, outlet)
        house.trade()
        house.exchange.clients.leave(client)
        house.exchange.demand.sweep()

    visit()
    house.exchange.loop.advance(2)
    before = sizes(house) | sizes(house.exchange.hub) | sizes(house.exchange.prints)
    for _ in range(1_000):
        visit()
    house.exchange.loop.advance(2)
    after = sizes(house) | sizes(house.exchange.hub) | sizes(house.exchange.prints)
    assert after == before
    gc.collect()
    assert not [visitor for visitor in visitors if visitor() is not None]
