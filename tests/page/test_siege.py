"""The page beside attacks: prices move, and a click is answered. A few of each kind; with
``SIEGE=all`` every row that needs no server of its own.
"""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.fakes.moments import OPEN_MS
from tests.fakes.process import Process, photon
from tests.page.conftest import door
from tests.siege.besieged import attacking
from tests.siege.row import Row
from tests.siege.rows import ROWS

FEW = (
    "empty pings on every path",
    "tokens without end",
    "bodies in chunks of one byte",
    "handshakes",
    "a hundred new names ten times a second",
    "unknown events",
)
SHARED = [row for row in ROWS.values() if not (row.upstream or row.files or row.settings)]
CHOSEN = [row for row in SHARED if os.environ.get("SIEGE") == "all" or row.name in FEW]


@pytest.fixture(scope="module")
def besieged_server() -> Iterator[Process]:
    """A server for the attacks alone."""
    with photon(None, OPEN_MS) as process:
        yield process


@pytest.mark.parametrize("row", CHOSEN, ids=lambda row: row.name)
def test_the_page_works_beside(browser: Browser, besieged_server: Process, row: Row) -> None:
    with attacking(row, besieged_server.port), door(browser) as opened:
        visitor = opened(besieged_server.http)
        visitor.expect_live("AAPL", "NVDA")
        visitor.expect_moving("AAPL")
        visitor.row("NVDA").click()
        visitor.expect_selected("NVDA")


def test_the_few_are_rows() -> None:
    """A row that is named here is one that there is."""
    assert {row.name for row in SHARED} >= set(FEW)
