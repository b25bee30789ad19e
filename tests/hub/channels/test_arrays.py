"""Array clients get all prices at once and then every second, in shared bytes."""

import itertools
from typing import cast

import msgspec
import pytest

from photon_app.hub.channels.arrays import ArrayClient, ArraysChannel
from photon_app.hub.frames import Frames
from photon_app.hub.sink import Sink
from photon_app.market.book import Book
from tests.fakes.exchange import FakeExchange, OneUnreadable, TrustingBook


class Outlet:
    """Keeps every run of frames and when it came."""

    put = None
    unsent_bytes = 0

    def __init__(self, exchange: FakeExchange) -> None:
        self._exchange = exchange
        self.runs: list[tuple[float, Frames]] = []
        self.closed: tuple[int, str] | None = None

    def write(self, frames: Frames) -> None:
        """Keep it."""
        self.runs.append((self._exchange.loop.time(), frames))

    def put_rest(self, data: bytes) -> None:
        """There is no ``put``."""
        raise AssertionError(data)

    def close(self, code: int, reason: str) -> None:
        """Keep that too."""
        self.closed = (code, reason)

    @property
    def last(self) -> object:
        """The newest message."""
        return msgspec.json.decode(self.runs[-1][1].texts[-1])


class Board:
    """A board over an exchange."""

    def __init__(self, book_type: type[Book] = TrustingBook) -> None:
        self.exchange = FakeExchange(defaults=("A", "B"), book_type=book_type)
        self.clients: dict[Sink, ArrayClient] = {}
        self.board = ArraysChannel(
            self.exchange.market, self.exchange.clients, flusher=self.exchange.flusher
        )

    def join(self, *symbols: str) -> tuple[Sink, Outlet]:
        """One more client."""
        outlet = Outlet(self.exchange)
        sink = Sink(outlet, self.exchange.loop)
        self.clients[sink] = self.board.join(sink, symbols)
        return sink, outlet


def test_all_prices_come_at_once_and_then_every_second() -> None:
    """The second message after 0.9 to 1 s, the others a second apart, moved or not."""
    world = Board()
    world.exchange.trade("A", 7)
    _, first = world.join("A", "B")
    world.exchange.loop.advance(0.55)
    _, later = world.join("A", "B")
    world.exchange.trade("B", 8)
    world.exchange.loop.advance(3)
    for outlet in (first, later):
        times = [at for at, _ in outlet.runs]
        gaps = [after - before for before, after in itertools.pairwise(times)]
        assert 0.9 - 1e-6 <= gaps[0] <= 1 + 1e-6
        assert gaps[1:] == pytest.approx([1] * (len(gaps) - 1))
        assert outlet.last == [
            {"stock": "A", "price": 7, "change": None},
            {"stock": "B", "price": 8, "change": None},
        ]


def test_clients_of_equal_symbols_share_their_bytes() -> None:
    """Those who came in the same tenth of a second."""
    world = Board()
    _, one = world.join("A")
    _, two = world.join("A")
    _, other = world.join("B")
    world.exchange.loop.advance(1)
    assert one.runs[-1][1] is two.runs[-1][1]
    assert other.runs[-1][1] is not one.runs[-1][1]


def test_a_congested_client_is_passed_over_and_closed_when_it_stays_so() -> None:
    """With 4008; the others do not notice."""
    world = Board()
    sink, slow = world.join("A")
    _, quick = world.join("A")
    sink.congest()
    world.exchange.loop.advance(9)
    world.exchange.clients.tick()
    assert (len(slow.runs), slow.closed) == (1, None)
    world.exchange.loop.advance(2)
    world.exchange.clients.tick()
    assert (slow.closed or (0,))[0] == 4008
    assert len(quick.runs) >= 11


def test_a_symbol_that_cannot_be_read_closes_its_clients_and_no_others() -> None:
    """With 1011; the others get their message in the same second."""
    world = Board(OneUnreadable)
    _, ill = world.join("A", "B")
    _, well = world.join("A")
    cast("OneUnreadable", world.exchange.book).symbol = "B"
    world.exchange.loop.advance(1)
    assert (ill.closed or (0,))[0] == 1011
    assert (well.closed, len(well.runs)) == (None, 2)
    assert len(world.board) == 1


def test_without_clients_there_is_no_timer() -> None:
    """Nothing moves in an empty house, and the next client starts it again."""
    world = Board()
    sink, _ = world.join("A")
    world.board.leave(world.clients[sink])
    world.exchange.loop.advance(5)
    assert len(world.board) == 0
    assert world.exchange.loop.waiting == []
    _, outlet = world.join("A")
    world.exchange.loop.advance(2)
    assert len(outlet.runs) >= 2


def test_shutdown_closes_everyone() -> None:
    """With 1012: come back."""
    world = Board()
    _, outlet = world.join("A")
    world.exchange.clients.shutdown()
    assert outlet.closed == (1012, "the server is going")
