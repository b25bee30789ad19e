"""A bar is a row and comes back as it was."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app.model import Bar
from photon_app.storage.tables import FIELDS, bar_of, is_sound, row_of
from tests.storage.material import bar

finite = st.floats(allow_nan=False, allow_infinity=False)
times = st.integers(-(2**40), 2**41)
offsets = st.integers(-(2**31) + 1, 2**31 - 1)


@st.composite
def any_bars(draw: st.DrawFn) -> Bar:
    """Any that a row can hold."""
    time_ms = draw(times)
    return Bar(
        time_ms=time_ms,
        open=draw(finite),
        high=draw(finite),
        low=draw(finite),
        close=draw(finite),
        volume=draw(finite),
        turnover=draw(finite),
        count=draw(st.integers(0, 2**31 - 1)),
        open_ms=time_ms + draw(offsets),
        close_ms=time_ms + draw(offsets),
        firm=draw(st.booleans()),
        incomplete=draw(st.booleans()),
    )


@given(any_bars())
def test_a_bar_of_its_row_is_the_bar(given_bar: Bar) -> None:
    """Every field of it."""
    row = row_of(7, given_bar)
    assert row["series_id"] == 7
    assert bar_of(row[column.name] for column in FIELDS) == given_bar
    assert is_sound(given_bar)


@pytest.mark.parametrize(
    "other",
    [
        {"high": math.inf},
        {"volume": math.nan},
        {"count": 2**31},
        {"count": -1},
        {"close_ms": 2**62},
    ],
)
def test_what_no_row_can_hold_is_not_sound(other: dict[str, Any]) -> None:
    """It would keep every other bar of its batch from being written."""
    assert not is_sound(bar(**other))
