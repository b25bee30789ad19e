"""What must be, worked out from the prints by the rules of docs/market-data.md; nothing of Photon.

Slow and plain: a day's figures are kept as the rules tell them, and a bar is made of the list of
all prints that counted, each time that it is asked for.
"""

from collections import Counter
from decimal import Decimal
from typing import Any

from tests.week.hours import MINUTE, SYMBOLS, TIMEFRAMES, Hours, TradingDay
from tests.week.prints import Print

LATE_MS = 5 * MINUTE
"""How far behind its symbol's newest print another still counts in a bar."""
GRACE_MS = 2_000
"""How long after its end a bar is final."""
Bar = dict[str, Any]


class Figures:
    """The trading day of one symbol."""

    def __init__(self, day: TradingDay, price: float, prev_close: float | None) -> None:
        self.day = day
        self.open = self.high = self.low = price
        self.volume = Decimal(0)
        self.prev_close = prev_close
        self.prints: list[Print] = []
        """Those that made a price within the day's sessions, as they came."""
        self.recalled: float | None = None
        """The close of its regular session, where that is only known from bars."""

    def close(self) -> float:
        """The price at the end of the regular session: of the closing cross, or the last one."""
        end = self.day.close
        crosses = [p for p in self.prints if p.conditions and p.conditions[0] in {"35", "36"}]
        valid = [p for p in crosses if end <= p.time < end + MINUTE]
        if self.recalled is not None and not valid:
            return self.recalled
        before = [p for p in self.prints if p.time < end]
        return newest(valid or before or self.prints).price


class Judge:
    """Follows the prints, and says what must be."""

    def __init__(self, hours: Hours) -> None:
        self.hours = hours
        self.last: dict[str, Print] = {}
        """Of each symbol the newest price."""
        self.days: dict[str, Figures] = {}
        self.counted: dict[str, list[Print]] = {symbol: [] for symbol in SYMBOLS}
        """The prints that count in bars, as they came."""
        self.applied: list[Print] = []
        """Every print that was a new last price, since the last start."""
        self.counts: Counter[str] = Counter()
        """Where the prints went, since the last start."""
        self.cuts: list[tuple[int, int]] = []
        """When nobody was there to hear."""
        self._ahead: dict[tuple[str, int], Decimal] = {}
        """Volume of days that have no price yet."""
        self._stopped = 0

    # What happens

    def hear(self, heard: Print) -> None:
        """One print has come."""
        symbol, at = heard.symbol, heard.time
        day = self.hours.day(symbol, at)
        if at >= day.done:
            self.counts["outside"] += 1
            if "3" not in heard.conditions and at >= self.last[symbol].time:
                self._is_last(heard)
            return
        self._count_in_bars(heard)
        figures = self.days.get(symbol)
        if figures is not None and day.start < figures.day.start:
            self.counts["earlier_day"] += 1
            return
        fresh = figures is None or day.start > figures.day.start
        volume = Decimal(str(heard.volume))
        if "3" in heard.conditions:
            self.counts["volume_only"] += 1
            if figures is None or fresh:
                before = self._ahead.get((symbol, day.start), Decimal(0))
                self._ahead[symbol, day.start] = before + volume
            else:
                figures.volume += volume
            return
        if figures is None or fresh:
            closed = None if figures is None else figures.close()
            figures = self.days[symbol] = Figures(day, heard.price, closed)
            figures.volume = self._ahead.pop((symbol, day.start), Decimal(0))
        figures.prints.append(heard)
        figures.volume += volume
        figures.high, figures.low = max(figures.high, heard.price), min(figures.low, heard.price)
        if symbol not in self.last or at >= self.last[symbol].time:
            self.counts["applied"] += 1
            self._is_last(heard)
        else:
            self.counts["late"] += 1

    def stop(self, now: int) -> None:
        """The process ends."""
        self._stopped = now

    def start(self, now: int) -> None:
        """A process begins; a second one goes on from the bars that were stored."""
        self.cuts.append((self._stopped, now))
        self.applied, self._ahead = [], {}
        self.counts.clear()
        for symbol in self.days:
            self._recall(symbol, now)

    def _recall(self, symbol: str, now: int) -> None:
        """The day goes on, and the close before it is what minutes tell of it."""
        prints, day = self.counted[symbol], self.days[symbol].day
        minutes = self._minutes(symbol, day.start, day.end)
        price = newest([p for p in prints if "3" not in p.conditions])
        before = self.hours.day(symbol, day.start - 1)
        known = self._minutes(symbol, before.start, before.close)
        figures = Figures(day, minutes[0]["open"], known[-1]["close"] if known else None)
        figures.high = max(bar["high"] for bar in minutes)
        figures.low = min(bar["low"] for bar in minutes)
        figures.volume = sum((bar["volume"] for bar in minutes), Decimal(0))
        over = self._minutes(symbol, day.start, day.close)
        if over and now >= day.close:
            figures.recalled = over[-1]["close"]
        else:
            figures.prints = [p for p in self.days[symbol].prints if p in set(prints)]
        self.days[symbol] = figures
        self.last[symbol] = price

    # What must be

    def quote(self, symbol: str) -> dict[str, Any]:
        """The figures of a symbol, as ``/api/quotes`` and a snapshot name them."""
        last, day = self.last[symbol], self.days[symbol]
        moved = None
        if day.prev_close is not None:
            moved = Decimal(str(last.price)) - Decimal(str(day.prev_close))
        percent = None
        if moved is not None and day.prev_close is not None:
            percent = round(float(moved) / day.prev_close * 100, 4)
        return {
            "price": last.price,
            "timestamp": last.time,
            "open": day.open,
            "high": day.high,
            "low": day.low,
            "day_volume": float(day.volume),
            "prev_close": day.prev_close,
            "change": None if moved is None else float(moved),
            "change_percent": percent,
        }

    def when(self, symbol: str, at: int) -> dict[str, Any]:
        """What only a snapshot names: the session of a symbol, and its day."""
        return {"session": self.hours.session(symbol, at), "day": self.days[symbol].day.date}

    def bars(self, symbol: str, timeframe: str) -> list[Bar]:
        """All bars of a symbol, the oldest first, each with ``end`` and ``born``: when it ends,
        and when its first price came.
        """
        minutes = self._minutes(symbol)
        spans: dict[tuple[int, int], list[Bar]] = {}
        for minute in minutes:
            span = self.hours.span(symbol, timeframe, minute["time"])
            spans.setdefault(span, []).append(minute)
        return [self._merged(*span, parts) for span, parts in sorted(spans.items())]

    def all_bars(self) -> dict[tuple[str, str, int], Bar]:
        """The bars of everything, by symbol, timeframe and time."""
        return {
            (symbol, timeframe, bar["time"]): bar
            for symbol in SYMBOLS
            for timeframe in TIMEFRAMES
            for bar in self.bars(symbol, timeframe)
        }

    # Inside

    def _is_last(self, heard: Print) -> None:
        self.last[heard.symbol] = heard
        self.applied.append(heard)

    def _count_in_bars(self, heard: Print) -> None:
        counted = self.counted[heard.symbol]
        if counted and heard.time < max(p.time for p in counted[-50:]) - LATE_MS:
            self.counts["too_late"] += 1
        else:
            counted.append(heard)

    def _minutes(self, symbol: str, begin: int = 0, end: int = 1 << 62) -> list[Bar]:
        found: dict[int, list[Print]] = {}
        for heard in self.counted[symbol]:
            if begin <= heard.time < end:
                found.setdefault(heard.time - heard.time % MINUTE, []).append(heard)
        made = (self._minute(at, prints) for at, prints in sorted(found.items()))
        return [bar for bar in made if bar is not None]

    def _minute(self, at: int, prints: list[Print]) -> Bar | None:
        priced = [p for p in prints if "3" not in p.conditions]
        if not priced:
            return None
        return {
            "time": at,
            "open": min(priced, key=lambda p: p.time).price,
            "high": max(p.price for p in priced),
            "low": min(p.price for p in priced),
            "close": newest(priced).price,
            "volume": sum((Decimal(str(p.volume)) for p in prints), Decimal(0)),
            "turnover": sum(Decimal(str(p.price)) * Decimal(str(p.volume)) for p in prints),
            "count": len(prints),
            "incomplete": self._is_cut(at, at + MINUTE),
            "born": min(p.arrives for p in priced),
        }

    def _merged(self, begin: int, end: int, minutes: list[Bar]) -> Bar:
        volume = sum((bar["volume"] for bar in minutes), Decimal(0))
        turnover = sum((bar["turnover"] for bar in minutes), Decimal(0))
        return {
            "time": begin,
            "open": minutes[0]["open"],
            "high": max(bar["high"] for bar in minutes),
            "low": min(bar["low"] for bar in minutes),
            "close": minutes[-1]["close"],
            "volume": float(volume),
            "count": sum(bar["count"] for bar in minutes),
            "vwap": float(turnover / volume) if volume else None,
            "incomplete": any(bar["incomplete"] for bar in minutes),
            "end": end,
            "born": min(bar["born"] for bar in minutes),
        }

    def _is_cut(self, begin: int, end: int) -> bool:
        return any(cut[0] < end and begin <= cut[1] for cut in self.cuts)


def newest(prints: list[Print]) -> Print:
    """The one of the latest time; of equal times the one that came last."""
    return max(reversed(prints), key=lambda p: p.time)
