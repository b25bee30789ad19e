"""The journal has the newest updates of each symbol without a gap, and is bounded."""

from hypothesis import given
from hypothesis import strategies as st

from photon_app.hub.journal import FRAME_BYTES, KEEP_S, MOST_SEEN, SYMBOL_BYTES, Journal, Track


def journal_of(*symbols: str, most_bytes: int = 2**20) -> Journal:
    """A journal in which some symbols are followed."""
    journal = Journal(most_bytes)
    for symbol in symbols:
        journal.follow(symbol, 0, 0.0)
    return journal


def test_a_gap_begins_a_track_anew() -> None:
    """What came before it can no longer be recovered, and figures may have changed."""
    track = Track(0, 0, 0.0)
    for seq in (1, 2, 5, 6):
        track.append(seq, b"%d" % seq)
    assert [seq for seq in range(9) if track.has_all_after(seq)] == [4, 5, 6]
    assert track.after(4) == [b"5", b"6"]
    assert track.after(6) == []
    assert track.figures_seq == 4


@given(st.lists(st.tuples(st.sampled_from("AB"), st.integers(1, 9), st.floats(0, 30)), max_size=60))
def test_what_is_kept_is_whole_and_within_the_bounds(steps: list[tuple[str, int, float]]) -> None:
    """The oldest of all symbols goes first."""
    most = 20 * (10 + FRAME_BYTES)
    journal = journal_of("A", "B", most_bytes=most)
    seqs, now_s = {"A": 0, "B": 0}, 0.0
    for symbol, count, wait_s in steps:
        now_s += wait_s
        for _ in range(count):
            seqs[symbol] += 1
            journal.tracks[symbol].append(seqs[symbol], b"%010d" % seqs[symbol])
        journal.note([symbol], now_s)
        journal.tick("AB", now_s)
        frames = [frame for track in journal.tracks.values() for frame in track.frames]
        assert sum(len(frame) + FRAME_BYTES for frame in frames) <= journal.bytes <= most
        for name, track in journal.tracks.items():
            assert track.next == seqs[name] + 1
            wanted = range(track.first, track.next)
            assert track.frames == [b"%010d" % seq for seq in wanted]


def test_updates_are_dropped_by_age_and_symbols_that_nobody_wants() -> None:
    """A minute after the last client, and nothing is left."""
    journal = journal_of("A")
    journal.tracks["A"].append(1, b"x")
    journal.note(["A"], 0.0)
    assert journal.bytes == 1 + FRAME_BYTES + SYMBOL_BYTES
    journal.tick("A", KEEP_S)
    assert (journal.bytes, journal.tracks["A"].frames) == (0, [])
    assert journal.tracks["A"].has_all_after(1)
    journal.tick("", 2 * KEEP_S - 1)
    assert journal
    journal.tick("", 2 * KEEP_S)
    assert not journal


def test_who_knows_a_symbol_from_before_its_track_may_lack_figures() -> None:
    """Figures that changed unseen are due to a client with the same ``seq``, and to no other."""
    journal = journal_of("A")
    assert journal.tracks["A"].figures_seq == 0
    journal.drop("A")
    journal.seen("B")
    journal.follow("A", 7, 0.0)
    journal.follow("B", 8, 0.0)
    journal.follow("C", 9, 0.0)
    assert [track.figures_seq for track in journal.tracks.values()] == [7, 8, 0]


def test_names_are_bounded() -> None:
    """Beyond that any symbol may be known."""
    journal = Journal()
    for number in range(MOST_SEEN + 1):
        journal.seen(f"S{number}")
    journal.follow("C", 9, 0.0)
    assert journal.tracks["C"].figures_seq == 9
    journal.new_epoch()
    journal.follow("D", 9, 0.0)
    assert journal.tracks["D"].figures_seq == 0
