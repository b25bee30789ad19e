"""Figures as text: the page's words and digits, and short whatever comes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app.commands.tail import figures
from tests.commands.tail.samples import NOON_MS
from tests.names import SYMBOL

any_number = st.floats(allow_nan=False, allow_infinity=False)
prices = st.floats(0.0001, 1e7)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0, "0.00"),
        (150.5, "150.50"),
        (1043.2, "1043.20"),
        (64210.5, "64,210.50"),
        (0.1234, "0.1234"),
        (0.00001234, "0.00001234"),
        (1e300, "1e+300"),
    ],
)
def test_a_price_has_the_digits_of_its_size(value: float | None, text: str) -> None:
    assert figures.price(value) == text


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (1.085, 5, "1.08500"),
        (0.65382, 5, "0.65382"),
        (149.269, 3, "149.269"),
        (25412.0, 0, "25,412"),
        (712345.0, 2, "712,345.00"),
        (1.2e-9, 12, "0.000000001200"),
    ],
)
def test_a_price_has_the_decimals_of_its_symbol(value: float, decimals: int, text: str) -> None:
    assert figures.price(value, decimals) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (0, "0 "), (950, "950"), (41_200, "41.2 K"), (182_300, "182 K"),
     (999_960, "1.0 M"), (48_700_000, "48.7 M"), (0.25, "0.25"),
     (0.00012, "0.00012"), (0.3, "0.30")],
)  # fmt: skip
def test_a_volume_has_three_digits_and_a_unit(value: float | None, text: str) -> None:
    assert figures.volume(value) == text.strip()


@pytest.mark.parametrize(
    ("ms", "text"),
    [(None, "–"), (240, "0.2 s"), (12_345, "12 s"), (299_000, "4 m"), (7_300_000, "2 h"),
     (90_000_000, "25 h"), (172_800_000, "2 d")],
)  # fmt: skip
def test_an_age_has_one_unit(ms: float | None, text: str) -> None:
    assert figures.age(ms) == text


@pytest.mark.parametrize(
    ("ms", "text"), [(-5, "0 s"), (39_100, "40 s"), (720_000, "12 m"), (8_040_000, "2 h 14 m"),
                     (187_200_000, "2 d 4 h")],
)  # fmt: skip
def test_a_span_has_at_most_two(ms: float, text: str) -> None:
    assert figures.span(ms) == text


@pytest.mark.parametrize(
    ("symbol", "room", "text"),
    [
        ("OANDA:EUR_USD", 13, "OANDA:EUR_USD"),
        ("OANDA:EUR_USD", 12, "OAND…EUR_USD"),
        ("OANDA:EUR_USD", 8, "…EUR_USD"),
        ("OANDA:EUR_USD", 7, "EUR_USD"),
        ("OANDA:EUR_USD", 6, "EUR_U…"),
        ("IC MARKETS:1", 4, "IC…1"),
        ("LONGNAME", 5, "LONG…"),
        ("A:", 1, "…"),
        ("AAPL", 1, "…"),
    ],
)
def test_a_symbol_without_room_loses_its_exchange_first(symbol: str, room: int, text: str) -> None:
    """So that two pairs of one exchange can be distinguished."""
    assert figures.name(symbol, room) == text


@given(st.from_regex(SYMBOL, fullmatch=True), st.integers(1, 40))
def test_a_symbol_fits_its_room(symbol: str, room: int) -> None:
    """Whatever its name is."""
    assert len(figures.name(symbol, room)) <= room


def test_a_change_has_a_sign_and_its_prices_digits() -> None:
    assert figures.change(2.5, 2) == "+2.50"
    assert figures.change(-0.00002, 5) == "−0.00002"
    assert figures.percent(-1.692) == "−1.69 %"
    assert (figures.arrow(1), figures.arrow(-1), figures.arrow(0)) == ("▲", "▼", " ")


def test_times_are_the_exchanges() -> None:
    """And a day that is not today's is named."""
    assert figures.clock(NOON_MS) == "12:00:00"
    assert figures.date(NOON_MS) == "Wed 25 Nov 2026"
    assert figures.stamp(NOON_MS + 7) == "2026-11-25T17:00:00.007Z"


@pytest.mark.parametrize(
    ("now", "following", "text"),
    [
        ("regular", "post", "closes in 2 m"),
        ("pre", "regular", "opens in 2 m"),
        ("post", "closed", "closed in 2 m"),
        ("regular", None, ""),
    ],
)
def test_the_market_says_what_comes_next(now: str, following: str | None, text: str) -> None:
    assert figures.market_next(now, following, 120_000) == text


@given(st.lists(prices.map(figures.price), min_size=1))
def test_aligned_prices_have_their_points_below_each_other(texts: list[str]) -> None:
    """And all are as wide, and unchanged but for blanks."""
    lines = figures.aligned(texts)
    assert len({line.index(".") for line in lines}) == 1
    assert len({len(line) for line in lines}) == 1
    assert [line.strip() for line in lines] == texts


@given(st.lists(any_number, max_size=200), st.integers(-1, 60))
def test_a_sparkline_fits_and_shows_the_newest(values: list[float], width: int) -> None:
    """The highest of those shown is the highest block."""
    line = figures.sparkline(values, width)
    shown = values[-width:] if width > 0 else []
    assert len(line) == len(shown)
    assert set(line) <= set(figures.BLOCKS)
    if shown and max(shown) / 2 > min(shown) / 2:
        assert line[shown.index(max(shown))] == figures.BLOCKS[-1]
        assert line[shown.index(min(shown))] == figures.BLOCKS[0]


def test_a_price_that_never_moved_is_a_line_in_the_middle() -> None:
    assert figures.sparkline([5, 5, 5], 8) == figures.BLOCKS[3] * 3


@given(any_number)
def test_no_number_makes_a_long_text_or_raises(value: float) -> None:
    """Numbers come from outside."""
    texts = (
        figures.price(value),
        figures.change(value, 20),
        figures.percent(value),
        figures.volume(value),
        figures.age(value),
        figures.span(value),
        figures.clock(value),
        figures.date(value),
        figures.stamp(value),
        figures.exact(value),
    )
    assert all(len(text) <= 40 for text in texts)


@given(st.integers(-(10**11), 10**11).flatmap(lambda n: st.sampled_from((n / 1000, n * 1e-18))))
def test_an_exact_number_is_read_back_as_it_was(value: float) -> None:
    """Without an exponent."""
    text = figures.exact(value)
    assert float(text) == value
    assert "e" not in text
