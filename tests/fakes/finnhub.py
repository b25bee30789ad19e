"""Finnhub in this process: a real WebSocket server on a port of the system's choosing.

::

    async with FakeFinnhub() as fake:
        feed = FinnhubFeed(fake.url, Secret("key"))
        ...
        connection = await fake.connection()                    # the newest connection
        await fake.until_subscribed({"AAPL"})
        await fake.send_trades([Trade(...)])        # to those subscribed
        await connection.kick(1008, "one connection per key")

What it does by itself: answers the handshake (101, or the next of ``fake.answers``), keeps a
``FinnhubConnection`` for each client with all that it sent, and acknowledges nothing, like
Finnhub. What a test makes it do: send any frame, ping, play a recording, kick, break the connection
without a closing frame, or say nothing at all, which is what it does when left alone.

What it does by rule, when told so: play a script on its clock (see ``finnhub_script``), take no
more than ``cap`` symbols, call some symbols invalid, drop everyone when a key comes twice. On the
same port it answers REST (``fake.rest``, see ``finnhub_rest``) at ``fake.api_url``.

To extend it: behaviour that belongs to one connection goes into ``FinnhubConnection``; behaviour of
the server into ``FakeFinnhub``, as a method that tests call or, when it must answer at once, as a
callable attribute like ``on_command``; behaviour that is a sequence becomes a step in
``finnhub_script`` and a case in ``FinnhubConnection``. Never make it kinder than Finnhub: no
acknowledgements, no order between symbols, no reconnecting on behalf of a client.

By hand, against a Photon started with ``FINNHUB_API_KEY=fake-key
FINNHUB_WS_URL=ws://127.0.0.1:9000 FINNHUB_API_URL=http://127.0.0.1:9000/api/v1``::

    python -m tests.fakes.finnhub --recording ibm.jsonl.gz --speed 10 --loop --now
    python -m tests.fakes.finnhub --cap 5                        # invented trades
    python -m tests.fakes.finnhub --script "key in use"          # and trouble
"""

import argparse
import asyncio
import contextlib
import http
import json
import ssl
from collections import deque
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Self

import msgspec
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from photon_app.clock import SYSTEM, Time
from photon_app.feed import finnhub_wire as wire
from photon_app.feed.recording.file import Line as RecordedLine
from photon_app.feed.recording.file import Recording
from photon_app.feed.simulated.feed import Simulator
from photon_app.model import Trade
from tests.fakes import finnhub_rest as rest
from tests.fakes import finnhub_script as script
from tests.fakes.finnhub_connection import FinnhubConnection
from tests.fakes.finnhub_script import PING, SCRIPTS, Script, Step

__all__ = ["PING", "FakeFinnhub", "FinnhubConnection"]

CERTIFICATE = Path(__file__).with_name("self-signed.pem")
"""A certificate that nobody vouches for, with its key."""


class FakeFinnhub:
    """The server. Waiting methods fail after five seconds.

    Args:
        port: 0 lets the system choose.
        script: what is played to each client that connects; nothing by default.
        time: what scripts wait on, and REST budgets and stamps read.
        cap: most symbols that a connection takes.
        invalid: symbols that are refused.
        one_per_key: drop every connection of a key, without a word, when it comes again.
        key: the only key that REST takes; any by default.
        per_minute: most REST requests; no bound by default.
        tls: serve TLS, with a certificate that nobody vouches for.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        script: Script = (),
        time: Time = SYSTEM,
        cap: int | None = None,
        invalid: Collection[str] = (),
        one_per_key: bool = False,
        key: str | None = None,
        per_minute: int | None = None,
        tls: bool = False,
    ) -> None:
        self._port = port
        self._script = script
        self._tls = tls
        self._visits = 0
        self.time = time
        self.cap = cap
        self.invalid = set(invalid)
        self.one_per_key = one_per_key
        self.rest = rest.FakeRest(self.time.monotonic, key, per_minute)
        self.attempts: list[tuple[float, int]] = []
        """When each handshake came, and the HTTP status of its answer; 0 is no answer."""
        self._changed = asyncio.Condition()
        self._server: Server | None = None
        self.answers: deque[int] = deque()
        """HTTP statuses for the next handshakes; 101 and an empty queue open the connection."""
        self.handshakes: list[str] = []
        """The request target of every handshake, refused ones included."""
        self.connections: list[FinnhubConnection] = []
        """Every connection so far, the newest last."""
        self.most_open = 0
        """Most connections that were open at the same time."""
        self.on_command: Callable[[FinnhubConnection], None] = lambda _: None
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
            ssl=_self_signed() if self._tls else None,
        )
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        for connection in self.connections:
            if connection.frozen:
                connection.cut()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    @property
    def url(self) -> str:
        """The address, without a token."""
        return f"{'wss' if self._tls else 'ws'}://127.0.0.1:{self._port}"

    @property
    def api_url(self) -> str:
        """The base address of REST."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._port}{rest.PREFIX}"

    @property
    def open_connections(self) -> list[FinnhubConnection]:
        """The connections that are open now."""
        return [connection for connection in self.connections if connection.open]

    async def connection(self, number: int = 1) -> FinnhubConnection:
        """The ``number``-th connection, once there is one."""
        await self.until(lambda: len(self.connections) >= number)
        return self.connections[number - 1]

    async def until(self, happened: Callable[[], bool], timeout_s: float | None = 5) -> None:
        """Return as soon as a connection or a message has made this true."""
        async with asyncio.timeout(timeout_s), self._changed:
            await self._changed.wait_for(happened)

    async def until_subscribed(self, symbols: Iterable[str]) -> None:
        """Return once the newest connection is subscribed to exactly these symbols."""
        wanted = set(symbols)
        await self.until(
            lambda: bool(self.open_connections) and self.connections[-1].subscribed == wanted
        )

    async def send(self, frame: str | bytes) -> None:
        """Send any frame to every open connection."""
        for connection in self.open_connections:
            await connection.send(frame)

    async def send_trades(self, batch: Iterable[Trade]) -> None:
        """Send the trades in one frame to every connection, as far as it is subscribed to them."""
        await self.send_frame(wire.encode_trades(batch))

    async def send_frame(self, frame: str) -> None:
        """Send a trade frame to every connection, without the trades it is not subscribed to."""
        event = wire.decode(frame)
        for connection in self.open_connections:
            text = _for_connection(frame, event, connection)
            if text is not None:
                await connection.send(text)

    async def play(
        self,
        recording: Path | str,
        expected: Iterable[str],
        *,
        speed: float = 0.0,
        now: bool = False,
    ) -> int:
        """Play a recording once the newest connection has exactly the expected symbols.

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
                await self.time.sleep(max(recorded.at - previous_ms, 0) / 1000 / speed)
            previous_ms = recorded.at
            await self.send_frame(_present(recorded) if now else recorded.frame)
            frames += 1
        return frames

    def objection(self, connection: FinnhubConnection, symbol: str) -> str | None:
        """What Finnhub says to one more subscription; nothing when it takes it."""
        if symbol in self.invalid:
            return script.invalid(symbol)
        if self.cap is not None and len(connection.subscribed | {symbol}) > self.cap:
            return script.TOO_MANY
        return None

    async def _answer(self, socket: ServerConnection, request: Request) -> Response | None:
        if request.path.startswith(rest.PREFIX):
            if self.rest.delay_s:
                await self.time.sleep(self.rest.delay_s)
            return self.rest.answer(request)
        self.handshakes.append(request.path)
        first = self._visit()[:1]
        status = self.answers.popleft() if self.answers else 101
        refusal = script.Refuse(status) if status != 101 else first[0] if first else None
        answer: Response | None = None
        match refusal:
            case script.Refuse(status, headers):
                answer = socket.respond(http.HTTPStatus(status), "refused\n")
                answer.headers.update(headers)
                self._visits += 1
            case script.HangUp():
                socket.transport.abort()
                answer = socket.respond(http.HTTPStatus.BAD_GATEWAY, "")
                status = 0
                self._visits += 1
        self.attempts.append((self.time.monotonic(), status))
        return answer

    def _visit(self) -> tuple[Step, ...]:
        return self._script[min(self._visits, len(self._script) - 1)] if self._script else ()

    async def _serve(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        connection = FinnhubConnection(socket, socket.request.path, self)
        for frozen in [other for other in self.open_connections if other.frozen]:
            frozen.look()
        visit = self._visit()
        self._visits += 1
        if self.one_per_key and (
            others := [o for o in self.open_connections if o.token == connection.token]
        ):
            for other in (*others, connection):
                other.cut()
        self.connections.append(connection)
        self.most_open = max(self.most_open, len(self.open_connections))
        await self._notify()
        playing = asyncio.create_task(self._play_to(connection, visit))
        try:
            async for text in socket:
                if (error := connection.take(text)) is not None:
                    await socket.send(error)
                self.on_command(connection)
                await self._notify()
        except ConnectionClosed:
            pass
        finally:
            connection.open = False
            playing.cancel()
            await asyncio.gather(playing, return_exceptions=True)
            await self._notify()

    async def _play_to(self, connection: FinnhubConnection, visit: Iterable[Step]) -> None:
        with contextlib.suppress(ConnectionClosed):
            await connection.play(visit)

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()


def _for_connection(frame: str, event: wire.Event, connection: FinnhubConnection) -> str | None:
    """The frame as this connection gets it; the original text where nothing is left out."""
    if not isinstance(event, wire.Trades):
        return frame
    spelled = {name.upper(): name for name in event.odd}
    came = [
        msgspec.structs.replace(trade, symbol=spelled.get(trade.symbol, trade.symbol))
        for trade in event.batch
    ]
    batch = [trade for trade in came if trade.symbol in connection.subscribed]
    if len(batch) == len(event.batch):
        return frame
    return wire.encode_trades(batch) if batch else None


def _present(recorded: RecordedLine) -> str:
    """The frame as it would be if it arrived now."""
    event = wire.decode(recorded.frame)
    if not isinstance(event, wire.Trades):
        return recorded.frame
    shift_ms = SYSTEM.now_ms() - recorded.at
    return wire.encode_trades(
        msgspec.structs.replace(trade, time_ms=trade.time_ms + shift_ms) for trade in event.batch
    )


def _self_signed() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


async def _replay(fake: FakeFinnhub, options: argparse.Namespace) -> None:
    """Play a recording to every client that subscribes."""
    recording = Recording(options.recording)
    print(f"{fake.url} plays {', '.join(recording.symbols())} of {options.recording}")
    while True:
        await fake.until(
            lambda: any(connection.subscribed for connection in fake.open_connections), None
        )
        try:
            await fake.play(
                options.recording,
                fake.connections[-1].subscribed.copy(),
                speed=options.speed,
                now=options.now,
            )
        except (ConnectionClosed, TimeoutError):
            continue
        print("played to the end")
        if not options.loop:
            return


async def _walk(fake: FakeFinnhub) -> None:
    """Invent trades for whatever is subscribed, and days for whatever is asked."""
    simulator = Simulator(seed=1)
    closes: dict[str, float] = {}
    last: dict[str, tuple[float, int]] = {}
    asked: set[str] = set()

    def follow() -> None:
        subscribed = {
            symbol for connection in fake.open_connections for symbol in connection.subscribed
        }
        for seed in simulator.want(frozenset(subscribed | asked)):
            closes[seed.symbol] = seed.prev_close or 100.0

    def quote(symbol: str) -> object:
        asked.add(symbol)
        follow()
        price, time_ms = last.get(symbol, (closes[symbol], fake.time.now_ms()))
        return rest.quote(price, time_ms // 1000, closes[symbol])

    fake.rest.on_quote = quote
    print(
        f"{fake.url} and {fake.api_url} invent prices; connections of one key: {fake.one_per_key}"
    )
    while True:
        follow()
        for frame in simulator.frames(fake.time.now_ms()):
            for trade in json.loads(frame)["data"]:
                last[trade["s"]] = (trade["p"], trade["t"])
            with contextlib.suppress(ConnectionClosed):
                await fake.send_frame(frame)
        await fake.time.sleep(0.25)


async def _main(options: argparse.Namespace) -> None:
    plays = SCRIPTS[options.script] if options.script else ()
    async with FakeFinnhub(
        options.port, script=plays, cap=options.cap, one_per_key=True, per_minute=60
    ) as fake:
        await (_replay(fake, options) if options.recording else _walk(fake))


def main() -> None:
    """Serve by hand; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.finnhub")
    parser.add_argument("--recording", type=Path, help="play this; else trades are invented")
    parser.add_argument("--script", choices=sorted(SCRIPTS), help="what happens to the connections")
    parser.add_argument("--cap", type=int, help="most symbols that a connection takes")
    parser.add_argument("--port", type=int, default=9000)
    parser.add_argument("--speed", type=float, default=1.0, help="0: as fast as the client reads")
    parser.add_argument("--loop", action="store_true", help="begin again at the end")
    parser.add_argument("--now", action="store_true", help="shift the trades to the present")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_main(parser.parse_args()))


if __name__ == "__main__":
    main()
