"""``python -m photon_app record``: writes what upstream sends to a file, until stopped.

Called by the command line only, in the main thread. It runs the feed that the settings name, with
no clients: no page, no port, no book. The feed's frames go to a ``Recorder``; a slow disk slows the
feed. It owns the standard error of the process: one line that says what is recorded, on a terminal
a line that counts, and one line at the end. It never shows or writes the key. A replay is refused
as the feed: it is a recording already.
"""

import asyncio
import contextlib
import logging
import math
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from photon_app import clock, foreign, upstream
from photon_app.errors import SettingsError
from photon_app.feed.recording.recorder import PART_BYTES, Recorder
from photon_app.model import FeedStatus, Seed, Trade
from photon_app.runtime import keep_running, logged
from photon_app.settings import DEFAULT_SYMBOLS, Settings

FLUSH_S = 1.0
"""Most that a kill can cost a gzip recording."""

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
_log = logging.getLogger(__name__)
_CLEAR_LINE = "\r\x1b[2K"


def record(
    settings: Settings,
    path: Path,
    *,
    max_bytes: int = PART_BYTES,
    keep: int | None = None,
    seconds: float = math.inf,
    screen: TextIO | None = None,
) -> int:
    """Record until a signal, the end of ``seconds``, a full disk, or a fault of Photon's own;
    returns the exit code: 1 for the last two.

    Args:
        settings: which feed, and which symbols.
        path: the file to write; see ``Recorder``.
        max_bytes: size at which a part is full.
        keep: the largest number of full parts to keep; all when not given.
        seconds: how long to record.
        screen: the standard error.

    Raises:
        RecordingError: the file is not a recording, or cannot be written.
        SettingsError: the feed is a replay.
    """
    if settings.feed == "replay":
        raise SettingsError(
            "PHOTON_FEED is a replay, which is a recording already: expected finnhub or simulated "
            "(PHOTON_FEED=auto records Finnhub with a key, else the simulator)"
        )
    show = _Screen(screen or sys.stderr)
    wanted = settings.symbols or DEFAULT_SYMBOLS
    with Recorder(path, max_bytes=max_bytes, keep=keep) as recorder:
        show.line(_opening(settings, path, wanted))
        with logged(settings, show.line):
            trades, fault = asyncio.run(_run(settings, wanted, recorder, seconds, show))
    failure = recorder.failure or fault
    show.line(_summary(recorder, trades, failure))
    return 1 if failure else 0


async def _run(
    settings: Settings, wanted: Sequence[str], recorder: Recorder, seconds: float, show: "_Screen"
) -> tuple[int, str]:
    """Record until the end; returns the number of trades, and why the feed failed: it stops the
    recording only by a fault of Photon's own.
    """
    source = upstream.of(settings, tap=recorder.take)
    feed = source.feed
    feed.want(frozenset(wanted))
    stop = asyncio.Event()
    _stop_on_signals(stop)
    sink = StateSink()
    playing = asyncio.create_task(keep_running(feed, sink), name="photon feed")
    playing.add_done_callback(lambda _: stop.set())
    until_s = clock.monotonic() + seconds
    try:
        while not (stop.is_set() or recorder.failure):
            left_s = until_s - clock.monotonic()
            if left_s <= 0:
                break
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), min(FLUSH_S, left_s))
            recorder.flush()
            show.progress(f"{_counts(recorder, feed.counters.trades)} · {sink.state}")
    finally:
        playing.cancel()
        await asyncio.gather(playing, return_exceptions=True)
        await source.aclose()
    fault = None if playing.cancelled() else playing.exception()
    if fault is None:
        return feed.counters.trades, ""
    _log.critical("the feed failed by a fault of Photon's own; the recording ends", exc_info=fault)
    return feed.counters.trades, "the feed failed by a fault of Photon's own"


def _stop_on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for name in _SIGNALS:
        with contextlib.suppress(AttributeError, NotImplementedError):  # not on Windows
            loop.add_signal_handler(getattr(signal, name), stop.set)


def _opening(settings: Settings, path: Path, wanted: Sequence[str]) -> str:
    feed = "Finnhub"
    if settings.feed == "simulated":
        feed = "SIMULATED prices (set FINNHUB_API_KEY for real ones)"
    shown = ", ".join(wanted[:10]) + (f" and {len(wanted) - 10} more" if wanted[10:] else "")
    return f"photon: recording {feed} of {shown} into {path}; Ctrl-C ends it"


def _summary(recorder: Recorder, trades: int, failure: str) -> str:
    ended = f"stopped, {failure};" if failure else "recorded:"
    parts = f" in {recorder.parts} parts" if recorder.parts > 1 else ""
    left_out = ""
    if recorder.left_out:
        left_out = f"; {recorder.left_out:,} frames that a recording cannot hold were left out"
    counts = _counts(recorder, trades)
    return f"photon: {ended} {counts}{parts} are in {recorder.path}{left_out}"


def _counts(recorder: Recorder, trades: int) -> str:
    return f"{recorder.frames:,} frames, {trades:,} trades, {recorder.bytes / 1e6:,.1f} MB"


class StateSink:
    """A ``model.FeedSink`` without a market: keeps only the feed's state."""

    state = "connecting"

    def trades(self, batch: Sequence[Trade]) -> None:
        """Ignored: the recorder has the frames."""

    def past(self, batch: Sequence[Trade]) -> None:
        """Ignored."""

    def seed(self, seed: Seed) -> None:
        """Ignored."""

    def status(self, status: FeedStatus) -> None:
        """Keep the state, for the progress line."""
        self.state = status.state

    def polling(self, symbols: frozenset[str], stale: frozenset[str] = frozenset()) -> None:
        """Ignored."""

    def tape_offset(self, behind_ms: int, ahead_ms: int) -> None:
        """Ignored: frames are recorded with this machine's time, right or wrong."""

    def rejected(self, symbol: str, reason: str) -> None:
        """Log it: the symbol will not be in the recording."""
        _log.warning("upstream refuses %s: %s", symbol, reason, extra={"kind": symbol})

    def new_epoch(self) -> None:
        """Ignored: nothing is kept that an epoch could end."""

    def began(self, symbol: str, time_ms: int, price: float) -> None:
        """Ignored."""

    async def drained(self) -> None:
        """Return at once: nothing waits here."""


class _Screen:
    """Standard error: lines of text, and on a terminal one below them that is overwritten."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live = stream.isatty()

    def line(self, text: str) -> None:
        shown = foreign.escaped(text, keep="\n")
        self._write(f"{_CLEAR_LINE if self._live else ''}{shown}\n")

    def progress(self, text: str) -> None:
        if self._live:
            self._write(f"{_CLEAR_LINE}{text}")

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError):  # the recording outlives its terminal
            self._stream.write(text)
            self._stream.flush()
