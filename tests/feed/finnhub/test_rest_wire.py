"""Finnhub's REST answers, decoded totally."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app.feed.finnhub import rest_wire
from photon_app.feed.finnhub.rest_wire import Failed, Unknown
from photon_app.model import Listing, Seed, parse_symbol

NOW_MS = 1_764_000_000_000
QUOTE = {
    "c": 261.74,
    "d": 1.2,
    "dp": 0.46,
    "h": 263.31,
    "l": 260.68,
    "o": 261.07,
    "pc": 259.45,
    "t": 1_763_999_999,
}
ZEROS = {"c": 0, "d": None, "dp": None, "h": 0, "l": 0, "o": 0, "pc": 0, "t": 0}

numbers = st.one_of(st.none(), st.integers(), st.floats(allow_nan=False, allow_infinity=False))
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.sampled_from(["c", "h", "l", "o", "pc", "t", "result", "symbol", "name", "error"]),
            inner,
            max_size=7,
        ),
    ),
    max_leaves=12,
)
bodies = st.one_of(
    st.binary(max_size=60), json_values.map(lambda value: json.dumps(value).encode())
)


def quote(symbol: str = "AAPL", **changes: object) -> Seed | Unknown | Failed:
    """A quote with other figures."""
    return rest_wire.decode_quote(symbol, json.dumps({**QUOTE, **changes}).encode(), NOW_MS)


def test_a_quote_becomes_a_seed() -> None:
    """Its time is in whole seconds."""
    assert quote() == Seed(
        symbol="AAPL",
        prev_close=259.45,
        open=261.07,
        high=263.31,
        low=260.68,
        price=261.74,
        time_ms=1_763_999_999_000,
    )


def test_zeros_are_a_verdict_only_for_a_name_without_a_colon() -> None:
    """Other exchanges' names may exist where a free key sees nothing."""
    body = json.dumps(ZEROS).encode()
    assert rest_wire.decode_quote("NOPE", body, NOW_MS) == Unknown(symbol="NOPE")
    foreign = rest_wire.decode_quote("BINANCE:BTCUSDT", body, NOW_MS)
    assert isinstance(foreign, Failed)
    assert foreign.reason == "empty"


@pytest.mark.parametrize("field", ["c", "h", "l", "o", "pc", "t"])
def test_any_figure_but_zero_is_no_verdict(field: str) -> None:
    """Nor is a figure that is missing."""
    body = json.dumps({**ZEROS, field: 1}).encode()
    assert not isinstance(rest_wire.decode_quote("LOW", body, NOW_MS), Unknown)
    fewer = json.dumps({name: 0 for name in ZEROS if name != field}).encode()
    assert isinstance(rest_wire.decode_quote("LOW", fewer, NOW_MS), Failed)


@pytest.mark.parametrize("time_s", [0, -5, 1, 946_684_799, NOW_MS // 1000 + 61, 1e300, NOW_MS])
def test_a_price_of_no_possible_time_is_left_out(time_s: float) -> None:
    """The day's figures stay."""
    seed = quote(t=time_s)
    assert isinstance(seed, Seed)
    assert (seed.price, seed.time_ms, seed.prev_close) == (None, None, 259.45)


@pytest.mark.parametrize("figure", [0, -1.5])
def test_a_figure_that_cannot_be_is_left_out(figure: float) -> None:
    """The others stay."""
    seed = quote(pc=figure, h=figure)
    assert isinstance(seed, Seed)
    assert (seed.prev_close, seed.high, seed.price) == (None, None, 261.74)


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b"null", b'{"c":NaN}', b'{"c":"1"}', b"<html>"]
)
def test_what_is_no_quote_is_garbage(body: bytes) -> None:
    """And no verdict."""
    answer = rest_wire.decode_quote("AAPL", body, NOW_MS)
    assert isinstance(answer, Failed)
    assert answer.reason == "garbage"


@given(bodies)
def test_decoding_never_raises(body: bytes) -> None:
    """Whatever comes, and whatever it is taken for."""
    assert isinstance(rest_wire.decode_quote("X", body, NOW_MS), Seed | Unknown | Failed)
    assert isinstance(rest_wire.decode_search(body), tuple | Failed)
    assert isinstance(rest_wire.decode_profile("X", body), Listing | Unknown | Failed)
    for status in (200, 204, 302, 401, 403, 404, 429, 500):
        assert isinstance(rest_wire.trouble(status, body), Failed | None)


@given(st.lists(st.tuples(st.text(max_size=40), st.text(max_size=300)), max_size=80))
def test_listings_are_canonical_printable_bounded_and_single(found: list[tuple[str, str]]) -> None:
    """However Finnhub writes them."""
    result = [{"symbol": s, "description": name, "type": name} for s, name in found]
    listings = rest_wire.decode_search(json.dumps({"count": 1, "result": result}).encode())
    assert isinstance(listings, tuple)
    assert len(listings) <= rest_wire.MOST_LISTINGS
    assert len({one.symbol for one in listings}) == len(listings)
    for one in listings:
        assert parse_symbol(one.symbol) == one.symbol
        assert one.name.isprintable()
        assert 0 < len(one.name) <= 120
        assert len(one.type) <= 120


def test_a_search_keeps_finnhubs_order() -> None:
    """One without a name is left out."""
    body = b"""{"count":3,"result":[
        {"description":"APPLE INC","displaySymbol":"AAPL","symbol":"AAPL","type":"Common Stock"},
        {"description":"","displaySymbol":"NONE","symbol":"NONE","type":""},
        {"description":"APPLE INC","displaySymbol":"AAPL.SW","symbol":"AAPL.SW","type":null}]}"""
    assert rest_wire.decode_search(body) == (
        Listing(symbol="AAPL", name="APPLE INC", type="Common Stock"),
        Listing(symbol="AAPL.SW", name="APPLE INC", type=""),
    )


def test_a_profile_names_the_company() -> None:
    """An empty one says that there is no company, as for a fund."""
    body = b'{"country":"US","exchange":"NASDAQ","name":"Apple Inc","ticker":"AAPL"}'
    assert rest_wire.decode_profile("AAPL", body) == Listing(
        symbol="AAPL", name="Apple Inc", type=""
    )
    assert rest_wire.decode_profile("SPY", b"{}") == Unknown(symbol="SPY")


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (401, b'{"error":"Invalid API key."}', "auth"),
        (403, b'{"error":"You don\'t have access to this resource."}', "plan"),
        (429, b"", "throttle"),
        (200, b'{"error":"API limit reached. Please try again later."}', "throttle"),
        (200, b'{"error":"Invalid API key."}', "auth"),
        (200, b'{"error":"You don\'t have access to this resource."}', "plan"),
        (200, b'{"error":"odd"}', "garbage"),
        (500, b"", "server"),
        (503, b"", "server"),
        (302, b"", "garbage"),
        (404, b"", "garbage"),
    ],
)
def test_a_status_or_an_error_has_its_reason(status: int, body: bytes, reason: str) -> None:
    """The limit is stated with 200 too."""
    failed = rest_wire.trouble(status, body)
    assert failed is not None
    assert failed.reason == reason


@given(st.one_of(st.none(), st.text(max_size=40), st.integers().map(str)))
def test_retry_after_is_seconds_or_nothing(header: str | None) -> None:
    """Never below zero, never an exception."""
    seconds = rest_wire.retry_after_s(header, NOW_MS)
    assert seconds is None or seconds >= 0


def test_retry_after_may_be_a_date() -> None:
    """As HTTP allows."""
    assert rest_wire.retry_after_s("Mon, 24 Nov 2025 16:01:30 GMT", NOW_MS) == 90.0
    assert rest_wire.retry_after_s(" 7 ", NOW_MS) == 7.0
