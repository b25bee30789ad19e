"""The fold of trades into bars, against the reference."""

from collections.abc import Callable, Iterable, Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photon_app.calendar.calendar import Calendar
from photon_app.calendar.timeframes import MINUTE_MS, SECOND_MS, span_at
from photon_app.market.bars import GRACE_MS, LATE_MS, LEAST_KEPT, MOST_MINUTES, Bars
from photon_app.market.conditions import REGULAR, effect_of
from photon_app.market.merge import merge_all
from photon_app.model import TIMEFRAMES, Bar, Effect, Timeframe, Trade
from tests.fakes.book import as_counted
from tests.fakes.time import HandClock
from tests.reference import bars as reference
from tests.reference.bars import counted
from tests.reference.prints import Print

OPEN_MS = 1_795_185_000_000
"""2026-11-20 09:30 in New York."""
CALENDAR = Calendar()
SYMBOL = "A"

codes = st.sampled_from([(), ("1",), ("12", "24"), ("3",), ("30",), ("39",), ("30", "39")])


@st.composite
def tapes(draw: st.DrawFn, *, span_ms: int = LATE_MS) -> list[Trade]:
    """Trades of different milliseconds, none further than ``span_ms`` behind another."""
    times = draw(st.sets(st.integers(0, span_ms), min_size=1, max_size=60))
    return [
        Trade(
            SYMBOL,
            draw(st.integers(1, 400)) / 4,
            draw(st.integers(0, 8)) / 2,
            OPEN_MS + time,
            draw(codes),
        )
        for time in draw(st.permutations(sorted(times)))
    ]


def folded(tape: Sequence[Trade], now_ms: int = OPEN_MS) -> Bars:
    """The bars of some trades."""
    bars = Bars(clock=HandClock(now_ms), follow_all=True, gaps=False)
    for trade in tape:
        bars.fold(as_counted(trade, effect_of(trade.conditions)))
    return bars


def computed(tape: Iterable[Trade], timeframe: Timeframe) -> list[Bar]:
    """The same by the reference."""
    prints = [counted(Print(*msgspec.structs.astuple(trade))) for trade in tape]
    return [
        Bar(
            time_ms=bar.time_ms,
            open=bar.open,
            high=bar.high,
            low=bar.low,
            close=bar.close,
            volume=float(bar.volume),
            turnover=float(bar.turnover),
            count=bar.trades,
            open_ms=bar.open_ms,
            close_ms=bar.close_ms,
            firm=bar.firm,
        )
        for bar in reference.bars(prints, timeframe)
    ]


@given(tapes())
def test_trades_in_any_order_within_the_bound_make_the_bars_of_the_rules(tape: list[Trade]) -> None:
    """Sorting the tape first and then splitting it gives the same seconds and minutes."""
    bars = folded(tape)
    assert bars.between(SYMBOL, "1m") == computed(tape, "1m")
    assert bars.between(SYMBOL, "1s") == computed(tape, "1s")
    assert bars.counters.too_late == 0


@given(tapes(span_ms=4 * 3_600_000), st.sampled_from(TIMEFRAMES[2:]))
def test_a_longer_bar_is_that_of_its_minutes(tape: list[Trade], timeframe: Timeframe) -> None:
    """Volume that no price of its minute ever joined is in no bar of any length."""
    tape = sorted(tape, key=lambda trade: trade.time_ms)
    bars = folded(tape)
    for bar in computed(tape, timeframe):
        assert bars.bar_at(SYMBOL, timeframe, bar.time_ms, CALENDAR)[1] == bar


@pytest.mark.parametrize("timeframe", TIMEFRAMES[2:])
def test_a_longer_bar_that_is_watched_is_that_of_its_minutes(timeframe: Timeframe) -> None:
    """Volume of a minute without a price does not count there either, whenever it is read."""
    bars = folded([])
    for minute, code in enumerate(("1", "3", "1", "3", "3", "1", "3")):
        trade = Trade(SYMBOL, 100 + minute, 7, OPEN_MS + minute * MINUTE_MS, (code,))
        bars.fold(as_counted(trade, effect_of(trade.conditions)))
        span, bar = bars.bar_at(SYMBOL, timeframe, trade.time_ms, CALENDAR)
        assert bar == merge_all(bars.between(SYMBOL, "1m", *span), span.start_ms)


@given(tapes(span_ms=3_600_000))
def test_five_minutes_make_the_hour_that_minutes_make(tape: list[Trade]) -> None:
    """Sums are kept at each step, whichever way the hour is put together."""
    minutes = folded(sorted(tape, key=lambda trade: trade.time_ms)).between(SYMBOL, "1m")

    def derived(bars: Sequence[Bar], timeframe: Timeframe) -> list[Bar]:
        spans = {span_at(timeframe, SYMBOL, bar.time_ms, CALENDAR): None for bar in bars}
        return [
            whole
            for start, end in spans
            if (whole := merge_all([b for b in bars if start <= b.time_ms < end], start))
        ]

    assert derived(derived(minutes, "5m"), "1h") == derived(minutes, "1h")
    assert sum(bar.volume for bar in derived(minutes, "1h")) == sum(b.volume for b in minutes)


@given(tapes(), st.data())
def test_a_minute_cut_in_two_by_a_restart_becomes_one(
    tape: list[Trade], data: st.DataObject
) -> None:
    """What an earlier process stored is merged into what came since, in whichever order."""
    tape = sorted(tape, key=lambda trade: trade.time_ms)
    cut = data.draw(st.integers(0, len(tape)))
    first = folded(tape[:cut])
    second = Bars(clock=HandClock(OPEN_MS), follow_all=True, gaps=False)
    resumed_at = data.draw(st.integers(cut, len(tape)))
    stored = first.between(SYMBOL, "1m")
    for at, trade in enumerate(tape[cut:], cut):
        if at == resumed_at:
            second.resume(SYMBOL, stored)
        second.fold(as_counted(trade, effect_of(trade.conditions)))
    if resumed_at == len(tape):
        second.resume(SYMBOL, stored)
    whole = {bar.time_ms: bar for bar in folded(tape).between(SYMBOL, "1m")}
    for bar in second.between(SYMBOL, "1m"):
        # Volume without a price is not stored, so what was cut off with it may be less.
        assert (bar.open, bar.high, bar.low, bar.close) == (
            whole[bar.time_ms].open,
            whole[bar.time_ms].high,
            whole[bar.time_ms].low,
            whole[bar.time_ms].close,
        )


def trade(time_ms: int, price: float = 10, volume: float = 1, *codes: str) -> Trade:
    """One trade, some ms after the open."""
    return Trade(SYMBOL, price, volume, OPEN_MS + time_ms, codes)


def test_a_trade_later_than_the_bound_counts_in_no_bar() -> None:
    """It is counted, and the bar of its time stays."""
    bars = folded([trade(0), trade(LATE_MS + 1), trade(0, 99)])
    assert bars.between(SYMBOL, "1m")[0].high == 10
    assert bars.counters.too_late == 1


def test_a_late_trade_is_reported_and_handed_over_for_storage_again() -> None:
    """With the whole bar, since it replaces the one that was stored."""
    bars = folded([trade(0), trade(MINUTE_MS)])
    bars.take_dirty()
    bars.fold(as_counted(trade(5, 12)))
    assert bars.take_corrections() == [(SYMBOL, OPEN_MS + 5)]
    assert bars.take_corrections() == []
    [(symbol, minutes)] = bars.take_dirty()
    assert symbol == SYMBOL
    assert (minutes[0].time_ms, minutes[0].close, minutes[0].count) == (OPEN_MS, 12, 2)


def test_what_has_not_changed_is_not_handed_over_again() -> None:
    """A still market costs the database nothing."""
    bars = folded([trade(0)])
    assert bars.take_dirty()
    assert not bars.take_dirty()


def test_a_bar_is_final_a_moment_after_its_end() -> None:
    """Trades that were on their way belong into it."""
    clock = HandClock(OPEN_MS + MINUTE_MS + GRACE_MS - 1)
    bars = Bars(clock=clock)
    assert bars.final_ms < OPEN_MS + MINUTE_MS
    clock.at_ms += 1
    assert bars.final_ms == OPEN_MS + MINUTE_MS


class Line:
    """A live feed on a clock that the test sets; the tape may be behind this machine's clock."""

    def __init__(self, behind_s: int = 0) -> None:
        self.behind_ms = behind_s * 1000
        self.clock = HandClock(OPEN_MS + self.behind_ms)
        self.bars = Bars(clock=self.clock)
        self.bars.flowing(flows=True)
        self.bars.follow(SYMBOL)

    def at(self, seconds: float) -> "Line":
        """Set the clock to some seconds after the tape's opening."""
        self.clock.at_ms = OPEN_MS + self.behind_ms + round(seconds * 1000)
        return self

    def trade(self) -> "Line":
        """One trade now."""
        self.bars.fold(as_counted(Trade(SYMBOL, 10, 1, self.clock.at_ms - self.behind_ms)))
        return self

    @property
    def incomplete(self) -> list[bool]:
        """Of each minute."""
        return [bar.incomplete for bar in self.bars.between(SYMBOL, "1m")]


def test_bars_during_which_the_feed_was_down_are_incomplete() -> None:
    """The one that it broke off in, and the one that it came back in; not those beside them."""
    line = Line()
    for seconds in (1, 61):
        line.at(seconds).trade()
    line.at(90).bars.flowing(flows=False)
    line.at(150).bars.flowing(flows=True)
    for seconds in (151, 181):
        line.at(seconds).trade()
    assert line.incomplete == [False, True, True, False]


def test_the_first_minute_of_a_symbol_is_incomplete() -> None:
    """Unless it was followed from the start of the minute on."""
    line = Line()
    line.clock.at_ms += 30_000
    line.bars.follow("B")
    line.bars.fold(as_counted(Trade("B", 1, 1, line.clock.at_ms)))
    line.bars.fold(as_counted(Trade("B", 1, 1, line.clock.at_ms + MINUTE_MS)))
    assert [bar.incomplete for bar in line.bars.between("B", "1m")] == [True, False]


def test_a_symbol_that_is_let_go_and_wanted_again_goes_on_in_its_minute() -> None:
    """Incomplete, and with what it had."""
    line = Line()
    line.at(1).trade()
    line.at(10).bars.drop(SYMBOL)
    line.at(20).bars.follow(SYMBOL)
    line.at(30).trade()
    assert line.incomplete == [True]
    assert line.bars.between(SYMBOL, "1m")[0].count == 2


def test_a_symbol_that_is_let_go_is_forgotten_when_nothing_can_be_late() -> None:
    """Once its last minute was handed over."""
    line = Line()
    line.at(1).trade().bars.drop(SYMBOL)
    line.at(LATE_MS / 1000 + 62).bars.tick()
    assert line.bars.symbols == [SYMBOL]
    line.bars.take_dirty()
    line.bars.tick()
    assert not line.bars.symbols


def test_polled_prices_make_a_bar_without_trades() -> None:
    """Complete if the feed followed the symbol all the while; otherwise anything may have happened
    between two of them.
    """
    line = Line()
    line.at(1).bars.sample(SYMBOL, 12, OPEN_MS + 1000)
    [bar] = line.bars.between(SYMBOL, "1m")
    assert (bar.open, bar.close, bar.volume, bar.count, bar.vwap) == (12, 12, 0, 0, None)
    assert line.incomplete == [False]
    line.at(61).bars.unseen(frozenset({SYMBOL}))
    line.at(70).bars.sample(SYMBOL, 13, OPEN_MS + 70_000)
    line.at(130).bars.sample(SYMBOL, 13, OPEN_MS + 130_000)
    line.at(140).bars.unseen(frozenset())
    line.at(150).trade()
    line.at(200).trade()
    assert line.incomplete == [False, True, True, False]


def test_one_polled_price_leaves_a_followed_day_whole() -> None:
    """As at an opening, or when a poll falls into a silence."""
    line = Line()
    for minute in range(5):
        line.at(minute * 60 + 5).trade()
        line.at(minute * 60 + 20).bars.sample(SYMBOL, 11, OPEN_MS + minute * MINUTE_MS + 20_000)
    _, bar = line.bars.bar_at(SYMBOL, "1d", OPEN_MS, Calendar())
    assert bar is not None
    assert not bar.incomplete
    assert bar.count == 5


def test_a_gap_begins_with_the_last_sign_of_life() -> None:
    """Not when it is noticed: bars that were sent as complete are sent again, and stored again."""
    line = Line()
    line.at(30).trade()
    line.at(80).trade()
    line.at(80.5).bars.sample(SYMBOL, 12, OPEN_MS + 80_500)
    line.at(130).bars.sample(SYMBOL, 12, OPEN_MS + 130_000)
    assert line.incomplete == [False, False, False]
    line.bars.take_dirty()
    line.at(200).bars.flowing(flows=False, lost_ms=OPEN_MS + 81_000)
    assert line.incomplete == [False, True, True]
    assert line.bars.take_corrections() == [(SYMBOL, OPEN_MS + MINUTE_MS)]
    [(_, dirty)] = line.bars.take_dirty()
    assert [bar.incomplete for bar in dirty] == [True, True]
    line.at(250).bars.flowing(flows=True)
    line.at(255).trade()
    line.at(310).trade()
    assert line.incomplete == [False, True, True, True, False]


@given(st.integers(0, 600), st.integers(0, 150), st.lists(st.integers(0, 900), max_size=30))
def test_bars_cut_by_a_lost_connection_are_incomplete_and_no_others(
    lost_s: int, noticed_s: int, seconds: list[int]
) -> None:
    """Whenever it died, was noticed and came back, and whatever came late."""
    line = Line()
    back_s = lost_s + noticed_s + 20
    events = [(s, "trade") for s in sorted(seconds) if s <= lost_s or s > back_s]
    events += [(lost_s + noticed_s, "down"), (back_s, "up")]
    for second, what in sorted(events, key=lambda event: event[0]):
        line.at(second)
        if what == "trade":
            line.trade()
        else:
            line.bars.flowing(flows=what == "up", lost_ms=OPEN_MS + lost_s * 1000)
    for bar in line.bars.between(SYMBOL, "1m"):
        begun_s = (bar.time_ms - OPEN_MS) // 1000
        assert bar.incomplete == (begun_s < back_s and lost_s < begun_s + 60)


@pytest.mark.parametrize("behind_s", [-90, 90, 900, 2400])
def test_the_tape_s_time_makes_bars_final_and_whole(behind_s: int) -> None:
    """Not this machine's: what is followed from now on is followed from the tape's now on."""
    line = Line(behind_s=behind_s)
    line.bars.tape_offset(behind_s * 1000)
    line.bars.follow("B")
    for second in range(1, 150):
        line.at(second).trade()
        if second == 70:
            line.bars.flowing(flows=False)
        if second == 80:
            line.bars.flowing(flows=True)
    assert line.incomplete == [False, True, False]
    line.at(61.9)
    assert line.bars.final_ms < OPEN_MS + MINUTE_MS
    line.at(62)
    assert line.bars.final_ms == OPEN_MS + MINUTE_MS


def test_a_recording_is_complete_as_far_as_it_goes() -> None:
    """It is never down, and follows every symbol since ever."""
    bars = folded([trade(30_000)])
    bars.flowing(flows=False)
    bars.fold(as_counted(trade(31_000)))
    assert not bars.between(SYMBOL, "1m")[0].incomplete


@given(tapes(span_ms=3_600_000), st.integers(0, 60), st.integers(0, 60))
def test_columns_merge_as_bars_do(tape: list[Trade], first: int, last: int) -> None:
    """Also where some have no price, or none that may be a last one."""
    bars = folded(sorted(tape, key=lambda trade: trade.time_ms))
    ring = bars._series[SYMBOL].minutes
    window = OPEN_MS + first * MINUTE_MS, OPEN_MS + last * MINUTE_MS
    assert ring.merged(*window, OPEN_MS) == merge_all(ring.between(*window), OPEN_MS)


def test_a_late_trade_after_a_restart_belongs_to_its_own_minute() -> None:
    """Whatever is in the minute that is continued; both are kept."""
    bars = folded([])
    [stored] = folded([trade(MINUTE_MS + 5)]).between(SYMBOL, "1m")
    bars.resume(SYMBOL, [stored])
    bars.fold(as_counted(trade(MINUTE_MS - 1, 12)))
    assert [bar.close for bar in bars.between(SYMBOL, "1m")] == [12, 10]


def test_a_quote_of_before_the_symbol_was_followed_makes_no_bar() -> None:
    """As on a weekend, when the newest is Friday's: what is stored of that minute is the truth."""
    line = Line()
    line.bars.sample(SYMBOL, 12, OPEN_MS - LATE_MS - 1)
    assert line.bars.between(SYMBOL, "1m") == []


def test_memory_is_bounded() -> None:
    """By bars of a symbol, and the more symbols the fewer seconds of each, down to ten minutes."""
    bars = Bars(clock=HandClock(OPEN_MS), follow_all=True, gaps=False, capacity=3000)
    for second in range(2 * LEAST_KEPT):
        bars.fold(as_counted(Trade(SYMBOL, 1, 1, OPEN_MS + second * SECOND_MS)))
    for number in range(2500):
        bars.fold(as_counted(Trade(f"S{number}", 1, 1, OPEN_MS)))
    for minute in range(2 * MOST_MINUTES):
        bars.fold(as_counted(Trade("M", 1, 1, OPEN_MS + minute * MINUTE_MS)))
    bars.tick()
    assert len(bars.between(SYMBOL, "1s")) <= LEAST_KEPT + 1
    assert len(bars.between("M", "1m")) <= MOST_MINUTES + 1
    assert bars.between("M", "1m")[-1].time_ms == OPEN_MS + (2 * MOST_MINUTES - 1) * MINUTE_MS


def test_older_minutes_are_filled_in_and_newer_ones_left_alone() -> None:
    """What memory has is newer than what storage had."""
    line = Line()
    line.at(61).trade()
    stored = [
        msgspec.structs.replace(bar, close=99)
        for bar in folded([trade(0), trade(MINUTE_MS)]).between(SYMBOL, "1m")
    ]
    line.bars.fill(SYMBOL, stored)
    assert [bar.close for bar in line.bars.between(SYMBOL, "1m")] == [99, 10]


def test_what_is_filled_in_may_be_the_newest() -> None:
    """After a restart on a Sunday that is of Friday; what is too late for it is so too."""
    line = Line()
    stored = folded([trade(0), trade(2 * LATE_MS)]).between(SYMBOL, "1m")
    line.bars.follow(SYMBOL)
    line.bars.fill(SYMBOL, stored)
    assert line.bars.newest_ms(SYMBOL) == OPEN_MS + 2 * LATE_MS
    line.bars.fold(as_counted(trade(LATE_MS - 1), REGULAR))
    assert line.bars.counters.too_late == 1
    line.bars.fill(SYMBOL, stored[:1])
    assert line.bars.newest_ms(SYMBOL) == OPEN_MS + 2 * LATE_MS


LONG_WAY = Effect(*REGULAR)
"""Equal to ``REGULAR`` and not the same object, so that no trade takes a short way."""
STEPS_MS = (0, 1, 400, 999, 1000, 1001, 7000, 30_000, 60_000, 125_000, -1, -700, -5000, -61_000)
EVENTS: dict[str, Callable[[Bars], object]] = {
    "down": lambda bars: bars.flowing(flows=False),
    "up": lambda bars: bars.flowing(flows=True),
    "unseen": lambda bars: bars.unseen(frozenset({SYMBOL})),
    "seen": lambda bars: bars.unseen(frozenset()),
    "drop": lambda bars: bars.drop(SYMBOL),
    "follow": lambda bars: bars.follow(SYMBOL),
    "tick": lambda bars: bars.tick(),
    "store": lambda bars: bars.take_dirty(),
}
traded = st.tuples(st.sampled_from(STEPS_MS), st.integers(1, 5))


def everything(bars: Bars) -> object:
    """What can be read of a symbol, and what was corrected since the last call."""
    seconds, minutes = (bars.between(SYMBOL, timeframe) for timeframe in ("1s", "1m"))
    figures = bars.newest_ms(SYMBOL), bars.changes(SYMBOL), bars.counters
    return seconds, minutes, figures, bars.take_corrections()


@settings(max_examples=300)
@given(st.lists(st.sampled_from(sorted(EVENTS)) | traded | traded | traded, max_size=25))
def test_a_regular_trade_is_folded_by_the_short_ways_as_by_the_long_one(
    steps: list[str | tuple[int, int]],
) -> None:
    """Within a second and from one to the next, whatever happens to feed and symbol between them;
    what is handed over for storage, corrected and counted is the same too.
    """
    clock = HandClock(OPEN_MS)
    both = Bars(clock=clock), Bars(clock=clock)
    for bars in both:
        bars.flowing(flows=True)
        bars.follow(SYMBOL)
    at_ms = OPEN_MS
    for step in steps:
        if isinstance(step, str):
            returned = [EVENTS[step](bars) for bars in both]
            assert returned[0] == returned[1]
        else:
            at_ms += step[0]
            clock.at_ms = max(clock.at_ms, at_ms)
            for bars, effect in zip(both, (REGULAR, LONG_WAY), strict=True):
                bars.fold(as_counted(Trade(SYMBOL, 10.0 + step[1], step[1], at_ms), effect))
        assert everything(both[0]) == everything(both[1])


def test_seconds_of_a_symbol_that_is_not_on_the_tape_are_incomplete() -> None:
    """From the first one that begins then, until it is on the tape again."""
    line = Line()
    for seconds in (1, 2):
        line.at(seconds).trade()
    line.at(2.5).bars.unseen(frozenset({SYMBOL}))
    line.at(4).trade()
    line.at(5.5).bars.unseen(frozenset())
    line.at(6).trade()
    incomplete = [bar.incomplete for bar in line.bars.between(SYMBOL, "1s")]
    assert incomplete == [False, True, True, False]
