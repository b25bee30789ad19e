"""The feed's way out, watched: every attempt, every line, every message and every request."""

import asyncio
import dataclasses
import random
import socket
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from tests.chaos.clock import FastTime


@dataclasses.dataclass(kw_only=True)
class Attempt:
    """One call of ``connect`` and what became of it."""

    began_s: float
    ended_s: float = 0.0
    """When it had failed, or the line's TCP connection had ended."""
    opened_s: float | None = None
    port: int = 0
    status: int = 0
    """HTTP status of a refusal."""
    retry_after_s: float = 0.0
    close_code: int | None = None
    """What the server closed the line with."""
    received: list[bytes] = dataclasses.field(default_factory=list)
    alive_s: float = 0.0
    """When the last trade or ping had come."""
    heard_s: float = 0.0
    """When anything had."""
    sent_s: list[float] = dataclasses.field(default_factory=list)


class Door:
    """``connect`` for the feed, which at times leads nowhere.

    Args:
        time: stamps.
        rng: where it leads.
    """

    def __init__(self, time: FastTime, rng: random.Random) -> None:
        self._time = time
        self._rng = rng
        self.calm = False
        self.attempts: list[Attempt] = []
        self.nowhere: dict[str, int] = {}
        """Attempts that were led astray, by kind."""
        self._watching: set[asyncio.Task[None]] = set()

    async def connect(self, url: str, **options: Any) -> ClientConnection:
        """Open a line, or fail as the world does."""
        attempt = Attempt(began_s=self._time.monotonic())
        self.attempts.append(attempt)
        try:
            connection = await connect(self._led(url), **options)
        except InvalidStatus as error:
            attempt.status = error.response.status_code
            attempt.retry_after_s = float(error.response.headers.get("Retry-After", 0))
            raise
        finally:
            attempt.ended_s = attempt.heard_s = self._time.monotonic()
        attempt.opened_s = attempt.alive_s = attempt.heard_s = self._time.monotonic()
        attempt.port = connection.local_address[1]
        self._watch(connection, attempt)
        return connection

    def _led(self, url: str) -> str:
        if self.calm or self._rng.random() > 0.12:
            return url
        kind = self._rng.choice(("refused port", "no such name", "no TLS"))
        self.nowhere[kind] = self.nowhere.get(kind, 0) + 1
        if kind == "no such name":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        if kind == "no TLS":
            return url.replace("ws://", "wss://")
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            return f"ws://127.0.0.1:{unused.getsockname()[1]}/?{url.partition('?')[2]}"

    def _watch(self, connection: ClientConnection, attempt: Attempt) -> None:
        send = connection.send

        async def noted(message: Any) -> None:
            attempt.sent_s.append(self._time.monotonic())
            await send(message)

        async def until_closed() -> None:
            await connection.wait_closed()
            attempt.ended_s = self._time.monotonic()
            ours_first = connection.protocol.close_rcvd_then_sent is False
            if connection.protocol.close_rcvd is not None and not ours_first:
                attempt.close_code = connection.protocol.close_rcvd.code

        connection.send = noted  # type: ignore[method-assign, assignment]
        task = asyncio.create_task(until_closed())
        self._watching.add(task)
        task.add_done_callback(self._watching.discard)


class Counted(httpx.AsyncHTTPTransport):
    """Writes down when REST is asked."""

    def __init__(self, time: FastTime) -> None:
        super().__init__()
        self._time = time
        self.asked_s: list[float] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One request."""
        self.asked_s.append(self._time.monotonic())
        return await super().handle_async_request(request)
