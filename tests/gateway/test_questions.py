"""Questions that cost something upstream: how often, and from which pages."""

from typing import Any

import pytest
from starlette.requests import Request

from photon_app.gateway.origin import OriginRule
from photon_app.gateway.questions import ADDRESSES, REPEAT_S, Questions
from tests.fakes.time import HandTime


class Desk:
    """Questions on a clock of the test's."""

    def __init__(self, per_minute: int = 20) -> None:
        self.time = HandTime()
        self.questions = Questions(
            per_minute=per_minute,
            rule=OriginRule(origins=("https://mine.example",), loopback=False),
            proxy_hops=0,
            time=self.time,
        )


def request(**headers: str) -> Request:
    """A request with these headers."""
    scope: dict[str, Any] = {
        "type": "http",
        "client": ("127.0.0.1", 5),
        "headers": [
            (name.replace("_", "-").encode(), value.encode())
            for name, value in {"host": "prices.example", **headers}.items()
        ],
    }
    return Request(scope)


def test_an_address_may_ask_so_often() -> None:
    """Then the answer says when to come again, and which setting it was; others may ask."""
    desk = Desk()
    assert [desk.questions.take("a") for _ in range(20)] == [None] * 20
    refusal = desk.questions.take("a")
    assert refusal is not None
    assert (refusal.status, refusal.headers) == (429, {"Retry-After": "3"})
    assert "PHOTON_QUESTIONS_PER_MIN" in refusal.sentence
    assert desk.questions.take("b") is None
    assert desk.questions.take(None) is None
    desk.time.at_s = 3
    assert desk.questions.take("a") is None
    assert desk.questions.refused == {"cross_site": 0, "per_ip": 1}


def test_addresses_are_forgotten_when_there_are_too_many() -> None:
    """Those that have not asked for the longest."""
    desk = Desk(per_minute=1)
    for number in range(ADDRESSES + 1):
        assert desk.questions.take(str(number)) is None
    assert desk.questions.take(str(ADDRESSES)) is not None
    assert desk.questions.take("0") is None
    assert len(desk.questions._quota) == ADDRESSES


def test_who_asks_the_same_soon_asks_again() -> None:
    """Another question, another address and a long time are not again."""
    desk = Desk()
    assert not desk.questions.repeats("a", "AAPL")
    assert desk.questions.repeats("a", "AAPL")
    assert not desk.questions.repeats("a", "IBM")
    assert not desk.questions.repeats("b", "AAPL")
    desk.time.at_s = REPEAT_S
    assert not desk.questions.repeats("a", "AAPL")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec_fetch_site": "same-origin"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "none"},
        {"sec_fetch_site": "cross-site", "origin": "https://mine.example"},
        {"sec_fetch_site": "cross-site", "referer": "https://mine.example/page?q=1"},
        {"sec_fetch_site": "cross-site", "referer": "https://prices.example/"},
        {"referer": "https://evil.example/"},
    ],
)
def test_programs_and_pages_that_are_named_may_ask(headers: dict[str, str]) -> None:
    """And clients that a browser does not call foreign."""
    assert Desk().questions.cross_site(request(**headers)) is None


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"referer": "https://evil.example/"},
        {"referer": "https://mine.example@evil.example/"},
        {"referer": "https://mine.example.evil.example/"},
        {"referer": "http://mine.example/"},
        {"referer": "https://[/"},
        {"referer": "about:blank"},
        {"origin": "null"},
    ],
)
@pytest.mark.parametrize("spelling", ["cross-site", "Cross-Site "])
def test_a_page_of_another_site_may_not(headers: dict[str, str], spelling: str) -> None:
    """The answer says which setting names it."""
    desk = Desk()
    refusal = desk.questions.cross_site(request(sec_fetch_site=spelling, **headers))
    assert refusal is not None
    assert refusal.status == 403
    assert "FRONTEND_URL" in refusal.sentence
    assert desk.questions.refused["cross_site"] == 1
