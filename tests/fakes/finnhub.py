"""Finnhub in this process: a real WebSocket server on a port of the system's choosing.

::

    async with FakeFinnhub() as fake:
        feed = FinnhubFeed(fake.url, Secret("key"))
        ...
        line = await fake.line()                    # the newest connection
        await fake.until_subscribed({"AAPL"})
        await fake.send_trades([Trade(...)])        # to those subscribed
        await line.kick(1008, "one connection per key")

What it does by itself: answers the handshake (101, or the next of ``fake.answers``), keeps a
``Line`` for every connection with all that the client sent, and acknowledges nothing, like
Finnhub. What a test makes it do: send any frame, ping, play a recording, kick, break the line
without a closing frame, or say nothing at all, which is what it does when left alone.

To extend it: behaviour that belongs to one connection goes into ``Line``; behaviour of the server
into ``FakeFinnhub``, as a method that tests call or, when it must answer at once, as a callable
attribute like ``on_command``. Never make it kinder than Finnhub: no acknowledgements, no order
between symbols, no reconnecting on behalf of a client.

By hand, against a Photon started with ``FINNHUB_WS_URL=ws://127.0.0.1:9000 FINNHUB_API_KEY=any``::

    python -m tests.fakes.finnhub --recording ibm.jsonl.gz --port 9000 --speed 10 --loop --now
"""

import argparse
import asyncio
import contextlib
import http
import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, urlsplit

import msgspec
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from photon_app.feed import finnhub_wire as wire
from photon_app.feed.recording import Line as RecordedLine
from photon_app.feed.recording import Recording
from photon_app.model import Trade

PING = '{"type":"ping"}'


class Line:
    """One connection, as the server sees it."""

    def __init__(self, connection: ServerConnection, path: str) -> None:
        self._connection = connection
        self.token = parse_qs(urlsplit(path).query).get("token", [""])[0]
        self.commands: list[wire.Subscribe | wire.Unsubscribe | wire.Malformed] = []
        """All that the client sent, in order."""
        self.command_times: list[float] = []
        """When, on the monotonic clock."""
        self.subscribed: set[str] = set()
        self.most_subscribed = 0
        self.open = True

    def take(self, text: str | bytes) -> None:
        """Write down and follow one message of the client."""
        command = wire.decode_command(text)
        self.commands.append(command)
        self.command_times.append(time.monotonic())
        if isinstance(command, wire.Subscribe):
            self.subscribed.add(command.symbol)
        elif isinstance(command, wire.Unsubscribe):
            self.subscribed.discard(command.symbol)
        self.most_subscribed = max(self.most_subscribed, len(self.subscribed))

    async def send(self, frame: str | bytes) -> None:
        """Send any text; bytes go out as a text frame too, valid or not."""
        await self._connection.send(frame, text=True)

    async def ping(self) -> None:
        """Send Finnhub's own ping, which is an ordinary message."""
        await self.send(PING)

    async def kick(self, code: int = 1008, reason: str = "") -> None:
        """Close the line with a closing frame."""
        await self._connection.close(code, reason)

    def cut(self) -> None:
        """End the line without a closing frame."""
        self._connection.transport.abort()


class FakeFinnhub:
    """The server. Waiting methods fail after five seconds.

    Args:
        port: 0 lets the system choose.
    """

    def __init__(self, port: int = 0) -> None:
        self._port = port
        self._changed = asyncio.Condition()
        self._server: Server | None = None
        self.answers: deque[int] = deque()
        """HTTP statuses for the next handshakes; 101 and an empty queue open the line."""
        self.handshakes: list[str] = []
        """The request target of every handshake, refused ones included."""
        self.lines: list[Line] = []
        """Every connection so far, the newest last."""
        self.most_open = 0
        """Most connections that were open at the same time."""
        self.on_command: Callable[[Line], None] = lambda _: None
        """Called after each message of a client."""

    async def __aenter__(self) -> Self:
        self._server = await serve(
            self._serve,
            "127.0.0.1",
            self._port,
            process_request=self._answer,
            compression=None,
            ping_interval=None,
            close_timeout=1,
        )
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    @property
    def url(self) -> str:
        """The address, without a token."""
        return f"ws://127.0.0.1:{self._port}"

    @property
    def open_lines(self) -> list[Line]:
        """The connections that are open now."""
        return [line for line in self.lines if line.open]

    async def line(self, number: int = 1) -> Line:
        """The ``number``-th connection, once there is one."""
        await self.until(lambda: len(self.lines) >= number)
        return self.lines[number - 1]

    async def until(self, happened: Callable[[], bool], timeout_s: float | None = 5) -> None:
        """Return as soon as a connection or a message has made this true."""
        async with asyncio.timeout(timeout_s), self._changed:
            await self._changed.wait_for(happened)

    async def until_subscribed(self, symbols: Iterable[str]) -> None:
        """Return once the newest line is subscribed to exactly these symbols."""
        wanted = set(symbols)
        await self.until(lambda: bool(self.open_lines) and self.lines[-1].subscribed == wanted)

    async def send(self, frame: str | bytes) -> None:
        """Send any frame to every open line."""
        for line in self.open_lines:
            await line.send(frame)

    async def send_trades(self, batch: Iterable[Trade]) -> None:
        """Send the trades in one frame to every line, as far as it is subscribed to them."""
        await self.send_frame(wire.encode_trades(batch))

    async def send_frame(self, frame: str) -> None:
        """Send a trade frame to every line, without the trades it is not subscribed to."""
        event = wire.decode(frame)
        for line in self.open_lines:
            text = _for_line(frame, event, line)
            if text is not None:
                await line.send(text)

    async def play(
        self,
        recording: Path | str,
        expected: Iterable[str],
        *,
        speed: float = 0.0,
        now: bool = False,
    ) -> int:
        """Play a recording once the newest line is subscribed to exactly the expected symbols.

        Args:
            recording: the file.
            expected: symbols to wait for; may be a part of the recording's.
            speed: 0 sends as fast as the client reads, else paced by ``at``.
            now: shift the trades' times as if they were happening.

        Returns:
            The number of frames in the recording.
        """
        await self.until_subscribed(expected)
        frames = 0
        previous_ms: int | None = None
        for recorded in Recording(Path(recording)).lines():
            if speed and previous_ms is not None:
                await asyncio.sleep(max(recorded.at - previous_ms, 0) / 1000 / speed)
            previous_ms = recorded.at
            await self.send_frame(_present(recorded) if now else recorded.frame)
            frames += 1
        return frames

    def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        self.handshakes.append(request.path)
        status = self.answers.popleft() if self.answers else 101
        if status == 101:
            return None
        return connection.respond(http.HTTPStatus(status), "refused\n")

    async def _serve(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        line = Line(connection, connection.request.path)
        self.lines.append(line)
        self.most_open = max(self.most_open, len(self.open_lines))
        await self._notify()
        try:
            async for text in connection:
                line.take(text)
                self.on_command(line)
                await self._notify()
        except ConnectionClosed:
            pass
        finally:
            line.open = False
            await self._notify()

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()


def _for_line(frame: str, event: wire.Event, line: Line) -> str | None:
    """The frame as this line gets it; the original text where nothing is left out."""
    if not isinstance(event, wire.Trades):
        return frame
    batch = [trade for trade in event.batch if trade.symbol in line.subscribed]
    if len(batch) == len(event.batch):
        return frame
    return wire.encode_trades(batch) if batch else None


def _present(recorded: RecordedLine) -> str:
    """The frame as it would be if it arrived now."""
    event = wire.decode(recorded.frame)
    if not isinstance(event, wire.Trades):
        return recorded.frame
    shift_ms = time.time_ns() // 1_000_000 - recorded.at
    return wire.encode_trades(
        msgspec.structs.replace(trade, time_ms=trade.time_ms + shift_ms) for trade in event.batch
    )


async def _main(options: argparse.Namespace) -> None:
    recording = Recording(options.recording)
    async with FakeFinnhub(options.port) as fake:
        print(f"{fake.url} plays {', '.join(recording.symbols())} of {options.recording}")
        while True:
            await fake.until(lambda: any(line.subscribed for line in fake.open_lines), None)
            try:
                await fake.play(
                    options.recording,
                    fake.lines[-1].subscribed.copy(),
                    speed=options.speed,
                    now=options.now,
                )
            except (ConnectionClosed, TimeoutError):
                continue
            print("played to the end")
            if not options.loop:
                return


def main() -> None:
    """Serve a recording by hand; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.finnhub")
    parser.add_argument("--recording", type=Path, required=True)
    parser.add_argument("--port", type=int, default=9000)
    parser.add_argument("--speed", type=float, default=1.0, help="0: as fast as the client reads")
    parser.add_argument("--loop", action="store_true", help="begin again at the end")
    parser.add_argument("--now", action="store_true", help="shift the trades to the present")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_main(parser.parse_args()))


if __name__ == "__main__":
    main()
