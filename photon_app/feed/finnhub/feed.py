"""The single connection to Finnhub.

Owns the connection, the messages sent on it, and the feed's status. Polling over REST is done by
the ``Poller``, which runs in the same task group. Runs on the event loop. The market is called
synchronously, so a slow market leaves frames in the socket: the library buffers sixteen, then the
kernel, then Finnhub waits. Subscriptions are sent at most ten a second.

It never has two connections at once: Finnhub drops both. It never takes an open connection for a
working one (see ``backoff``), nor silence for health: after 150 s without any frame a connection is
dead, and one during which this machine slept is reopened at once. It never takes this machine's
clock for the tape's (see ``offset``). It never reveals the key: the library gets a logger that
writes nothing, because it logs addresses and headers; no foreign text is shown without being
scrubbed; and statuses are written in our own words.
"""

import asyncio
import datetime as dt
import logging
import math
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from photon_app.clock import SYSTEM, Time
from photon_app.feed import finnhub_wire as wire
from photon_app.feed import outage
from photon_app.feed.awake import Awake
from photon_app.feed.finnhub.backoff import PROVEN_S, Backoff
from photon_app.feed.finnhub.deadline import within
from photon_app.feed.finnhub.offset import TapeClock
from photon_app.feed.finnhub.poll_schedule import Markets, PollSchedule
from photon_app.feed.finnhub.polling import Poller, Quotes
from photon_app.feed.finnhub.slots import Slots
from photon_app.feed.finnhub.spelling import Spellings
from photon_app.feed.finnhub.subscriptions import Command, Subscriptions
from photon_app.feed.finnhub.wakeup import Wakeup
from photon_app.feed.finnhub_key import with_token, without_key
from photon_app.feed.intake import Intake, ReadsFrames, Tap
from photon_app.feed.outage import Outage, Streak, Uptime
from photon_app.feed.protocol import WallClock
from photon_app.model import Crowd, FailureReason, FeedSink, FeedState, FeedStatus
from photon_app.settings import DEFAULTS, Secret

Connect = Callable[..., Awaitable[ClientConnection]]

MAX_FRAME_BYTES = 16 * 2**20
CLOSING_S = 1.0
"""How long Finnhub may take to answer a closing frame before the TCP connection is cut."""
WATCH_S = 1.0
"""How often an open connection is checked for silence, and for sleep of this machine."""
CHECK_S = 5.0
"""How often stale prices are looked for, and the offset between the tape and this machine's clock
is judged."""

_log = logging.getLogger(__name__)
# A logger outside the tree: no configuration of the process can make it write.
_mute = logging.Logger("finnhub socket", level=logging.CRITICAL + 1)  # noqa: LOG001

LEAST_MS = 1_000
"""Offsets between tape and clock that differ by less are the same to a market."""

_STATES: dict[FailureReason, FeedState] = {"throttle": "throttled", "auth": "unauthorized"}

_ATTEMPT_ERRORS = (OSError, WebSocketException, EOFError, ValueError, ImportError)
"""The errors of an attempt; the last two come from odd host names and proxies."""


class FinnhubFeed(ReadsFrames):
    """Finnhub's trades over its socket, and the figures of its REST API.

    Args:
        url: address without the key, such as ``wss://ws.finnhub.io``.
        key: the API key.
        limit: most symbols to subscribe at once.
        rest: the source for days and for symbols without a slot; none by default.
        markets: where symbols trade; by default they always do.
        time: what waits and stamps.
        rng: jitter of the retries.
        connect: ``websockets.asyncio.client.connect`` or a stand-in.
        pace_s: time between two subscribe or unsubscribe messages.
        watchdog_s: silence after which a connection is given up.
        linger_s: how long a symbol without viewers keeps its slot in any case.
        proxy: as in ``connect``; none by default.
        tap: is given each frame as it arrived.
        spellings: how upstream writes symbols.
    """

    source = "finnhub"
    symbols: tuple[str, ...] = ()

    def __init__(
        self,
        url: str,
        key: Secret,
        limit: int = DEFAULTS.symbol_limit,
        *,
        rest: Quotes | None = None,
        markets: Markets | None = None,
        time: Time = SYSTEM,
        rng: random.Random | None = None,
        connect: Connect = connect,
        pace_s: float = 0.11,
        watchdog_s: float = 150.0,
        linger_s: float = DEFAULTS.linger_s,
        proxy: str | Literal[True] | None = None,
        tap: Tap | None = None,
        spellings: Spellings | None = None,
    ) -> None:
        self._spellings = spellings or Spellings()
        self._url = url
        self._key = key
        self._time = Awake.over(time)
        self.clock = WallClock(self._time)
        self._connect = connect
        self._pace_s = pace_s
        self._watchdog_s = watchdog_s
        self._proxy = proxy
        self._slots = Slots(limit, linger_s)
        self._subscriptions = Subscriptions(self._slots, self._spellings)
        self._schedule = PollSchedule(markets)
        self._poller: Poller | None = None
        if rest is not None:
            self._poller = Poller(
                rest,
                self._schedule,
                self._time,
                on_unknown=self._unknown,
                on_change=self._share,
                on_answer=self._judge_clock,
            )
        self._rest = rest
        self._backoff = Backoff(rng or random.Random())
        self._streak = Streak()
        self._intake = Intake(self.source, self._time, key, tap)
        self._wakeup = Wakeup(self._time)
        self._spellings.on_change = self._wakeup.ring
        self._market: FeedSink | None = None
        self._tape = TapeClock()
        self._reported_tape = (0, 0)
        self._polled: frozenset[str] = frozenset()
        self._stale: frozenset[str] = frozenset()
        self._refused: frozenset[str] = frozenset()
        self._opened = 0
        self._failures: dict[FailureReason, int] = {}
        self._last_s = self._looked_s = 0.0
        self._last_ms = self._set_back_ms = 0
        self._slept_before_s = 0.0
        self._status = FeedStatus(source=self.source, state="connecting", since_ms=0)

    @property
    def subscribed(self) -> frozenset[str]:
        """The wanted symbols that have a slot; the others are polled if there is a REST source."""
        return self._slots.assigned

    def want(
        self,
        symbols: frozenset[str],
        viewers: Mapping[str, int] | None = None,
        crowd: Crowd | None = None,
    ) -> None:
        """Subscribe to these symbols, as many as there are slots: the defaults first, then the
        viewed ones.
        """
        now_s = self._time.monotonic()
        viewers = viewers or {}
        unknown_again = self._schedule.want(symbols, viewers, now_s, crowd)
        self._slots.want(symbols, viewers, now_s, crowd)
        for symbol in unknown_again:
            self._unknown(symbol)
        self._share()

    async def run(self, market: FeedSink) -> None:
        """Keep one connection open until cancelled."""
        self._market = market
        self._polled = self._stale = frozenset()
        if self._reported_tape != (0, 0):
            market.tape_offset(*self._reported_tape)
        try:
            async with asyncio.TaskGroup() as tasks:
                if self._poller is not None:
                    tasks.create_task(self._poller.run(market))
                self._share()
                tasks.create_task(self._report_periodically())
                await self._keep_connected(market)
        finally:
            self._market = None

    async def _report_periodically(self) -> None:
        """Report to the market which prices have become stale, with or without a connection."""
        while True:
            await self._time.sleep(CHECK_S)
            self._report_states()

    async def _keep_connected(self, market: FeedSink) -> None:
        self._set_status(market, "connecting")
        while True:
            why = self._streak.judge(await self._attempt(market))
            self._failures[why.reason] = self._failures.get(why.reason, 0) + 1
            delay_s = self._backoff.delay(why.reason, why.delivered_s, why.retry_after_s)
            if why.at_once and why.delivered_s >= PROVEN_S:
                delay_s = 0.0
            retry_at_ms = self._time.now_ms() + round(delay_s * 1000)
            at = dt.datetime.fromtimestamp(retry_at_ms / 1000, dt.UTC)
            failed = f"Failed to connect to Finnhub: {why.words}"
            state = _STATES.get(why.reason, "reconnecting")
            detail = f"{failed}; next attempt at {at:%H:%M:%S} UTC"
            _log.warning("%s", detail, extra={"kind": why.reason})
            self._set_status(market, state, detail, retry_at_ms)
            await self._time.sleep(delay_s)
            self._set_status(market, state, f"{failed}; trying again now")

    async def _attempt(self, market: FeedSink) -> Outage:
        try:
            connection = await self._connect(
                with_token(self._url, self._key.reveal()),
                logger=_mute,
                compression=None,
                proxy=self._proxy,
                max_size=MAX_FRAME_BYTES,
                ping_interval=None,
                open_timeout=10,
                close_timeout=1,
            )
        except _ATTEMPT_ERRORS as error:
            return _refusal(error, self._time.now_ms())
        try:
            return await self._live(connection, market)
        finally:
            await self._close(connection)
            self._schedule.set_connection(self._time.monotonic(), up=False)

    async def _live(self, connection: ClientConnection, market: FeedSink) -> Outage:
        self._opened += 1
        self._last_s = opened_s = delivered_s = self._time.monotonic()
        self._last_ms = self._time.now_ms()
        self._slept_before_s = self._time.slept_s
        self._subscriptions.connection_opened(opened_s)
        self._spellings.connection_opened()
        self._schedule.set_connection(opened_s, up=True)
        self._share()
        _log.info("Connected to Finnhub")
        self._set_status(market, "live")
        async with asyncio.TaskGroup() as companions:
            tasks = [
                companions.create_task(self._subscribe(connection)),
                companions.create_task(self._watch(connection, market)),
            ]
            try:
                while True:
                    event = self._intake.read(await connection.recv(decode=False))
                    self._last_s = self._time.monotonic()
                    if self._slept_since_open_s:
                        await self._close(connection)
                        continue
                    self._last_ms = self._time.now_ms()
                    self._measure(event)
                    if isinstance(event, wire.Trades | wire.Ping):
                        delivered_s = self._last_s
                    await self._intake.deliver(event, market)
                    self._note(event)
            except ConnectionClosed as error:
                uptime = Uptime(
                    open_s=self._time.monotonic() - opened_s, delivered_s=delivered_s - opened_s
                )
                return self._ending(error, uptime)
            finally:
                for task in tasks:
                    task.cancel()

    def _note(self, event: wire.Event) -> None:
        """Evaluate what a frame says about subscriptions."""
        if isinstance(event, wire.Trades):
            symbols = {trade.symbol for trade in event.batch}
            self._spellings.heard(symbols, event.odd)
            if self._subscriptions.heard(symbols):
                self._wakeup.ring()
            if self._schedule.heard(symbols, self._last_s):
                self._share()
        elif isinstance(event, wire.UpstreamError) and self._subscriptions.error(
            event.message, self._last_s
        ):
            self._share()

    def _measure(self, event: wire.Event) -> None:
        """Measure the offset between the tape and this machine's clock by a frame."""
        if self._time.set_back_ms != self._set_back_ms:
            self._tape.set_back(self._time.set_back_ms - self._set_back_ms)
            self._set_back_ms = self._time.set_back_ms
            self._schedule.reseed()
            self._report_tape()
        trades = event.batch if isinstance(event, wire.Trades) else ()
        if trades and self._tape.arrived(trades[-1], self._last_ms, self._last_s):
            self._judge_clock()

    def _judge_clock(self) -> None:
        """Judge the offset between the tape and the clock, and report it when it has changed."""
        self._looked_s = self._time.monotonic()
        before = self._tape.verdict
        self._tape.look(self._looked_s, None if self._rest is None else self._rest.fast_ms)
        self._report_tape()
        if self._tape.verdict != before and self._market and self._status.state == "live":
            self._set_status(self._market, "live")

    def _report_tape(self) -> None:
        """Report the offset to the market, unless it is about the same as the last one reported."""
        behind_ms, ahead_ms = self._tape.distance
        known_behind_ms, known_ahead_ms = self._reported_tape
        moved_ms = max(abs(behind_ms - known_behind_ms), abs(ahead_ms - known_ahead_ms))
        if self._market is not None and moved_ms >= LEAST_MS:
            self._reported_tape = self._tape.distance
            self._market.tape_offset(behind_ms, ahead_ms)

    def _unknown(self, symbol: str) -> None:
        """There is no such symbol: it gets no slot, and its clients are notified."""
        self._slots.bar(symbol, math.inf)
        if self._market is not None:
            self._market.rejected(symbol, "Finnhub knows no such symbol")

    def _share(self) -> None:
        """Pass the current assignment of slots to the connection, the poller and the market."""
        now_s = self._time.monotonic()
        for symbol in self._refused - self._schedule.unknown:
            self._slots.unbar(symbol, now_s)
        self._refused = self._schedule.unknown
        self._schedule.set_slots(self._slots.assigned, now_s)
        self._wakeup.ring()
        if self._poller is not None:
            self._poller.ring()
        self._report_states()

    def _report_states(self) -> None:
        """Report to the market which prices come from polling, and which are stale."""
        if self._market is None:
            return
        polled = self._schedule.polled if self._poller is not None else frozenset()
        now_s = self._time.monotonic()
        unsure, old = self._schedule.unsure(now_s), self._schedule.old(now_s)
        polled -= old
        stale = (self._schedule.wanted - self._subscriptions.subscribed | unsure | old) - polled
        if polled != self._polled or stale != self._stale:
            self._polled, self._stale = polled, stale
            self._market.polling(polled, stale)

    async def _subscribe(self, connection: ClientConnection) -> None:
        """Send subscribe and unsubscribe messages whenever the wanted symbols change."""
        known = self._slots.assigned
        try:
            while True:
                while command := self._subscriptions.take(self._time.monotonic()):
                    await connection.send(self._encoded(command))
                    await self._time.sleep(self._pace_s)
                await self._respell(connection)
                if self._slots.assigned != known:
                    known = self._slots.assigned
                    self._share()
                self._report_states()
                now_s = self._time.monotonic()
                waits = (self._subscriptions.wait_s(now_s), self._spellings.wait_s(now_s))
                await self._wakeup.wait(min((w for w in waits if w is not None), default=None))
        except ConnectionClosed:
            return

    async def _respell(self, connection: ClientConnection) -> None:
        """Subscribe again to symbols whose spelling has changed since they were subscribed."""
        while (symbol := self._spellings.overdue(self._time.monotonic())) is not None:
            for command in (wire.Unsubscribe(symbol=symbol), wire.Subscribe(symbol=symbol)):
                await connection.send(self._encoded(command))
                await self._time.sleep(self._pace_s)

    def _encoded(self, command: Command) -> str:
        if isinstance(command, wire.Subscribe):
            return wire.encode_subscribe(
                self._spellings.subscribe(command.symbol, self._time.monotonic())
            )
        return wire.encode_unsubscribe(self._spellings.unsubscribe(command.symbol))

    async def _watch(self, connection: ClientConnection, market: FeedSink) -> None:
        """Close a connection that has become silent, or during which this machine slept."""
        while (
            left_s := self._silent_at() - self._time.monotonic()
        ) > 0 and not self._slept_since_open_s:
            await self._time.sleep(min(left_s, WATCH_S))
            if self._time.monotonic() - self._looked_s >= CHECK_S:
                self._judge_clock()
        if self._slept_since_open_s:
            self._set_status(market, "reconnecting", "This machine slept; the line is opened anew")
        await self._close(connection)

    @property
    def _slept_since_open_s(self) -> float:
        """How long this machine slept while the connection was open."""
        return self._time.slept_s - self._slept_before_s

    async def _close(self, connection: ClientConnection) -> None:
        """Close a connection; return when its TCP connection has ended."""
        await within(self._time, CLOSING_S, connection.close())
        connection.transport.abort()
        await connection.wait_closed()

    def _silent_at(self) -> float:
        return self._last_s + self._watchdog_s

    def _ending(self, error: ConnectionClosed, uptime: Uptime) -> Outage:
        now_s = self._time.monotonic()
        if self._slept_since_open_s:
            self._tape.clear()
            self._schedule.reseed()
            return outage.slept(self._slept_since_open_s, uptime)
        ours_came_first = error.rcvd_then_sent is False
        if error.rcvd is not None and not ours_came_first:
            said = self._scrub(" ".join(error.rcvd.reason.split()))
            self._last_ms = self._time.now_ms()  # until then nothing was missed
            return outage.closed(error.rcvd.code, said, uptime)
        if now_s >= self._silent_at():
            return outage.silent(self._watchdog_s, uptime)
        if error.sent is not None:
            return outage.unlawful(error.sent.code, uptime)
        return outage.broken(uptime)

    def _scrub(self, text: str) -> str:
        return without_key(text, self._key)

    def _set_status(
        self, market: FeedSink, state: FeedState, detail: str = "", retry_at_ms: int | None = None
    ) -> None:
        changed = state != self._status.state or not self._status.since_ms
        self._status = FeedStatus(
            source=self.source,
            state=state,
            since_ms=self._time.now_ms() if changed else self._status.since_ms,
            detail=detail or (self._tape.verdict.detail if state == "live" else ""),
            delay_ms=self._tape.verdict.delay_ms,
            lost_ms=None if state == "live" else self._last_ms or None,
            retry_at_ms=retry_at_ms,
            reconnects=max(self._opened - 1, 0),
            failures=dict(self._failures),
        )
        market.status(self._status)


def _refusal(error: Exception, now_ms: int) -> Outage:
    if isinstance(error, InvalidStatus):
        response = error.response
        wait_s = outage.retry_after(response.headers.get("Retry-After"), now_ms)
        return outage.answered(response.status_code, wait_s)
    if isinstance(error, WebSocketException | EOFError):
        return outage.NOT_A_WEBSOCKET
    return outage.unreachable(error)
