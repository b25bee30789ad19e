"""Invented prices, for developers without a key and for times when the market is closed.

``Simulator`` owns the random walks: pure, synchronous, seeded, driven by the time it is given.
``SimulatedFeed`` is the shell that gives it the time and delivers its trades, as wire frames
through the same decoder as Finnhub's. Both are called on the event loop. A walk exists only while
its symbol is wanted; a slow consumer only delays the next round. The feed never claims to be
anything but ``simulated``, and never floods: time lost to a pause beyond ``CATCH_UP_MS`` is not
made up.

Any client can invent names, and each costs about a millisecond before its first trade. So walks are
begun when a symbol has a viewer, one at a time, between the rounds, in at most half of that time; a
round itself yields to the event loop every ``SLICE_S``. Walks that were wanted without regard to
viewers keep their pace however many others there are; the others share ``CROWD_PER_S``.

Laws: the same seed, times and wanted symbols make the same trades, in every process; a symbol's
walk does not depend on which others are wanted, except for that shared rate; a trade's time is
never after the clock and never before the symbol's last. When the wall clock is set back, the
feed's clock continues as before, ahead of it until it is set forward again; else the tape would be
silent until the wall clock has caught up.
"""

import asyncio
import math
import random
from collections.abc import Callable, Iterable, Iterator, Mapping

from photon_app.clock import SYSTEM, Time
from photon_app.feed.finnhub_wire import encode_trades
from photon_app.feed.intake import Intake, ReadsFrames, Tap
from photon_app.feed.simulated.past import SimulatedPast
from photon_app.feed.simulated.prices import known_price
from photon_app.model import Crowd, FeedSink, FeedStatus, Seed, Trade
from photon_app.settings import DEFAULTS

QUIET_MS = 2_650
"""Longest time between two trades of a symbol, including the delay of a round, so that a client
waits under 3 s; with longer rounds it waits for the round."""

CATCH_UP_MS = 3_000
"""How much of the time lost to a pause is simulated; the rest is left out. With long rounds it is
the length of two rounds."""

SLICE_S = 0.001
"""Longest time of work without letting the event loop run, except for the work of one symbol."""
BEGIN_S = 0.01
"""How long a round that is due waits for new walks to begin, and those for each other."""
CROWD_PER_S = 1_000
"""Trades per second, without bursts, of all symbols in the crowd: those that are wanted only
because they have viewers."""
FRAME_TRADES = 100
DUE_TRADES = 500
"""Most trades of one symbol in one round; the others follow in the next."""

FAR = 1.5
"""A stored price that is further than this factor from where its symbol begins is of a version with
another list of prices. It is not continued: the walk would climb to its new level within an hour.
"""
LEAD_S = 60.0
"""How often the price to which a symbol's day leads is looked up."""
SET_BACK_MS = 1_000
"""A wall clock set back by less is being corrected, and the tape waits for it."""
_VOLATILITY = 3e-4
"""Standard deviation of the logarithm of the price in one second."""
_SPREAD = 0.007
"""Standard deviation of that logarithm around its start in the long run: a gentle pull back keeps
the day's change within about 3 % in a process that runs for weeks."""
_PULL = _VOLATILITY**2 / (2 * _SPREAD**2)
_BURST = 0.25
"""Chance that a trade is followed within ``_BURST_MS`` by the next."""
_BURST_MS = 30
_LOTS = (100, 100, 100, 200, 200, 300, 400, 500, 1000)


def round_to_tick(price: float) -> float:
    """The nearest price at which a stock can be traded: a cent, or 0.0001 under 1.00; never zero.

    Source: SEC Regulation NMS, rule 612.
    """
    if price >= 1.0:
        return round(price, 2)
    return max(round(price, 4), 0.0001)


ToTick = Callable[[str, float], float]
"""The nearest price at which a symbol can be traded."""


def _to_cents(_symbol: str, price: float) -> float:
    return round_to_tick(price)


class Simulator:
    """Geometric random walks of the wanted symbols.

    Args:
        seed: fixes every walk.
        interval_ms: time between two rounds; the tape's pace follows it, within sensible bounds.
        start_prices: first prices by symbol, before those of ``prices``; above zero.
        to_tick: the nearest price at which a symbol can be traded.
    """

    def __init__(
        self,
        seed: int,
        interval_ms: int = DEFAULTS.sim_interval_ms,
        start_prices: Mapping[str, float] | None = None,
        to_tick: ToTick = _to_cents,
    ) -> None:
        self._to_tick = to_tick
        self._seed = seed
        self._mean_ms = min(max(2 * interval_ms, 20), 1_000)
        self._quiet_ms = max(QUIET_MS - interval_ms, 300)
        self._catch_up_ms = max(CATCH_UP_MS, 2 * interval_ms)
        self._start_prices = start_prices or {}
        self._walks: dict[str, _Walk] = {}
        self._crowd = 0

    def __contains__(self, symbol: str) -> bool:
        return symbol in self._walks

    @property
    def symbols(self) -> frozenset[str]:
        """The symbols that have a walk."""
        return frozenset(self._walks)

    def want(self, symbols: frozenset[str]) -> list[Seed]:
        """Begin the walks of newly wanted symbols and drop those that are no longer wanted.

        Returns:
            The previous close of each new symbol, by name.
        """
        self.forget(symbols)
        return [self.begin(symbol) for symbol in sorted(symbols - self._walks.keys())]

    def forget(self, but: frozenset[str]) -> None:
        """Drop the walks of all symbols except these."""
        for symbol in self._walks.keys() - but:
            self._crowd -= self._walks.pop(symbol).in_crowd

    def begin(
        self, symbol: str, opening: tuple[float, float] | None = None, *, in_crowd: bool = False
    ) -> Seed:
        """Begin the walk of a symbol that has none.

        Args:
            symbol: whose walk.
            opening: first price and previous close; without it the first price is the one that
                the symbol is known for, and the close is drawn.
            in_crowd: whether it trades less often the more such symbols there are.

        Returns:
            The previous close.
        """
        rng = self.rng(symbol)
        start = self._start_prices.get(symbol) or known_price(symbol)
        prev_close = self._to_tick(symbol, start * math.exp(rng.uniform(-0.012, 0.012)))
        if opening is not None:
            start, prev_close = opening
        self._walks[symbol] = _Walk(
            symbol,
            start,
            prev_close,
            rng,
            mean_ms=self._mean_ms,
            quiet_ms=self._quiet_ms,
            to_tick=self._to_tick,
            in_crowd=in_crowd,
        )
        self._crowd += in_crowd
        return Seed(symbol=symbol, prev_close=prev_close)

    def price(self, symbol: str) -> float:
        """The current price of a walk."""
        return self._walks[symbol].price

    def rng(self, purpose: str) -> random.Random:
        """A random generator for one purpose, the same for the same seed."""
        return random.Random(f"{self._seed}:{purpose}")

    def lead(self, symbol: str, price: float) -> None:
        """Make a walk stay near another price from now on."""
        self._walks[symbol].lead(price)

    def resume(self, symbol: str, price: float | None, prev_close: float | None) -> None:
        """Continue a walk that has not traded yet from where an earlier process left it."""
        self._walks[symbol].resume(price, prev_close)

    def frames(self, now_ms: int) -> list[str]:
        """The wire frames of all trades due by now, in order of time, symbols mixed.

        A walk's first trade is due at once.
        """
        due = [trade for symbol in self._walks for trade in self.due(symbol, now_ms)]
        return list(framed(due))

    def due(self, symbol: str, now_ms: int) -> list[Trade]:
        """The trades of one symbol due by now; none when it is no longer wanted."""
        walk = self._walks.get(symbol)
        if walk is None:
            return []
        if walk.in_crowd:
            walk.mean_ms = max(self._mean_ms, 1_000 * self._crowd / CROWD_PER_S)
        return walk.due(now_ms, self._catch_up_ms)


def framed(due: list[Trade]) -> Iterator[str]:
    """Trades as wire frames, in order of time."""
    due.sort(key=lambda trade: (trade.time_ms, trade.symbol))
    for start in range(0, len(due), FRAME_TRADES):
        yield encode_trades(due[start : start + FRAME_TRADES])


class SimulatedFeed(ReadsFrames):
    """A feed that needs nothing from outside.

    Args:
        interval_ms: time between two rounds.
        seed: fixes the walks; drawn from the operating system when not given.
        start_prices: first prices by symbol.
        time: the clock of the feed and of the pauses between rounds.
        tap: is given each frame as it is made.
        past: what a symbol did before it was wanted, and where its days lead; without it a symbol
            has no past, and stays near its first price.
        to_tick: the nearest price at which a symbol can be traded.
    """

    source = "simulated"
    symbols: tuple[str, ...] = ()

    def __init__(
        self,
        interval_ms: int = DEFAULTS.sim_interval_ms,
        seed: int | None = None,
        start_prices: Mapping[str, float] | None = None,
        time: Time = SYSTEM,
        *,
        tap: Tap | None = None,
        past: SimulatedPast | None = None,
        to_tick: ToTick = _to_cents,
    ) -> None:
        self._past = past
        self._time = time
        self.clock = _Onward(self._time)
        self._interval_ms = interval_ms
        if seed is None:
            seed = random.SystemRandom().getrandbits(63)
        self._simulator = Simulator(seed, interval_ms, start_prices, to_tick)
        self._led_s = -math.inf
        self._led: dict[str, int] = {}
        """The day to whose close each walk is led, identified by its start."""
        self._wanted: frozenset[str] = frozenset()
        self._always: frozenset[str] = frozenset()
        self._waiting: dict[str, None] = {}
        """Viewed symbols whose walks have not begun yet, the first to come first."""
        self._resumed: dict[str, tuple[float | None, float | None]] = {}
        self._yielded_s = -math.inf
        self._intake = Intake(self.source, self._time, tap=tap)

    @property
    def subscribed(self) -> frozenset[str]:
        """All wanted symbols: there is no limit here."""
        return self._wanted

    def resume(self, prices: Mapping[str, float], prev_closes: Mapping[str, float]) -> None:
        """Continue from where an earlier process left the wanted symbols. Call it before
        ``run``.
        """
        for symbol in self._waiting:
            self._resumed[symbol] = prices.get(symbol), prev_closes.get(symbol)

    def want(
        self,
        symbols: frozenset[str],
        viewers: Mapping[str, int] | None = None,
        crowd: Crowd | None = None,
    ) -> None:
        """Simulate exactly these symbols from the next round on. Of symbols without viewers, only
        those are simulated that were wanted in the last call without ``viewers``.
        """
        del crowd
        self._wanted = symbols
        self._simulator.forget(symbols)
        if viewers is None:
            self._always = symbols
        for gone in self._led.keys() - symbols:
            del self._led[gone]
        begun = self._simulator.symbols
        looked_at = symbols if viewers is None else viewers.keys() | self._always
        for symbol in self._waiting.keys() - (looked_at & symbols):
            del self._waiting[symbol]
        for symbol in sorted((looked_at & symbols) - begun):
            self._waiting.setdefault(symbol)

    async def run(self, market: FeedSink) -> None:
        """Deliver a round every ``interval_ms`` until cancelled."""
        market.status(
            FeedStatus(
                source=self.source,
                state="simulated",
                since_ms=self._time.now_ms(),
                detail="Prices are invented: no Finnhub key is in use",
            )
        )
        while True:
            await self._begin_some(market)
            await self._lead()
            symbols = self._simulator.symbols
            await self._round(market, symbols & self._always)  # first, before the crowd
            await self._round(market, symbols - self._always)
            await self._rest(market, self._interval_ms / 1000)

    async def _rest(self, market: FeedSink, rest_s: float) -> None:
        """Wait for the next round, and begin walks meanwhile, each with its first trades."""
        began_s, left_s = self._time.monotonic(), rest_s
        while self._waiting and left_s > 0:
            await self._round(market, await self._begin_some(market))
            left_s = rest_s - (self._time.monotonic() - began_s)
        if left_s > 0:
            await self._time.sleep(left_s)

    async def _begin_some(self, market: FeedSink) -> list[str]:
        """Begin waiting walks for at most ``BEGIN_S``, and leave half of the time to other tasks;
        returns their symbols.
        """
        begun, began_s = list[str](), self._time.monotonic()
        now_s = began_s
        while self._waiting and now_s - began_s < BEGIN_S:
            symbol = next(iter(self._waiting))
            del self._waiting[symbol]
            self._begin(symbol, market)
            begun.append(symbol)
            took_s = self._time.monotonic() - now_s
            if took_s > 0:
                await self._time.sleep(took_s)
            now_s = self._time.monotonic()
        return begun

    def _begin(self, symbol: str, market: FeedSink) -> None:
        """Begin the walk of one symbol, and report its past."""
        past, now_ms, opening = self._past, self.clock.now_ms(), None
        if past is not None:
            opening = past.price(symbol, now_ms), past.prev_close(symbol, now_ms)
        seed = self._simulator.begin(symbol, opening, in_crowd=symbol not in self._always)
        price, prev_close = self._resumed.pop(symbol, (None, None))
        if price is not None and opening is not None and _far(price, opening[0]):
            price = prev_close = None
        self._simulator.resume(symbol, price, prev_close)
        market.seed(seed if prev_close is None else Seed(symbol=symbol, prev_close=prev_close))
        if past is not None:
            market.began(symbol, now_ms, self._simulator.price(symbol))

    async def _round(self, market: FeedSink, symbols: Iterable[str]) -> None:
        """Deliver the due trades of some symbols, in order of time."""
        now_ms, due = self.clock.now_ms(), list[Trade]()
        for symbol in symbols:
            due += self._simulator.due(symbol, now_ms)
            await self._give_way()
        for frame in framed(due):
            await self._intake.deliver(self._intake.read(frame), market)
            await self._give_way()

    async def _lead(self) -> None:
        """Once per ``LEAD_S``, make every walk stay near the close to which its day leads."""
        if self._past is None or self._time.monotonic() < self._led_s + LEAD_S:
            return
        self._led_s, now_ms = self._time.monotonic(), self.clock.now_ms()
        for symbol in list(self._simulator.symbols):
            day = self._past.hours_at(symbol, now_ms)
            if symbol in self._simulator and self._led.get(symbol) != day.begins_ms:
                self._led[symbol] = day.begins_ms
                self._simulator.lead(symbol, self._past.close(symbol, day))
            await self._give_way()

    async def _give_way(self) -> None:
        """Let the event loop run, if it has not run for a while."""
        if self._time.monotonic() - self._yielded_s >= SLICE_S:
            await asyncio.sleep(0)
            self._yielded_s = self._time.monotonic()


class _Onward:
    """The wall clock, except that it continues as before when the wall clock is set back; it
    returns to the wall clock as far as that is set forward again.
    """

    rate = 1.0

    def __init__(self, time: Time) -> None:
        self._time = time
        self._ahead_ms = 0
        self._seen_ms, self._seen_s = time.now_ms(), time.monotonic()

    def now_ms(self) -> int:
        """The feed's time in UNIX milliseconds."""
        now_s, now_ms = self._time.monotonic(), self._time.now_ms() + self._ahead_ms
        went_on_ms = self._seen_ms + round((now_s - self._seen_s) * 1000)
        if now_ms < self._seen_ms - SET_BACK_MS:
            self._ahead_ms += went_on_ms - now_ms
            now_ms = went_on_ms
        elif self._ahead_ms and now_ms > went_on_ms + SET_BACK_MS:
            caught_up_ms = min(self._ahead_ms, now_ms - went_on_ms)
            self._ahead_ms -= caught_up_ms
            now_ms -= caught_up_ms
        self._seen_ms, self._seen_s = max(self._seen_ms, now_ms), now_s
        return now_ms


def _far(price: float, other: float) -> bool:
    """Whether a stored price is too far from where its symbol begins for one walk to have both."""
    return not 1 / FAR < price / other < FAR


class _Walk:
    """The future trades of one symbol."""

    def __init__(
        self,
        symbol: str,
        start: float,
        prev_close: float,
        rng: random.Random,
        *,
        mean_ms: float,
        quiet_ms: int,
        to_tick: ToTick,
        in_crowd: bool,
    ) -> None:
        self._symbol = symbol
        self._to_tick = to_tick
        self._rng = rng
        self.in_crowd = in_crowd
        self.mean_ms = mean_ms
        self._quiet_ms = quiet_ms
        self._start = start
        self._log = 0.0
        self._next_ms: int | None = None
        self.prev_close = prev_close

    @property
    def price(self) -> float:
        """Its current price."""
        return self._to_tick(self._symbol, self._start * math.exp(self._log))

    def resume(self, price: float | None, prev_close: float | None) -> None:
        """Continue from a price; in the long run it returns to where it would have begun."""
        if price is not None:
            self._log = math.log(price / self._start)
        self.prev_close = prev_close or self.prev_close

    def lead(self, price: float) -> None:
        """Keep the current price, and approach another one in the long run."""
        self._log += math.log(self._start / price)
        self._start = price

    def due(self, now_ms: int, catch_up_ms: int) -> list[Trade]:
        next_ms = now_ms if self._next_ms is None else max(self._next_ms, now_ms - catch_up_ms)
        trades: list[Trade] = []
        while next_ms <= now_ms and len(trades) < DUE_TRADES:
            trades.append(self._trade(next_ms))
            next_ms += self._step()
        self._next_ms = next_ms
        return trades

    def _step(self) -> int:
        """Move the price, and return the milliseconds until the next trade."""
        rng = self._rng
        if rng.random() < _BURST:
            gap_ms = rng.randrange(_BURST_MS)
        else:
            gap_ms = min(int(rng.expovariate(1 / self.mean_ms)) + 1, self._quiet_ms)
        seconds = gap_ms / 1000
        self._log += rng.gauss(0.0, _VOLATILITY * math.sqrt(seconds)) - _PULL * self._log * seconds
        return gap_ms

    def _trade(self, time_ms: int) -> Trade:
        rng = self._rng
        conditions = ["1"]
        if rng.random() < 0.3:
            conditions.append("8")
        if rng.random() < 0.35:
            conditions.append("12")
            volume = rng.randint(1, 99)
        else:
            volume = rng.choice(_LOTS)
        return Trade(
            symbol=self._symbol,
            price=self.price,
            volume=volume,
            time_ms=time_ms,
            conditions=tuple(conditions),
        )
