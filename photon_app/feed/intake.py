"""The way in that all feeds share: one frame decoded, counted, warned about and delivered.

Owns a feed's ``Counters`` and the time of its last message. Called on the event loop by the feed
that made it. What cannot be read is counted and logged, at most one line of a kind in ten
seconds, because upstream can send rubbish as fast as trades. It never raises for a frame, and
never logs foreign text longer than ``finnhub_wire.SHOWN_CHARS``.
"""

import asyncio
import logging
from collections.abc import Callable

from photon_app.feed import finnhub_wire as wire
from photon_app.feed.protocol import Counters, Time
from photon_app.model import Market, Trade

SLICE_TRADES = 2_000
"""Most trades applied without letting the event loop run."""

WARN_EVERY_S = 10.0

_log = logging.getLogger(__name__)


class Intake:
    """Reads frames for one feed.

    Args:
        source: the feed's name in log lines.
        time: stamps messages and paces log lines.
        scrub: takes secrets out of foreign text before it is logged.
    """

    def __init__(self, source: str, time: Time, scrub: Callable[[str], str] = str) -> None:
        self.counters = Counters()
        self.last_message_ms: int | None = None
        self._source = source
        self._time = time
        self._scrub = scrub
        self._warned: dict[str, tuple[float, int]] = {}

    def read(self, frame: bytes | str) -> wire.Event:
        """Decode and count one frame."""
        event = wire.decode(frame)
        counters = self.counters
        counters.frames += 1
        self.last_message_ms = self._time.now_ms()
        if isinstance(event, wire.Trades):
            if event.skipped:
                counters.skipped += event.skipped
                self._warn("trades that cannot be read", f"{event.skipped} in one frame")
        elif isinstance(event, wire.Malformed):
            counters.malformed += 1
            self._warn("a frame that is no message", event.reason)
        elif isinstance(event, wire.UpstreamError):
            counters.errors += 1
            self._warn("an error message", event.message)
        elif isinstance(event, wire.Unknown):
            counters.unknown += 1
        return event

    async def deliver(self, event: wire.Event, market: Market) -> None:
        """Hand a frame's trades to the market, yielding to the loop within a very long frame."""
        if not isinstance(event, wire.Trades) or not event.batch:
            return
        batch: tuple[Trade, ...] = event.batch
        self.counters.trades += len(batch)
        market.trades(batch[:SLICE_TRADES])
        for start in range(SLICE_TRADES, len(batch), SLICE_TRADES):
            await asyncio.sleep(0)
            market.trades(batch[start : start + SLICE_TRADES])

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
            self._scrub(detail),
        )
