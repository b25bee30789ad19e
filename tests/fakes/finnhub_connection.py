"""One connection to the fake Finnhub: what the client did on it, and what is done to the client."""

import socket
from collections.abc import Callable, Iterable
from typing import Protocol
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection

from photon_app.clock import Time
from photon_app.feed import finnhub_wire as wire
from tests.fakes import finnhub_script as script
from tests.fakes.finnhub_script import PING, Step
from tests.fakes.waiting import comes_true

_ESTABLISHED = 1
"""Linux's name for an open TCP connection in ``TCP_INFO``."""


class Server(Protocol):
    """What a connection needs of the server that it belongs to."""

    time: Time

    def objection(self, connection: "FinnhubConnection", symbol: str) -> str | None:
        """The error that one more subscription earns."""
        ...

    async def until(self, happened: Callable[[], bool], timeout_s: float | None = 5) -> None:
        """Return as soon as a message has made this true."""
        ...


class FinnhubConnection:
    """One connection, as the server sees it."""

    def __init__(self, served: ServerConnection, path: str, server: Server) -> None:
        self._socket = served
        self._server = server
        self.token = parse_qs(urlsplit(path).query).get("token", [""])[0]
        self.port: int = served.remote_address[1]
        """The client's end of it."""
        self.opened_s = server.time.monotonic()
        self.commands: list[wire.Subscribe | wire.Unsubscribe | wire.Malformed] = []
        """All that the client sent, in order."""
        self.command_times: list[float] = []
        """When, on the fake's clock."""
        self.subscribed: set[str] = set()
        self.refused: list[str] = []
        """The symbols that were not taken, in order."""
        self.most_subscribed = 0
        self.open = True
        self.frozen = False

    def take(self, text: str | bytes) -> str | None:
        """Write down and follow one message of the client; return the error that it earns."""
        command = wire.decode_command(text)
        self.commands.append(command)
        self.command_times.append(self._server.time.monotonic())
        error = None
        if isinstance(command, wire.Subscribe):
            error = self._server.objection(self, command.symbol)
            (self.subscribed.add if error is None else self.refused.append)(command.symbol)
        elif isinstance(command, wire.Unsubscribe):
            self.subscribed.discard(command.symbol)
        self.most_subscribed = max(self.most_subscribed, len(self.subscribed))
        return error

    async def play(self, steps: Iterable[Step]) -> None:
        """Do what a script says."""
        for step in steps:
            await self._do(step)

    async def _do(self, step: Step) -> None:
        match step:
            case script.Subscribed(count):
                await self._server.until(lambda: len(self.subscribed) >= count, None)
            case script.Wait(seconds):
                await self._server.time.sleep(seconds)
            case script.Times(count, steps):
                for _ in range(count):
                    await self.play(steps)
            case script.Frames(frames):
                for frame in frames:
                    await self._socket.send(frame)
            case script.Tell(make):
                for frame in make(self):
                    await self._socket.send(frame)
            case _:
                await self._end(step)

    async def _end(self, step: Step) -> None:
        match step:
            case script.Close(code, reason, mid_message):
                await self._close(code, reason, mid_message=mid_message)
            case script.Cut(mid_message):
                if mid_message:
                    self._half_a_message()
                self.cut()
            case script.Freeze():
                self.frozen = True
                self._socket.transport.pause_reading()
            case _:
                message = f"{step} must be the first step of a visit"
                raise AssertionError(message)

    async def _close(self, code: int, reason: str, *, mid_message: bool) -> None:
        if mid_message:
            self._half_a_message()
            self._socket.protocol.send_close(code, reason)
            self._socket.send_data()
        else:
            await self.kick(code, reason)

    def _half_a_message(self) -> None:
        self._socket.protocol.send_text(b'{"data":[{"p":1', fin=False)
        self._socket.send_data()

    async def send(self, frame: str | bytes) -> None:
        """Send any text; bytes go out as a text frame too, valid or not."""
        await self._socket.send(frame, text=True)

    async def ping(self) -> None:
        """Send Finnhub's own ping, which is an ordinary message."""
        await self.send(PING)

    async def kick(self, code: int = 1008, reason: str = "") -> None:
        """Close the connection with a closing frame."""
        await self._socket.close(code, reason)

    def look(self) -> None:
        """Notice that the client has ended the TCP connection, on a connection that reads no more.

        The kernel can hold a connection's end back for a moment behind what was not read.
        """
        tcp = self._socket.transport.get_extra_info("socket")

        def ended() -> bool:
            state = tcp.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
            return bool(state != _ESTABLISHED)

        if comes_true(ended, 0.1):
            self.open = False

    def cut(self) -> None:
        """End the connection without a closing frame."""
        self._socket.transport.abort()
