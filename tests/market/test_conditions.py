"""What a trade's conditions let it do."""

import re

from hypothesis import given
from hypothesis import strategies as st

from photon_app import ROOT
from photon_app.market.conditions import (
    CONDITIONS,
    NOTHING,
    PRICE,
    RANGE,
    REGULAR,
    VOLUME,
    Condition,
    Effects,
    effect_of,
)
from photon_app.model import Effect

NAMED = (REGULAR, RANGE, VOLUME, PRICE, NOTHING)
lists = st.lists(st.sampled_from([*CONDITIONS, "99", "", "x"]), max_size=4).map(tuple)


def test_the_codes_of_a_free_tape_forbid_nothing() -> None:
    """Regular, sweep, odd lot and extended hours, together and alone; and none at all."""
    for conditions in ((), ("1",), ("1", "8"), ("1", "12"), ("1", "8", "24"), ("12",), ("24",)):
        assert effect_of(conditions) is REGULAR


def test_an_unknown_code_is_a_regular_one() -> None:
    """Another market's code must not silence a price."""
    assert effect_of(("77", "@", "")) is REGULAR


@given(lists)
def test_a_trade_does_what_every_one_of_its_conditions_allows(conditions: tuple[str, ...]) -> None:
    """In whatever order they stand; a named effect is that very object."""
    known = [CONDITIONS[code].effect for code in conditions if code in CONDITIONS]
    effect = effect_of(conditions)
    assert effect == Effect(*(all(flags) for flags in zip(REGULAR, *known, strict=True)))
    assert effect == effect_of(conditions[::-1])
    assert all(effect is named for named in NAMED if named == effect)


@given(st.lists(lists, max_size=20))
def test_the_memory_says_the_same(tape: list[tuple[str, ...]]) -> None:
    """The first time and again."""
    effects = Effects()
    for conditions in tape:
        assert effects[conditions] is effects[conditions] or len(effects) == 0
        assert effects[conditions] == effect_of(conditions)


def test_the_memory_is_bounded() -> None:
    """In lists, and in how long one may be."""
    effects = Effects()
    for n in range(5000):
        assert effects[(str(1000 + n),)] is REGULAR
    assert len(effects) <= 1024
    effects.clear()
    assert effects[("3",) * 1000] is VOLUME
    assert effects[("x" * 1000, "3")] is VOLUME
    assert not effects


def test_the_document_has_the_table_of_the_code() -> None:
    """Code, name and effect of each."""
    said = {}
    for line in (ROOT / "docs" / "market-data.md").read_text().splitlines():
        if found := re.match(r"\| `(\d+)` \| ([^|*]+?)(?: \*)? \|[^|]*\| (.+) \|$", line):
            last, *others = found[3].split(" | ")
            effect = Effect(last == "yes", *(cell == "yes" for cell in others))
            said[found[1]] = Condition(found[2], effect)
            assert (last == "first of a day") == (effect == RANGE)
    assert said == CONDITIONS
