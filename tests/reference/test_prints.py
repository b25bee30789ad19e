"""What conditions allow, one of each kind."""

import pytest

from tests.reference.prints import allowed


@pytest.mark.parametrize(
    ("codes", "last", "high_low", "volume"),
    [
        ((), True, True, True),
        (("1", "12", "24"), True, True, True),
        (("99",), True, True, True),
        (("30",), False, True, True),
        (("1", "3"), False, False, True),
        (("16",), False, False, False),
        (("39",), True, True, False),
        (("30", "39"), False, True, False),
    ],
)
def test_a_trade_may_do_what_all_its_conditions_allow(
    codes: tuple[str, ...], last: bool, high_low: bool, volume: bool
) -> None:
    """A code that is not known forbids nothing."""
    assert allowed(codes) == (last, high_low, volume)
