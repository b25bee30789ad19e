"""Texts are compressed while there is time for it, and each by itself."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app.hub.deflate import BURST_S, LEAST_BYTES, SHARE, Deflater
from photon_app.hub.frames import Frames, frame
from tests.fakes.outlet import DEFLATED, inflated, split

LONG = b'{"type":"price_update"}' * 20


class SlowClock:
    """A clock that each look at it moves on, as slow compression does."""

    def __init__(self, cost_s: float) -> None:
        self.at_s = 0.0
        self.cost_s = cost_s

    def now_s(self) -> float:
        self.at_s += self.cost_s
        return self.at_s


class Stopped:
    """A clock that stands."""

    def now_s(self) -> float:
        return 0.0


@given(st.binary(max_size=100_000) | st.text(max_size=2000).map(str.encode))
def test_what_is_compressed_is_smaller_and_inflates_to_the_same(text: bytes) -> None:
    """Without any other message's help: there is no context takeover."""
    data = Deflater(Stopped()).deflate(text)
    if data is not None:
        assert len(data) < len(text)
        assert zlib.decompressobj(-15).decompress(data + b"\0\0\xff\xff") == text


@given(st.lists(st.binary(max_size=400) | st.sampled_from([LONG, LONG * 50]), max_size=8))
def test_frames_are_the_same_after_inflating(texts: list[bytes]) -> None:
    """Compressed ones and others, in order."""
    frames = Frames.of(*texts)
    joined = frames.deflated(Deflater(Stopped()))
    assert [inflated(one) for one in split(joined)] == frames.each
    assert len(joined) <= len(frames.joined)


def test_a_short_text_is_left_as_it_is() -> None:
    """It would not become smaller, and no time is spent on it."""
    deflater = Deflater(Stopped())
    assert deflater.deflate(b"a" * (LEAST_BYTES - 1)) is None
    assert deflater.deflate(b"a" * LEAST_BYTES) is not None
    assert (deflater.compressed, deflater.left_out) == (1, 0)


def test_clients_of_the_same_frames_share_one_compression() -> None:
    """However many write them."""
    deflater = Deflater(Stopped())
    frames = Frames.of(LONG)
    assert frames.deflated(deflater) is frames.deflated(deflater)
    assert frames.joined == frame(LONG)
    assert deflater.compressed == 1


def test_compression_stops_when_it_has_used_its_time_up_and_starts_again() -> None:
    """Half of the burst has to be saved up first, so that it does not flicker."""
    clock = SlowClock(BURST_S / 100)
    deflater = Deflater(clock)
    while deflater.deflate(LONG) is not None:
        assert deflater.on
    assert deflater.left_out == 1
    clock.cost_s = 0
    clock.at_s += 0.4 * BURST_S / SHARE
    assert deflater.deflate(LONG) is None
    clock.at_s += 0.2 * BURST_S / SHARE
    assert deflater.deflate(LONG) is not None
    assert (deflater.on, deflater.left_out) == (True, 2)


@pytest.mark.parametrize("cost_s", [0.0001, 0.001, 0.02])
def test_compression_takes_no_more_than_its_share(cost_s: float) -> None:
    """In the long run, whatever one text costs and however many there are."""
    clock = SlowClock(cost_s)
    deflater = Deflater(clock)
    while clock.at_s < 60:
        deflater.deflate(LONG)
    assert 0 < deflater.compressed * cost_s <= SHARE * clock.at_s + BURST_S + cost_s


def test_frames_leave_as_they_are_while_there_is_no_time() -> None:
    """A frame without RSV1 is always legal."""
    clock = SlowClock(BURST_S)
    deflater = Deflater(clock)
    firsts = [Frames.of(LONG).deflated(deflater)[0] for _ in range(3)]
    assert firsts[0] == DEFLATED
    assert firsts[2] == 0x81
