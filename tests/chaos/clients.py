"""Clients of the app under chaos, which know the protocols from docs/protocol.md alone.

Each keeps what it received, complains at once when a law of its protocol is broken, and looks for
the key in every byte.
"""

import asyncio
import contextlib
import json
import logging
import random
from collections.abc import Callable, Mapping
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from tests.chaos.exchange import NONSENSE, SYMBOLS
from tests.reference.book import Last

Complain = Callable[[str], None]
Truth = Mapping[str, Mapping[int, Last]]

MAY_CLOSE = {1001, 1012, 4008}
"""Going away, restarting, and "too slow": what ends a client that does nothing wrong. Who does not
read may see the last as 1006, because it is cut off when it has not left after 2 s."""

_mute = logging.Logger("chaos client", level=logging.CRITICAL + 1)  # noqa: LOG001


class Client:
    """One that reconnects for ever, and asks for random symbols at random times.

    Args:
        name: in complaints.
        url: where to.
        rng: what it wants and when.
        complain: called with each broken law.
        look: is shown every message.
        sloth: the longest it does not read at a stretch, in seconds.
    """

    def __init__(
        self,
        name: str,
        url: str,
        rng: random.Random,
        complain: Complain,
        look: Callable[[str], None],
        *,
        sloth: float = 0.0,
    ) -> None:
        self.name = name
        self.rng = rng
        self.sloth = sloth
        self.connected = asyncio.Event()
        self.messages = 0
        self.connections = 0
        self.closed: dict[int, int] = {}
        """How often it was closed, by code."""
        self.restless = True
        """Whether it changes its subscriptions and leaves now and then."""
        self._url = url
        self._complain = complain
        self._look = look

    async def run(self) -> None:
        """Connect, again and again."""
        while True:
            with contextlib.suppress(OSError, WebSocketException, TimeoutError):
                await self._visit()
            self.connected.clear()
            await asyncio.sleep(self.rng.uniform(0.05, 0.3))

    async def _visit(self) -> None:
        # A client that does not read must not have much room to be read into.
        async with connect(
            self._url, compression=None, logger=_mute, max_queue=4, close_timeout=1
        ) as connection:
            self.connections += 1
            self.begin()
            asking = asyncio.create_task(self._keep_asking(connection))
            try:
                await self._read(connection)
            except ConnectionClosed as error:
                code = error.rcvd.code if error.rcvd is not None else 1006
                self.closed[code] = self.closed.get(code, 0) + 1
                if code not in MAY_CLOSE and not (self.sloth and code == 1006):
                    self.complain(f"was closed with {code}")
            finally:
                asking.cancel()
                await asyncio.gather(asking, return_exceptions=True)

    async def _read(self, connection: ClientConnection) -> None:
        until_s = asyncio.get_running_loop().time() + self.rng.uniform(5, 60)
        while not self.restless or asyncio.get_running_loop().time() < until_s:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    text = await connection.recv()
                    self.messages += 1
                    self._look(str(text))
                    self.hear(str(text))
            if self.sloth and self.restless and self.rng.random() < 0.005:
                await asyncio.sleep(self.rng.uniform(0, self.sloth))

    async def _keep_asking(self, connection: ClientConnection) -> None:
        while True:
            for message in self.requests():
                await connection.send(message)
            await asyncio.sleep(self.rng.uniform(0.1, 2.0))

    def complain(self, what: str) -> None:
        """Say who saw it."""
        self._complain(f"{self.name}: {what}")

    def begin(self) -> None:
        """A new connection."""
        raise NotImplementedError

    def requests(self) -> list[str]:
        """What to say now."""
        raise NotImplementedError

    def hear(self, text: str) -> None:
        """Take one message."""
        raise NotImplementedError


class Watcher(Client):
    """A client of ``/ws``.

    Args:
        truth: the last prices that were made, by symbol and seq.
        intervals: what it asks for as ``interval_ms``.
        steady: what it always follows.
        options: as for ``Client``.
    """

    def __init__(
        self, *options: Any, truth: Truth, intervals: tuple[int, ...] = (0,), **more: Any
    ) -> None:
        self._steady = frozenset(more.pop("steady", ()))
        super().__init__(*options, **more)
        self._truth = truth
        self._intervals = intervals
        self._seen: dict[str, tuple[int, int]] = {}
        self._anew: set[str] = set()
        self.symbols: set[str] = set()
        self.states: dict[str, str] = {}
        self.prices: dict[str, float] = {}
        self.feed = ""
        self.rejected: set[str] = set()
        self._epoch = ""

    def begin(self) -> None:
        """Nothing is known of a new connection."""
        self._seen.clear()
        self._anew.clear()
        self.symbols.clear()
        self.states.clear()
        self.prices.clear()
        self._epoch = ""
        self.feed = ""

    def requests(self) -> list[str]:
        """Ask for some more, for some less, or for nonsense."""
        missing = self._steady - self.symbols
        if missing:
            return [self._ask("subscribe", sorted(missing))]
        if not self.restless:
            return []
        some = self.rng.sample(SYMBOLS, self.rng.randint(1, 6))
        roll = self.rng.random()
        if roll < 0.1:
            some.append(self.rng.choice(NONSENSE))
        if roll < 0.55:
            return [self._ask("subscribe", some)]
        some = [symbol for symbol in some if symbol not in self._steady]
        if roll < 0.95 and some:
            return [self._ask("unsubscribe", some)]
        return ['{"action":"list"}', '{"action":"ping"}']

    def hear(self, text: str) -> None:
        """Take one message, and judge it."""
        message = json.loads(text)
        kind = message["type"]
        if not self._epoch and kind != "connection":
            self.complain(f"{kind} came before connection")
        take = getattr(self, f"_hear_{kind}", None)
        if take is not None:
            take(message)

    def _ask(self, action: str, symbols: list[str]) -> str:
        message: dict[str, Any] = {"action": action, "symbols": symbols}
        if action == "subscribe":
            message["interval_ms"] = self.rng.choice(self._intervals)
        return json.dumps(message)

    def _hear_connection(self, message: dict[str, Any]) -> None:
        if self._epoch:
            self.complain("connection came twice")
        self._epoch, self.feed = message["epoch"], message["feed"]
        self.connected.set()

    def _hear_status(self, message: dict[str, Any]) -> None:
        if message["epoch"] != self._epoch:
            self.complain("the epoch changed, and nothing had begun anew")
        self.feed = message["feed"]
        for symbol, state in message["symbols"].items():
            if state != "rejected":
                self.states[symbol] = state
                continue
            if symbol in SYMBOLS:
                self.complain(f"{symbol} exists and was rejected")
            self.rejected.add(symbol)
            self._leave(symbol)

    def _hear_subscription(self, message: dict[str, Any]) -> None:
        now = set(message["subscriptions"])
        if message["status"] == "subscribed":
            self._anew |= set(message["symbols"])
        for symbol in self.symbols - now:
            self._leave(symbol)
        self.symbols = now

    def _leave(self, symbol: str) -> None:
        self.symbols.discard(symbol)
        self.states.pop(symbol, None)
        self.prices.pop(symbol, None)

    def _hear_error(self, message: dict[str, Any]) -> None:
        self.complain(f"error {message['code']}: {message['message']}")

    def _hear_price_update(self, message: dict[str, Any]) -> None:
        symbol, seq, data = message["symbol"], message["seq"], message["data"]
        if symbol not in self.symbols:
            self.complain(f"{symbol} is not subscribed, and has seq {seq}")
        self._judge_order(symbol, seq, data["timestamp"], snapshot=message.get("snapshot", False))
        self._seen[symbol] = (seq, data["timestamp"])
        self.prices[symbol] = data["price"]
        received = Last(
            data["price"], data["volume"], data["timestamp"], bool(message.get("polled", False))
        )
        made = self._truth.get(symbol, {}).get(seq)
        if received != made:
            self.complain(f"{symbol} {seq} was received as {received} and is {made}")
        if "state" in data:
            self.states[symbol] = data["state"]

    def _judge_order(self, symbol: str, seq: int, time_ms: int, *, snapshot: bool) -> None:
        anew = symbol in self._anew
        self._anew.discard(symbol)
        if symbol not in self._seen:
            return
        last_seq, last_ms = self._seen[symbol]
        wrong = seq < last_seq if snapshot or anew else seq != last_seq + 1
        if wrong:
            self.complain(f"{symbol}: seq {seq} after {last_seq}, snapshot {snapshot}")
        # A symbol that was let go by everybody has been forgotten, and may begin anew earlier.
        if time_ms < last_ms and not anew:
            self.complain(f"{symbol}: time went back from {last_ms} to {time_ms}")


class PrintsClient(Client):
    """A client of ``/finnhub``: gets each trade once, in the order of the tape.

    Args:
        tape: every trade that went to followers, by symbol.
        steady: what it always follows.
        options: as for ``Client``.
    """

    def __init__(
        self, *options: Any, tape: Mapping[str, list[tuple[float, float, int]]], **more: Any
    ) -> None:
        self._steady = frozenset(more.pop("steady", ()))
        super().__init__(*options, **more)
        self._tape = tape
        self.following: set[str] = set()
        self._left: set[str] = set()
        self._runs: dict[str, list[tuple[float, float, int]]] = {}
        self.trades = 0

    def begin(self) -> None:
        """Nothing is followed on a new connection."""
        self.judge()
        self.following.clear()
        self._left.clear()
        self._runs.clear()
        self.connected.set()

    def requests(self) -> list[str]:
        """Follow one more, or one less."""
        missing = sorted(self._steady - self.following)
        if not missing and self.restless:
            some = {*SYMBOLS, *NONSENSE[:1]} - self._left  # what is left is not seen to begin again
            missing = [self.rng.choice(sorted(some))]
        return [self._toggle(symbol) for symbol in missing]

    def hear(self, text: str) -> None:
        """Take one message."""
        message = json.loads(text)
        if message["type"] == "error":
            if "Invalid symbol NOPE" not in message["msg"]:
                self.complain(message["msg"])
            return
        for made in message.get("data") or ():
            self.trades += 1
            if made["s"] not in self._runs:
                self.complain(f"{made['s']} is not followed")
            self._runs.setdefault(made["s"], []).append((made["p"], made["v"], made["t"]))

    def judge(self) -> None:
        """What came of each symbol must be a piece of its tape, without a hole."""
        for symbol, run in self._runs.items():
            self._judge(symbol, run)

    def _toggle(self, symbol: str) -> str:
        if symbol in self.following and symbol not in self._steady:
            self.following.discard(symbol)
            self._left.add(symbol)
            return json.dumps({"type": "unsubscribe", "symbol": symbol})
        self.following.add(symbol)
        self._runs.setdefault(symbol, [])
        return json.dumps({"type": "subscribe", "symbol": symbol})

    def _judge(self, symbol: str, run: list[tuple[float, float, int]]) -> None:
        if not run:
            return
        tape = self._tape.get(symbol, [])
        first = run[0]
        for at in range(len(tape) - len(run), -1, -1):
            if tape[at] == first and tape[at : at + len(run)] == run:
                return
        self.complain(f"{symbol}: {len(run)} trades that came are no piece of the tape: {run[:3]}")


class Reader:
    """Asks over HTTP, and looks at every answer.

    Args:
        url: of the app.
        rng: what it asks.
        complain: called with each answer that must not be.
        secret: what no answer may hold.
    """

    def __init__(self, url: str, rng: random.Random, complain: Complain, secret: str) -> None:
        self._url = url
        self._rng = rng
        self._complain = complain
        self._secret = secret
        self.health: dict[str, Any] = {}
        self.statuses: dict[int, int] = {}

    async def run(self) -> None:
        """Ask for ever."""
        async with httpx.AsyncClient(base_url=self._url, timeout=20, trust_env=False) as http:
            while True:
                await self.ask(http, "/health")
                await self.ask(http, self._path())
                await asyncio.sleep(self._rng.uniform(0.1, 0.6))

    async def ask(self, http: httpx.AsyncClient, path: str) -> None:
        """One question."""
        answer = await http.get(path)
        self.statuses[answer.status_code] = self.statuses.get(answer.status_code, 0) + 1
        if answer.status_code not in {200, 429}:
            self._complain(f"HTTP {answer.status_code} for {path}: {answer.text[:200]}")
        if self._secret in answer.text or self._secret in str(answer.headers):
            self._complain(f"the key is in the answer to {path}")
        if path == "/health":
            self.health = answer.json()

    def _path(self) -> str:
        symbol = self._rng.choice(SYMBOLS + NONSENSE)
        return self._rng.choice(
            (
                f"/api/quotes?symbols={symbol}",
                f"/api/search?q={symbol[:3]}",
                f"/api/v1/quote?symbol={symbol}",
                f"/api/v1/search?q={symbol[:2]}",
            )
        )
