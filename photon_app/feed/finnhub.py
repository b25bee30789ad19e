"""The one line to Finnhub.

Owns the connection, the subscriptions on it and the feed's status. Runs on the event loop. The
market is called synchronously, so a slow market leaves frames in the socket: the library holds
sixteen, then the kernel, then Finnhub waits. Subscriptions are sent at most ten a second.

It never has two connections at once: Finnhub drops both. It never takes an opened line for a
working one (see ``backoff``), nor silence for health: 150 s without any frame is a dead line. It
never lets the key out: the library gets a logger that writes nothing, because it logs addresses
and headers; no foreign text is shown without being scrubbed; and statuses are made of our words.
"""

import asyncio
import datetime as dt
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Literal
from urllib.parse import parse_qsl, quote, quote_plus, urlencode, urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from photon_app.feed import finnhub_wire as wire
from photon_app.feed import outage
from photon_app.feed.backoff import Backoff, Trouble
from photon_app.feed.intake import Intake
from photon_app.feed.outage import Outage
from photon_app.feed.protocol import Counters, SystemTime, Time, WallClock
from photon_app.feed.slots import Slots
from photon_app.model import FeedState, FeedStatus, Market
from photon_app.settings import Secret

Connect = Callable[..., Awaitable[ClientConnection]]

MAX_FRAME_BYTES = 16 * 2**20

_log = logging.getLogger(__name__)
# A logger outside the tree: no configuration of the process can make it write.
_mute = logging.Logger("finnhub socket", level=logging.CRITICAL + 1)  # noqa: LOG001

_STATES: dict[Trouble, FeedState] = {
    Trouble.LOST: "reconnecting",
    Trouble.KICKED: "reconnecting",
    Trouble.THROTTLED: "throttled",
    Trouble.UNAUTHORIZED: "unauthorized",
}

_ATTEMPT_ERRORS = (OSError, WebSocketException, EOFError, ValueError, ImportError)
"""What an attempt can fail with; the last two come from odd host names and proxies."""


class FinnhubFeed:
    """Finnhub's trades over its socket.

    Args:
        url: address without the key, such as ``wss://ws.finnhub.io``.
        key: the API key.
        limit: most symbols to ask for at once.
        time: what waits and stamps.
        rng: jitter of the retries.
        connect: ``websockets.asyncio.client.connect`` or a stand-in.
        pace_s: time between two subscribe or unsubscribe messages.
        watchdog_s: silence after which a line is given up.
        proxy: as in ``connect``; none by default.
    """

    source = "finnhub"
    symbols: tuple[str, ...] = ()

    def __init__(
        self,
        url: str,
        key: Secret,
        limit: int = 50,
        *,
        time: Time | None = None,
        rng: random.Random | None = None,
        connect: Connect = connect,
        pace_s: float = 0.11,
        watchdog_s: float = 150.0,
        proxy: str | Literal[True] | None = None,
    ) -> None:
        self._url = url
        self._key = key
        self._time = time or SystemTime()
        self.clock = WallClock(self._time)
        self._connect = connect
        self._pace_s = pace_s
        self._watchdog_s = watchdog_s
        self._proxy = proxy
        self._slots = Slots(limit)
        self._backoff = Backoff(rng or random.Random())
        self._intake = Intake(self.source, self._time, self._scrub)
        self._changed = asyncio.Event()
        self._opened = 0
        self._last_s = 0.0
        self._status = FeedStatus(source=self.source, state="connecting", since_ms=0)

    @property
    def held(self) -> frozenset[str]:
        """The wanted symbols that Finnhub is asked for; the others wait for a slot."""
        return self._slots.held

    @property
    def counters(self) -> Counters:
        """What was received so far, over all lines."""
        return self._intake.counters

    @property
    def last_message_ms(self) -> int | None:
        """Wall-clock time of the last frame."""
        return self._intake.last_message_ms

    def want(self, symbols: frozenset[str]) -> None:
        """Ask Finnhub for these symbols, as many as there are slots."""
        self._slots.want(symbols)
        self._changed.set()

    async def run(self, market: Market) -> None:
        """Keep one line open until cancelled."""
        self._say(market, "connecting")
        while True:
            why = await self._attempt(market)
            delay_s = self._backoff.delay(why.trouble, why.delivered_s)
            retry_at_ms = self._time.now_ms() + round(delay_s * 1000)
            at = dt.datetime.fromtimestamp(retry_at_ms / 1000, dt.UTC)
            failed = f"Failed to connect to Finnhub: {why.reason}"
            state = _STATES[why.trouble]
            detail = f"{failed}; next attempt at {at:%H:%M:%S} UTC"
            _log.warning("%s", detail)
            self._say(market, state, detail, retry_at_ms)
            await self._time.sleep(delay_s)
            self._say(market, state, f"{failed}; trying again now")

    async def _attempt(self, market: Market) -> Outage:
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
            return _refusal(error)
        try:
            return await self._live(connection, market)
        finally:
            await connection.close()

    async def _live(self, connection: ClientConnection, market: Market) -> Outage:
        self._opened += 1
        self._slots.line_opened()
        self._changed.set()
        self._last_s = opened_s = delivered_s = self._time.monotonic()
        _log.info("Connected to Finnhub")
        self._say(market, "live")
        async with asyncio.TaskGroup() as companions:
            tasks = [
                companions.create_task(self._subscribe(connection)),
                companions.create_task(self._watch(connection)),
            ]
            try:
                while True:
                    event = self._intake.read(await connection.recv(decode=False))
                    self._last_s = self._time.monotonic()
                    if isinstance(event, wire.Trades | wire.Ping):
                        delivered_s = self._last_s
                    await self._intake.deliver(event, market)
            except ConnectionClosed as error:
                return self._ending(error, delivered_s - opened_s)
            finally:
                for task in tasks:
                    task.cancel()

    async def _subscribe(self, connection: ClientConnection) -> None:
        """Tell the line what is wanted, whenever that changes."""
        try:
            while True:
                await self._changed.wait()
                self._changed.clear()
                while command := self._slots.take():
                    encode = (
                        wire.encode_subscribe
                        if isinstance(command, wire.Subscribe)
                        else wire.encode_unsubscribe
                    )
                    await connection.send(encode(command.symbol))
                    await self._time.sleep(self._pace_s)
        except ConnectionClosed:
            return

    async def _watch(self, connection: ClientConnection) -> None:
        """Close a line that has fallen silent."""
        while (left_s := self._silent_at() - self._time.monotonic()) > 0:
            await self._time.sleep(left_s)
        await connection.close()

    def _silent_at(self) -> float:
        return self._last_s + self._watchdog_s

    def _ending(self, error: ConnectionClosed, delivered_s: float) -> Outage:
        ours_came_first = error.rcvd_then_sent is False
        if error.rcvd is not None and not ours_came_first:
            said = self._scrub(" ".join(error.rcvd.reason.split()))
            return outage.closed(error.rcvd.code, said, delivered_s)
        if self._time.monotonic() >= self._silent_at():
            return outage.broken(f"the line was silent for {self._watchdog_s:g} s", delivered_s)
        if error.sent is not None:
            return outage.broken(f"the server broke the protocol ({error.sent.code})", delivered_s)
        return outage.broken("the line broke", delivered_s)

    def _scrub(self, text: str) -> str:
        key = self._key.reveal()
        for form in (quote_plus(key), quote(key, safe="")):
            text = text.replace(form, "***")
        return self._key.scrub(text)

    def _say(
        self, market: Market, state: FeedState, detail: str = "", retry_at_ms: int | None = None
    ) -> None:
        changed = state != self._status.state or not self._status.since_ms
        self._status = FeedStatus(
            source=self.source,
            state=state,
            since_ms=self._time.now_ms() if changed else self._status.since_ms,
            detail=detail,
            retry_at_ms=retry_at_ms,
            reconnects=max(self._opened - 1, 0),
        )
        market.status(self._status)


def with_token(url: str, key: str) -> str:
    """The address with ``token=`` in its query, in place of any that stood there."""
    parts = urlsplit(url)
    query = [
        (name, value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
        if name != "token"
    ]
    return urlunsplit(parts._replace(query=urlencode([*query, ("token", key)])))


def _refusal(error: Exception) -> Outage:
    if isinstance(error, InvalidStatus):
        return outage.answered(error.response.status_code)
    if isinstance(error, WebSocketException | EOFError):
        return outage.NOT_A_WEBSOCKET
    return outage.unreachable(error)
