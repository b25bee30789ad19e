"""Whether every trade is refused."""

import dataclasses

import pytest

from photon_app.market.book import Counters
from photon_app.market.refusals import FORGOTTEN, LEAST, LOOKS, Refusals


@dataclasses.dataclass
class Watch:
    """A book's counts, looked at once a second."""

    refusals: Refusals = dataclasses.field(default_factory=Refusals)
    counters: Counters = dataclasses.field(default_factory=Counters)

    def wait(self, seconds: int, **each: int) -> str:
        """So much more of each count a second; returns what is said at the end."""
        said = ""
        for _ in range(seconds):
            for name, more in each.items():
                setattr(self.counters, name, getattr(self.counters, name) + more)
            said = self.refusals.look(self.counters)
        return said


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("bad_time", "its time is before the year 2000, or far ahead"),
        ("bad_price", "its price is not above 0"),
        ("bad_volume", "its volume cannot be"),
        ("earlier_day", "its day is over"),
        ("unwanted", "nobody wants its symbol"),
    ],
)
def test_that_all_trades_are_refused_is_said_with_the_reason(name: str, words: str) -> None:
    """After half a minute of nothing else, until one counts."""
    watch = Watch()
    assert watch.wait(10, applied=5) == ""
    assert watch.wait(LOOKS, **{name: 2}) == ""
    assert watch.wait(2, **{name: 2}).startswith(f"Every trade is refused: {words}")
    assert watch.wait(1, **{name: 2}, applied=1) == ""
    assert watch.wait(LOOKS, **{name: 2}) == ""


def test_some_refusals_among_trades_that_count_are_none_of_it() -> None:
    """However many; nor are a few when nothing else comes."""
    watch = Watch()
    assert watch.wait(300, bad_time=50, late=1) == ""
    assert watch.wait(300) == ""
    assert watch.wait(1, bad_price=LEAST - 1) == ""
    assert watch.wait(LOOKS + 5) == ""


def test_a_trade_outside_the_sessions_is_not_refused() -> None:
    """At night it is a price: a few that are late or far off among such are nobody's fault."""
    watch = Watch()
    assert watch.wait(300, outside=1, earlier_day=2, outliers=1) == ""


def test_what_was_refused_long_ago_is_forgotten() -> None:
    """As when the market closed."""
    watch = Watch()
    assert watch.wait(60, bad_time=1)
    assert watch.wait(FORGOTTEN)
    assert watch.wait(2) == ""
