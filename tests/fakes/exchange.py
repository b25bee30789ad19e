"""A book and a hub wired as in a process, on a fake loop, with clients that keep what they get."""

from photon_app.calendar.calendar import Calendar
from photon_app.calendar.hours import MarketView
from photon_app.calendar.session import day_of
from photon_app.gateway.session import Session
from photon_app.hub.channels.prints import PrintsChannel
from photon_app.hub.clients import Clients
from photon_app.hub.demand import Demand, DemandListener
from photon_app.hub.flusher import Flusher
from photon_app.hub.form import EVENTS, Form
from photon_app.hub.hub import Hub
from photon_app.hub.journal import Journal
from photon_app.hub.registry import Subscriber
from photon_app.hub.sink import Sink
from photon_app.market.bars import Bars
from photon_app.market.book import Book
from photon_app.market.market import Market
from photon_app.market.silence import Silence
from photon_app.model import FeedState, FeedStatus, Quote, Trade
from tests.fakes.loop import FakeLoop
from tests.fakes.outlet import FakeOutlet

NOON_MS = FakeLoop.BEGIN_MS
"""2026-11-20 12:00 in New York, a Friday in regular hours."""


class TrustingBook(Book):
    """A book that believes every price, so that tests may count in ones and twos."""

    def _accepted(self, *_: object) -> bool:
        return True


class OneUnreadable(TrustingBook):
    """A book in which one symbol cannot be read, by a fault of ours."""

    symbol = ""
    """Which."""

    def quote(self, symbol: str) -> Quote | None:
        """The quote, unless it is of that symbol."""
        if symbol == self.symbol:
            raise ZeroDivisionError
        return super().quote(symbol)


class FakeExchange(DemandListener):
    """Everything between a feed and the clients, without either. It is the market's clock too."""

    rate = 1.0

    def __init__(
        self,
        *,
        defaults: tuple[str, ...] = (),
        limit: int = 100,
        linger_s: float = 30,
        book_type: type[Book] = TrustingBook,
    ) -> None:
        self.loop = FakeLoop()
        self.write_s = 0.0
        """How long a write to one client takes, for outlets that care."""
        self.calendar = Calendar()
        self.hours = MarketView("regular", NOON_MS + 1, "post", NOON_MS, 1.0)
        self.book = book_type(day_of, capacity=limit)
        self.bars = Bars(clock=self, gaps=False, capacity=limit)
        self.journal = Journal()
        self.spellings: list[str] = []
        """Symbols as clients wrote them, where not in capitals."""
        self.demand = Demand(
            defaults,
            limit=limit,
            linger_s=linger_s,
            time=self.loop,
            listener=self,
        )
        self.market = Market(self.book, self.bars, status("simulated"), Silence(self, self))
        self.clients = Clients(self.demand, slow_s=10)
        self.flusher = Flusher(self.loop, 0.02)
        self.hub = Hub(
            self.market, self, clients=self.clients, flusher=self.flusher, journal=self.journal
        )
        self.prints = PrintsChannel(self.clients, flusher=self.flusher)
        self.market.listen(self.hub)
        self.market.listen(self.prints)
        self.market.wait_for(self.clients)

    def now_ms(self) -> int:
        """The market's clock: noon, and what the loop's time has moved on."""
        return self.loop.now_ms()

    def view(self) -> MarketView:
        """The market's clock and session."""
        return self.hours

    def added(self, symbol: str) -> None:
        """A symbol is wanted."""
        self.book.admit(symbol)
        self.bars.follow(symbol)

    def dropped(self, symbol: str) -> None:
        """A symbol is wanted no more."""
        self.book.drop(symbol)
        self.bars.drop(symbol)
        self.journal.drop(symbol)

    def spelled(self, text: str) -> None:
        """Somebody wrote a symbol so."""
        self.spellings.append(text)

    def evicted(self, symbol: str) -> None:
        """A symbol makes room."""
        self.market.reject(symbol)

    def trade(
        self, symbol: str, price: float, *, volume: float = 100, time_ms: int = NOON_MS
    ) -> None:
        """One trade in a frame of its own."""
        self.trades([(symbol, price, volume, time_ms)])

    def trades(self, batch: list[tuple[str, float, float, int]]) -> None:
        """One frame of (symbol, price, volume, time)."""
        self.market.trades([Trade(symbol=s, price=p, volume=v, time_ms=t) for s, p, v, t in batch])

    def settle(self) -> None:
        """Let every pending flush happen."""
        self.loop.advance(0.02)

    def client(
        self, *symbols: str, interval_s: float = 0, form: Form = EVENTS, ready: bool = True
    ) -> "FakeClient":
        """A subscriber without a session."""
        outlet = FakeOutlet(ready=ready)
        sink = Sink(outlet, self.loop)
        registered = self.hub.join(sink, form=form)
        client = FakeClient(self, outlet, sink, registered)
        if symbols:
            client.subscribe(*symbols, interval_s=interval_s)
        outlet.take()
        return client

    def session(
        self, outlet: FakeOutlet | None = None, form: Form = EVENTS, /, **limits: float
    ) -> tuple[Session, FakeOutlet, Sink]:
        """A session as a WebSocket would have it."""
        outlet = FakeOutlet() if outlet is None else outlet
        sink = Sink(outlet, self.loop)
        session = Session(
            self.hub,
            sink,
            max_symbols=int(limits.get("max_symbols", 100)),
            messages_per_s=limits.get("messages_per_s", 20),
            time=self.loop,
            form=form,
        )
        return session, outlet, sink


class FakeClient:
    """One registered client and what it was sent."""

    def __init__(
        self, exchange: FakeExchange, outlet: FakeOutlet, sink: Sink, registered: Subscriber
    ) -> None:
        self._exchange = exchange
        self.outlet = outlet
        self.sink = sink
        self.registered = registered

    def subscribe(self, *symbols: str, interval_s: float = 0) -> None:
        """Hold and subscribe, as a session does."""
        hub = self._exchange.hub
        for symbol in symbols:
            if symbol not in self.registered.order:
                assert hub.hold(self.registered, symbol)
        hub.subscribe(self.registered, symbols, interval_s)
        hub.welcome(self.registered, symbols)

    def leave(self) -> None:
        """Disconnect."""
        self._exchange.hub.leave(self.registered)


def status(state: FeedState, detail: str = "") -> FeedStatus:
    """A feed status."""
    return FeedStatus(source="simulated", state=state, since_ms=NOON_MS, detail=detail)
