"""The connection to a Photon: connects, subscribes, reads, and reconnects for as long as it takes.

Owns the socket and the delays between attempts. Runs on the event loop. Messages go to the board
and to the reader's callback, both synchronous, so a slow terminal leaves messages in the socket,
and the server then conflates. After a lost connection it asks for every update since the prices
that it has, unless it is paced. When this machine wakes from sleep, a socket from before is closed
and another is opened. Trouble on the way is never raised: it is the state of the board. Only a
fault of Photon's own is. ``run`` returns only when the server says not to come back, or when the
callback returns true.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from photon_app.clock import Time
from photon_app.commands.tail import retry, wire
from photon_app.commands.tail.board import Board, Row
from photon_app.commands.tail.defaults import NoDefaults
from photon_app.commands.tail.retry import Ending, Retry
from photon_app.feed import outage
from photon_app.feed.awake import Awake

Connect = Callable[..., Awaitable[ClientConnection]]
Defaults = Callable[[], Awaitable[Sequence[str]]]
Reader = Callable[[wire.Message, str, Row | None], bool]
"""Gets each message, its text, and the row with a new price; returns true to end the connection."""

SILENCE_S = 40.0
"""Longest silence of a connection: two missed heartbeats, one every 15 s, and a margin."""
WATCH_S = 1.0
"""How often to check for silence, and whether this machine slept."""
CHUNK = 100
"""Symbols per request: a hundred of the longest are 4 KB, and the server accepts 16."""
MAX_MESSAGE_BYTES = 4 * 2**20

# A logger outside the tree: the library may not write between prices, or show an address.
_mute = logging.Logger("terminal socket", level=logging.CRITICAL + 1)  # noqa: LOG001

_SLEPT = "this machine slept, or its clock was set"

_FAILURES = (OSError, WebSocketException, EOFError, ValueError, ImportError)
"""What an attempt can raise; the last two come from odd host names."""


class Connection:
    """One connection to one Photon, opened again and again.

    Args:
        url: the address of ``/ws``.
        board: gets every message and the state of the connection.
        read: called with every message after that.
        time: the clock for delays and timestamps.
        rng: jitter of the retries.
        interval_ms: 0 for every trade, else the newest price at most that often.
        defaults: requests the server's default symbols; called only while the board has none.
        connect: ``websockets.asyncio.client.connect`` or a stand-in.
    """

    def __init__(
        self,
        url: str,
        board: Board,
        read: Reader,
        *,
        time: Time,
        rng: random.Random,
        interval_ms: int = 0,
        defaults: Defaults | None = None,
        connect: Connect = connect,
    ) -> None:
        self._url = url
        self._board = board
        self._read = read
        self._time = Awake.over(time)
        self._retry = Retry(rng)
        self._interval_ms = interval_ms
        self._defaults = defaults
        self._connect = connect
        self._heard_s = self._slept_s = 0.0

    async def run(self) -> str:
        """Run until the end.

        Returns:
            Why the server refuses this client for good; empty when the reader ended it.
        """
        while True:
            self._board.connecting()
            ending = await self._attempt()
            if ending.final:
                self._board.ended(ending.reason)
                return ending.reason
            delay_s = self._retry.delay(ending)
            self._board.lost(ending.reason, self._time.monotonic() + delay_s)
            await self._time.sleep(delay_s)

    async def _attempt(self) -> Ending:
        try:
            socket = await self._connect(
                self._url,
                logger=_mute,
                compression=None,
                proxy=None,
                max_size=MAX_MESSAGE_BYTES,
                ping_interval=None,
                open_timeout=10,
                close_timeout=1,
            )
        except _FAILURES as error:
            return refusal(error, self._time.now_ms())
        try:
            return await self._open(socket)
        finally:
            await socket.close()

    async def _open(self, socket: ClientConnection) -> Ending:
        opened_s = self._heard_s = self._time.monotonic()
        self._slept_s = self._time.slept_s
        watch = asyncio.create_task(self._watch(socket))
        try:
            while True:
                text = await socket.recv()
                if await self._take(text, socket):
                    return Ending(reason="", final=True)
        except ConnectionClosed as error:
            ending = self._ended(error)
        except NoDefaults as error:
            ending = Ending(reason=f"{error}", least_s=retry.REFUSED_S)
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)
        if not watch.cancelled():
            watch.result()  # raises a fault of ours
        return Ending(
            reason=ending.reason,
            final=ending.final,
            lasted_s=self._time.monotonic() - opened_s,
        )

    async def _take(self, text: str | bytes, socket: ClientConnection) -> bool:
        """Handle one message; true when the reader wants no more."""
        message = wire.decode(text) if isinstance(text, str) else None
        if message is None or isinstance(text, bytes):  # proves nothing
            return False
        self._heard_s = self._time.monotonic()
        row = self._board.apply(message, self._heard_s)
        match message:
            case wire.Connection():
                await self._subscribe(socket)
            case wire.Shutdown() | wire.Error():
                self._retry.wait_at_least(message.retry_after_ms)
        return self._read(message, text, row)

    async def _subscribe(self, socket: ClientConnection) -> None:
        if not self._board.rows and self._defaults is not None:
            self._board.watch(await self._defaults())
        symbols = list(self._board.rows)
        for at in range(0, len(symbols), CHUNK):
            chunk = symbols[at : at + CHUNK]
            seqs = {} if self._interval_ms else self._board.seqs(chunk)
            await socket.send(wire.subscribe(chunk, self._interval_ms, self._board.epoch, seqs))

    async def _watch(self, socket: ClientConnection) -> None:
        """Close the socket when it is silent, when this machine slept, or when this fails."""
        try:
            while (left_s := self._heard_s + SILENCE_S - self._time.monotonic()) > 0:
                if self._overslept:
                    self._board.lost(_SLEPT, self._time.monotonic())
                    break
                await self._time.sleep(min(left_s, WATCH_S))
        finally:
            await socket.close()

    @property
    def _overslept(self) -> bool:
        """Whether this machine slept since the socket was opened."""
        return self._time.slept_s > self._slept_s

    def _ended(self, error: ConnectionClosed) -> Ending:
        ours_came_first = error.rcvd_then_sent is False
        if self._overslept:
            return Ending(reason=_SLEPT)
        if error.rcvd is not None and not ours_came_first:
            return retry.closed(error.rcvd.code, error.rcvd.reason)
        if self._time.monotonic() >= self._heard_s + SILENCE_S:
            return Ending(reason=f"no message for {SILENCE_S:g} s")
        return Ending(reason="the connection broke")


def refusal(error: Exception, now_ms: int) -> Ending:
    """Why an attempt failed, in words."""
    if isinstance(error, InvalidStatus):
        answer = error.response
        return retry.answered(answer.status_code, answer.headers, bytes(answer.body or b""), now_ms)
    if isinstance(error, WebSocketException | EOFError):
        return Ending(reason="the server did not answer as a WebSocket")
    return Ending(reason=outage.unreachable(error).words)
