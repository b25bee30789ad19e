"""The picture: what fits, in which words, and never a price that looks newer than it is."""

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from photon_app.commands.tail import wire
from photon_app.commands.tail.board import Board
from photon_app.commands.tail.view import Moment, badge, picture
from tests.commands.tail.samples import NOON_MS, board, hello, snapshot, status, trade

SERVER = "127.0.0.1:8000"
SYMBOLS = ("AAPL", "BINANCE:BTCUSDT", "OANDA:EUR_USD", "LOW", "IDLE", "NOPE")
HOUR_MS = 3_600_000
AGO_MS = (-9000, -7000, -5000, -3000, -1000)


def market(feed: str = "live", **more: Any) -> Board:
    """One symbol of each kind, two seconds before the picture."""
    said = {
        "market_until": NOON_MS + 4 * HOUR_MS,
        "market_next": "post",
        "symbols": {"NOPE": "rejected"},
        "source": "finnhub" if feed == "live" else feed,
    }
    apple: dict[str, Any] = {
        "prev_close": 227.93,
        "change": 1.94,
        "change_percent": 0.8511,
        "low": 227,
        "high": 231,
        "day_volume": 41_234_567,
        "state": "live",
    }
    bitcoin: dict[str, Any] = {
        "prev_close": 65_000,
        "change": -789.5,
        "change_percent": -1.2146,
        "low": 64_000,
        "high": 66_000,
        "day_volume": 812.25,
        "state": "live",
    }
    lowes: dict[str, Any] = {
        "prev_close": 231.4,
        "change": 0,
        "change_percent": 0,
        "low": 230,
        "high": 232,
        "day_volume": 999,
        "state": "polled",
    }
    prices = zip((229.1, 229.5, 230.2, 229.8, 229.87), AGO_MS, strict=True)
    return board(
        status(feed, **{**said, **more}),
        *(
            snapshot(seq=n, price=price, at_ms=NOON_MS + ago_ms, **apple)
            for n, (price, ago_ms) in enumerate(prices, 1)
        ),
        snapshot("BINANCE:BTCUSDT", price=64_210.5, at_ms=NOON_MS - 90, **bitcoin),
        snapshot("OANDA:EUR_USD", price=1.08502, at_ms=NOON_MS - 900, state="live"),
        snapshot("LOW", price=231.4, at_ms=NOON_MS - 42_000, **lowes),
        symbols=SYMBOLS,
        now_s=100,
    )


def text(made: Board, width: int = 110, height: int | None = None, now_s: float = 102) -> str:
    """The picture without its colours."""
    console = Console(
        width=width, height=height, record=True, file=io.StringIO(), force_terminal=True
    )
    console.print(picture(made, SERVER, Moment(now_s, NOON_MS, width, height)))
    return "\n".join(line.rstrip() for line in console.export_text().splitlines())


def ansi(made: Board, now_s: float, **environ: str) -> str:
    """The picture as a terminal gets it."""
    file = io.StringIO()
    console = Console(width=110, file=file, force_terminal=True, _environ=environ)
    console.print(picture(made, SERVER, Moment(now_s, NOON_MS, 110)))
    return file.getvalue()


def test_a_wide_terminal_shows_everything() -> None:
    assert text(market()) == WIDE


WIDE = """\
 LIVE   NYSE Regular  closes in 3 h 59 m  12:00:02 ET

Symbol           Recent                            Last     Change           Low – high    Volume          Age
AAPL             ▁▃▇▅▅                           229.87  ▲ +0.85 %    +1.94  ────────┃───  41.2 M        3.0 s
BINANCE:BTCUSDT  ▄                            64,210.50  ▼ −1.21 %  −789.50  ─┃──────────     812        2.1 s
OANDA:EUR_USD    ▄                              1.08502          –        –  ────────────       –        2.9 s
LOW              ▄                               231.40     0.00 %     0.00  ────────┃───     999  POLLED 44 s
IDLE                                                  –          –        –  ────────────       –      WAITING
NOPE                                                  –          –        –  ────────────       –     REJECTED

✗ NOPE is not known to the feed

● Connected to 127.0.0.1:8000 · Finnhub"""  # noqa: E501  # the width is the point


def test_a_narrow_terminal_leaves_out_the_least_important() -> None:
    """Not the price, nor how far it can be trusted."""
    assert text(market(), 40) == NARROW


NARROW = """\
 LIVE   NYSE Regular  closes in 3 h 59 m

Symbol                 Last          Age
AAPL                 229.87        3.0 s
BINAN…BTCUSDT     64,210.50        2.1 s
OANDA:EUR_USD       1.08502        2.9 s
LOW                  231.40  POLLED 44 s
IDLE                      –      WAITING
NOPE                      –     REJECTED

✗ NOPE is not known to the feed

● Connected to 127.0.0.1:8000 · Finnhub"""


def test_the_narrowest_terminal_has_one_cell_for_the_state() -> None:
    assert text(market(), 24) == NARROWEST


NARROWEST = """\
 LIVE   NYSE Regular

Symbol           Last
AAPL           229.87
BTCUSDT     64,210.50
EUR_USD       1.08502
LOW            231.40  ~
IDLE                –  …
NOPE                –  ✗

✗ NOPE is not known to …

● Connected to 127.0.0.…"""


def test_a_lost_server_makes_every_price_stale_and_says_when_it_is_tried_again() -> None:
    """And what kind of prices they were."""
    made = market("simulated")
    made.lost("no connection (Connection refused)", 105.2)
    drawn = text(made, 80)
    assert drawn.splitlines()[0] == " STALE   SIMULATED"
    assert drawn.count("STALE") == 5
    assert drawn.splitlines()[-1] == (
        "○ 127.0.0.1:8000: no connection (Connection refused) · next attempt in 4 s"
    )


def test_a_lost_feed_makes_every_price_stale_and_says_why() -> None:
    made = market("reconnecting", detail="Failed to connect to Finnhub", retry_at=NOON_MS + 9000)
    lines = text(made).splitlines()
    assert lines[0].startswith(" FEED RECONNECTING   next attempt in 7 s  NYSE Regular")
    assert lines[-1] == "● Connected to 127.0.0.1:8000 · Failed to connect to Finnhub"
    assert "STALE 3.0 s" in lines[3]


@pytest.mark.parametrize("feed", ["simulated", "replay"])
@pytest.mark.parametrize("width", [14, 40, 110])
def test_what_is_not_the_real_market_says_so_at_every_width(feed: str, width: int) -> None:
    """First of all, and without colours."""
    assert text(market(feed), width).split()[0] == feed.upper()


def test_a_first_connection_that_fails_says_so() -> None:
    made = Board(["AAPL"])
    assert badge(made)[0] == "CONNECTING"
    made.lost("its name cannot be resolved", 102.5)
    assert text(made).splitlines()[0] == " NO SERVER"
    assert "its name cannot be resolved · next attempt in 1 s" in text(made)


def test_the_last_picture_says_that_it_is_over() -> None:
    made = market()
    made.ended()
    lines = text(made).splitlines()
    assert lines[0] == " ENDED"
    assert lines[-1] == "■ Ended at 12:00:00 ET"


def test_a_low_terminal_says_how_much_it_left_out() -> None:
    """And is filled to its last line."""
    lines = text(market(), 80, 9).splitlines()
    assert len(lines) == 9
    assert lines[4] == "and 5 more: the terminal is too low"


def test_many_rejections_are_counted() -> None:
    symbols = tuple(f"S{n}" for n in range(9))
    made = board(status(symbols=dict.fromkeys(symbols, "rejected")), symbols=symbols)
    assert "✗ and 7 more rejected" in text(made)


def test_an_error_of_the_server_is_shown() -> None:
    assert "✗ too many messages" in text(board(wire.Error(message="too many messages")))


def test_a_price_that_moved_is_reversed_for_a_moment() -> None:
    """In its direction's colour; reversed only where there are no colours."""
    made = board(trade(price=10, seq=1), trade(price=11, seq=2), now_s=100)
    assert "\x1b[1;7;32m11.00\x1b[0m" in ansi(made, 100.5, TERM="xterm")
    assert "\x1b[1;7m11.00\x1b[0m" in ansi(made, 100.5, TERM="xterm", NO_COLOR="1")
    assert "\x1b[1m11.00\x1b[0m" in ansi(made, 101.5, TERM="xterm")


def test_words_of_the_server_cannot_steer_the_terminal() -> None:
    """Neither its feed's, nor its symbols'."""
    foreign = "\x1b]0;owned\x07"
    made = board(
        hello(feed=foreign),
        status(feed=foreign, detail=foreign, market=foreign, source=foreign),
        wire.Subscription(rejected=[wire.Rejection(symbol="AAPL", message=foreign)]),
        snapshot(state=foreign),
        wire.Error(message=foreign),
        now_s=100,
    )
    made.lost(foreign, 105)
    assert "\x1b]" not in ansi(made, 100, TERM="xterm")
    made.connecting()
    made.apply(hello(feed=foreign), 101)
    assert "\x1b]" not in ansi(made, 101, TERM="xterm")


updates = st.builds(
    snapshot,
    st.sampled_from(SYMBOLS),
    seq=st.integers(1, 9),
    price=st.floats(allow_nan=False, allow_infinity=False),
    at_ms=st.integers(-(2**60), 2**60),
    prev_close=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    change=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    change_percent=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    low=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    high=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    day_volume=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    state=st.none() | st.text(),
)
statuses = st.builds(
    status,
    st.text(),
    market=st.none() | st.text(),
    now=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    rate=st.floats(allow_nan=False, allow_infinity=False),
    retry_at=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    market_until=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    market_next=st.none() | st.text(),
    detail=st.text(),
    source=st.text(),
)


@given(
    st.lists(updates | statuses, max_size=12),
    st.integers(1, 140),
    st.none() | st.integers(1, 40),
)
def test_anything_can_be_drawn_anywhere(
    said: list[wire.Message], width: int, height: int | None
) -> None:
    """No number and no width raises, and no line is longer than the terminal."""
    made = board(*said, symbols=SYMBOLS)
    for line in text(made, width, height).splitlines():
        assert Text(line).cell_len <= width


@pytest.mark.parametrize(
    ("delay_ms", "words"), [(900_000, "15"), (2_400_000, "40"), (61_000, "1"), (89_000, "1")]
)
def test_a_delayed_tape_is_never_called_live(delay_ms: int, words: str) -> None:
    """The badge says how late prices come, the foot why."""
    made = board(status("live", delay_ms=delay_ms, detail="Trades come late: a delayed tape"))
    assert badge(made)[0] == f"DELAYED {words} min"
    shown = text(made)
    assert "LIVE" not in shown
    assert "Trades come late" in shown
    assert badge(board(status("simulated", delay_ms=None)))[0] == "SIMULATED"


def test_two_pairs_of_one_exchange_differ_in_a_narrow_terminal() -> None:
    """Its name is cut, not theirs."""
    pairs = ("OANDA:EUR_USD", "OANDA:EUR_GBP")
    made = board(*(snapshot(pair, price=1.085, decimals=5) for pair in pairs), symbols=pairs)
    shown = text(made, width=22)
    assert "EUR_USD" in shown
    assert "EUR_GBP" in shown
    assert shown.count("1.08500") == 2
