"""The decoder is total, keeps every good trade, and mirrors its encoder."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from photon_app.feed import finnhub_wire as wire
from photon_app.feed.recording.file import Recording
from photon_app.model import Trade
from tests.feed.recordings import DAY, PREMARKET, needs_recordings
from tests.names import SYMBOL

GOOD = '{"c":["1"],"p":2.5,"s":"GOOD","t":1672348887195,"v":100}'
GOOD_TRADE = Trade(symbol="GOOD", price=2.5, volume=100, time_ms=1672348887195, conditions=("1",))

symbols = st.from_regex(SYMBOL, fullmatch=True)
trades = st.builds(
    Trade,
    symbol=symbols,
    price=st.floats(allow_nan=False, allow_infinity=False),
    volume=st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False),
    time_ms=st.integers(-(2**63), 2**63 - 1),
    conditions=st.lists(st.text(alphabet="0123456789AB", max_size=3), max_size=4).map(tuple),
)


def beside_a_good_trade(text: str) -> wire.Event:
    """Decode a frame of one questionable trade between two good ones."""
    return wire.decode(f'{{"data":[{GOOD},{text},{GOOD}],"type":"trade"}}')


def only_trade(text: str) -> Trade:
    """The trade of a frame that holds exactly this one."""
    event = wire.decode(f'{{"data":[{text}],"type":"trade"}}')
    assert isinstance(event, wire.Trades)
    assert event.skipped == 0
    (trade,) = event.batch
    return trade


def test_a_trade_frame_gives_its_trades_in_order() -> None:
    """Finnhub's documented example, with two symbols in one frame."""
    event = wire.decode(
        b'{"data":[{"c":["1","8"],"p":122.1,"s":"TSLA","t":1672348887195,"v":1},'
        b'{"c":["1"],"p":7296.89,"s":"BINANCE:BTCUSDT","t":1672348887196,"v":0.011467}],'
        b'"type":"trade"}'
    )
    assert event == wire.Trades(
        batch=(
            Trade(
                symbol="TSLA",
                price=122.1,
                volume=1,
                time_ms=1672348887195,
                conditions=("1", "8"),
            ),
            Trade(
                symbol="BINANCE:BTCUSDT",
                price=7296.89,
                volume=0.011467,
                time_ms=1672348887196,
                conditions=("1",),
            ),
        )
    )


@pytest.mark.parametrize("conditions", ["", '"c":null,', '"c":[],'])
def test_conditions_can_be_absent_null_or_empty(conditions: str) -> None:
    """All three forms mean a trade without conditions."""
    assert only_trade(f'{{{conditions}"p":1,"s":"X","t":1,"v":1}}').conditions == ()


def test_an_integral_volume_stays_an_integer() -> None:
    """100 shares are sent on as 100 and not as 100.0."""
    assert isinstance(only_trade('{"p":1,"s":"X","t":1,"v":100}').volume, int)


def test_an_absent_volume_is_a_price_only_update() -> None:
    """Without ``v`` the volume is 0, as Finnhub itself sends for currencies."""
    assert only_trade('{"p":1,"s":"X","t":1}').volume == 0


def test_a_time_may_be_an_integral_float() -> None:
    """1672348887195.0 is a time; it becomes an integer."""
    time_ms = only_trade('{"p":1,"s":"X","t":1672348887195.0,"v":1}').time_ms
    assert (time_ms, type(time_ms)) == (1672348887195, int)


@pytest.mark.parametrize("time", ["1", "1.0"])
@pytest.mark.parametrize("spelling", ["GEMINI:btcusd", "BITFINEX:tBTCUSD", "M&M.ns", "aapl"])
def test_a_trade_is_its_symbols_however_upstream_spells_it(spelling: str, time: str) -> None:
    """And tells the spelling, in well-formed frames and in others."""
    event = beside_a_good_trade(f'{{"p":1,"s":"{spelling}","t":{time},"v":1}}')
    assert isinstance(event, wire.Trades)
    assert [trade.symbol for trade in event.batch] == ["GOOD", spelling.upper(), "GOOD"]
    assert (event.skipped, event.odd) == (0, (spelling,))


def test_names_that_are_no_symbols_are_reported_in_print() -> None:
    """Some of them, and how many trades they had."""
    prints = ",".join(f'{{"p":1,"s":"<{n}\\u0007>","t":1,"v":1}}' for n in [*range(30), 0])
    event = wire.decode(f'{{"data":[{prints}],"type":"trade"}}')
    assert isinstance(event, wire.Trades)
    assert (event.batch, event.skipped, event.misnamed) == ((), 31, 31)
    assert 0 < len(event.names) <= wire.MOST_NAMES
    assert event.names[0] == r"<0\x07>"


def test_a_symbol_may_hold_a_space() -> None:
    """Forex symbols of Finnhub do."""
    assert only_trade('{"p":1,"s":"IC MARKETS:1","t":1,"v":0}').symbol == "IC MARKETS:1"


@pytest.mark.parametrize(
    "bad",
    [
        "3",
        "null",
        "[]",
        "{}",
        '{"p":"1","s":"X","t":1,"v":1}',
        '{"p":null,"s":"X","t":1,"v":1}',
        '{"p":NaN,"s":"X","t":1,"v":1}',
        '{"p":1e999,"s":"X","t":1,"v":1}',
        '{"p":-Infinity,"s":"X","t":1,"v":1}',
        '{"p":true,"s":"X","t":1,"v":1}',
        '{"p":1,"s":7,"t":1,"v":1}',
        '{"p":1,"s":"","t":1,"v":1}',
        '{"p":1,"s":"a<b>","t":1,"v":1}',
        '{"p":1,"s":"ÄPFEL","t":1,"v":1}',
        '{"p":1,"s":"\\ud800","t":1,"v":1}',
        '{"p":1,"s":"X","t":1.5,"v":1}',
        '{"p":1,"s":"X","t":1e300,"v":1}',
        '{"p":1,"s":"X","t":9223372036854775808,"v":1}',
        '{"p":1,"s":"X","t":' + "9" * 5000 + ',"v":1}',
        '{"p":1,"s":"X","v":1}',
        '{"p":1,"s":"X","t":1,"v":null}',
        '{"p":1,"s":"X","t":1,"v":"1"}',
        '{"p":1,"s":"X","t":1,"v":' + "9" * 400 + "}",
        '{"c":"1","p":1,"s":"X","t":1,"v":1}',
        '{"c":[1],"p":1,"s":"X","t":1,"v":1}',
        '{"c":["\\udfff"],"p":1,"s":"X","t":1,"v":1}',
    ],
)
def test_one_bad_trade_does_not_lose_the_good_ones(bad: str) -> None:
    """The trades around it arrive, in order, and it is counted."""
    event = beside_a_good_trade(bad)
    assert isinstance(event, wire.Trades)
    assert (event.batch, event.skipped) == ((GOOD_TRADE, GOOD_TRADE), 1)


def test_invalid_utf8_in_one_trade_does_not_lose_the_good_ones() -> None:
    """The broken symbol is counted, the rest arrives."""
    bad = b'{"p":1,"s":"\xff","t":1,"v":1}'
    event = wire.decode(b'{"data":[' + bad + b"," + GOOD.encode() + b'],"type":"trade"}')
    assert event == wire.Trades(batch=(GOOD_TRADE,), skipped=1, misnamed=1, names=("\ufffd",))


@pytest.mark.parametrize("price", ["0", "-1", "1e300"])
def test_an_implausible_price_is_left_to_the_book(price: str) -> None:
    """The decoder judges shape, not sense."""
    assert only_trade(f'{{"p":{price},"s":"X","t":1,"v":1}}').price == float(price)


@pytest.mark.parametrize("data", ["", ',"data":null', ',"data":[]'])
def test_a_trade_frame_without_data_carries_no_trades(data: str) -> None:
    """It is readable, and empty."""
    assert wire.decode(f'{{"type":"trade"{data}}}') == wire.Trades(batch=())


@pytest.mark.parametrize("data", ["{}", '"x"', "1"])
def test_data_that_is_no_list_is_malformed(data: str) -> None:
    """There is nothing to keep in such a frame."""
    assert isinstance(wire.decode(f'{{"type":"trade","data":{data}}}'), wire.Malformed)


def test_a_ping_is_a_ping() -> None:
    """With nothing else in it."""
    assert wire.decode(b'{"type":"ping"}') == wire.Ping()


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ('"Subscribing to too many symbols"', "Subscribing to too many symbols"),
        ("5", "5"),
        ('"two\\nlines"', r"two\nlines"),
        ('"\\ud800"', r"\ud800"),
    ],
)
def test_an_error_frame_gives_its_words_on_one_printable_line(message: str, words: str) -> None:
    """Whatever they are: they go into a log."""
    frame = f'{{"msg":{message},"type":"error"}}'
    assert wire.decode(frame) == wire.UpstreamError(message=words)


def test_foreign_text_is_cut() -> None:
    """A megabyte of error message stays out of the log."""
    event = wire.decode(json.dumps({"type": "error", "msg": "x" * 1_000_000}))
    assert event == wire.UpstreamError(message="x" * (wire.SHOWN_CHARS - 1) + "…")


@pytest.mark.parametrize("data", ["", ',"data":[{"headline":"x"}]', ',"data":{}'])
def test_an_unknown_type_is_named(data: str) -> None:
    """Paid plans send news; it is no malformed frame, whatever is in it."""
    assert wire.decode(f'{{"type":"news"{data}}}') == wire.Unknown(type="news")


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b" ",
        b"null",
        b"[]",
        b'"trade"',
        b"{}",
        b'{"type":3}',
        b'{"type":null}',
        b'{"type":"trade"',
        b"\xff\xfe",
        b"[" * 200_000,
        b'{"type":"trade","data":' + b"[" * 200_000,
        '{"type":"\ud800',
    ],
)
def test_what_is_no_message_is_malformed(frame: bytes | str) -> None:
    """It is an event with a reason, never an exception."""
    event = wire.decode(frame)
    assert isinstance(event, wire.Malformed)
    assert event.reason.isprintable()


@given(st.binary() | st.text(alphabet=st.characters()))
@example("\ud800")
def test_any_bytes_give_an_event(frame: bytes | str) -> None:
    """The decoder is total over bytes and over texts with lone surrogates."""
    assert isinstance(wire.decode(frame), wire.Event)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["trade", "ping", "error"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["c", "p", "s", "t", "v", "data", "type", "msg"]), inner)
    ),
    max_leaves=20,
)


@given(json_values)
def test_any_json_gives_an_event(value: Any) -> None:
    """With the right keys and wrong values in every place, and NaN, which ``json`` writes."""
    assert isinstance(wire.decode(json.dumps(value)), wire.Event)
    framed = wire.decode(json.dumps({"type": "trade", "data": [value, json.loads(GOOD)]}))
    assert isinstance(framed, wire.Trades)
    assert framed.batch[-1] == GOOD_TRADE
    assert len(framed.batch) + framed.skipped == 2


@given(st.lists(trades, max_size=4), st.data())
def test_a_mutated_frame_gives_an_event(batch: list[Trade], data: st.DataObject) -> None:
    """A few bytes overwritten, removed or added never raise."""
    frame = bytearray(wire.encode_trades(batch).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(frame) - 1))
        frame[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
        if not frame:
            break
    assert isinstance(wire.decode(bytes(frame)), wire.Event)


@given(st.lists(trades))
def test_what_was_encoded_is_decoded(batch: list[Trade]) -> None:
    """Every trade of canonical symbol and finite figures makes the round trip unchanged."""
    event = wire.decode(wire.encode_trades(batch))
    assert event == wire.Trades(batch=tuple(batch))
    assert isinstance(event, wire.Trades)
    assert [type(t.volume) for t in event.batch] == [type(t.volume) for t in batch]


@given(st.lists(trades, min_size=1))
def test_both_roads_through_the_decoder_agree(batch: list[Trade]) -> None:
    """A frame read loosely, because of one bad trade, gives the same good ones."""
    frame = wire.encode_trades(batch).replace('{"data":[', '{"data":[0,')
    assert wire.decode(frame) == wire.Trades(batch=tuple(batch), skipped=1)


def test_trades_are_encoded_in_finnhubs_shape() -> None:
    """The keys are c, p, s, t, v, and 100 shares are written 100."""
    assert wire.encode_trades([GOOD_TRADE]) == f'{{"data":[{GOOD}],"type":"trade"}}'


@needs_recordings
@pytest.mark.parametrize(("path", "expected"), [(DAY, 26_154), (PREMARKET, 1_427)])
def test_every_trade_of_the_real_tape_is_read(path: Any, expected: int) -> None:
    """Nothing of it is skipped, malformed or unknown."""
    events = [wire.decode(line.frame) for line in Recording(path).lines()]
    assert {type(event) for event in events} == {wire.Trades, wire.Ping}
    read = [event for event in events if isinstance(event, wire.Trades)]
    assert sum(len(event.batch) for event in read) == expected
    assert sum(event.skipped for event in read) == 0


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_commands_make_the_round_trip(symbol: str) -> None:
    """What a client writes, a server reads."""
    assert wire.decode_command(wire.encode_subscribe(symbol)) == wire.Subscribe(symbol=symbol)
    assert wire.decode_command(wire.encode_unsubscribe(symbol)) == wire.Unsubscribe(symbol=symbol)


def test_commands_have_finnhubs_shape() -> None:
    """One symbol a message."""
    assert wire.encode_subscribe("AAPL") == '{"type":"subscribe","symbol":"AAPL"}'
    assert wire.encode_unsubscribe("AAPL") == '{"type":"unsubscribe","symbol":"AAPL"}'


@given(st.binary() | st.text(alphabet=st.characters()) | json_values.map(json.dumps))
def test_any_command_gives_an_answer(text: bytes | str) -> None:
    """Reading commands is total too."""
    read = wire.decode_command(text)
    assert isinstance(read, wire.Subscribe | wire.Unsubscribe | wire.Malformed)


def test_a_million_symbols_do_not_grow_the_memory() -> None:
    """What is remembered about symbols is bounded."""
    for i in range(10_000):
        wire.decode(f'{{"data":[{{"p":1,"s":"S{i}","t":1,"v":1}}],"type":"trade"}}')
    assert len(wire._canonical) <= 4096
