"""A short form of each attack. What it costs in time is for ``make siege``, on a quiet machine:
here honest clients must only be served, and every bound that is not of time must hold.
"""

import asyncio

import pytest

from tests.siege.besieged import Outcome, besieged
from tests.siege.row import Row, no_upstream
from tests.siege.rows import ROWS
from tests.siege.verdict import faults

SHORT_S = 1.5


@pytest.mark.parametrize("row", ROWS.values(), ids=lambda row: row.name)
def test_the_honest_are_served_beside(row: Row) -> None:
    async def play() -> Outcome:
        async with (row.upstream or no_upstream)() as more:
            with besieged(row.files, **{**row.settings, **more}) as beside:
                return await beside.play(row, SHORT_S, calm_s=0.5, after_s=0.3)

    outcome = asyncio.run(play())
    assert not faults(outcome)
