"""Each set of symbols gets its own updates, in the order of the tape."""

from hypothesis import given
from hypothesis import strategies as st

from photon_app.hub.channels.outboxes import MOST_FRAMES, Outboxes
from photon_app.hub.frames import frame

tapes = st.lists(st.sampled_from("ABCDEF"), min_size=1, max_size=40)


def filled(tape: list[str]) -> tuple[Outboxes, list[tuple[str, bytes]]]:
    """Outboxes that hold a tape, and the tape with its frames."""
    outboxes = Outboxes()
    frames = [(symbol, frame(f"{symbol}{place}".encode())) for place, symbol in enumerate(tape)]
    for symbol, framed in frames:
        outboxes.append(symbol, framed)
    return outboxes, frames


@given(tapes, st.sets(st.sampled_from("ABCDEF")))
def test_what_a_set_of_symbols_gets_is_the_tape_without_the_others(
    tape: list[str], wanted: set[str]
) -> None:
    """As a filter of the whole tape would give it."""
    outboxes, frames = filled(tape)
    own = outboxes.symbols & wanted
    assert list(outboxes.frames_of(own).each) == [f for symbol, f in frames if symbol in own]


@given(tapes)
def test_everyone_who_wants_all_that_moved_shares_one_run_of_frames(tape: list[str]) -> None:
    """And with it one join."""
    outboxes, frames = filled(tape)
    assert outboxes.frames_of(outboxes.symbols) is outboxes.frames_of(outboxes.symbols)
    assert outboxes.frames_of(outboxes.symbols).joined == b"".join(f for _, f in frames)


def test_outboxes_say_when_they_are_full() -> None:
    """Before that only the clock ends a flush."""
    outboxes = Outboxes()
    for _ in range(MOST_FRAMES):
        assert not outboxes.full
        outboxes.append("A", b"x")
    assert outboxes.full
