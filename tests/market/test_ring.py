"""Closed bars in memory."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from photon_app.market.merge import BarBuilder, merge_all
from photon_app.market.ring import BLOCK, Ring
from photon_app.model import Bar


def total(time_ms: int, price: float = 1.0, *, priced: bool = True) -> BarBuilder:
    """One trade as a bar."""
    made = BarBuilder(time_ms)
    made.count, made.volume, made.turnover = 1, 2.0, 2 * price
    if priced:
        made.open = made.high = made.low = made.close = price
        made.open_ms = made.close_ms = time_ms
        made.firm = True
    return made


def many(ring: Ring, count: int) -> Ring:
    """A ring with ``count`` bars, one a second."""
    for n in range(count):
        ring.append(total(n * 1000))
    return ring


def sums(draws: list[tuple[int, int, bool]]) -> list[BarBuilder]:
    return [total(at * 1000, 1.0 + price, priced=priced) for at, price, priced in draws]


class Plain:
    """The same without blocks: a bar a time."""

    def __init__(self) -> None:
        self.bars: dict[int, BarBuilder] = {}

    def merge(self, one: BarBuilder) -> None:
        """Into the bar of its time."""
        if one.time_ms in self.bars:
            self.bars[one.time_ms].merge(one)
        else:
            self.bars[one.time_ms] = one

    def trim(self, most: int) -> None:
        """The newest ones."""
        self.bars = dict(sorted(self.bars.items())[-most:] if most else [])

    def between(
        self, from_ms: int, to_ms: int, oldest: int | None, newest: int | None
    ) -> list[Bar]:
        """See ``Ring.between``."""
        found = [one for at, one in sorted(self.bars.items()) if from_ms <= at < to_ms]
        if newest is not None:
            found = found[max(0, len(found) - newest) :]
        if oldest is not None:
            found = found[:oldest]
        return [one.bar() for one in found if one.priced]


draws = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 9), st.booleans() | st.just(value=True)),
    max_size=60,
)
limits = st.none() | st.integers(0, 45)


@given(
    st.integers(1, 7),
    st.tuples(draws, draws),
    st.integers(0, 50),
    st.tuples(st.integers(-2, 42), st.integers(-2, 42)),
    st.tuples(limits, limits),
)
def test_a_ring_is_what_one_long_column_would_be(
    block: int,
    puts: tuple[list[tuple[int, int, bool]], list[tuple[int, int, bool]]],
    most: int,
    seconds: tuple[int, int],
    asked: tuple[int | None, int | None],
) -> None:
    """For any order of inserting, dropping and reading."""
    ring, plain = Ring(block), Plain()
    for number, put in enumerate(puts):
        for one, same in zip(sums(put), sums(put), strict=True):
            ring.merge(one)
            plain.merge(same)
        if number == 0:
            ring.trim(most)
            plain.trim(most)
    begin, end = (second * 1000 for second in seconds)
    oldest, newest = asked
    assert len(ring) == len(plain.bars)
    assert ring.first_ms == min(plain.bars, default=None)
    assert list(ring.between(begin, end, oldest=oldest, newest=newest)) == (
        plain.between(begin, end, oldest, newest)
    )
    whole = plain.between(begin, end, None, None)
    assert ring.merged(begin, end, begin) == merge_all(whole, begin)
    assert ring.get(begin) == next(iter(plain.between(begin, begin + 1, None, None)), None)


@given(st.integers(1, 9), st.lists(st.integers(0, 200), max_size=120))
def test_no_block_is_empty_or_has_twice_its_size(block: int, times: list[int]) -> None:
    """Also where bars are put in front of all, as when the past is filled in."""
    ring = Ring(block)
    for time in times:
        ring.merge(total(time * 1000))
    sizes = [len(one.times) for one in ring._blocks]
    assert all(0 < size < 2 * block for size in sizes) or (block, set(sizes)) == (1, {1})
    ring.trim(len(ring) // 2)
    assert len(ring) == len(set(times)) // 2
    assert all(one.times for one in ring._blocks)


def test_a_bar_more_moves_no_other_block() -> None:
    """What grows is one block, and all are of one size: the allocator leaves no holes."""
    ring = many(Ring(), 20 * BLOCK)
    blocks: list[Any] = list(ring._blocks)
    before = [(id(one.times), one.times.buffer_info()) for one in blocks]
    ring.append(total(10**9))
    assert len(ring._blocks) == len(blocks) + 1
    assert [(id(one.times), one.times.buffer_info()) for one in blocks] == before
    assert {len(one.times) for one in blocks} == {BLOCK}


def test_a_ring_that_is_trimmed_lets_whole_blocks_go() -> None:
    """And is exactly as long as it may be."""
    ring = many(Ring(), 10 * BLOCK)
    ring.trim(3 * BLOCK + 1)
    assert (len(ring), len(ring._blocks)) == (3 * BLOCK + 1, 4)
    assert ring.first_ms == (7 * BLOCK - 1) * 1000
    ring.trim(0)
    assert len(ring) == 0
    assert list(ring.between(0, 10**9)) == []
