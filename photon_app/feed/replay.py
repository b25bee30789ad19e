"""A recording played as if it were the market.

Owns the recording's pace and its clock. Runs on the event loop; reads the file inline, a line at
a time. Paced by the recording's own times, a slow consumer is the hub's matter, as with a live
feed; at speed 0 it waits after each frame until ``Market.relief`` says that no every-trade client
is behind. It never holds more than one frame, never lets the market's clock run past a frame that
has not been delivered, and never drops a symbol because nobody wants it.
"""

import asyncio
import logging
from pathlib import Path

from photon_app.errors import RecordingError
from photon_app.feed.intake import Intake
from photon_app.feed.protocol import Counters, SystemTime, Time
from photon_app.feed.recording import Line, Recording
from photon_app.model import FeedStatus, Market

YIELD_S = 0.002
"""Longest run of frames without letting the event loop work."""

MAX_LATE_S = 1.0
"""A replay later than this, as after the process was stopped, goes on from where it is instead of
delivering in one burst what it missed."""

_log = logging.getLogger(__name__)


class ReplayClock:
    """The recording's time: runs from frame to frame and waits at the next undelivered one."""

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
        """A pass begins: the clock goes back, the only time it ever does."""
        self._from_ms = self._until_ms = start_ms
        self._since = self._time.monotonic()

    def aim(self, at_ms: int) -> float:
        """Run towards the next frame's time and stand there.

        Returns:
            The wall seconds until then; 0 when it is due.
        """
        self._until_ms = max(at_ms, self._until_ms)
        return max(self._due() - self._time.monotonic(), 0.0) if self._speed else 0.0

    def reach(self) -> None:
        """The frame aimed at is being delivered: it is now its time."""
        if self._speed:
            now, due = self._time.monotonic(), self._due()
            self._since = due if now - due <= MAX_LATE_S else now
        self._from_ms = self._until_ms

    def _due(self) -> float:
        return self._since + (self._until_ms - self._from_ms) / 1000 / self._speed


class ReplayFeed:
    """Plays one recording, once or for ever.

    Args:
        path: the recording.
        speed: market seconds per wall second; 0 is as fast as the slowest every-trade client.
        loop: whether to begin anew at the end.
        time: what the pace is measured by.
        gap_s: pause between two passes, so that the last figures can be seen.

    Raises:
        RecordingError: the file does not begin as a recording.
    """

    def __init__(
        self,
        path: Path,
        speed: float = 1.0,
        *,
        loop: bool = True,
        time: Time | None = None,
        gap_s: float = 1.0,
    ) -> None:
        self._recording = Recording(path)
        self._speed = speed
        self._loop = loop
        self._time = time or SystemTime()
        self._gap_s = gap_s
        self._start_ms = self._recording.first_ms()
        self._intake = Intake(f"replay:{path.name}", self._time)
        self._wanted: frozenset[str] = frozenset()
        self._yielded = 0.0
        self._since_ms = 0
        self._failure = ""
        self.source = f"replay:{path.name}"
        self.symbols = self._recording.symbols()
        self.clock = ReplayClock(self._start_ms, speed, self._time)

    @property
    def held(self) -> frozenset[str]:
        """All wanted symbols: a recording has no slots."""
        return self._wanted

    @property
    def counters(self) -> Counters:
        """What was read so far, over all passes."""
        return self._intake.counters

    @property
    def last_message_ms(self) -> int | None:
        """Wall-clock time of the last frame."""
        return self._intake.last_message_ms

    def want(self, symbols: frozenset[str]) -> None:
        """Changes nothing: every symbol of the recording is delivered."""
        self._wanted = symbols

    async def run(self, market: Market) -> None:
        """Play until cancelled, or to the end when not looping; the last prices stay."""
        self._since_ms = self._time.now_ms()
        while True:
            await self._pass(market)
            if not self._loop:
                return
            await self._time.sleep(self._gap_s)

    async def _pass(self, market: Market) -> None:
        self.clock.restart(self._start_ms)
        market.new_epoch()
        self._tell(market)
        try:
            for line in self._recording.lines():
                await self._play(line, market)
        except RecordingError as error:
            self._failure = f"The replay stopped early: {error}"
            _log.warning("%s", self._failure)
            self._tell(market)
        else:
            self._failure = ""

    async def _play(self, line: Line, market: Market) -> None:
        wait_s = self.clock.aim(line.at)
        if wait_s > 0:
            await self._time.sleep(wait_s)
            self._yielded = self._time.monotonic()
        elif self._time.monotonic() - self._yielded >= YIELD_S:
            await asyncio.sleep(0)
            self._yielded = self._time.monotonic()
        if self._speed == 0:
            await market.relief()  # last before delivering: any yield may have filled a client
        self.clock.reach()
        await self._intake.deliver(self._intake.read(line.frame), market)

    def _tell(self, market: Market) -> None:
        market.status(
            FeedStatus(
                source=self.source, state="replay", since_ms=self._since_ms, detail=self._failure
            )
        )
