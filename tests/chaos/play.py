"""One chaos run: everything that takes part, from its start to the verdict.

The app is the real one on a real port (``tests.fakes.server.serving``), with a real feed and REST
client, whose clock is fast. Finnhub is the fake, which plays moods until ``calm``; then it is well,
and all must be well. Everything is drawn from one seed; what the machine's scheduling does to it is
not, so that a run is the same in what is played and not in every millisecond.
"""

import asyncio
import contextlib
import dataclasses
import gc
import logging
import os
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection

from photon_app.feed.finnhub.feed import FinnhubFeed
from photon_app.feed.finnhub.poll_schedule import CONFIRM_S
from photon_app.feed.finnhub.reference import FinnhubReference
from photon_app.feed.finnhub.rest import FinnhubRest
from photon_app.listings import BundledReference
from photon_app.services import Services
from photon_app.settings import Secret
from photon_app.upstream import Upstream
from tests.chaos import judge as laws
from tests.chaos.clients import Client, PrintsClient, Reader, Watcher
from tests.chaos.clock import FastTime
from tests.chaos.door import Counted, Door
from tests.chaos.exchange import NONSENSE, SYMBOLS, Exchange, is_objection
from tests.chaos.judge import Bounds, Judge, Listener
from tests.chaos.moods import Mood, calm, moods
from tests.chaos.shadow import Shadow
from tests.fakes import finnhub_rest as rest
from tests.fakes.finnhub import FakeFinnhub
from tests.fakes.server import Serving, serving
from tests.fakes.waiting import wait_until

LIMIT = 10
STEADY = SYMBOLS[:3]
VISITS = 400
SLACK_WALL_S = 0.3
"""How late this machine's event loop may be without breaking a law."""
CALM_S = 240.0 + CONFIRM_S
"""Fast seconds of health before the verdict, that on a name without figures included."""

LEAVE_WALL_S = 0.3
"""How long what ended may take to be gone."""
REST_WALL_S = 2.0
"""How long nothing trades before clients are compared with the book."""
MAY_BE_LATE_S = 5.0
"""Fast seconds that the machine may lose in two minutes without a polled price growing stale."""
LONGEST_REFUSAL_S = 1_100.0
"""Fast seconds within which any mood is over, a refused key included."""
MEMORY_BYTES = 200 * 2**20
STARTS_MS = (
    1_780_408_800_000,  # Tuesday 2026-06-02 10:00 in New York
    1_780_429_800_000,  # 15:50 there
    1_780_441_800_000,  # 19:10 there: the post-market ends, and the UTC day turns
    1_780_431_600_000,  # 16:20 there: the day of currencies turns
    1_780_457_400_000,  # 23:30 there: the market of stocks is closed
    1_780_472_400_000,  # Wednesday 03:40 there: the day of stocks turns
)


@dataclasses.dataclass(kw_only=True)
class Verdict:
    """What came of a run."""

    judge: Judge
    story: list[str]
    """What was played, for people."""
    newest: list[str]
    """The last lines that Photon logged."""


class Chaos:
    """The parts of one run.

    Args:
        seed: of everything that is drawn.
        rate: fast seconds per second.
    """

    def __init__(self, seed: int, rate: float) -> None:
        self.seed = seed
        self.secret = f"canary/+{random.Random(seed).getrandbits(64):x}"
        self.time = FastTime(rate, self._rng("start").choice(STARTS_MS))
        self._core = self.secret.partition("+")[2]  # looks the same however it is quoted
        self.judge = Judge(self._core)
        self.exchange = Exchange(self._rng("exchange"), self.time)
        self.moods: list[Mood] = moods(self._rng("moods"), self.exchange, VISITS)
        self.door = Door(self.time, self._rng("door"))
        self.shadow = Shadow(
            self.exchange.meanings, self.time, lambda what: self.judge.complain("book", what)
        )
        self.transport = Counted(self.time)
        self.fake = FakeFinnhub(
            script=tuple(visit for _, visit in self.moods), time=self.time, cap=LIMIT
        )
        self.calm = False
        self._moody_lines = 0
        self.rest_moods: Counter[str] = Counter()
        self.clients: list[Client] = []
        self.unknown: set[str] = set()
        """The symbols that REST has called unknown."""

    def upstream(self) -> Upstream:
        """What the app runs on."""
        key = Secret(self.secret)
        asks = FinnhubRest(
            self.fake.api_url,
            key,
            time=self.time,
            transport=self.transport,
            rng=self._rng("rest jitter"),
        )
        feed = FinnhubFeed(
            self.fake.url,
            key,
            LIMIT,
            rest=asks,
            time=self.time,
            rng=self._rng("jitter"),
            connect=self.door.connect,
            tap=self.heard,
        )
        reference = FinnhubReference(asks, BundledReference(), time=self.time)
        return Upstream(feed=feed, reference=reference, rest=asks)

    def heard(self, frame: str | bytes) -> None:
        """The feed has received a frame."""
        assert isinstance(frame, bytes)
        attempt = self.door.attempts[-1]
        attempt.heard_s = self.time.monotonic()
        meaning = self.exchange.meanings.get(frame)
        if meaning is not None and (meaning.tape or frame == b'{"type":"ping"}'):
            attempt.alive_s = self.time.monotonic()
        if not is_objection(frame):
            attempt.received.append(frame)
        self.shadow.heard(frame)

    def quote(self, symbol: str) -> object:
        """What ``/quote`` says; a verdict that comes in time must be followed."""
        if symbol in NONSENSE and not self.fake.rest.delay_s:
            self.unknown.add(symbol)
        return self.exchange.quote(symbol)

    def invite(self, server: Serving) -> list[asyncio.Task[None]]:
        """Let the clients come."""

        def complain(what: str) -> None:
            self.judge.complain("clients", what)

        def look(text: str) -> None:
            self.judge.look_at(text, "a message to a client")

        def watcher(name: str, **options: Any) -> Watcher:
            options = {"truth": self.shadow.made, "steady": STEADY, **options}
            return Watcher(name, server.ws, self._rng(name), complain, look, **options)

        def follower(name: str, **options: Any) -> PrintsClient:
            options = {"tape": self.shadow.tape, "steady": STEADY[:2], **options}
            url = f"{server.finnhub}?token=anything"
            return PrintsClient(name, url, self._rng(name), complain, look, **options)

        self.clients = [
            watcher("every"),
            watcher("interval", intervals=(50, 200, 1000)),
            watcher("both", intervals=(0, 0, 100)),
            watcher("slow", sloth=6.0),
            follower("follower"),
            follower("slow follower", sloth=6.0),
        ]
        self.reader = Reader(
            server.http,
            self._rng("reader"),
            lambda what: self.judge.complain("health", what),
            self._core,
        )
        runs = [*(client.run() for client in self.clients), self.reader.run(), self._moody()]
        runs.append(self.time.watch())
        return [asyncio.create_task(run) for run in runs]

    def well(self, live: Services) -> bool:
        """Whether a line is open on which there are no moods."""
        return live.hub.feed.state == "live" and len(self.fake.connections) > self._moody_lines

    def settle(self) -> None:
        """From now on Finnhub is well."""
        self.calm = self.door.calm = self.exchange.well = True
        self._moody_lines = len(self.fake.connections)
        for line in self.fake.open_connections:
            line.cut()
        self.fake._script = (calm(self.exchange),)
        self.fake.cap = LIMIT
        self.fake.invalid.clear()
        self.fake.rest.answers.clear()
        self.fake.rest.delay_s = 0.0
        for client in self.clients:
            client.restless = False

    def _rng(self, name: str) -> random.Random:
        return random.Random(f"{self.seed} {name}")

    async def _moody(self) -> None:
        """What is not of one line: REST, caps and symbols that are refused for a while."""
        rng, fake = self._rng("weather"), self.fake
        while True:
            await self.time.sleep(rng.uniform(5, 60))
            if self.calm:
                return
            name, answers = rng.choice(_WEATHERS)
            self.rest_moods[name] += 1
            fake.rest.answers.extend(answers * rng.randint(1, 3))
            fake.rest.delay_s = rng.choice((0.0, 0.0, 0.0, 2.0, 15.0))
            fake.cap = rng.choice((LIMIT, LIMIT, LIMIT + 5, 7, 4, 1))
            fake.invalid = set(rng.sample(SYMBOLS, rng.choice((0, 0, 1, 3))))


_WEATHERS: list[tuple[str, list[rest.Answer]]] = [
    *[("fine", list[rest.Answer]())] * 8,
    ("429", [rest.OVER]),
    ("429 with Retry-After", [rest.Answer(429, rest.LIMIT, {"Retry-After": "20"})]),
    ("200 that says limit", [rest.OVER_WITH_200]),
    ("500", [rest.Answer(500, "oops")] * 3),
    ("403", [rest.Answer(403, {"error": "You don't have access to this resource."})]),
    ("rubbish", [rest.Answer(200, "<html>")]),
    ("wrong shape", [rest.Answer(200, {"c": "12", "t": []})]),
    ("too long", [rest.Answer(200, "x" * 2_000_000)]),
]


async def play(seed: int, seconds: float, rate: float) -> Verdict:
    """Play moods for so many seconds of the wall, then health, and judge."""
    chaos = Chaos(seed, rate)
    with _listening(chaos.judge) as listener:
        began_s = time.monotonic()
        before = _belongings()
        await _live(chaos, seconds)
        with contextlib.suppress(AssertionError):  # what is left then is a leak
            await wait_until(lambda: not _more(before), LEAVE_WALL_S)
        _judge_leaks(chaos.judge, before)
        lost = _judge_history(chaos)
        story = _story(chaos, lost, time.monotonic() - began_s, listener.lines)
    return Verdict(judge=chaos.judge, story=story, newest=list(listener.newest))


@contextlib.contextmanager
def _listening(judge: Judge) -> Iterator[Listener]:
    """Read all that is logged, and what nobody caught."""
    listener, root = Listener(judge), logging.getLogger()
    level = root.level
    root.setLevel(logging.DEBUG)
    root.addHandler(listener)

    def uncaught(_: object, context: dict[str, Any]) -> None:
        judge.complain("health", f"uncaught: {context}")
        judge.look_at(str(context), "an exception")

    asyncio.get_running_loop().set_exception_handler(uncaught)
    try:
        yield listener
    finally:
        root.removeHandler(listener)
        root.setLevel(level)
        asyncio.get_running_loop().set_exception_handler(None)


@contextlib.asynccontextmanager
async def _app(chaos: Chaos) -> AsyncIterator[Serving]:
    """The fake and the app."""
    async with chaos.fake as fake:
        fake.rest.on_quote = chaos.quote
        source = chaos.upstream()
        options: dict[str, Any] = {
            "symbols": SYMBOLS[:6],
            "finnhub_api_key": Secret(chaos.secret),
            "symbol_limit": LIMIT,
            "linger_s": 1.0,
            "slow_s": 3.0,
        }
        async with serving(source, **options) as server:
            chaos.shadow.watch(server.live.book, server.live.demand.wanted)
            yield server


async def _live(chaos: Chaos, seconds: float) -> None:
    """The app from its start to its end, and all who use it."""
    async with _app(chaos) as server:
        tasks = chaos.invite(server)
        try:
            await _pass(chaos, server, tasks, seconds)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _pass(
    chaos: Chaos, server: Serving, tasks: list[asyncio.Task[None]], seconds: float
) -> None:
    """The moods, and then health."""
    await asyncio.sleep(min(seconds / 4, 10))
    memory = _memory_bytes() - _kept_bytes(chaos)
    await asyncio.sleep(seconds - min(seconds / 4, 10))
    chaos.settle()
    until_s = chaos.time.monotonic() + LONGEST_REFUSAL_S
    within_s = 2 * LONGEST_REFUSAL_S / chaos.time.rate
    await wait_until(lambda: chaos.well(server.live) or chaos.time.monotonic() >= until_s, within_s)
    await chaos.time.sleep(CALM_S)
    chaos.exchange.resting = True  # what is on its way must arrive before it is compared
    rested_s = chaos.time.monotonic()
    await asyncio.sleep(REST_WALL_S)
    await chaos.time.sleep(chaos.time.late_s(rested_s, chaos.time.monotonic()))
    _judge_recovery(chaos, server.live)
    grown = _memory_bytes() - _kept_bytes(chaos) - memory
    chaos.judge.check("leaks", grown < MEMORY_BYTES, f"{grown / 2**20:.0f} MiB more memory")
    for task in tasks:
        if task.done() and task.exception() is not None:
            chaos.judge.complain("health", f"a part of the run failed: {task.exception()!r}")


def _judge_recovery(chaos: Chaos, live: Services) -> None:
    """All is well, and every client says what is so."""
    check, fake = chaos.judge.check, chaos.fake
    feed = live.hub.feed
    check("recovery", feed.state == "live", f"the feed is {feed.state}: {feed.detail}")
    if feed.state != "live":
        return
    subscribed = fake.open_connections[-1].subscribed
    held = live.feed.subscribed
    check("recovery", subscribed == held, f"subscribed {sorted(subscribed)}, held {sorted(held)}")
    check("recovery", held <= live.demand.wanted, f"held and not wanted: {held}")
    for symbol in live.demand.wanted | chaos.shadow.states.keys():
        chaos.shadow.compare(symbol, live.book.quote(symbol))
    chaos.shadow.finish()
    for symbol in STEADY:  # others are let go, and bars with them
        for difference in chaos.shadow.compare_bars(symbol, live.history.memory):
            chaos.judge.complain("bars", difference)
    for client in chaos.clients:
        check("recovery", client.connected.is_set(), f"{client.name} is not connected")
        if isinstance(client, Watcher):
            _judge_watcher(chaos, client, held)
        if isinstance(client, PrintsClient):
            client.judge()
            check("recovery", client.trades > 0, f"{client.name} got no trade")


def _judge_watcher(chaos: Chaos, client: Watcher, held: frozenset[str]) -> None:
    check, now_s = chaos.judge.check, chaos.time.monotonic()
    late_s = chaos.time.late_s(now_s - 120.0, now_s)
    check("recovery", client.feed == "live", f"{client.name} thinks the feed {client.feed}")
    missing = set(STEADY) - client.symbols
    check("recovery", not missing, f"{client.name} does not follow {missing}")
    nonsense = client.symbols & chaos.unknown
    check("recovery", not nonsense, f"{client.name} follows {nonsense}, which are unknown")
    for symbol in client.symbols & set(SYMBOLS):
        state = chaos.shadow.states.get(symbol)
        said = client.states.get(symbol)
        last = None if state is None else state.last
        expected = ("live" if symbol in held else "polled") if last else "waiting"
        # Asked too seldom for a minute, because the machine stood still for a part of it.
        overdue = expected == "polled" and said == "stale" and late_s > MAY_BE_LATE_S
        right = said == expected or overdue
        check("recovery", right, f"{client.name}: {symbol} is {said}, not {expected}")
        if symbol in client.prices and last is not None:
            price = client.prices[symbol]
            check(
                "recovery",
                price == last.price or max(client._intervals) > 0,
                f"{client.name}: {symbol} at {price}, not {last.price}",
            )


def _judge_history(chaos: Chaos) -> int:
    """The laws that are judged by what was written down. Returns how many frames were lost."""
    slack_s = SLACK_WALL_S * chaos.time.rate
    bounds = Bounds(limit=LIMIT, slack_s=slack_s, late_s=chaos.time.late_s)
    laws.judge_lines(chaos.judge, chaos.fake, chaos.door, bounds)
    laws.judge_policy(chaos.judge, chaos.door, bounds)
    laws.judge_rest(chaos.judge, chaos.fake, chaos.transport.asked_s, bounds)
    return laws.judge_delivery(chaos.judge, chaos.exchange.sent, chaos.door)


def _belongings() -> dict[str, int]:
    """What this process holds."""
    gc.collect()
    return {
        "tasks": len(asyncio.all_tasks()),
        "sockets and files": len(list(Path("/proc/self/fd").iterdir())),
        "lines": sum(issubclass(type(thing), ClientConnection) for thing in gc.get_objects()),
    }


def _judge_leaks(judge: Judge, before: dict[str, int]) -> None:
    for name, extra in _more(before).items():
        judge.complain("leaks", f"{extra} more {name} after the end than before")


def _more(before: dict[str, int]) -> dict[str, int]:
    """What this process holds now and did not before."""
    extra = {name: count - before[name] for name, count in _belongings().items()}
    return {name: count for name, count in extra.items() if count > 0}


def _memory_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _kept_bytes(chaos: Chaos) -> int:
    """What the histories take that are kept for the judge: frames sent, and frames received."""
    sent = sum(len(frame) for frames in chaos.exchange.sent.values() for frame in frames)
    received = sum(len(frame) for one in chaos.door.attempts for frame in one.received)
    return sent + received


def _story(chaos: Chaos, lost: int, seconds: float, lines: int) -> list[str]:
    """What was played."""
    played = Counter(name for name, _ in chaos.moods[: chaos.fake._visits])
    opened = [attempt for attempt in chaos.door.attempts if attempt.opened_s is not None]
    failures = chaos.reader.health.get("feed", {}).get("failures", {})
    return [
        f"{chaos.time.monotonic() / 60:.0f} minutes of Finnhub in {seconds:.0f} s",
        f"attempts {len(chaos.door.attempts)}, lines {len(opened)}, failures {failures}",
        f"moods: {_counts(played)}",
        f"astray: {_counts(chaos.door.nowhere)}; REST: {_counts(chaos.rest_moods)}",
        f"frames sent: {_counts(chaos.exchange.played)}; lost with their lines {lost}",
        f"trades applied {chaos.shadow.trades}, repeated frames {chaos.shadow.duplicates}",
        f"trades late in bars {chaos.shadow.late}",
        f"answers of /quote {chaos.shadow.seeds}, requests {len(chaos.transport.asked_s)}",
        *(
            f"{c.name}: {c.messages} messages, {c.connections} connections, closed {c.closed}"
            for c in chaos.clients
        ),
        f"HTTP answers {chaos.reader.statuses}; log lines {lines}",
    ]


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "none"
