"""Which symbols Finnhub's REST API is asked for, and when.

Owns what is known of each wanted symbol's need to be polled: a new symbol once for its day's
figures, one without a slot periodically, one that is subscribed but silent in trading hours to see
whether it trades unseen, one without figures to see whether it exists. Pure and synchronous; the
clock is an argument; called by ``Poller`` and ``FinnhubFeed`` on the event loop. The budget is not
kept here but in ``budget``. Turns are fair among addresses: the address that had the fewest in the
last minute is next (``fairness.Spent``). Of its symbols none starves, because waiting alone makes a
symbol urgent.

Zeros are a verdict on a symbol only when they come twice, ``CONFIRM_S`` apart, and never for a
symbol that has traded or had figures: Finnhub returns them now and then, and before a first day of
trading.

Bounds: the wanted set; of symbols that are no longer wanted, ``REMEMBERED`` that exist and as many
verdicts.
"""

import enum
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import msgspec

from photon_app.feed.finnhub.answers import Answers
from photon_app.feed.finnhub.fairness import UNIT, Spent
from photon_app.feed.finnhub.rest_wire import Failed
from photon_app.model import UNKNOWN_ADDRESS, Crowd, Fact, Seed

SILENT_S = 300.0
"""A subscribed symbol without a trade for this long in trading hours is probed."""

VIEWED_S, UNVIEWED_S = 5.0, 60.0
"""Shortest time between two polls of one symbol, with and without viewers."""
CLOSED_VIEWED_S, CLOSED_UNVIEWED_S = 300.0, 900.0
"""The same while its market is closed."""
PROBE_S = 60.0
LONGEST_S = 900.0
FAILED_S = 30.0

CONFIRM_S = 120.0
"""Zeros that come again after this long are a verdict."""
VERDICT_S = 300.0
"""How long a verdict is remembered, since zeros can be an error, or too early. A symbol that is
still wanted is then asked for again."""
UNSURE_S = 600.0
"""A subscribed symbol may have moved unseen when, for this long in trading hours, it neither traded
nor had an answer over REST because REST fails."""
DOWN_S = 120.0
"""REST counts as failing when it has had no answer for this long."""
REMEMBERED = 4096
FAIR_S = 60.0
"""Length of the window within which turns are fair."""
UNVIEWED_TIMES = 4
"""How many turns a turn for a symbol without viewers counts as."""
OLD_S, OLD_TIMES = 60.0, 2.0
"""A polled price is old when its last answer is older than this, or than this many times its
polling interval if that is longer."""

_LASTING = {"plan", "empty", "garbage"}
"""Failures that a retry soon does not fix."""


class Lane(enum.Enum):
    """A kind of request. Its value is the pause after an answer, in seconds."""

    SEED = 0.05
    """A newly wanted symbol, once."""
    POLL = 1.5
    """Everything else."""


class Turn(Fact, frozen=True):
    """The symbol to ask for now, or how long there is nothing to ask for."""

    symbol: str | None
    wait_s: float | None = None
    addresses: tuple[str, ...] = ()
    """The addresses that want the symbol."""


class Hours(Fact, frozen=True):
    """The current day of a market; when it changes, so do the day's figures."""

    day: object
    open: bool


class Markets(Protocol):
    """The markets on which symbols trade. All symbols of one market have the same days and
    hours.
    """

    def market_of(self, symbol: str) -> str:
        """A symbol's market."""
        ...

    def hours_of(self, symbol: str) -> Hours:
        """The current day of a symbol's market, and whether it trades in regular hours now."""
        ...


class AlwaysOpen:
    """Markets of one symbol each that never close, with one day that never ends."""

    def market_of(self, symbol: str) -> str:
        """The symbol itself."""
        return symbol

    def hours_of(self, symbol: str) -> Hours:
        """The same hours for all symbols."""
        del symbol
        return Hours(day=None, open=True)


class _Entry(msgspec.Struct):
    """What is known of one wanted symbol."""

    wanted_s: float
    viewers: int = 0
    addresses: tuple[str, ...] = (UNKNOWN_ADDRESS,)
    """The addresses that want it."""
    asked_s: float | None = None
    failures: int = 0
    zeros_s: float | None = None
    """When upstream first returned no figures for it, since it was wanted."""
    answered_s: float = -math.inf
    """When figures were last returned."""
    seeded: Hours | None = None
    quiet_since_s: float = 0.0
    """Its last trade, or when it was subscribed or its market opened, if that was later."""
    probes: int = 0
    probed: tuple[float | None, int | None] | None = None
    silent: bool = False
    unsure: bool = False
    exists: bool = False
    """Whether it has traded or had figures; zeros then mean nothing."""


class _Permits:
    """Which of the addresses examined so far may be served now."""

    def __init__(self, wait_s: Callable[[tuple[str, ...]], float]) -> None:
        self._wait_s = wait_s
        self._waits: dict[tuple[str, ...], float] = {}

    def ask(self, addresses: tuple[str, ...]) -> bool:
        """Whether these addresses need not wait."""
        wait_s = self._waits.get(addresses)
        if wait_s is None:
            wait_s = self._waits[addresses] = self._wait_s(addresses)
        return not wait_s

    @property
    def soonest_s(self) -> float | None:
        """Seconds until the first of the others may be served."""
        return min((wait_s for wait_s in self._waits.values() if wait_s), default=None)


class PollSchedule:
    """Decides whose turn it is.

    Args:
        markets: where symbols trade; by default they always do.
        silent_s: see ``SILENT_S``.
    """

    def __init__(self, markets: Markets | None = None, *, silent_s: float = SILENT_S) -> None:
        self._markets = markets or AlwaysOpen()
        self._silent_s = silent_s
        self._entries: dict[str, _Entry] = {}
        self._assigned: frozenset[str] = frozenset()
        self._connected = False
        self._failing_s = math.inf
        """Since when REST fails."""
        self._hours: dict[str, Hours] = {}
        self._exist: Answers[str, bool] = Answers(REMEMBERED)
        self._verdicts: Answers[str, bool] = Answers(REMEMBERED)
        self._unknown: set[str] = set()
        self._spent = Spent(FAIR_S)

    @property
    def polled(self) -> frozenset[str]:
        """The symbols whose prices come from polling."""
        return frozenset(s for s, entry in self._entries.items() if self._is_polled(s, entry))

    @property
    def wanted(self) -> frozenset[str]:
        """The whole wanted set."""
        return frozenset(self._entries)

    @property
    def unknown(self) -> frozenset[str]:
        """The wanted symbols that upstream does not know, by a verdict that is still valid."""
        return frozenset(self._unknown)

    def want(
        self,
        symbols: frozenset[str],
        viewers: Mapping[str, int],
        now_s: float,
        crowd: Crowd | None = None,
    ) -> set[str]:
        """Set the whole wanted set. Returns the unknown symbols that have a new viewer."""
        for gone in self._entries.keys() - symbols:
            del self._entries[gone]
            self._unknown.discard(gone)
        again = set()
        crowd = crowd or Crowd()
        for symbol in symbols:
            entry = self._entries.get(symbol)
            count = viewers.get(symbol, 0)
            if entry is None:
                entry = self._entries[symbol] = _Entry(wanted_s=now_s, quiet_since_s=now_s)
                entry.exists = self._exist.get(symbol, now_s) is not None
                if self._verdicts.get(symbol, now_s):
                    self._unknown.add(symbol)
                    entry.zeros_s = entry.asked_s = now_s - CONFIRM_S
                    again.add(symbol)
            elif symbol in self._unknown and count > entry.viewers:
                again.add(symbol)
            entry.viewers = count
            entry.addresses = crowd.addresses_of(symbol)
        return again

    def set_slots(self, assigned: frozenset[str], now_s: float) -> None:
        """Set the symbols that have a slot."""
        for symbol in assigned - self._assigned:
            self._listen_from(symbol, now_s)
        for symbol in self._assigned - assigned:
            if entry := self._entries.get(symbol):
                entry.silent = False
        self._assigned = assigned

    def set_connection(self, now_s: float, *, up: bool) -> None:
        """Note that the connection has opened or ended: without one, silence means nothing."""
        self._connected = up
        for symbol in self._assigned:
            self._listen_from(symbol, now_s)

    def heard(self, symbols: Iterable[str], now_s: float) -> bool:
        """Record that these symbols traded; returns whether that changes how one of them is
        followed.
        """
        changed = False
        for symbol in symbols:
            if entry := self._entries.get(symbol):
                entry.quiet_since_s = now_s
                entry.probes, entry.probed = 0, None
                if not entry.exists:
                    changed |= self._prove(symbol, entry)
                if entry.silent or entry.unsure:
                    entry.silent = entry.unsure = False
                    changed = True
        return changed

    def next(
        self,
        lane: Lane,
        now_s: float,
        wait_s: Callable[[tuple[str, ...]], float] = lambda _: 0.0,
    ) -> Turn:
        """Whose turn it is in a lane; the symbol counts as asked for from now on.

        Args:
            lane: which lane.
            now_s: the clock.
            wait_s: how long a request for these addresses would have to wait.
        """
        self._spent.forget(now_s)
        may = _Permits(wait_s)
        turn = self._seed_turn(may) if lane is Lane.SEED else self._poll_turn(now_s, may)
        if turn.symbol is None:
            return turn
        entry = self._entries[turn.symbol]
        entry.asked_s = now_s
        self._spent.note(entry.addresses, now_s, UNIT * (1 if entry.viewers else UNVIEWED_TIMES))
        return msgspec.structs.replace(turn, addresses=entry.addresses)

    def answered(self, seed: Seed, now_s: float) -> bool:
        """Record that a symbol's day was returned; returns whether the symbol is still wanted."""
        entry = self._entries.get(seed.symbol)
        if entry is None:
            return False
        entry.failures = 0
        entry.answered_s = now_s
        self._failing_s = math.inf
        self._prove(seed.symbol, entry)
        entry.seeded = self._hours_of(seed.symbol)
        if self._suspicious(seed.symbol, entry, now_s):
            self._probe(seed, entry)
        return True

    def failed(self, symbol: str, why: Failed, now_s: float) -> None:
        """Record that there was no answer. The symbol is asked for again later, after ever longer
        pauses if a retry may not help.
        """
        lasting = why.reason in _LASTING
        if not lasting and why.reason != "busy":
            self._failing_s = min(self._failing_s, now_s)
        if entry := self._entries.get(symbol):
            entry.failures = entry.failures + 1 if lasting else 1

    def zeros(self, symbol: str, now_s: float) -> bool:
        """Record that upstream has no figures; returns whether that is a verdict on a wanted
        symbol.
        """
        entry = self._entries.get(symbol)
        if entry is None:
            return False
        if entry.exists:
            entry.failures += 1
            return False
        entry.failures = 0
        if entry.zeros_s is None:
            entry.zeros_s = now_s
        if now_s - entry.zeros_s < CONFIRM_S:
            return False
        self._verdicts.keep(symbol, True, now_s + VERDICT_S)
        self._unknown.add(symbol)
        return True

    def old(self, now_s: float) -> frozenset[str]:
        """The polled symbols that had neither an answer nor a trade for so long that their prices
        cannot be called current.
        """
        self.refresh(now_s)
        before_s = now_s - OLD_S
        return frozenset(
            symbol
            for symbol, entry in self._entries.items()
            if entry.quiet_since_s <= before_s
            and entry.answered_s <= before_s
            and self._is_polled(symbol, entry)
            and now_s >= self._old_s(symbol, entry)
        )

    def _old_s(self, symbol: str, entry: _Entry) -> float:
        interval_s = _interval_s(self._hours_of(symbol), viewed=entry.viewers > 0)
        return max(entry.answered_s, entry.quiet_since_s) + max(OLD_S, OLD_TIMES * interval_s)

    def unsure(self, now_s: float) -> frozenset[str]:
        """The symbols that have a slot and may have moved unseen: silent in trading hours for
        ``UNSURE_S``, and without an answer over REST, because that fails.
        """
        self.refresh(now_s)
        down = now_s - self._failing_s >= DOWN_S
        for symbol, entry in self._entries.items():
            entry.unsure = (
                symbol in self._assigned
                and self._connected
                and now_s - max(entry.quiet_since_s, entry.answered_s) >= UNSURE_S
                and (down or entry.failures > 1 or entry.asked_s is None)
                and self._hours_of(symbol).open
            )
        return frozenset(s for s, entry in self._entries.items() if entry.unsure)

    def reseed(self) -> None:
        """Ask for every symbol again, because all figures may have changed, as after a sleep."""
        for entry in self._entries.values():
            entry.seeded = None

    def refresh(self, now_s: float) -> None:
        """Read the hours of the markets again; silence is counted from the opening of a market."""
        before, self._hours = self._hours, {}
        for symbol in self._assigned & self._entries.keys():
            market = self._markets.market_of(symbol)
            was = before.get(market)
            if was is not None and self._hours_of(symbol).open and not was.open:
                self._listen_from(symbol, now_s)

    def _prove(self, symbol: str, entry: _Entry) -> bool:
        """Note that the symbol exists; returns whether a verdict said that it does not."""
        if not entry.exists:
            entry.exists, entry.zeros_s = True, None
            self._exist.keep(symbol, True, math.inf)
        if symbol not in self._unknown:
            return False
        self._unknown.discard(symbol)
        self._verdicts.keep(symbol, True, -math.inf)
        return True

    def _listen_from(self, symbol: str, now_s: float) -> None:
        if entry := self._entries.get(symbol):
            entry.quiet_since_s = now_s
            entry.probes, entry.probed = 0, None

    def _seed_turn(self, may: "_Permits") -> Turn:
        best: dict[tuple[str, ...], tuple[bool, float, str]] = {}
        for symbol, entry in self._entries.items():
            if entry.asked_s is None:
                rank = (entry.viewers == 0, entry.wanted_s, symbol)
                if (before := best.get(entry.addresses)) is None or rank < before:
                    best[entry.addresses] = rank
        turns = [(self._spent.least(those), best[those]) for those in best if may.ask(those)]
        if not turns:
            return Turn(symbol=None, wait_s=may.soonest_s)
        _, (_, _, symbol) = min(turns)
        return Turn(symbol=symbol)

    def _poll_turn(self, now_s: float, may: "_Permits") -> Turn:
        self.refresh(now_s)
        best, best_score, soonest = None, (-math.inf, -math.inf), math.inf
        for symbol, entry in self._entries.items():
            due_s = self._due_s(symbol, entry)
            if due_s > now_s:
                soonest = min(soonest, due_s)
                continue
            if not may.ask(entry.addresses):
                continue
            waited = (now_s - (entry.asked_s or 0.0)) * _weight(entry.viewers)
            score = (-self._spent.least(entry.addresses), waited)
            if score > best_score:
                best, best_score = symbol, score
        if best is not None:
            return Turn(symbol=best)
        wait_s = min(soonest - now_s, PROBE_S, may.soonest_s or math.inf)
        return Turn(symbol=None, wait_s=max(wait_s, 0.001))

    def _due_s(self, symbol: str, entry: _Entry) -> float:
        """When the symbol may be asked for again."""
        if entry.asked_s is None:
            return math.inf
        if entry.zeros_s is not None and not entry.failures:
            return entry.asked_s + (VERDICT_S if symbol in self._unknown else CONFIRM_S)
        if entry.failures:
            return entry.asked_s + doubled(FAILED_S, entry.failures - 1)
        hours = self._hours_of(symbol)
        if entry.seeded != hours:
            return entry.asked_s + VIEWED_S
        if self._is_polled(symbol, entry):
            return entry.asked_s + _interval_s(hours, viewed=entry.viewers > 0)
        if not hours.open or not self._connected:
            return math.inf
        probe_s = entry.asked_s + doubled(PROBE_S, entry.probes)
        return max(entry.quiet_since_s + self._silent_s, probe_s)

    def _is_polled(self, symbol: str, entry: _Entry) -> bool:
        return symbol not in self._unknown and (symbol not in self._assigned or entry.silent)

    def _suspicious(self, symbol: str, entry: _Entry, now_s: float) -> bool:
        return (
            symbol in self._assigned
            and self._connected
            and self._hours_of(symbol).open
            and now_s - entry.quiet_since_s >= self._silent_s
        )

    def _probe(self, seed: Seed, entry: _Entry) -> None:
        seen = (seed.price, seed.time_ms)
        entry.probes += 1
        if entry.probed is None:
            entry.probed = seen
        elif entry.probed != seen:
            entry.silent = True

    def _hours_of(self, symbol: str) -> Hours:
        market = self._markets.market_of(symbol)
        hours = self._hours.get(market)
        if hours is None:
            hours = self._hours[market] = self._markets.hours_of(symbol)
        return hours


def _interval_s(hours: Hours, *, viewed: bool) -> float:
    if hours.open:
        return VIEWED_S if viewed else UNVIEWED_S
    return CLOSED_VIEWED_S if viewed else CLOSED_UNVIEWED_S


def _weight(viewers: int) -> float:
    """How fast waiting makes a symbol urgent: the first viewer counts most."""
    return 1.0 + math.log2(1 + viewers) if viewers else 0.25


def doubled(first_s: float, times: int) -> float:
    """A delay that doubles with each repetition, within bounds."""
    return min(first_s * 2.0 ** min(times, 16), LONGEST_S)
