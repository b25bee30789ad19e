"""A kernel that takes a part of a write, nothing, or an error costs a client nothing."""

from collections.abc import Iterable

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from photon_app.hub.frames import Frames, payload
from photon_app.hub.sink import Sink
from tests.fakes.exchange import NOON_MS, FakeExchange
from tests.fakes.outlet import split


class Narrow:
    """An outlet over a kernel that takes as many bytes of each write as the test says."""

    unsent_bytes = 0

    def __init__(self, takes: Iterable[int]) -> None:
        self._takes = list(takes)
        self.sink: Sink | None = None
        self.bytes = b""
        self._queued = b""

    def put(self, joined: bytes) -> int:
        """Take some."""
        assert not self._queued, "nothing may overtake what is queued"
        taken = self._takes.pop() if self._takes else len(joined)
        if taken == 0:
            raise BlockingIOError
        self.bytes += joined[:taken]
        return min(taken, len(joined))

    def put_rest(self, data: bytes) -> None:
        """Queue it."""
        self._queued += data
        if self.sink is not None:
            self.sink.queue()

    def write(self, frames: Frames) -> None:
        """Behind what is queued."""
        if self._queued:
            self._queued += frames.joined
        else:
            self.bytes += frames.joined

    def close(self, code: int, reason: str) -> None:
        """Nobody is closed here."""
        raise AssertionError(code, reason)

    def drain(self) -> None:
        """The kernel takes all that is queued."""
        self.bytes, self._queued = self.bytes + self._queued, b""
        if self.sink is not None:
            self.sink.drain()


@given(
    st.lists(st.sampled_from((0, 0, 1, 50, 400)), max_size=30),
    st.lists(st.sampled_from(("trade", "trade", "trade", "wait", "drain", "status")), max_size=60),
)
def test_the_stream_is_that_of_a_client_whose_kernel_takes_all(
    takes: list[int], steps: list[str]
) -> None:
    """Byte for byte, but for what says who the client is."""
    exchange = FakeExchange()
    outlet, whole = Narrow(takes), exchange.client("A")
    outlet.sink = Sink(outlet, exchange.loop)
    client = exchange.hub.join(outlet.sink)
    assert exchange.clients.hold(client, "A")
    exchange.hub.subscribe(client, ["A"], 0)
    outlet.bytes = b""
    for place, step in enumerate(steps):
        if step == "trade":
            exchange.trade("A", place + 1, time_ms=NOON_MS + place)
        elif step == "wait":
            exchange.settle()
        elif step == "drain":
            outlet.drain()
        else:
            exchange.hub.send_status()
    exchange.settle()
    outlet.drain()
    got = [msgspec.json.decode(payload(one)) for one in split(outlet.bytes)]
    assert got == whole.outlet.take()
