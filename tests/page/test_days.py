"""Whose day it is: dates where the figures are not of today, and each symbol's own session."""

import datetime as dt
import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from photon_app import clock
from tests.page.conftest import Visit
from tests.page.hand import Hand, hand_fed
from tests.page.visitor import Visitor

COINS = ("BINANCE:ETHUSDT", "BINANCE:SOLUSDT", "BINANCE:BTCUSDT")
"""Their days are whole days of UTC on every date, so that this holds whenever it is run."""
HOURS = 40


@pytest.fixture(scope="module")
def hand() -> Iterator[Hand]:
    """Two coins have not traded for 40 hours, one trades, and so does a stock."""
    with hand_fed(PHOTON_SYMBOLS=",".join((*COINS, "AAPL"))) as process:
        for coin in COINS[:2]:
            process.do("earlier", coin, 100.0, HOURS)
        for symbol in (COINS[2], "AAPL"):
            process.do("trade", symbol, 100.0)
        yield process


@pytest.fixture
def visitor(visit: Visit, hand: Hand) -> Visitor:
    """Somebody who looks at the coins only."""
    hand.do("trade", COINS[2], 100.0)
    opened = visit(hand.http)
    stored = json.dumps({"v": 1, "symbols": COINS})
    opened.page.evaluate("(text) => localStorage.setItem('photon.watchlist', text)", stored)
    opened.page.evaluate("localStorage.setItem('photon.columns', 'range')")
    opened.page.reload()
    opened.expect_symbols(*COINS)
    return opened


def last_traded() -> str:
    """The date of the day of 40 hours ago, as the page writes it."""
    then = dt.datetime.fromtimestamp(clock.now_ms() / 1000, dt.UTC) - dt.timedelta(hours=HOURS)
    return f"{then:%a, %b} {then.day}"


def test_what_is_not_of_today_says_of_which_day_it_is(visitor: Visitor) -> None:
    """The list's title, the range, the figures, the tape; and an age of 40 hours is one."""
    date = last_traded()
    expect(visitor.page.locator("th.c-spark")).to_have_text(date)
    expect(visitor.row(COINS[0]).locator(".age")).to_have_text("40\u00a0h")
    expect(visitor.row(COINS[0]).locator(".c-range .range")).to_have_attribute(
        "title", re.compile(f"^{date}: Low 100")
    )
    expect(visitor.row(COINS[2]).locator(".c-range .range")).to_have_attribute(
        "title", re.compile("^Low 100")
    )
    printed = visitor.page.locator(".tape td").first
    expect(printed).to_have_text(re.compile(r"^[A-Z][a-z]{2} \d+ \d\d:\d\d:\d\d$"))
    visitor.page.get_by_role("tab", name="Day").click()
    expect(visitor.page.locator("[data-figure='since']")).to_have_text(date)


def test_what_is_of_today_needs_no_date(visitor: Visitor, hand: Hand) -> None:
    """The coin that trades; and the list, once most of it does."""
    visitor.row(COINS[2]).click()
    hand.do("trade", COINS[2], 101.0)
    expect(visitor.page.locator(".tape td").first).to_have_text(re.compile(r"^\d\d:\d\d:\d\d$"))
    visitor.page.get_by_role("tab", name="Day").click()
    expect(visitor.page.locator("[data-figure='since']")).to_have_text(
        re.compile(r"^since \d\d:00$")
    )
    visitor.page.get_by_label(f"Remove {COINS[0]}").click()
    visitor.page.get_by_label(f"Remove {COINS[1]}").click()
    expect(visitor.page.locator("th.c-spark")).to_have_text("Today")


def test_a_symbols_session_is_its_own(visit: Visit, hand: Hand) -> None:
    """A coin's market is open at any hour; a stock's is what the header says."""
    visitor = visit(hand.http)
    visitor.page.get_by_role("tab", name="Day").click()
    session = visitor.page.locator(".rail-day [data-figure='session']")
    visitor.row(COINS[2]).click()
    visitor.expect_selected(COINS[2])
    expect(session).to_have_text("Regular")
    visitor.row("AAPL").click()
    visitor.expect_selected("AAPL")
    expect(session).to_have_text(visitor.page.locator(".session b").inner_text())
