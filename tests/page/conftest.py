"""One browser and one process for all tests of the page; a visitor for each that does something."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser import ARGUMENTS, find
from tests.fakes.dates import OPEN_MS
from tests.fakes.process import Process, photon
from tests.page.visitor import Visitor

expect.set_options(timeout=15_000)  # of what comes at once, on a machine that is not busy

Visit = Callable[..., Visitor]
"""Opens the page; arguments as those of ``Visitor`` after the browser."""

UNKIND = "--host-resolver-rules=MAP rebound.test 127.0.0.1"
"""A name of someone else's that points here, as in DNS rebinding."""


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """The browser. Not the whole session's: while Playwright runs, ``asyncio.run`` cannot."""
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=find(), args=[*ARGUMENTS, UNKIND])
        yield launched
        launched.close()


@pytest.fixture(scope="package")
def server() -> Iterator[Process]:
    """Photon with invented prices."""
    with photon(None, OPEN_MS) as process:
        yield process


@contextlib.contextmanager
def door(browser: Browser) -> Iterator[Visit]:
    """Open pages, and close them at the end; none may have complained."""
    visitors: list[Visitor] = []

    def opened(*args: str, **options: Any) -> Visitor:
        visitors.append(Visitor(browser, *args, **options))
        return visitors[-1]

    yield opened
    for visitor in visitors:
        visitor.close()
    assert [complaint for visitor in visitors for complaint in visitor.complaints] == []


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """Open pages; when the test is over, none may have complained."""
    with door(browser) as opened:
        yield opened


@pytest.fixture
def visitor(visit: Visit, server: Process) -> Visitor:
    """Somebody who has just come to the page for the first time."""
    return visit(server.http)


@pytest.fixture(scope="module")
def onlooker(browser: Browser, server: Process) -> Iterator[Visitor]:
    """Somebody who only looks: shared by the tests that change nothing."""
    with door(browser) as opened:
        yield opened(server.http)
