"""A short form of each attack. What it costs in time is for ``make siege``, on a quiet machine:
here honest clients must only be served, and every bound that is not of time must hold.
"""

from collections.abc import Iterator

import pytest

from tests.siege.field import Field, by_server
from tests.siege.row import Row
from tests.siege.rows import ROWS
from tests.siege.verdict import faults

SHORT_S = 1.5
LONGER_S = 6.0
"""For attacks that have not begun in earnest by then, on a machine that does much else."""


@pytest.fixture(scope="module")
def field() -> Iterator[Field]:
    """Servers for the rows, in their order."""
    with Field() as made:
        yield made


@pytest.mark.parametrize("row", by_server(ROWS.values()), ids=lambda row: row.name)
def test_the_honest_are_served_beside(field: Field, row: Row) -> None:
    if faults(field.play(row, SHORT_S, calm_s=0.3, after_s=0.2)):
        assert not faults(field.play(row, LONGER_S, calm_s=0.3, after_s=0.2))
