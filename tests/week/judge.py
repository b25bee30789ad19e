"""What must be, made of the prints by ``tests.reference``; nothing of Photon.

What is said here and not there is what a week adds: the exchange's days, a restart that goes on
from bars, moments at which nobody was there to hear, and what a quote says of a change.
"""

from collections import Counter
from decimal import Decimal
from typing import Any

from tests.reference import bars as reference
from tests.reference.book import Figures, Last, Symbol
from tests.reference.prints import Print
from tests.week.hours import MINUTE, SYMBOLS, TIMEFRAMES, Hours, date

GRACE_MS = 2_000
"""How long after its end a bar is final."""
Bar = dict[str, Any]


class Judge:
    """Follows the prints, and says what must be."""

    def __init__(self, hours: Hours) -> None:
        self.hours = hours
        self.symbols = {name: self._symbol(name) for name in SYMBOLS}
        self.applied: list[Print] = []
        """Every print that was a new last price, since the last start."""
        self.cuts: list[tuple[int, int]] = []
        """When nobody was there to hear."""
        self._stopped = 0

    # What happens

    def hear(self, heard: Print) -> None:
        """One print has come."""
        if self.symbols[heard.symbol].hear(heard) == "price":
            self.applied.append(heard)

    def stop(self, now: int) -> None:
        """The process ends."""
        self._stopped = now

    def start(self, now: int) -> None:
        """A process begins; a second one goes on from the bars that were stored."""
        self.cuts.append((self._stopped, now))
        self.applied = []
        for name, symbol in self.symbols.items():
            if symbol.figures is not None:
                self.symbols[name] = self._recalled(name, symbol.figures, now)

    def _recalled(self, name: str, known: Figures, now: int) -> Symbol:
        """The day goes on, and the close before it is what minutes tell of it."""
        symbol, day = self._symbol(name), known.day
        symbol.series = series = self.symbols[name].series
        series.too_late = 0
        price = reference.newest([one for one in series.prints if one.priced])
        symbol.last = Last(price.price, float(price.volume), price.time_ms)
        before = self.hours.day(name, day.start_ms - 1)
        minutes = self._minutes(name, before.start_ms, before.close_ms)
        symbol.prev_close = minutes[-1].close if minutes else None
        minutes = self._minutes(name, day.start_ms, day.end_ms)
        symbol.figures = figures = Figures(day, minutes[0].open, Decimal(0), made_up=False)
        for minute in minutes:
            figures.widen(minute.high)
            figures.widen(minute.low)
            figures.volume += minute.volume
        over = self._minutes(name, day.start_ms, day.close_ms)
        if over and now >= day.close_ms:
            figures.closes = [Print(name, over[-1].close, 0, day.close_ms - 1)]
        else:
            for one in known.closes + known.after:
                if one in series.kept:
                    figures.note(one)
        return symbol

    # What must be

    @property
    def has_prices(self) -> bool:
        """Whether every symbol has one."""
        return all(symbol.last is not None for symbol in self.symbols.values())

    @property
    def counts(self) -> Counter[str]:
        """Where the prints went, since the last start."""
        counts: Counter[str] = Counter()
        for symbol in self.symbols.values():
            counts.update(symbol.counts)
            counts["too_late"] += symbol.series.too_late
        return counts

    def quote(self, name: str) -> dict[str, Any]:
        """The figures of a symbol, as ``/api/quotes`` and a snapshot name them."""
        symbol = self.symbols[name]
        last, day, prev_close = symbol.last, symbol.figures, symbol.prev_close
        assert last is not None and day is not None
        moved = None
        if prev_close is not None:
            moved = float(reference.exact(last.price) - reference.exact(prev_close))
        percent = None
        if moved is not None and prev_close is not None:
            percent = round(moved / prev_close * 100, 4)
        return {
            "price": last.price,
            "timestamp": last.time_ms,
            "open": day.open,
            "high": day.high,
            "low": day.low,
            "day_volume": float(day.volume),
            "prev_close": prev_close,
            "change": moved,
            "change_percent": percent,
        }

    def when(self, name: str, at: int) -> dict[str, Any]:
        """What only a snapshot names: the session of a symbol, and its day."""
        figures = self.symbols[name].figures
        assert figures is not None
        return {"session": self.hours.session(name, at), "day": date(name, figures.day)}

    def bars(self, name: str, timeframe: str) -> list[Bar]:
        """All bars of a symbol, the oldest first, each with ``end`` and ``born``: when it ends,
        and when its first price came.
        """
        minutes = [minute.time_ms for minute in self._minutes(name)]
        made = reference.bars(
            self.symbols[name].series.prints,
            timeframe,
            lambda at: self.hours.span(name, timeframe, at)[0],
        )
        return [self._expected(name, timeframe, bar, minutes) for bar in made]

    def all_bars(self) -> dict[tuple[str, str, int], Bar]:
        """The bars of everything, by symbol, timeframe and time."""
        return {
            (symbol, timeframe, bar["time"]): bar
            for symbol in SYMBOLS
            for timeframe in TIMEFRAMES
            for bar in self.bars(symbol, timeframe)
        }

    # Inside

    def _symbol(self, name: str) -> Symbol:
        return Symbol(name, self.hours.day)

    def _minutes(self, name: str, begin: int = 0, end: int = 1 << 62) -> list[reference.Bar]:
        prints = [p for p in self.symbols[name].series.prints if begin <= p.time_ms < end]
        return reference.bars(prints, "1m")

    def _expected(self, name: str, timeframe: str, bar: reference.Bar, minutes: list[int]) -> Bar:
        _, end = self.hours.span(name, timeframe, bar.open_ms)
        return {
            "time": bar.time_ms,
            "open": bar.open,
            "high": bar.high,
            "low": bar.low,
            "close": bar.close,
            "volume": float(bar.volume),
            "count": bar.trades,
            "vwap": float(bar.turnover / bar.volume) if bar.volume else None,
            "incomplete": any(self._is_cut(at) for at in minutes if bar.time_ms <= at < end),
            "end": end,
            "born": bar.born_ms,
        }

    def _is_cut(self, minute: int) -> bool:
        """Whether somebody was missing in it who could have heard."""
        return any(cut[0] < minute + MINUTE and minute <= cut[1] for cut in self.cuts)
