"""A page of before an upgrade, whose files the server has no more."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Route, expect

from tests.fakes.process import Process
from tests.page.conftest import Visit
from tests.page.test_storage import DENIED
from tests.page.visitor import Visitor

NOT_LOADED = "Failed to load resource|dynamically imported module|preload|ERR_"
"""What the browser itself writes about files that are not there."""
INDEX = re.compile(r"/assets/_index-[\w-]+")
CHART = re.compile("/assets/lightweight-charts")


class Server:
    """What stands between browser and server: files are gone, and the page is another one."""

    def __init__(self, visitor: Visitor, *, upgraded: bool | None) -> None:
        self.upgraded = upgraded
        """Whether the page that it has now names other files; ``None``: scripts get no answer."""
        self.asked = 0
        """How often a script asked for that page."""
        self.outdated = 0
        """How many loads of the page get one whose files are gone."""
        self.loads = 0
        """How often the page was loaded."""
        visitor.page.route(re.compile(r"/$"), self._page)
        visitor.page.route(INDEX, self._part)

    def _page(self, route: Route) -> None:
        if route.request.resource_type == "document":
            self.loads += 1
            route.continue_()
            return
        self.asked += 1
        if self.upgraded is None:
            route.abort()
        else:
            answer = route.fetch()
            name = "/assets/_index-another" if self.upgraded else r"\g<0>"
            route.fulfill(response=answer, body=INDEX.sub(name, answer.text()))

    def _part(self, route: Route) -> None:
        if self.loads <= self.outdated:
            route.fulfill(status=404)
        else:
            route.continue_()


@pytest.fixture
def visitor(visit: Visit, server: Process) -> Iterator[Visitor]:
    """Somebody whose browser complains of missing files."""
    opened = visit(server.http)
    opened.expect_live("AAPL")
    yield opened
    opened.close()
    opened.forgive(NOT_LOADED)


def until(visitor: Visitor, true: Callable[[], bool]) -> None:
    """Wait for what only the browser's requests can make true."""
    for _ in range(200):
        if true():
            return
        visitor.page.wait_for_timeout(50)
    raise AssertionError("it did not happen in time")


def test_an_outdated_page_is_replaced_by_the_new_one(visitor: Visitor) -> None:
    """Once, by itself."""
    server = Server(visitor, upgraded=True)
    server.outdated = 1
    visitor.page.reload()
    until(visitor, lambda: server.loads == 2)
    visitor.expect_live("AAPL")
    assert server.loads == 2


def test_an_outdated_page_that_keeps_coming_is_not_reloaded_for_ever(visitor: Visitor) -> None:
    """A second time within minutes is not tried."""
    server = Server(visitor, upgraded=True)
    server.outdated = 100
    visitor.page.reload()
    until(visitor, lambda: server.loads == 2)
    until(visitor, lambda: server.asked >= 2)
    visitor.page.wait_for_load_state("networkidle")
    assert server.loads == 2


def test_where_nothing_can_be_remembered_no_page_is_reloaded(visit: Visit, server: Process) -> None:
    """It would not know that it was."""
    visitor = visit(server.http, init_script=DENIED)
    visitor.expect_live("AAPL")
    answers = Server(visitor, upgraded=True)
    answers.outdated = 100
    visitor.page.reload()
    until(visitor, lambda: answers.asked >= 1)
    visitor.page.wait_for_load_state("networkidle")
    assert answers.loads == 1
    visitor.close()
    visitor.forgive(NOT_LOADED)


def test_a_file_that_is_missing_of_the_newest_page_reloads_nothing(visitor: Visitor) -> None:
    """The page that would come is the same."""
    server = Server(visitor, upgraded=False)
    server.outdated = 100
    visitor.page.reload()
    visitor.page.wait_for_load_state("networkidle")
    assert server.loads == 1


@pytest.mark.parametrize("upgraded", [True, False, None])
def test_a_part_that_is_gone_when_it_is_needed(visitor: Visitor, upgraded: bool | None) -> None:
    """The chart's: the new page comes where there is one, else a sentence, and the page stays."""
    server = Server(visitor, upgraded=upgraded)
    visitor.page.route(CHART, lambda route: route.fulfill(status=404))
    visitor.page.reload()
    if upgraded:
        until(visitor, lambda: server.loads == 2)
    empty = visitor.page.locator(".chart-empty")
    expect(empty).to_have_text("The chart could not be loaded. Reload the page to try again.")
    visitor.expect_live("AAPL")
    visitor.page.wait_for_load_state("networkidle")
    assert server.loads == (2 if upgraded else 1)
