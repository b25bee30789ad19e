"""Whether every trade is refused."""

import dataclasses

import pytest

from photon_app.market.book import Counters, Refusal
from photon_app.market.refusals import FORGET_AFTER, LEAST, LOOKS, Frozen, Refusals, frozen_sentence


@dataclasses.dataclass
class Watch:
    """A book's counts, looked at once a second."""

    refusals: Refusals = dataclasses.field(default_factory=Refusals)
    counters: Counters = dataclasses.field(default_factory=Counters)

    def wait(self, seconds: int, **each: int) -> str:
        """Add these amounts to the counts each second; returns what is said at the end."""
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
    """At night it is a price: a few that are late or far off among those are no fault."""
    watch = Watch()
    assert watch.wait(300, outside=1, earlier_day=2, outliers=1) == ""


def test_what_was_refused_long_ago_is_forgotten() -> None:
    """As when the market closed."""
    watch = Watch()
    assert watch.wait(60, bad_time=1)
    assert watch.wait(FORGET_AFTER)
    assert watch.wait(2) == ""


@dataclasses.dataclass
class Symbols:
    """Symbols of a book, looked at once a second."""

    frozen: Frozen = dataclasses.field(default_factory=Frozen)
    counted: dict[str, int] = dataclasses.field(default_factory=lambda: {"A": 0, "B": 0})

    def wait(self, seconds: int, refused: str = "", traded: str = "") -> set[str]:
        """Trades of some are refused each second, and of some count."""
        found: dict[str, Refusal] = {}
        for _ in range(seconds):
            for symbol in traded:
                self.counted[symbol] += 1
            found = self.frozen.look(dict.fromkeys(refused, "bad_price"), self.counted.get)
        return set(found)


def test_a_symbol_is_frozen_when_all_of_it_is_refused_for_half_a_minute() -> None:
    """Whatever others do, until one of its trades counts."""
    symbols = Symbols()
    assert symbols.wait(LOOKS, refused="A", traded="B") == set()
    assert symbols.wait(1, refused="A", traded="B") == {"A"}
    assert symbols.wait(1, refused="A", traded="AB") == set()
    assert symbols.wait(LOOKS, refused="A", traded="B") == set()
    assert symbols.wait(90, refused="A", traded="A") == set()


def test_a_symbol_that_is_let_go_or_silent_for_long_is_not_frozen() -> None:
    """And nothing of it is kept."""
    symbols = Symbols()
    assert symbols.wait(60, refused="AB") == {"A", "B"}
    del symbols.counted["A"]
    assert symbols.wait(1, refused="AB") == {"B"}
    assert symbols.wait(FORGET_AFTER) == {"B"}
    assert symbols.wait(2) == set()
    assert not symbols.frozen._stuck


def test_half_of_a_market_is_worth_a_sentence() -> None:
    """With how many, which, and why."""
    frozen: dict[str, Refusal] = {"B": "bad_price", "C": "bad_time"}
    assert frozen_sentence(frozen, "ABCDE", "crypto") == ""
    assert frozen_sentence({}, "", "crypto") == ""
    assert frozen_sentence(frozen, "DCBA", "crypto") == (
        "Every trade of 2 of 4 symbols of crypto is refused, such as B: its price is not above 0"
    )
