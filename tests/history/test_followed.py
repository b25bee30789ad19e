"""How far each followed symbol is on its way to disk."""

from hypothesis import given
from hypothesis import strategies as st

from photon_app.history.followed import KEPT, KEPT_AFTER_MS, FollowedSymbols, Phase

MINUTE_MS = 60_000


def names(count: int) -> list[str]:
    """The names of a number of symbols."""
    return [f"S{number}" for number in range(count)]


def test_nothing_is_written_before_the_day_was_looked_up() -> None:
    """And what memory had of it before is returned once."""
    symbols = FollowedSymbols(limited=False)
    symbols.follow("A", 0, Phase.UNREAD)
    one = symbols.get("A")
    assert one is not None
    assert (symbols.unread, symbols.unwritten) == (["A"], {"A"})
    one.resume(frozenset({5}))
    assert [one.read(), one.read()] == [{5}, frozenset()]
    assert (symbols.unread, symbols.unwritten) == ([], set())


def test_what_memory_has_after_the_day_was_looked_up_hides_no_stored_minute() -> None:
    """A symbol that is looked up once more gets them all."""
    symbols = FollowedSymbols(limited=False)
    symbols.follow("A", 0, Phase.READ)
    one = symbols.get("A")
    assert one is not None
    one.resume(frozenset({5}))
    assert one.read() == frozenset()


def test_a_symbol_that_is_let_go_leaves_nothing() -> None:
    """One that is followed again starts again, its trial too."""
    symbols = FollowedSymbols(limited=True)
    symbols.follow("A", 0, Phase.READ)
    symbols.grant(KEPT_AFTER_MS)
    assert symbols.is_stored("A")
    symbols.drop("A")
    assert symbols.get("A") is None
    symbols.follow("A", KEPT_AFTER_MS, Phase.READ)
    symbols.grant(KEPT_AFTER_MS)
    assert not symbols.is_stored("A")


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 80)), max_size=60))
def test_no_more_are_stored_than_have_room_and_the_longest_followed_first(
    steps: list[tuple[int, int]],
) -> None:
    """Whatever comes and goes; one that is always wanted takes no place."""
    symbols, now_ms = FollowedSymbols(limited=True, always={"X"}), 0
    on_trial: dict[str, int] = {}
    granted: set[str] = set()
    symbols.follow("X", 0, Phase.READ)
    for minutes, number in steps:
        now_ms += minutes * MINUTE_MS
        for symbol in names(number):
            if symbol not in granted:
                on_trial.setdefault(symbol, now_ms)
            symbols.follow(symbol, now_ms, Phase.READ)
        symbols.drop(f"S{minutes}")
        on_trial.pop(f"S{minutes}", None)
        granted.discard(f"S{minutes}")
        symbols.grant(now_ms)
        for symbol, since_ms in list(on_trial.items()):
            if len(granted) < KEPT and since_ms <= now_ms - KEPT_AFTER_MS:
                del on_trial[symbol]
                granted.add(symbol)
        assert symbols.unwritten == on_trial.keys()
        assert all(map(symbols.is_stored, (*granted, "X")))
