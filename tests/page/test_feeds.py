"""Every source of prices says on the page what it is, and when it is down."""

import re

from playwright.sync_api import expect

from photon_app.settings import DEFAULT_SYMBOLS
from tests.fakes.dates import OPEN_MS
from tests.fakes.process import photon
from tests.feed.recordings import DAY, needs_recordings
from tests.page.conftest import Visit
from tests.page.upstream import upstream

YOUNG = re.compile(r"^(under 10 s|under a minute|\d+\sm)$")
"""An age of less than an hour."""


@needs_recordings
def test_a_replay_runs_on_its_own_clock(visit: Visit) -> None:
    """The recording's symbols are the list, and prices are as old as they were then."""
    settings = {"PHOTON_FEED": f"replay:{DAY}", "PHOTON_REPLAY_SPEED": 20}
    with photon(None, OPEN_MS, **settings) as process, visit(process.http) as visitor:
        expect(visitor.badge).to_have_text("REPLAY")
        visitor.expect_live("BAC", "IBM")
        assert sorted(visitor.symbols()) == ["BAC", "IBM"]
        visitor.expect_moving("BAC")
        for symbol in ("BAC", "IBM"):
            expect(visitor.row(symbol).locator(".age")).to_have_text(YOUNG)
        expect(visitor.page.locator(".session-clock")).to_contain_text("Oct 7, 2013")
        expect(visitor.page.locator(".foot")).to_contain_text("recording ibm-bac-20131007")
        expect(visitor.page.locator(".legend .tag")).to_have_text("REPLAY")
        expect(visitor.page.locator(".legend-time")).to_contain_text("Oct 7, 2013")


def test_finnhubs_prices_are_live_until_its_line_is_down(visit: Visit) -> None:
    """Then the badge says so and each price is marked; the page itself stays connected."""
    with (
        upstream() as finnhub,
        photon(None, OPEN_MS, **finnhub.settings) as process,
        visit(process.http) as visitor,
    ):
        expect(visitor.badge).to_have_text("LIVE")
        visitor.expect_live(*DEFAULT_SYMBOLS)
        visitor.expect_moving("AAPL")
        finnhub.stop()
        expect(visitor.badge).to_have_text("RECONNECTING")
        for row in visitor.rows.all():
            expect(row).to_have_attribute("data-state", "stale")
            expect(row.locator(".tag")).to_have_text("STALE")
            expect(row.locator(".price-text")).to_contain_text("100.0")
        expect(visitor.page.locator(".foot-connection")).to_have_text("Connected")
        visitor.expect_in_width(360)


def test_a_refused_key_is_named(visit: Visit) -> None:
    """No price is made up in its stead."""
    with (
        upstream(401) as finnhub,
        photon(None, OPEN_MS, **finnhub.settings) as process,
        visit(process.http) as visitor,
    ):
        expect(visitor.badge).to_have_text("UNAUTHORIZED")
        expect(visitor.page.locator(".badge")).to_have_attribute("data-kind", "bad")
        expect(visitor.row("AAPL").locator(".tag")).to_have_text("WAITING")
        expect(visitor.price("AAPL")).to_have_text("—")
        expect(visitor.page.locator(".badge-wait")).to_have_text(re.compile(r"^1[45]\sm$"))
        expect(visitor.page.locator(".trouble")).to_have_text(
            re.compile("^Failed to connect to Finnhub: the API key was refused; next attempt at ")
        )
        visitor.expect_in_width(360)
