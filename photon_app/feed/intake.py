"""The intake that all feeds share: one frame is decoded, counted, warned about and delivered.

Owns a feed's ``Counters``, the time of its last message, and the newest trade frames, which
identify a frame that upstream sends twice. A repeated frame is dropped and counted, and is a sign
of life like any other. Equal trades in different frames are kept: they are common and real. Called
on the event loop by the feed that made it. Unreadable input is counted and logged, at most one
record of a kind in ten seconds, because upstream can send garbage as fast as trades. It never
raises for a frame, and never logs foreign text longer than ``finnhub_wire.SHOWN_CHARS``.

Bound: ``KEPT_FRAMES`` frames of at most ``KEPT_CHARS`` each; for a longer frame its digest.
"""

import asyncio
import hashlib
import logging
from collections.abc import Callable

from photon_app import foreign
from photon_app.clock import Time
from photon_app.feed import finnhub_wire as wire
from photon_app.feed.finnhub_key import without_key
from photon_app.feed.protocol import Counters
from photon_app.model import FeedSink, Trade
from photon_app.settings import Secret

SLICE_TRADES = 2_000
"""Most trades applied without letting the event loop run."""

WARN_EVERY_S = 10.0

KEPT_FRAMES = 8
"""How many of the last trade frames are compared with a new one; upstream repeats a frame soon."""

REPEAT_S = 10.0
"""A frame that comes again later than this is not a repetition."""

KEPT_CHARS = 65_536

_REPEATED = wire.Trades(batch=())

_log = logging.getLogger(__name__)


Tap = Callable[[str | bytes], None]
"""Is given each upstream frame as it arrived, before anything else reads it; never raises."""


class Intake:
    """Reads frames for one feed.

    Args:
        source: the feed's name in log records.
        time: stamps messages and paces log records.
        key: is removed from foreign text before it is logged.
        tap: is also given each frame, for example a ``Recorder``'s ``take``.
    """

    def __init__(
        self,
        source: str,
        time: Time,
        key: Secret | None = None,
        tap: Tap | None = None,
    ) -> None:
        self.counters = Counters()
        self.last_message_ms: int | None = None
        self._source = source
        self._time = time
        self._key = key
        self._tap = tap
        self._warned: dict[str, tuple[float, int]] = {}
        self._newest: dict[bytes | str, float] = {}

    def forget(self) -> None:
        """Forget the frames so far, so that none that follows counts as a repetition, as in the
        next pass of a recording.
        """
        self._newest.clear()

    def read(self, frame: bytes | str, at_s: float | None = None) -> wire.Event:
        """Decode and count one frame; a repeated one is returned without trades.

        Args:
            frame: as it arrived.
            at_s: when it arrived, if that is not now, as in a recording.
        """
        if at_s is None:
            at_s = self._time.monotonic()
        if self._tap is not None:
            self._tap(frame)
        counters = self.counters
        counters.frames += 1
        self.last_message_ms = self._time.now_ms()
        mark = frame if len(frame) <= KEPT_CHARS else _digest(frame)
        if mark in self._newest and self._repeated(mark, at_s):
            counters.duplicates += 1
            return _REPEATED
        event = wire.decode(frame)
        if isinstance(event, wire.Trades):
            self._remember(mark, at_s)
            if event.skipped:
                self._skip(event)
        elif isinstance(event, wire.Malformed):
            counters.malformed += 1
            self._warn("a frame that is no message", event.reason)
        elif isinstance(event, wire.UpstreamError):
            counters.errors += 1
            self._warn("an error message", event.message)
        elif isinstance(event, wire.Unknown):
            counters.unknown += 1
        return event

    async def deliver(self, event: wire.Event, market: FeedSink) -> None:
        """Pass a frame's trades to the market; a very long frame yields to the event loop between
        slices.
        """
        if not isinstance(event, wire.Trades) or not event.batch:
            return
        batch: tuple[Trade, ...] = event.batch
        self.counters.trades += len(batch)
        market.trades(batch[:SLICE_TRADES])
        for start in range(SLICE_TRADES, len(batch), SLICE_TRADES):
            await asyncio.sleep(0)
            market.trades(batch[start : start + SLICE_TRADES])

    def _repeated(self, mark: bytes | str, at_s: float) -> bool:
        """Whether a known frame came recently enough to be the same delivery."""
        if at_s - self._newest[mark] <= REPEAT_S:
            return True
        del self._newest[mark]
        return False

    def _remember(self, mark: bytes | str, at_s: float) -> None:
        newest = self._newest
        newest[mark] = at_s
        if len(newest) > KEPT_FRAMES:
            del newest[next(iter(newest))]

    def _skip(self, event: wire.Trades) -> None:
        """Count the trades of a frame that were left out, and warn about them."""
        self.counters.skipped += event.skipped
        self.counters.misnamed += event.misnamed
        if event.misnamed < event.skipped:
            self._warn("trades that cannot be read", f"{event.skipped} in one frame")
        if event.misnamed:
            names = foreign.printable(", ".join(event.names))
            self._warn("trades under a name that is no symbol", names)

    def _warn(self, kind: str, detail: str) -> None:
        now = self._time.monotonic()
        last, dropped = self._warned.get(kind, (-WARN_EVERY_S, 0))
        if now - last < WARN_EVERY_S and kind in self._warned:
            self._warned[kind] = (last, dropped + 1)
            self.counters.warnings_dropped += 1
            return
        self._warned[kind] = (now, 0)
        _log.warning(
            "%s sent %s (%d more like it since the last such line): %s",
            self._source,
            kind,
            dropped,
            detail if self._key is None else without_key(detail, self._key),
            extra={"kind": kind},
        )


class ReadsFrames:
    """A feed that reads its frames through an intake, and reports what came that way."""

    _intake: Intake

    @property
    def counters(self) -> Counters:
        """What was received since the start."""
        return self._intake.counters

    @property
    def last_message_ms(self) -> int | None:
        """Wall-clock time of the last frame, UNIX milliseconds."""
        return self._intake.last_message_ms


def _digest(frame: bytes | str) -> bytes:
    text = frame.encode(errors="surrogatepass") if isinstance(frame, str) else frame
    return hashlib.blake2b(text).digest()
