"""What waits for the disk: the newest of each minute, bounded, and nothing twice."""

import math
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from photon_app.market.merge import merge
from photon_app.model import Bar
from photon_app.storage.pending import Batch, Pending
from tests.fakes.time import HandTime
from tests.storage.material import bar, bars


def waiting(capacity: int = 1000, time: HandTime | None = None) -> Pending:
    """Nothing waits yet."""
    return Pending(capacity=capacity, time=time or HandTime())


def all_of(pending: Pending) -> dict[tuple[str, int], Bar]:
    """Take everything, as if it were written."""
    batch = pending.take(1_000_000)
    pending.done(batch)
    return {(symbol, one.time_ms): one for symbol, one in batch.rows}


def test_of_one_minute_the_newest_is_taken() -> None:
    """However often it is put."""
    pending = waiting()
    for close in (10.0, 10.5, 9.5):
        pending.put("A", [bar(0, close)])
    assert len(pending) == 1
    assert pending.take(10).rows == [("A", bar(0, 9.5))]


def test_a_batch_has_the_oldest_minutes() -> None:
    """And no more than requested."""
    pending = waiting()
    pending.put("A", bars([5, 3, 4]))
    pending.put("B", bars([3]))
    assert {one.time_ms for _, one in pending.take(2).rows} == {bar(3).time_ms}


def test_what_is_given_back_does_not_hide_what_was_put_meanwhile() -> None:
    """It is older."""
    pending = waiting()
    pending.put("A", bars([1, 2]))
    batch = pending.take(10)
    pending.put("A", [bar(2, 99.0)])
    pending.give_back(batch)
    assert all_of(pending) == {
        ("A", bar(1).time_ms): bar(1),
        ("A", bar(2).time_ms): bar(2, 99.0),
    }


def test_at_the_bound_the_oldest_minutes_are_given_up_and_counted() -> None:
    """The newest are those that people look at."""
    pending = waiting(capacity=3)
    pending.put("A", bars([4, 1, 2, 5, 3]))
    assert pending.dropped == 2
    assert sorted(time_ms for _, time_ms in all_of(pending)) == [bar(m).time_ms for m in (3, 4, 5)]


def test_what_is_given_back_keeps_the_bound() -> None:
    """The batch is older than what came meanwhile."""
    pending = waiting(capacity=3)
    pending.put("A", bars([1, 2]))
    batch = pending.take(10)
    pending.put("A", bars([3, 4]))
    pending.give_back(batch)
    assert pending.dropped == 1
    assert sorted(time_ms for _, time_ms in all_of(pending)) == [bar(m).time_ms for m in (2, 3, 4)]


def test_what_no_row_can_hold_is_dropped_and_counted() -> None:
    """The others are written."""
    pending = waiting()
    pending.put("A", [bar(0), bar(1, volume=math.nan)])
    assert pending.dropped == 1
    assert list(all_of(pending)) == [("A", bar(0).time_ms)]


def test_to_replace_drops_what_waits_and_marks_the_next_batch() -> None:
    """It may be empty."""
    pending = waiting()
    pending.put("A", bars([1]))
    pending.replace()
    assert (len(pending), pending.replacing, pending.is_idle) == (0, True, False)
    batch = pending.take(10)
    assert batch == Batch([], replaces=True, epoch=1, since_s=None)
    pending.done(batch)
    assert (pending.replacing, pending.is_idle) == (False, True)


def test_a_batch_of_before_a_replacement_is_not_given_back() -> None:
    """It belongs to what is forgotten."""
    pending = waiting()
    pending.put("A", bars([1]))
    batch = pending.take(10)
    pending.replace()
    pending.give_back(batch)
    assert pending.take(10) == Batch([], replaces=True, epoch=1, since_s=None)


def test_a_replacement_that_failed_is_tried_again() -> None:
    """With what was put since."""
    pending = waiting()
    pending.replace()
    pending.give_back(pending.take(10))
    pending.put("A", bars([1]))
    assert pending.take(10).replaces


def test_a_replacement_during_another_is_a_further_one() -> None:
    """The first did not forget what was put between them."""
    pending = waiting()
    pending.replace()
    batch = pending.take(10)
    pending.replace()
    pending.done(batch)
    assert pending.replacing
    assert pending.take(10).replaces


def test_halves_of_a_minute_become_one() -> None:
    """What is on disk came first; minutes of which nothing waits are left alone."""
    pending = waiting()
    half = bar(1, open_ms=bar(1).time_ms + 40_000, count=5)
    pending.put("A", [half])
    pending.resume({"A": bars([0, 1]), "B": bars([1])})
    assert all_of(pending) == {("A", half.time_ms): merge(bar(1), half)}


def test_the_age_is_that_of_the_oldest_that_is_not_written() -> None:
    """Also while it is being written, and after it could not be."""
    time = HandTime()
    pending = waiting(time=time)
    assert pending.age_s == 0
    pending.put("A", bars([1]))
    time.at_s = 4
    batch = pending.take(10)
    pending.put("A", bars([2]))
    time.at_s = 6
    assert pending.age_s == 6
    pending.give_back(batch)
    assert pending.age_s == 6
    pending.done(pending.take(10))
    assert pending.age_s == 0


class Story:
    """A pending, a disk, and what ought to be there in the end."""

    def __init__(self) -> None:
        self.pending = waiting()
        self.disk: dict[tuple[str, int], Bar] = {}
        self.truth: dict[tuple[str, int], Bar] = {}
        self.batch: Batch | None = None

    def put(self, one: Bar) -> None:
        self.pending.put("A", [one])
        self.truth["A", one.time_ms] = one

    def replace(self) -> None:
        self.pending.replace()
        self.truth.clear()

    def take(self) -> None:
        self.batch = self.batch or self.pending.take(3)

    def done(self) -> None:
        if self.batch is not None:
            if self.batch.replaces:
                self.disk.clear()
            self.disk.update({(symbol, one.time_ms): one for symbol, one in self.batch.rows})
            self.pending.done(self.batch)
        self.batch = None

    def back(self) -> None:
        if self.batch is not None:
            self.pending.give_back(self.batch)
        self.batch = None


puts = st.builds(bar, st.integers(0, 8), st.integers(1, 9).map(float))
moves = st.sampled_from([Story.take, Story.done, Story.back, Story.replace])


@given(st.lists(st.one_of(puts, puts, moves), max_size=60))
def test_what_is_written_in_the_end_is_the_newest_of_everything(
    tale: list[Bar | Callable[[Story], None]],
) -> None:
    """In any order of puts, batches that work or fail, and replacements."""
    story = Story()
    for move in tale:
        if isinstance(move, Bar):
            story.put(move)
        else:
            move(story)
    story.back()
    while not story.pending.is_idle:
        story.take()
        story.done()
    assert story.disk == story.truth
    assert len(story.pending) == 0
