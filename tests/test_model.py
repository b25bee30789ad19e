"""The grammar of symbols, everywhere that one is read."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app import settings
from photon_app.commands.tail import arguments
from photon_app.errors import RequestError, SettingsError
from photon_app.model import parse_symbol
from photon_app.ui import watchlist
from tests.names import SYMBOL, WORLD, stored_text

CONTRACT = re.compile(r"[A-Z0-9^$#][A-Z0-9 .:\-_/^=&+$!#*]{0,31}")


def is_symbol(text: str) -> bool:
    try:
        return parse_symbol(text) == text.upper()
    except RequestError:
        return False


@pytest.mark.parametrize("name", WORLD)
def test_names_of_real_venues_are_symbols_everywhere(name: str) -> None:
    """Every reader reads one alike, in any case."""
    assert parse_symbol(name) == parse_symbol(name.lower()) == name
    assert settings.load({"PHOTON_SYMBOLS": f"{name.lower()}, X"}, None).symbols == (name, "X")
    assert arguments.symbols([f"{name},X"]) == (name, "X")
    assert watchlist.find(name.lower()).symbols == (name,)
    assert watchlist.read(stored_text((name, "X")), (), 5) == (name, "X")


@given(
    st.from_regex(SYMBOL, fullmatch=True)
    | st.text(max_size=40)
    | st.text("A .:<>'\"&\0\n\t=", max_size=6)
)
def test_a_symbol_is_what_the_contract_says(text: str) -> None:
    """ASCII, upper-cased, the pattern, no space at the end."""
    expected = text.isascii() and CONTRACT.fullmatch(text.upper()) and not text.endswith(" ")
    assert is_symbol(text) is bool(expected)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            " ",
            ".A",
            "/A",
            "-A",
            ":A",
            "_A",
            "=A",
            "&A",
            "+A",
            "!A",
            "*A",
            " A",
            "A ",
            "A" * 33,
        ),
        *("<b>", "A<", "A>", 'A"', "A'", "A`", "A;", "A\\", "A\n", "A\t", "A\0", "\x7fA", "A,B"),
        *("ÄA", "ﬀ", "ıA", "A\u2028", "A\u00a0", "A%", "A?", "A@", "A(", "A{", "A|", "A~"),  # noqa: RUF001
    ],
)
def test_markup_quotes_controls_and_spaces_at_the_ends_are_none(text: str) -> None:
    """And the sentence that says so is printable."""
    with pytest.raises(RequestError) as refused:
        parse_symbol(text)
    assert refused.value.code == "bad_symbol"
    assert refused.value.message.isprintable()


@pytest.mark.parametrize(
    ("given", "symbols", "prices"),
    [
        ("AAPL=189.5", ("AAPL",), {"AAPL": 189.5}),
        ("GC=F", ("GC=F",), {}),
        ("gc=f = 2650.5", ("GC=F",), {"GC=F": 2650.5}),
        (
            "EURUSD=X=1.08503,M&M.NS=2900",
            ("EURUSD=X", "M&M.NS"),
            {"EURUSD=X": 1.08503, "M&M.NS": 2900},
        ),
        ("OANDA:EUR_USD=1.085", ("OANDA:EUR_USD",), {"OANDA:EUR_USD": 1.085}),
        ("BINANCE:SHIBUSDT=0.00000871", ("BINANCE:SHIBUSDT",), {"BINANCE:SHIBUSDT": 8.71e-6}),
    ],
)
def test_a_start_price_follows_the_last_equals_sign(
    given: str, symbols: tuple[str, ...], prices: dict[str, float]
) -> None:
    """A name may have one of its own."""
    read = settings.load({"PHOTON_SYMBOLS": given}, None)
    assert (read.symbols, dict(read.start_prices)) == (symbols, prices)


@pytest.mark.parametrize(
    "given",
    ["AAPL=", "AAPL=-1", "AAPL=0", "AAPL=1e99", "AAPL=1e-10", "AAPL=nan", "GC=F=.", "AAPL=free"],
)
def test_a_start_price_that_is_none_is_refused(given: str) -> None:
    """And not taken for a name."""
    sentence = rf"SYMBOL=PRICE with .*, not {re.escape(repr(given))}"
    with pytest.raises(SettingsError, match=sentence):
        settings.load({"PHOTON_SYMBOLS": f"{'MSFT,' * 20}{given},X"}, None)
