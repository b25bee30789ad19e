"""Attacks with names that anybody may invent, as far as upstream is concerned: its slots, its
calls, and the number of symbols in all.

Beside each, a newcomer from an honest address wants a symbol that nobody had: it must get its
first price within ``FIRST_PRICE_S``, and be on the line, not polled, soon after.
"""

import asyncio
import contextlib
import itertools
import json
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from tests.siege.row import GONE, Row, Seen, Target, together
from tests.siege.upstream import plan

HONEST = "127.0.0.1"
FIRST_PRICE_S = 1.0
LIVE_S = 3.0
LEAD_S = 0.5
"""How long the rude are at it before a newcomer comes."""
STAY_S = 1.0
SYMBOLS = 100
"""What one socket may have."""
_LOST = (*GONE, ConnectionClosed, WebSocketException, httpx.HTTPError)


def names(prefix: str) -> Iterator[list[str]]:
    """Ever other names, as many at once as one socket may have."""
    for turn in itertools.count():
        yield [f"{prefix}{turn}.{number}" for number in range(SYMBOLS)]


def command(symbols: list[str], action: str = "subscribe") -> str:
    """A message."""
    return json.dumps({"action": action, "symbols": symbols})


async def newcomers(target: Target) -> None:
    """Honest ones, each with a symbol of its own and one of all."""
    await asyncio.sleep(LEAD_S)
    for number in itertools.count():
        with contextlib.suppress(*_LOST):
            await _newcomer(target, f"NEW{number}")


async def _newcomer(target: Target, symbol: str) -> None:
    address = (HONEST, 0)
    url = f"ws://127.0.0.1:{target.port}/ws"
    began_s = time.monotonic()
    first_s = live_s = None
    target.counts["newcomers"] += 1
    async with connect(url, compression=None, local_addr=address) as connection:
        await connection.send(command([symbol, "AAPL"]))
        while time.monotonic() - began_s < LIVE_S and (first_s is None or live_s is None):
            with contextlib.suppress(TimeoutError):
                message = json.loads(await asyncio.wait_for(connection.recv(), 0.1))
                now_s = time.monotonic() - began_s
                for one in message.get("rejected") or ():
                    target.counts[f"newcomer refused: {one['code']}"] += 1
                if message["type"] == "price_update" and message["symbol"] == symbol:
                    first_s = now_s if first_s is None else first_s
                    if not message.get("polled") and not message.get("snapshot"):
                        live_s = now_s
            waited_s = time.monotonic() - began_s
            late_ms = round((waited_s if first_s is None else first_s) * 1000)
            target.counts["first price, ms"] = max(target.counts["first price, ms"], late_ms)
        late_ms = round((LIVE_S if live_s is None else live_s) * 1000)
        target.counts["live, ms"] = max(target.counts["live, ms"], late_ms)
        await asyncio.sleep(STAY_S)


async def stay(target: Target, symbols: list[str]) -> None:
    """Subscribe, and read what comes."""
    url = f"ws://127.0.0.1:{target.port}/ws"
    while True:
        with contextlib.suppress(*_LOST):
            async with connect(url, compression=None, local_addr=(target.address, 0)) as line:
                await line.send(command(symbols))
                await _read(target, line)
        target.counts["gone"] += 1
        await asyncio.sleep(0.1)


async def _read(target: Target, line: ClientConnection) -> None:
    async for text in line:
        message = json.loads(text)
        target.counts["given up"] += message.get("code") == "too_many_symbols"


async def obscure(target: Target) -> None:
    """One client, a hundred symbols that nobody else wants."""
    await together(stay(target, next(names("OB"))), newcomers(target))


async def changing(target: Target) -> None:
    """One client that wants others all the time."""

    async def change() -> None:
        url = f"ws://127.0.0.1:{target.port}/ws"
        while True:
            with contextlib.suppress(*_LOST):
                async with connect(url, compression=None, local_addr=(target.address, 0)) as line:
                    reading = asyncio.create_task(_read(target, line))
                    try:
                        for symbols in names("CH"):
                            await line.send(command(symbols))
                            await asyncio.sleep(0.1)
                            await line.send(command(symbols, "unsubscribe"))
                            await asyncio.sleep(0.1)
                    finally:
                        reading.cancel()
            await asyncio.sleep(0.1)

    await together(change(), newcomers(target))


async def crowd(target: Target) -> None:
    """Twenty sockets with a hundred symbols each."""
    sockets = [stay(target, wanted) for wanted in itertools.islice(names("CR"), 20)]
    await together(*sockets, newcomers(target))


async def arrays(target: Target) -> None:
    """The same in the array format, and in Finnhub's protocol."""

    async def hold(path: str, messages: list[str]) -> None:
        url = f"ws://127.0.0.1:{target.port}{path}"
        while True:
            with contextlib.suppress(*_LOST):
                async with connect(url, compression=None, local_addr=(target.address, 0)) as line:
                    for text in messages:
                        await line.send(text)
                    async for _ in line:
                        pass
            await asyncio.sleep(0.1)

    sockets = []
    for number, wanted in enumerate(itertools.islice(names("AR"), 20)):
        if number % 2:
            sockets.append(hold(f"/ws?format=array&symbols={','.join(wanted)}", []))
        else:
            commands = [json.dumps({"type": "subscribe", "symbol": symbol}) for symbol in wanted]
            sockets.append(hold("/finnhub", commands))
    await together(*sockets, newcomers(target))


async def ask(target: Target, path: str, per_s: float, headers: dict[str, str]) -> None:
    """Ask for ever other names."""
    transport = httpx.AsyncHTTPTransport(local_address=target.address)
    async with httpx.AsyncClient(transport=transport, timeout=20) as client:

        async def one(number: int) -> None:
            with contextlib.suppress(*_LOST):
                url = f"http://127.0.0.1:{target.port}{path}{number}"
                answer = await client.get(url, headers=headers)
                target.counts[f"{answer.status_code}"] += 1
                if answer.status_code == 429:
                    assert int(answer.headers["Retry-After"]) > 0

        async with asyncio.TaskGroup() as tasks:
            for number in itertools.count():
                tasks.create_task(one(number))
                await asyncio.sleep(1 / per_s)


async def junk(target: Target) -> None:
    """Questions for names that nobody follows, 11 a second each."""
    await together(
        ask(target, "/api/v1/quote?symbol=EVIL", 11, {}),
        ask(target, "/api/search?q=evil", 11, {}),
        ask(target, "/api/v1/search?q=bad", 11, {}),
        newcomers(target),
    )


async def images(target: Target) -> None:
    """What a page of another site lets a browser ask with forty images, each second anew."""
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "image"}
    await together(
        ask(target, "/api/v1/quote?symbol=IMG", 40, headers),
        ask(target, "/api/search?q=img", 10, {**headers, "Referer": "https://evil.example/"}),
        newcomers(target),
    )


def served(seen: Seen) -> None:
    """Newcomers had what they came for."""
    counts = seen.counts
    refused = [key for key in counts if key.startswith("newcomer refused")]
    assert not refused, refused
    assert counts.get("first price, ms", 0) <= FIRST_PRICE_S * 1000, dict(counts)
    assert counts.get("live, ms", 0) < LIVE_S * 1000, dict(counts)


def asked_little(seen: Seen) -> None:
    """And upstream was not asked for what the rude wanted to know, beyond their share."""
    served(seen)
    asked = seen.health["feed"]["asked"]
    assert asked["throttled"] <= 5, asked
    assert seen.counts.get("429", 0) > 0, dict(seen.counts)


def asked_nothing(seen: Seen) -> None:
    """Nor for anything at all."""
    served(seen)
    assert set(seen.counts) & {"200", "403", "429", "503"} == {"403"}, dict(seen.counts)
    assert seen.health.get("shares", {}).get("questions_cross_site"), "nothing was counted"


PLAN = {"PHOTON_SYMBOLS": "MSFT,NVDA"}
FEW = {**PLAN, "PHOTON_MAX_SYMBOLS_TOTAL": "200"}


def row(
    name: str,
    attack: Callable[[Target], Coroutine[Any, Any, None]],
    check: Callable[[Seen], None] = served,
    settings: Mapping[str, object] = PLAN,
) -> Row:
    """One of these, beside Finnhub's free plan."""
    return Row(name=name, attack=attack, settings=settings, upstream=plan, seconds=6, check=check)


ROWS = (
    row("a hundred obscure symbols", obscure),
    row("ever other symbols", changing),
    row("twenty sockets with a hundred symbols", crowd),
    row("junk questions", junk, asked_little),
    row("images of another site", images, asked_nothing),
    row("all symbols that there may be", crowd, settings=FEW),
    row("the same as arrays and in Finnhub's protocol", arrays, settings=FEW),
)
