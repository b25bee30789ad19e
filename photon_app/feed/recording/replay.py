"""A recording played as if it were the market.

Owns the pace of the recording and its clock. Runs on the event loop; reads the file inline, one
line at a time. When it is paced by the recording's own times, the hub handles slow clients, as with
a live feed; at speed 0 it waits after each frame until no every-trade client is behind
(``FeedSink.drained``). It never keeps more than one frame in memory, never lets the market's clock
pass a frame that has not been delivered, and never drops a symbol because no client wants it.

A replay that starts later than its recording delivers everything before the start at once, at the
beginning of each pass, as ``FeedSink.past``. Day figures and volumes are then as they were, and
clients get the newest of those prices only.
"""

import asyncio
import datetime as dt
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

from photon_app import foreign
from photon_app.calendar.calendar import NEW_YORK
from photon_app.clock import SYSTEM, Time
from photon_app.errors import RecordingError
from photon_app.feed.finnhub_wire import Trades
from photon_app.feed.intake import SLICE_TRADES, Intake, ReadsFrames
from photon_app.feed.recording.file import Line, Recording
from photon_app.model import Crowd, FeedSink, FeedStatus, Trade
from photon_app.settings import DEFAULTS, ReplayStart

YIELD_S = 0.002
"""Longest time that frames are delivered without letting the event loop run."""

MAX_LATE_S = 1.0
"""A replay that is later than this, for example after the process was stopped, continues from where
it is instead of delivering what it missed in one burst."""

MOST_NAME = 255

_log = logging.getLogger(__name__)


def source_of(path: Path) -> str:
    """The name of the source of a recording's prices, made from its file name."""
    return f"replay:{foreign.printable(path.name, MOST_NAME)}"


class ReplayClock:
    """The recording's time: it runs from frame to frame and stops at the next undelivered one."""

    def __init__(self, start_ms: int, speed: float, time: Time) -> None:
        self._speed = speed
        self._time = time
        self.restart(start_ms)

    @property
    def rate(self) -> float:
        """Market seconds per wall second; 0 at full speed, where time only jumps."""
        return self._speed

    def now_ms(self) -> int:
        """The recording's time in UNIX milliseconds; never past the next frame."""
        passed_s = max(self._time.monotonic() - self._since, 0.0)
        return int(min(self._from_ms + passed_s * 1000 * self._speed, self._until_ms))

    def restart(self, start_ms: int) -> None:
        """Begin a pass: only here the clock goes back."""
        self._from_ms = self._until_ms = start_ms
        self._since = self._time.monotonic()

    def aim(self, at_ms: int) -> float:
        """Run towards the next frame's time and stop there.

        Returns:
            The wall seconds until then; 0 when it is due.
        """
        self._until_ms = max(at_ms, self._until_ms)
        return max(self._due() - self._time.monotonic(), 0.0) if self._speed else 0.0

    def reach(self) -> None:
        """Set the clock to the time of the frame that is being delivered."""
        if self._speed:
            now, due = self._time.monotonic(), self._due()
            self._since = due if now - due <= MAX_LATE_S else now
        self._from_ms = self._until_ms

    def _due(self) -> float:
        return self._since + (self._until_ms - self._from_ms) / 1000 / self._speed


class ReplayFeed(ReadsFrames):
    """Plays one recording, once or for ever.

    Args:
        path: the recording.
        speed: market seconds per wall second; 0 is as fast as the slowest every-trade client.
        loop: whether to start again at the end.
        start: where paced playback starts; by default at the beginning.
        time: what measures the pace.
        gap_s: pause between two passes, so that the last figures can be seen.

    Raises:
        RecordingError: the file does not begin as a recording, or ends before the start.
    """

    def __init__(
        self,
        path: Path,
        speed: float = DEFAULTS.replay_speed,
        *,
        loop: bool = DEFAULTS.replay_loop,
        start: ReplayStart | None = None,
        time: Time = SYSTEM,
        gap_s: float = 1.0,
    ) -> None:
        self._recording = Recording(path)
        self._speed = speed
        self._loop = loop
        self._time = time
        self._gap_s = gap_s
        self._start_ms = start_ms(self._recording, start)
        self.source = source_of(path)
        self._intake = Intake(self.source, self._time)
        self._wanted: frozenset[str] = frozenset()
        self._yielded = 0.0
        self._since_ms = 0
        self._failure = ""
        self._losses = ""
        self.symbols = self._recording.symbols()
        self.clock = ReplayClock(self._start_ms, speed, self._time)

    @property
    def subscribed(self) -> frozenset[str]:
        """All wanted symbols: a recording has no slots."""
        return self._wanted

    def want(
        self,
        symbols: frozenset[str],
        viewers: Mapping[str, int] | None = None,
        crowd: Crowd | None = None,
    ) -> None:
        """Changes nothing: every symbol of the recording is delivered."""
        del viewers, crowd
        self._wanted = symbols

    async def run(self, market: FeedSink) -> None:
        """Play until cancelled, or to the end when not looping; the last prices stay."""
        self._since_ms = self._time.now_ms()
        while True:
            await self._pass(market)
            if not self._loop:
                return
            await self._time.sleep(self._gap_s)

    async def _pass(self, market: FeedSink) -> None:
        self.clock.restart(self._start_ms)
        self._intake.forget()
        market.new_epoch()
        self._report_status(market)
        played = self.counters.trades
        failure = ""
        try:
            await self._play_all(market)
        except RecordingError as error:
            failure = f"The replay stopped early: {error}"
        else:
            if self.counters.trades == played:
                failure = f"{self._recording.path.name} has no trade that can be played"
        self._note(failure, market)

    def _note(self, failure: str, market: FeedSink) -> None:
        """Report what was wrong with a pass; only new problems are logged, since every pass meets
        the same damage.
        """
        losses = ", ".join(self._recording.losses)
        if losses and losses != self._losses:
            _log.warning("%s: left out were %s", self._recording.path.name, losses)
        self._losses = losses
        if failure and failure != self._failure:
            _log.warning("%s", failure)
        self._failure = failure
        if failure:
            self._report_status(market)

    async def _play_all(self, market: FeedSink) -> None:
        lines = self._recording.lines()
        first = await self._skip_past(lines, market)
        if first is None:
            return
        self.clock.restart(self._start_ms)  # the frames before the start took no market time
        await self._play(first, market)
        for line in lines:
            await self._play(line, market)

    async def _skip_past(self, lines: Iterator[Line], market: FeedSink) -> Line | None:
        """Apply the frames before the start; returns the first line at or after it."""
        past: list[Trade] = []
        try:
            for line in lines:
                if line.at >= self._start_ms:
                    return line
                past += self._trades(line)
                if len(past) >= SLICE_TRADES:
                    market.past(past)
                    past = []
                await self._give_way()
            return None
        finally:
            if past:
                market.past(past)

    def _trades(self, line: Line) -> tuple[Trade, ...]:
        event = self._intake.read(line.frame, line.at / 1000)
        if not isinstance(event, Trades):
            return ()
        self._intake.counters.trades += len(event.batch)
        return event.batch

    async def _play(self, line: Line, market: FeedSink) -> None:
        wait_s = self.clock.aim(line.at)
        if wait_s > 0:
            await self._time.sleep(wait_s)
            self._yielded = self._time.monotonic()
        else:
            await self._give_way()
        if self._speed == 0:
            await market.drained()  # right before delivering: any yield may have filled a queue
        self.clock.reach()
        await self._intake.deliver(self._intake.read(line.frame, line.at / 1000), market)

    async def _give_way(self) -> None:
        """Let the event loop run, if it has not run for a while."""
        if self._time.monotonic() - self._yielded >= YIELD_S:
            await asyncio.sleep(0)
            self._yielded = self._time.monotonic()

    def _report_status(self, market: FeedSink) -> None:
        market.status(
            FeedStatus(
                source=self.source, state="replay", since_ms=self._since_ms, detail=self._failure
            )
        )


def start_ms(recording: Recording, start: ReplayStart | None) -> int:
    """The market time at which a replay starts its paced playback.

    Reads the recording up to that point, or its first line when there is no start.

    Args:
        recording: the file.
        start: seconds after the first frame; or a time of day in New York, which means its first
            occurrence from the first frame on; or a moment.

    Raises:
        RecordingError: the file is not a recording up to that point, or ends before it.
    """
    first_ms = recording.first_ms()
    wanted_ms = _moment_ms(first_ms, start)
    if wanted_ms <= first_ms:
        return first_ms
    last_ms = first_ms
    for line in recording.lines():
        last_ms = max(last_ms, line.at)
        if line.at >= wanted_ms:
            return wanted_ms
    raise RecordingError(
        f"{recording.path.name} ends before the start: expected a start from {_shown(first_ms)} "
        f"to {_shown(last_ms)}, but PHOTON_REPLAY_START is {_shown(wanted_ms)}"
    )


def _moment_ms(first_ms: int, start: ReplayStart | None) -> int:
    if start is None:
        return first_ms
    if isinstance(start, dt.datetime):
        return _ms(start if start.tzinfo else start.replace(tzinfo=NEW_YORK))
    if not isinstance(start, dt.time):
        return first_ms + round(start * 1000)
    first = dt.datetime.fromtimestamp(first_ms / 1000, NEW_YORK)
    moment = dt.datetime.combine(first.date(), start, NEW_YORK)
    if moment < first:
        moment = dt.datetime.combine(first.date() + dt.timedelta(days=1), start, NEW_YORK)
    return _ms(moment)


def _ms(moment: dt.datetime) -> int:
    return round(moment.timestamp() * 1000)


def _shown(time_ms: int) -> str:
    moment = dt.datetime.fromtimestamp(time_ms / 1000, NEW_YORK)
    return f"{moment:%Y-%m-%d %H:%M:%S} New York"
