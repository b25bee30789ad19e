"""Messages folded into rows: the same figures as the server's, and honest when they are not new."""

from dataclasses import dataclass

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app.commands.tail import wire
from photon_app.commands.tail.board import MOVED_S, RECENT, Board, fold
from photon_app.hub import messages
from photon_app.model import Seed, Trade
from tests.commands.tail.samples import NOON_MS, board, hello, snapshot, status, trade
from tests.fakes.book import FIGURES, Book


@dataclass(frozen=True)
class Day:
    """One that does not end."""

    start_ms: int = 0
    date_ms: int = 0
    close_ms: int = 2**62
    done_ms: int = 2**62
    end_ms: int = 2**62


def price_of(made: Board, symbol: str = "AAPL") -> float | None:
    quote = made.rows[symbol].quote
    return None if quote is None else quote.price


tape = st.lists(
    st.tuples(
        st.integers(14_500, 15_500).map(lambda cents: cents / 100),
        st.integers(1, 1000),
        st.integers(0, 60_000),
        st.booleans(),
    ),
    min_size=1,
    max_size=40,
)


@given(tape)
def test_the_fold_ends_with_the_figures_of_the_servers_book(
    trades: list[tuple[float, int, int, bool]],
) -> None:
    """Whichever updates were conflated into snapshots."""
    book = Book(lambda _symbol, _ms: Day())
    book.admit("AAPL")
    book.seed(Seed(symbol="AAPL", prev_close=149.37))
    made = board()
    for price, volume, later_ms, short in trades:
        print_ = Trade("AAPL", price, volume, NOON_MS + later_ms)
        seq = book.apply(print_)
        quote = book.quote("AAPL")
        assert quote is not None
        if seq >= 1 and short and seq > 1:
            text = messages.price_update(print_, seq)
        else:
            text = messages.snapshot(quote, "regular", "live")
        message = wire.decode(text)
        assert message is not None
        made.apply(message, 0)
        old = made.rows["AAPL"].quote
        assert old is not None
        for name in ("seq", "price", "volume", "time_ms", "high", "low", "open", "day_volume"):
            assert getattr(old, name) == getattr(quote, name), (name, seq == FIGURES)
        assert (old.change, old.change_percent) == (quote.change, quote.change_percent)


@given(st.lists(st.tuples(st.integers(1, 20), st.booleans()), max_size=40))
def test_what_is_older_than_the_quote_changes_nothing(
    updates: list[tuple[int, bool]],
) -> None:
    """``seq`` never goes back; a short form needs a newer one, a snapshot may repeat it."""
    old = None
    for seq, whole in updates:
        new = fold(old, snapshot(seq=seq) if whole else trade(seq=seq))
        before = 0 if old is None else old.seq
        assert (new is None) == (seq < before if whole else seq <= before)
        old = new or old


def test_a_new_epoch_forgets_prices_and_seqs() -> None:
    """The next price may have any ``seq``."""
    made = board(snapshot(seq=900))
    made.apply(status(epoch="two", symbols={"AAPL": "waiting"}), 0)
    assert price_of(made) is None
    assert not made.rows["AAPL"].recent
    made.apply(trade(seq=1, price=9), 0)
    assert price_of(made) == 9


def test_a_reconnect_within_an_epoch_keeps_what_is_known() -> None:
    made = board(snapshot(seq=900))
    made.lost("the connection broke", 5)
    made.connecting()
    made.apply(hello(), 6)
    assert price_of(made) == 150


def test_figures_of_updates_that_are_gone_begin_anew() -> None:
    """The old price stays until there is a new one; what was recovered goes on."""
    both = ("AAPL", "NVDA")
    made = board(*(snapshot(one, 7, 100.0, open=90.0) for one in both), symbols=both)
    made.apply(wire.Subscription(recovered={"AAPL": False, "NVDA": True, "X": False}), 1)
    assert price_of(made) == 100
    for symbol in both:
        made.apply(trade(symbol, 30, 50.0), 2)
    gone, whole = (made.rows[symbol].quote for symbol in both)
    assert gone is not None
    assert whole is not None
    assert (gone.seq, gone.open) == (30, 50)
    assert (whole.seq, whole.open) == (30, 90)


@pytest.mark.parametrize("feed", ["connecting", "reconnecting", "unauthorized", "throttled"])
def test_a_price_is_stale_while_its_feed_is_down(feed: str) -> None:
    """Whatever its state was before."""
    made = board(snapshot(state="live"), status(feed=feed))
    assert made.state(made.rows["AAPL"]) == "stale"


def test_a_price_is_stale_while_the_connection_is_down() -> None:
    """From its end until the server has greeted again."""
    made = board(snapshot(state="live"))
    row = made.rows["AAPL"]
    assert made.state(row) == "live"
    made.lost("the connection broke", 5)
    assert made.state(row) == "stale"
    made.connecting()
    assert made.state(row) == "stale"
    made.apply(hello(), 6)
    assert made.state(row) == "live"


def test_a_symbol_without_a_price_waits_whatever_is_down() -> None:
    made = board(status(feed="reconnecting"))
    assert made.state(made.rows["AAPL"]) == "waiting"


def test_a_state_that_the_server_sends_is_the_state() -> None:
    """By status, by snapshot, and by the form of an update."""
    made = board(snapshot(state="live"), status(symbols={"AAPL": "polled"}))
    row = made.rows["AAPL"]
    assert made.state(row) == "polled"
    made.apply(trade(seq=2), 0)
    assert made.state(row) == "live"
    made.apply(trade(seq=3, polled=True), 0)
    assert made.state(row) == "polled"


def test_a_rejected_symbol_says_why_and_is_asked_for_again() -> None:
    """At once by the answer, late by a status; a new connection asks again."""
    refusal = wire.Rejection(symbol="AAPL", code="too_many_symbols", message="too\nmany")
    made = board(wire.Subscription(rejected=[refusal]))
    assert (made.hopeless, made.rows["AAPL"].reason) == (True, "too many")
    made.apply(hello(), 0)
    assert (made.hopeless, made.rows["AAPL"].reason) == (False, "")
    made.apply(status(symbols={"AAPL": "rejected"}), 0)
    assert made.rows["AAPL"].reason == "AAPL is not known to the feed"


def test_symbols_that_are_not_watched_are_left_out() -> None:
    """Memory is bounded by the subscribed symbols."""
    made = board(trade("OTHER"), status(symbols={"MORE": "live", "LESS": "rejected"}))
    assert list(made.rows) == ["AAPL"]
    assert made.updates == 0


def test_the_newest_price_of_each_second_is_remembered() -> None:
    """A bounded number of them."""
    made = board()
    for n in range(1000):
        made.apply(trade(seq=n + 1, price=n, at_ms=NOON_MS + n * 500), 0)
    assert list(made.rows["AAPL"].recent) == [
        float(n) for n in range(999 - 2 * RECENT + 2, 1000, 2)
    ]


def test_figures_without_a_new_price_are_no_move() -> None:
    """They are not counted, and nothing lights up."""
    made = board(snapshot(seq=4, day_volume=1))
    assert made.apply(snapshot(seq=4, day_volume=2), MOVED_S) is None
    assert made.updates == 1
    assert made.rows["AAPL"].direction == 0
    quote = made.rows["AAPL"].quote
    assert quote is not None
    assert quote.day_volume == 2


def test_a_move_has_a_direction_and_a_time() -> None:
    made = board(trade(seq=1, price=10))
    row = made.apply(trade(seq=2, price=9), 33)
    assert row is made.rows["AAPL"]
    assert (row.direction, row.moved_s) == (-1, 33)


@pytest.mark.parametrize(("rate", "age_ms"), [(1.0, 12_000), (10.0, 102_000), (0.0, 2_000)])
def test_ages_follow_the_markets_clock(rate: float, age_ms: float) -> None:
    """Of a replay too; in one at full speed time only jumps."""
    made = board(status(rate=rate, now=NOON_MS), now_s=100)
    made.apply(trade(at_ms=NOON_MS - 2000), 105)
    assert made.age_ms(made.rows["AAPL"], 110) == age_ms


def test_a_heartbeat_sets_the_clock() -> None:
    made = board(status(rate=10.0), now_s=0)
    made.apply(wire.Heartbeat(now=NOON_MS + 60_000), 5)
    assert made.market_ms(6) == NOON_MS + 70_000


def test_what_the_server_could_not_do_is_kept_until_it_greets_again() -> None:
    made = board(wire.Error(code="rate_limited", message="too\x1b many"))
    assert made.error == r"too\x1b many"
    made.apply(hello(), 0)
    assert not made.error


def test_decimals_are_those_sent_and_else_those_of_the_first_price() -> None:
    """They stay while short forms come."""
    made = board(snapshot(price=1.085, decimals=5))
    made.apply(trade(seq=2, price=1.0851234), 0)
    quote = made.rows["AAPL"].quote
    assert quote is not None
    assert quote.decimals == 5
    made = board(trade(seq=1, price=0.65382), trade(seq=2, price=0.654))
    quote = made.rows["AAPL"].quote
    assert quote is not None
    assert quote.decimals == 5


def test_a_day_goes_on_without_the_noise_of_floats() -> None:
    """Changes and volumes."""
    made = board(snapshot(price=0.3, prev_close=0.1, day_volume=0.1))
    update = trade(seq=2, price=0.3)
    made.apply(
        msgspec.structs.replace(update, data=wire.Figures(price=0.3, volume=0.2, timestamp=0)), 0
    )
    quote = made.rows["AAPL"].quote
    assert quote is not None
    assert (quote.change, quote.change_percent, quote.day_volume) == (0.2, 200, 0.3)
