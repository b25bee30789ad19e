"""How upstream writes symbols: what is known wins, guesses are tried, nobody can spoil it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app.feed.finnhub.spelling import (
    CAPACITY,
    LONGEST_S,
    MOST_GUESSES,
    PATIENCE_S,
    Spellings,
)

GEMINI, BITFINEX = "GEMINI:btcusd", "BITFINEX:tBTCUSD"


@pytest.mark.parametrize("spelling", [GEMINI, BITFINEX, "ZB:btc_usdt", "HUOBI:btcusdt"])
def test_a_symbol_is_asked_for_as_upstream_writes_it(spelling: str) -> None:
    """What it wrote last holds; nothing known is capitals."""
    spellings = Spellings()
    symbol = spelling.upper()
    assert spellings.of(symbol) == symbol
    spellings.learn(spelling)
    assert spellings.of(symbol) == spelling
    spellings.guess(symbol.replace("BTC", "Btc"))
    assert spellings.of(symbol) == spelling
    spellings.learn(symbol)
    assert spellings.of(symbol) == symbol


def test_a_guess_with_its_house_in_capitals_is_tried_at_once_and_another_later() -> None:
    """Who types all in small letters has not chosen them."""
    spellings = Spellings()
    spellings.guess(GEMINI)
    assert spellings.of("GEMINI:BTCUSD") == GEMINI
    spellings.guess("binance:btcusdt")
    assert spellings.of("BINANCE:BTCUSDT") == "BINANCE:BTCUSDT"


@pytest.mark.parametrize("typed", ["aapl", "Aapl", "AAPL", "", "<b>:x", "Ä:x", "A:" + "x" * 40])
def test_what_is_no_guess_changes_nothing(typed: str) -> None:
    """A stock's name is in capitals everywhere."""
    spellings = Spellings()
    spellings.guess(typed)
    assert spellings.of(typed.upper()) == typed.upper()
    assert not spellings.refused(typed.upper())


def test_a_symbol_that_trades_is_not_respelled_by_a_guess() -> None:
    """However sure the client is."""
    spellings = Spellings()
    spellings.subscribe("BINANCE:BTCUSDT", 0)
    spellings.heard({"BINANCE:BTCUSDT"}, ())
    spellings.guess("BINANCE:btcusdt")
    assert spellings.of("BINANCE:BTCUSDT") == "BINANCE:BTCUSDT"
    assert spellings.overdue(1e9) is None


def test_a_guess_that_brings_nothing_gives_way_to_the_next_and_each_waits_longer() -> None:
    """Until one brings a trade, which ends the guessing."""
    spellings = Spellings()
    spellings.guess("GEMINI:Btcusd")
    spellings.guess(GEMINI)
    symbol, now_s, tried, waits = "GEMINI:BTCUSD", 0.0, [], []
    for _ in range(12):
        tried.append(spellings.subscribe(symbol, now_s))
        assert spellings.overdue(now_s) is None
        wait_s = spellings.wait_s(now_s)
        assert wait_s is not None
        waits.append(wait_s)
        now_s += wait_s
        assert spellings.overdue(now_s) == symbol
        assert spellings.unsubscribe(symbol) == tried[-1]
    assert tried[:3] == ["GEMINI:Btcusd", symbol, GEMINI]
    assert waits[0] == PATIENCE_S
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_S
    spellings.subscribe(symbol, now_s)
    spellings.heard({symbol}, [GEMINI])
    assert spellings.of(symbol) == GEMINI
    assert spellings.wait_s(now_s) is None


def test_a_refused_spelling_gives_way_at_once_until_all_were_refused() -> None:
    """Then the symbol is refused, and nothing is asked for it."""
    spellings = Spellings()
    spellings.guess(GEMINI)
    spellings.subscribe("GEMINI:BTCUSD", 0)
    assert spellings.refused("GEMINI:BTCUSD")
    assert spellings.unsubscribe("GEMINI:BTCUSD") == GEMINI
    assert spellings.subscribe("GEMINI:BTCUSD", 1) == "GEMINI:BTCUSD"
    assert not spellings.refused("GEMINI:BTCUSD")
    assert spellings.unsubscribe("GEMINI:BTCUSD") == "GEMINI:BTCUSD"
    assert spellings.overdue(1e9) is None


def test_what_becomes_known_later_is_asked_for_anew() -> None:
    """As when a search tells the spelling of a symbol that is already asked for."""
    spellings, rung = Spellings(), []
    spellings.on_change = lambda: rung.append(True)
    spellings.subscribe("GEMINI:BTCUSD", 0)
    spellings.learn(GEMINI)
    assert rung
    assert spellings.overdue(0) == "GEMINI:BTCUSD"
    assert spellings.unsubscribe("GEMINI:BTCUSD") == "GEMINI:BTCUSD"
    assert spellings.subscribe("GEMINI:BTCUSD", 0) == GEMINI
    assert spellings.overdue(1e9) is None


@given(
    st.lists(st.tuples(st.sampled_from(["guess", "learn", "hear"]), st.integers(0, 9)), max_size=60)
)
def test_memory_is_bounded_whatever_comes(steps: list[tuple[str, int]]) -> None:
    """And a spelling is always one of its symbol."""
    spellings = Spellings(capacity=3)
    for kind, n in steps:
        text = f"X:{'abc' if n % 2 else 'Abc'}{n // 2}"
        if kind == "guess":
            spellings.guess(text)
        elif kind == "learn":
            spellings.learn(text)
        else:
            spellings.heard({text.upper()}, ())
        assert spellings.of(text.upper()).upper() == text.upper()
    for kept in (spellings._known, spellings._capitals, spellings._guesses):
        assert len(kept) <= 3
    assert MOST_GUESSES < CAPACITY
