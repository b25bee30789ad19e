"""A second book, written from docs/market-data.md and not from the first one's code.

``Shadow`` stands beside the book of the running app: it is told what the feed received (``heard``),
compares each trade that reaches the book with what the fake meant by its frame, folds it in by the
documented rules, and complains where the book came to something else. What it made of every price
is kept, so that what clients were told can be compared with it.
"""

import datetime as dt
import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from photon_app.market.book import Book, Outcome
from photon_app.model import Quote, Seed, Trade
from tests.chaos.candles import Candles, Counted
from tests.chaos.clock import FastTime
from tests.chaos.exchange import Meaning, Print
from tests.fakes.book import FIGURES, code_of

NEW_YORK = ZoneInfo("America/New_York")
RANGE, VOLUME, NOTHING, PRICE = {"30"}, {"3", "37"}, {"16"}, {"39"}
NEAR_MS, FRESH_MS, IN_A_ROW = 10_000, 15 * 60_000, 5
REPEAT_S, REPEAT_FRAMES = 10.0, 8


class Day(NamedTuple):
    """A trading day: its first session's begin, its regular session's end, its last one's end, and
    the begin of the next.
    """

    start_ms: int
    close_ms: int
    done_ms: int
    end_ms: int


NO_DAY = Day(-1, -1, -1, -1)


class Made(NamedTuple):
    """A last price, as clients must be told it."""

    price: float
    volume: float
    time_ms: int
    polled: bool


class State:
    """One symbol."""

    def __init__(self) -> None:
        self.price = math.nan
        self.volume = 0.0
        self.time_ms = -1
        self.polled = False
        self.day = NO_DAY
        self.made_up = False
        """Whether the day is of trades that came when it was done: nothing better is known."""
        self.close: float | None = None
        """The price at the end of the day's regular session."""
        self.close_ms = -1
        self.open = self.high = self.low = math.nan
        self.day_volume = 0.0
        self.prev_close: float | None = None
        self.waits: tuple[int, float] = (-1, 0.0)
        """Volume that came before the first price of its day, and that day."""
        self.held: Print | None = None
        self.run = 0
        """Prints in a row that were held: above the last price, or negative below it."""
        self.asked: tuple[float, int] | None = None

    def widen(self, price: float) -> None:
        """High and low hold this price."""
        self.high = max(self.high, price) if self.high == self.high else price
        self.low = min(self.low, price) if self.low == self.low else price

    def begin(self, day: Day, price: float, time_ms: int) -> None:
        """A day's first price."""
        if self.time_ms >= 0:
            self.prev_close = self.price if self.close is None else self.close
        self.day, self.close = day, None
        self.made_up = time_ms >= day.done_ms
        self.open = self.high = self.low = price
        self.day_volume = self.waits[1] if self.waits[0] == day.start_ms else 0.0
        self.waits = (-1, 0.0)

    def outside(self, symbol: str, time_ms: int) -> bool:
        """Whether a time is when the market is closed, and the last session is known."""
        if self.day is NO_DAY or self.made_up:
            return False
        day = self.day if time_ms < self.day.end_ms else _day(symbol, time_ms)
        return time_ms >= day.done_ms

    def out_of_reach(self, print_: Print) -> bool:
        """More than a fifth from a last price that is fresh."""
        far = abs(print_.price - self.price) > 0.2 * self.price
        return far and print_.time_ms - self.time_ms < FRESH_MS


class Shadow:
    """The second book.

    Args:
        meanings: what each frame of the fake is.
        time: the feed's.
        complain: told of each difference.
    """

    def __init__(
        self,
        meanings: Mapping[bytes, Meaning],
        time: FastTime,
        complain: Callable[[str], None],
    ) -> None:
        self._meanings = meanings
        self._time = time
        self._complain = complain
        self._recent: dict[bytes, float] = {}
        self._expected: deque[Print] = deque()
        self.states: dict[str, State] = {}
        self.made: dict[str, dict[int, Made]] = {}
        """Every last price by symbol and seq."""
        self.tape: dict[str, list[tuple[float, float, int]]] = {}
        """Price, volume and time of all that went to followers."""
        self.admitted_s: dict[str, float] = {}
        self.candles = Candles(time.now_ms())
        self._counted: list[Print] = []
        """Prints that were held, and count since the one that is judged now."""
        self.trades = self.duplicates = self.seeds = 0

    def watch(self, book: Book, wanted: frozenset[str]) -> None:
        """Stand beside a book that wants these already."""
        for symbol in wanted:
            self._admit(symbol)
        self._before(book, "admit", self._admit)
        self._before(book, "drop", lambda symbol: self.states.pop(symbol, None))
        apply, seed = book.apply, book.seed

        def applied(batch: Iterable[Trade]) -> Outcome:
            all_of_it = Outcome()
            for trade in batch:
                was = apply((trade,))
                seq = code_of(was, trade.symbol)
                self._compare(trade.symbol, self._expect(trade), seq, book.quote)
                all_of_it.counted += was.counted
                all_of_it.figures |= was.figures
            return all_of_it

        def seeded(told: Seed) -> Outcome:
            was, quote = seed(told), book.quote(told.symbol)
            changed = FIGURES if told.symbol in was.figures else 0
            seq = quote.seq if was.newest and quote is not None else changed
            self._compare(told.symbol, self._ask(told), seq, book.quote)
            return was

        book.apply = applied  # type: ignore[method-assign]
        book.seed = seeded  # type: ignore[method-assign, assignment]

    def heard(self, frame: bytes) -> None:
        """The feed has received this."""
        meaning = self._meanings.get(frame)
        if meaning is None or not meaning.tape:
            return
        now_s = self._time.monotonic()
        last_s = self._recent.get(frame)
        if last_s is not None and now_s - last_s <= REPEAT_S:
            self.duplicates += 1
            return
        self._recent.pop(frame, None)
        self._recent[frame] = now_s
        while len(self._recent) > REPEAT_FRAMES:
            del self._recent[next(iter(self._recent))]
        self._expected.extend(meaning.prints)

    def compare(self, symbol: str, quote: Quote | None) -> None:
        """The book's word on a symbol against ours."""
        state = self.states.get(symbol)
        if state is None or state.time_ms < 0:
            if quote is not None:
                self._complain(f"{symbol} has a price in the book and should have none")
            return
        if quote is None:
            self._complain(f"{symbol} has no price in the book")
            return
        ours = {name: getattr(state, name) for name in _COMPARED}
        theirs = {name: getattr(quote, name) for name in _COMPARED}
        if any(not _same(ours[name], theirs[name]) for name in _COMPARED):
            self._complain(f"{symbol} is {theirs} in the book and should be {ours}")

    def finish(self) -> None:
        """Nothing that was received may still be on its way."""
        if self._expected:
            self._complain(f"{len(self._expected)} trades were received and never applied")

    def _before(self, book: Book, name: str, note: Callable[[str], Any]) -> None:
        original = getattr(book, name)

        def noted(symbol: str) -> None:
            note(symbol)
            original(symbol)

        setattr(book, name, noted)

    def _admit(self, symbol: str) -> None:
        if symbol not in self.states:
            self.states[symbol] = State()
            self.admitted_s[symbol] = self._time.monotonic()

    def _compare(
        self, symbol: str, ours: str, seq: int, quote: Callable[[str], Quote | None]
    ) -> None:
        theirs = "price" if seq > 0 else "figures" if seq == FIGURES else "nothing"
        if ours != theirs:
            self._complain(f"{symbol}: the book made {theirs} where the rules make {ours}")
        if seq > 0 and (state := self.states.get(symbol)) is not None:
            made = self.made.setdefault(symbol, {})
            if made and seq <= next(reversed(made)):
                self._complain(f"{symbol}: seq {seq} after {next(reversed(made))}")
            now = made[seq] = Made(state.price, state.volume, state.time_ms, state.polled)
            if state.polled:
                self.tape.setdefault(symbol, []).append((now.price, 0, now.time_ms))
        if seq != 0:
            self.compare(symbol, quote(symbol))

    def _expect(self, trade: Trade) -> str:
        """The next trade of those received."""
        got = Print(trade.symbol, trade.price, trade.volume, trade.time_ms, trade.conditions)
        meant = self._expected.popleft() if self._expected else None
        if got != meant:
            self._complain(f"{got} was applied where {meant} was sent")
        self.trades += 1
        self.tape.setdefault(got.symbol, []).append((got.price, got.volume, got.time_ms))
        made = self._fold(got)
        if made == "outside":
            made = "price"
        elif made != "nothing":
            self._count(got)
        self._count_held()
        return made

    def _count(self, print_: Print, *, last: bool = True) -> None:
        """It counts in bars, also where it is of a day that is over."""
        codes = set(print_.conditions)
        counted = Counted(
            print_.time_ms,
            print_.price,
            0.0 if codes & PRICE else print_.volume,
            trades=1,
            priced=not codes & VOLUME,
            last=last and not codes & (RANGE | VOLUME),
        )
        self.candles.add(print_.symbol, counted)

    def _count_earlier(self, print_: Print) -> None:
        """Of a day that is over; what was traded outside its sessions is in no bar."""
        if print_.time_ms < _day(print_.symbol, print_.time_ms).done_ms:
            self._count(print_)

    def _count_held(self) -> None:
        held, self._counted = self._counted, []
        for print_ in held:
            self._count(print_, last=False)

    def _fold(self, print_: Print) -> str:
        state = self.states.get(print_.symbol)
        if state is None or not self._possible(print_):
            return "nothing"
        codes = set(print_.conditions)
        if codes & NOTHING:
            return "nothing"
        later = print_.time_ms >= state.day.end_ms
        if codes & (VOLUME | RANGE) and state.outside(print_.symbol, print_.time_ms):
            return "nothing"
        if codes & VOLUME:
            return self._volume(state, print_)
        if codes & RANGE and not later:
            return self._range(state, print_)
        if codes & PRICE:
            print_ = print_._replace(volume=0)
        return self._regular(state, print_)

    def _regular(self, state: State, print_: Print) -> str:
        price, time_ms = print_.price, print_.time_ms
        believed = time_ms < state.day.start_ms or self._believed(state, print_)
        if not believed:
            state.held = print_
            return "nothing"
        state.run = 0
        if time_ms < state.day.start_ms:
            self._count_earlier(print_)
            return "nothing"
        outside = state.outside(print_.symbol, time_ms)
        if not outside:
            if time_ms >= state.day.end_ms:
                state.begin(_day(print_.symbol, time_ms), price, time_ms)
            elif time_ms >= state.day.close_ms and not state.made_up:
                self._end_regular(state)
            state.day_volume += print_.volume
            state.widen(price)
        if time_ms < state.time_ms:
            if state.close is not None and state.close_ms <= time_ms < state.day.close_ms:
                state.close, state.close_ms = price, time_ms
            return "nothing" if outside else "figures"
        if (
            outside
            and state.close is None
            and state.day.start_ms <= state.time_ms < state.day.done_ms
        ):
            state.close, state.close_ms = state.price, state.time_ms
        state.price, state.volume, state.time_ms = price, print_.volume, time_ms
        state.polled = False
        return "outside" if outside else "price"

    def _end_regular(self, state: State) -> None:
        """A trade of the post-market: the price before it was the close."""
        if state.day.start_ms <= state.time_ms < state.day.close_ms:
            state.close, state.close_ms = state.price, state.time_ms

    def _believed(self, state: State, print_: Print) -> bool:
        if self._borne_out(state, print_):
            return True
        if state.held is not None and print_.time_ms - state.held.time_ms > NEAR_MS:
            state.held = None
        newer = print_.time_ms >= state.time_ms
        inside = not newer and state.low <= print_.price <= state.high
        if not state.out_of_reach(print_) or inside:
            return True
        if not newer:
            return False
        side = 1 if print_.price > state.price else -1
        state.run = state.run + side if state.run * side > 0 else side
        return abs(state.run) >= IN_A_ROW

    def _range(self, state: State, print_: Print) -> str:
        if print_.time_ms < state.day.start_ms:
            self._count_earlier(print_)
            return "nothing"
        if not state.low <= print_.price <= state.high and state.out_of_reach(print_):
            return "nothing"
        state.widen(print_.price)
        state.day_volume += print_.volume
        return "figures"

    def _volume(self, state: State, print_: Print) -> str:
        if print_.time_ms < state.day.start_ms:
            self._count_earlier(print_)
            return "nothing"
        if print_.time_ms < state.day.end_ms:
            state.day_volume += print_.volume
            return "figures"
        start_ms = _day(print_.symbol, print_.time_ms).start_ms
        if start_ms > state.waits[0]:
            state.waits = (start_ms, 0.0)
        if start_ms == state.waits[0]:
            state.waits = (start_ms, state.waits[1] + print_.volume)
        self._count(print_)
        return "nothing"

    def _borne_out(self, state: State, print_: Print) -> bool:
        held = state.held
        if held is None or abs(print_.time_ms - held.time_ms) > NEAR_MS:
            return False
        if abs(print_.price - held.price) > 0.05 * held.price:
            return False
        if print_.time_ms < state.day.end_ms <= held.time_ms:
            return False
        outside = state.outside(print_.symbol, held.time_ms)
        state.held = None
        if outside:
            return True
        if held.time_ms >= state.day.end_ms:
            state.begin(_day(print_.symbol, held.time_ms), held.price, held.time_ms)
        if held.time_ms >= state.day.start_ms:
            state.widen(held.price)
            state.day_volume += held.volume
        self._counted.append(held)
        return True

    def _ask(self, seed: Seed) -> str:
        """Fold in what was asked for."""
        self.seeds += 1
        state = self.states.get(seed.symbol)
        made = "nothing" if state is None else self._ask_about(state, seed)
        self._count_held()
        if made == "price":
            assert state is not None
            asked = Counted(state.time_ms, state.price, 0.0, trades=0, priced=True, last=True)
            self.candles.add(seed.symbol, asked)
        return made

    def _ask_about(self, state: State, seed: Seed) -> str:
        at_ms = seed.time_ms
        if at_ms is None or not 946_684_800_000 <= at_ms <= self._time.now_ms() + 60_000:
            changed = self._close(state, seed.prev_close)
        elif at_ms < state.day.start_ms:
            day = _day(seed.symbol, at_ms)
            official = day.end_ms == state.day.start_ms and at_ms >= day.close_ms
            changed = (official or state.prev_close is None) and self._close(state, seed.price)
        elif seed.price is not None:
            return self._ask_price(state, seed, seed.price, at_ms)
        else:
            changed = self._close(state, seed.prev_close)
            if at_ms < state.day.end_ms:
                changed |= self._figures(state, seed)
        return "figures" if changed and state.time_ms >= 0 else "nothing"

    def _ask_price(self, state: State, seed: Seed, price: float, at_ms: int) -> str:
        self._borne_out(state, Print(seed.symbol, price, 0, at_ms, ()))
        news = state.asked != (price, at_ms)
        state.asked = (price, at_ms)
        if at_ms >= state.day.end_ms:
            state.begin(_day(seed.symbol, at_ms), price, at_ms)
        changed = self._close(state, seed.prev_close)
        changed |= self._figures(state, seed)
        if state.day.close_ms <= at_ms < state.day.end_ms:
            state.close, state.close_ms = price, at_ms
        second, ours = at_ms // 1000, state.time_ms // 1000
        if not (news and (second > ours or (second == ours and price != state.price))):
            return "figures" if changed else "nothing"
        state.widen(price)
        state.run = 0
        state.price, state.volume, state.polled = price, 0.0, True
        state.time_ms = max(state.time_ms, at_ms)
        return "price"

    def _close(self, state: State, price: float | None) -> bool:
        if price is None or price == state.prev_close:
            return False
        state.prev_close = price
        return True

    def _figures(self, state: State, seed: Seed) -> bool:
        """The day as upstream tells it."""
        before = (state.high, state.low, state.open)
        known = [figure for figure in (seed.open, seed.high, seed.low) if figure is not None]
        if state.made_up and known:
            state.high, state.low, state.made_up = max(known), min(known), False
        for figure in (seed.open, seed.high, seed.low):
            if figure is not None:
                state.widen(figure)
        if seed.open is not None:
            state.open = seed.open
        return before != (state.high, state.low, state.open)

    def _possible(self, print_: Print) -> bool:
        return (
            0 < print_.price < math.inf
            and 0 <= print_.volume < 1e15
            and 946_684_800_000 <= print_.time_ms <= self._time.now_ms() + 60_000
        )


_COMPARED = (
    *("price", "volume", "time_ms", "polled"),
    *("open", "high", "low", "day_volume", "prev_close"),
)


def _same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)


def _day(symbol: str, time_ms: int) -> Day:
    """From 04:00 in New York to the next 04:00 for stocks, which have sessions until 20:00 and a
    regular one until 16:00; from 17:00 there for currencies; else that of UTC. All that is played
    is of the middle of a week without a holiday.
    """
    house, colon, _ = symbol.partition(":")
    fx, stock = house in {"OANDA", "IC MARKETS"}, not colon
    zone = NEW_YORK if fx or stock else dt.UTC
    turn = dt.timedelta(hours=17 if fx else 4 if stock else 0)
    local = dt.datetime.fromtimestamp(time_ms / 1000, zone).replace(tzinfo=None)
    date = dt.datetime.combine((local - turn).date(), dt.time())

    def at(hours: float) -> int:
        return round((date + dt.timedelta(hours=hours)).replace(tzinfo=zone).timestamp() * 1000)

    begin = turn.seconds / 3600
    end = at(begin + 24)
    return Day(at(begin), at(16) if stock else end, at(20) if stock else end, end)
