"""The page beside attacks: prices move, and a click is answered. A few of each kind; with
``SIEGE=all`` beside every row.
"""

import contextlib
import os
from collections.abc import Iterator

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from playwright.sync_api import Browser

from tests.fakes.dates import OPEN_MS
from tests.fakes.process import Process, photon
from tests.page.conftest import door
from tests.siege.besieged import attacking
from tests.siege.field import by_server, server_of
from tests.siege.row import Row, no_upstream
from tests.siege.rows import ROWS

FEW = (
    "empty pings on every path",
    "tokens without end",
    "bodies in chunks of one byte",
    "handshakes",
    "a hundred new names ten times a second",
    "unknown events",
)
PLAYED = [
    row for row in by_server(ROWS.values()) if os.environ.get("SIEGE") == "all" or row.name in FEW
]


class Servers:
    """The server of the row that was played last, for the attacks and this page alone."""

    def __init__(self, portal: BlockingPortal) -> None:
        self._portal = portal
        self._stack = contextlib.ExitStack()
        self._made: tuple[str, str, str] | None = None
        self._process: Process | None = None

    def close(self) -> None:
        """End it, and what it runs on."""
        self._stack.close()
        self._made = self._process = None

    def of(self, row: Row) -> Process:
        """The one that is there, if the row can share it and has nothing of its own upstream."""
        if self._process is None or row.upstream is not None or server_of(row) != self._made:
            self.close()
            stand_in = self._portal.wrap_async_context_manager((row.upstream or no_upstream)())
            settings = {**row.settings, **self._stack.enter_context(stand_in)}
            self._process = self._stack.enter_context(photon(row.files, OPEN_MS, **settings))
            self._made = server_of(row)
        return self._process


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    """Servers for the rows, in their order; what they run on lives in a thread with a loop."""
    with start_blocking_portal() as portal:
        made = Servers(portal)
        yield made
        made.close()


@pytest.mark.parametrize("row", PLAYED, ids=lambda row: row.name)
def test_the_page_works_beside(browser: Browser, servers: Servers, row: Row) -> None:
    server = servers.of(row)
    first, second = str(row.settings.get("PHOTON_SYMBOLS", "AAPL,NVDA")).split(",")[:2]
    with attacking(row, server.port), door(browser) as opened:
        visitor = opened(server.http)
        visitor.expect_live(first, second)
        visitor.expect_moving(first)
        visitor.row(second).click()
        visitor.expect_selected(second)


def test_the_few_are_rows() -> None:
    """A row that is named here is one that there is."""
    assert ROWS.keys() >= set(FEW)
