"""The line to Finnhub, against a real server and a clock that the tests move."""

import asyncio
import contextlib
import itertools
import logging
import random
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidMessage, InvalidURI

from photon_app.feed.finnhub.feed import FinnhubFeed
from photon_app.feed.finnhub_key import with_token
from photon_app.feed.finnhub_wire import Subscribe, encode_trades
from photon_app.model import FeedStatus, Trade
from photon_app.settings import Secret
from tests.fakes.finnhub import PING, FakeFinnhub
from tests.fakes.market import FakeMarket
from tests.fakes.time import START_MS, VirtualTime, settle
from tests.feed.recordings import DAY, PREMARKET, needs_recordings

CANARY = "canary/+key=%41"
KEY = Secret(CANARY)


class Rig:
    """A feed running against a fake Finnhub on virtual time."""

    def __init__(self, fake: FakeFinnhub, feed: FinnhubFeed, time: VirtualTime) -> None:
        self.fake = fake
        self.feed = feed
        self.time = time
        self.market = FakeMarket()

    async def retry(self) -> float:
        """Let the wait before the next attempt pass; return its seconds."""
        began_s, told = self.time.monotonic(), len(self.market.statuses)
        while len(self.market.statuses) == told:
            await self.time.advance_to_sleeper()
        return round(self.time.monotonic() - began_s, 3)

    async def read(self, frames: int) -> None:
        """Return once the feed has read so many frames."""
        while self.feed.counters.frames < frames:
            await settle()

    async def lose(self, state: str = "reconnecting") -> FeedStatus:
        """Return the status of a loss that is being waited out."""
        market = self.market
        await market.until(
            lambda: bool(market.statuses) and market.statuses[-1].retry_at_ms is not None
        )
        assert market.statuses[-1].state == state
        return market.statuses[-1]


@contextlib.asynccontextmanager
async def rig(
    answers: list[int] | None = None, wanted: str = "", **options: Any
) -> AsyncIterator[Rig]:
    """Start the fake and the feed; cancel the feed at the end."""
    time = VirtualTime()
    async with FakeFinnhub() as fake:
        fake.answers.extend(answers or [])
        options = {"pace_s": 0.0, "rng": random.Random(1), **options}
        made = Rig(fake, FinnhubFeed(fake.url, KEY, time=time, **options), time)
        made.feed.want(frozenset(wanted))
        task = asyncio.create_task(made.feed.run(made.market))
        try:
            yield made
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert task.cancelled()


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    """Run a scenario; it fails rather than hangs."""

    async def bounded() -> None:
        async with asyncio.timeout(15):
            await scenario()

    asyncio.run(bounded())


def trade(symbol: str, price: float = 1.0) -> Trade:
    """A trade now."""
    return Trade(symbol=symbol, price=price, volume=1, time_ms=START_MS)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("wss://ws.finnhub.io", "wss://ws.finnhub.io?token=a%2Fb%2B"),
        ("wss://ws.finnhub.io/", "wss://ws.finnhub.io/?token=a%2Fb%2B"),
        ("ws://h:1/p?x=1&y=", "ws://h:1/p?x=1&y=&token=a%2Fb%2B"),
        ("ws://h/?token=old&x=1", "ws://h/?x=1&token=a%2Fb%2B"),
    ],
)
def test_the_key_is_added_to_the_query(url: str, expected: str) -> None:
    """Quoted, next to what stands there already."""
    assert with_token(url, "a/b+") == expected


def test_the_line_opens_with_the_key_and_subscribes_what_was_wanted() -> None:
    """Connecting, then live on the handshake; nothing is acknowledged."""

    async def scenario() -> None:
        async with rig(wanted="AB") as it:
            await it.fake.until_subscribed("AB")
            assert (await it.fake.connection()).token == CANARY
            assert [s.state for s in it.market.statuses] == ["connecting", "live"]
            assert it.market.statuses[1].detail == ""

    run(scenario)


def test_the_line_opens_with_nothing_wanted() -> None:
    """The status is honest before the first client comes."""

    async def scenario() -> None:
        async with rig() as it:
            await it.market.until_state("live")
            assert (await it.fake.connection()).commands == []

    run(scenario)


def test_wanted_symbols_are_followed_while_the_connection_is_open() -> None:
    """``want`` wakes the sender; what stays wanted is not asked for again."""

    async def scenario() -> None:
        async with rig(wanted="AB") as it:
            await it.fake.until_subscribed("AB")
            it.feed.want(frozenset("BC"))
            await it.fake.until_subscribed("BC")
            assert len((await it.fake.connection()).commands) == 4

    run(scenario)


def test_trades_are_delivered_frame_by_frame() -> None:
    """In order, and counted."""

    async def scenario() -> None:
        async with rig(wanted="AB") as it:
            await it.fake.until_subscribed("AB")
            await it.fake.send_trades([trade("A", 1), trade("B", 2)])
            await it.fake.send(PING)
            await it.fake.send_trades([trade("A", 3)])
            await it.market.until(lambda: len(it.market.batches) == 2)
            assert [t.price for t in it.market.all_trades] == [1, 2, 3]
            assert (it.feed.counters.frames, it.feed.counters.trades) == (3, 3)
            assert it.feed.last_message_ms == START_MS

    run(scenario)


@pytest.mark.parametrize("rubbish", ["", "rubbish", b"\xff\xfe", '{"type":"trade","data":[0]}'])
def test_rubbish_does_not_end_the_line(rubbish: str | bytes) -> None:
    """Not even text that is not UTF-8."""

    async def scenario() -> None:
        async with rig(wanted="A") as it:
            await it.fake.until_subscribed("A")
            await it.fake.send(rubbish)
            await it.fake.send_trades([trade("A")])
            await it.market.until(lambda: bool(it.market.batches))
            assert len(it.fake.connections) == 1

    run(scenario)


@needs_recordings
def test_a_real_morning_at_full_speed_arrives_complete() -> None:
    """26,154 trades over a real socket."""

    async def scenario() -> None:
        market = FakeMarket()
        async with FakeFinnhub() as fake:
            feed = FinnhubFeed(fake.url, KEY, pace_s=0.0)
            feed.want(frozenset({"IBM", "BAC"}))
            task = asyncio.create_task(feed.run(market))
            assert await fake.play(DAY, {"IBM", "BAC"}) == 7_414
            await market.until(lambda: len(market.all_trades) == 26_154)
            assert feed.counters.malformed == feed.counters.skipped == 0
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    run(scenario)


@needs_recordings
def test_only_what_was_asked_for_is_received() -> None:
    """The recording's other symbol stays at the server."""

    async def scenario() -> None:
        async with FakeFinnhub() as fake:
            market = FakeMarket()
            feed = FinnhubFeed(fake.url, KEY, pace_s=0.0)
            feed.want(frozenset({"IBM"}))
            task = asyncio.create_task(feed.run(market))
            await fake.play(PREMARKET, {"IBM"})
            await market.until(lambda: len(market.all_trades) == 158)
            assert {t.symbol for t in market.all_trades} == {"IBM"}
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    run(scenario)


def test_no_more_symbols_than_the_plan_allows_are_asked_for() -> None:
    """Holders keep their slots; the others are not held, and follow when one is free."""

    async def scenario() -> None:
        async with rig(wanted="CDE", limit=3) as it:
            await it.fake.until_subscribed("CDE")
            it.feed.want(frozenset("ABCDE"))
            await settle()
            assert it.feed.subscribed == frozenset("CDE")
            it.feed.want(frozenset("ABDE"))
            await it.fake.until_subscribed("ADE")
            assert (await it.fake.connection()).most_subscribed == 3

    run(scenario)


def test_at_most_ten_subscriptions_a_second_are_sent() -> None:
    """With the pace that stands as default."""

    async def scenario() -> None:
        async with rig(wanted="ABCDEFGHIJKLMNOPQRSTUVWXYZ", pace_s=0.11) as it:
            line = await it.fake.connection()
            for seconds in range(1, 3):
                await it.time.advance(1.0)
                await settle()
                assert it.time.sleeps.count(0.11) <= 10 * seconds
            await it.time.advance(1.0)
            await it.fake.until(lambda: len(line.commands) == 26)

    run(scenario)


def test_a_new_connection_is_sent_everything_again() -> None:
    """Subscriptions end with their connection; there are never two."""

    async def scenario() -> None:
        async with rig(wanted="AB") as it:
            await it.fake.until_subscribed("AB")
            (await it.fake.connection(1)).cut()
            await it.lose()
            it.feed.want(frozenset("BC"))
            await it.retry()
            await it.market.until_state("live", 2)
            await it.fake.until_subscribed("BC")
            line = await it.fake.connection(2)
            assert line.commands == [Subscribe(symbol="B"), Subscribe(symbol="C")]
            assert it.fake.most_open == 1

    run(scenario)


def test_a_loss_is_reported_with_its_reason_and_the_next_attempt() -> None:
    """For people in the detail, for programs in ``retry_at_ms``; then that it is being tried."""

    async def scenario() -> None:
        async with rig() as it:
            await it.market.until_state("live")
            (await it.fake.connection()).cut()
            lost = await it.lose()
            delay_s = await it.retry()
            assert lost.retry_at_ms == START_MS + round(delay_s * 1000)
            assert lost.detail.startswith("Failed to connect to Finnhub: the line broke; ")
            assert lost.detail.endswith("next attempt at 22:13:21 UTC")
            await it.market.until_state("live", 2)
            trying = it.market.statuses[-2]
            assert (trying.state, trying.retry_at_ms) == ("reconnecting", None)
            assert trying.since_ms == lost.since_ms
            assert [s.reconnects for s in it.market.statuses] == [0, 0, 0, 0, 1]

    run(scenario)


def test_a_refused_key_is_said_and_tried_again_after_15_minutes() -> None:
    """401: state ``unauthorized``."""

    async def scenario() -> None:
        async with rig([401]) as it:
            status = await it.lose("unauthorized")
            words = "Failed to connect to Finnhub: the API key was refused; next attempt at "
            assert status.detail == words + "22:28:20 UTC"
            assert await it.retry() == 900
            await it.market.until_state("live")

    run(scenario)


def test_throttling_is_followed_by_a_minute_of_quiet() -> None:
    """429: state ``throttled``."""

    async def scenario() -> None:
        async with rig([429]) as it:
            status = await it.lose("throttled")
            assert "too many attempts (HTTP 429)" in status.detail
            assert await it.retry() >= 60
            await it.market.until_state("live")

    run(scenario)


@pytest.mark.parametrize("answer", [200, 403, 500, 503])
def test_any_other_answer_is_a_loss(answer: int) -> None:
    """An outage was seen to answer 200 to the upgrade."""

    async def scenario() -> None:
        async with rig([answer]) as it:
            assert f"HTTP {answer}" in (await it.lose()).detail
            assert 1 <= await it.retry() <= 2
            await it.market.until_state("live")

    run(scenario)


@pytest.mark.parametrize("code", [1008, 4001])
def test_a_kick_is_followed_by_a_minute_of_quiet(code: int) -> None:
    """It is what a second connection on one key gets."""

    async def scenario() -> None:
        async with rig() as it:
            await it.market.until_state("live")
            await (await it.fake.connection()).kick(code, "one connection\nper key")
            status = await it.lose()
            assert f"the server closed the line ({code}: one connection per key)" in status.detail
            assert await it.retry() >= 60

    run(scenario)


def test_a_line_that_is_dropped_as_soon_as_it_opens_is_taken_for_a_kick() -> None:
    """The trap: opening proves nothing, and neither does one trade. Once can be chance."""

    async def scenario() -> None:
        async with rig(wanted="A") as it:
            delays = []
            for number in range(1, 5):
                await it.fake.connection(number)
                await it.fake.until_subscribed("A")
                await it.fake.send_trades([trade("A", number)])
                await it.market.until(lambda n=number: len(it.market.batches) == n)  # type: ignore[misc]
                it.fake.connections[-1].cut()
                status = await it.lose()
                said = "another program seems to use this key" in status.detail
                assert said == (number > 1)
                delays.append(await it.retry())
            assert 1 <= delays[0] <= 2
            assert all(60 <= delay <= 120 for delay in delays[1:])
            assert it.market.statuses[-1].failures == {"network": 1, "kick": 3}
            assert it.fake.most_open == 1

    run(scenario)


@pytest.mark.parametrize("kick", [False, True])
def test_the_first_drop_of_a_proven_line_is_retried_within_5_s(*, kick: bool) -> None:
    """It has delivered for more than 30 s: whatever the close."""

    async def scenario() -> None:
        async with rig([500, 500, 500]) as it:
            for _ in range(3):
                await it.lose()
                await it.retry()
            line = await it.fake.connection()
            await it.market.until_state("live")
            await it.time.advance(31)
            await line.ping()
            await it.read(1)
            if kick:
                await line.kick(1008)
            else:
                line.cut()
            await it.lose()
            assert await it.retry() <= 5

    run(scenario)


def test_a_silent_line_is_given_up_after_150_s() -> None:
    """And any frame, a ping too, puts that off."""

    async def scenario() -> None:
        async with rig() as it:
            await it.market.until_state("live")
            await it.time.advance(100)
            await it.fake.send(PING)
            await it.read(1)
            await it.time.advance(149)
            assert it.market.statuses[-1].state == "live"
            await it.time.advance(1.1)
            status = await it.lose()
            assert "the line was silent for 150 s" in status.detail
            await it.retry()
            await it.market.until_state("live", 2)
            assert it.fake.most_open == 1

    run(scenario)


def test_a_frame_that_is_too_long_ends_the_line() -> None:
    """Memory is bounded; the reason is reported."""

    async def scenario() -> None:
        async with rig() as it:
            await it.market.until_state("live")
            await it.fake.send("x" * (17 * 2**20))
            assert "the server broke the protocol (1009)" in (await it.lose()).detail

    run(scenario)


def test_a_cancelled_feed_closes_its_line() -> None:
    """Finnhub must not count it as a second connection of the next start."""

    async def scenario() -> None:
        async with FakeFinnhub() as fake:
            feed = FinnhubFeed(fake.url, KEY)
            task = asyncio.create_task(feed.run(FakeMarket()))
            line = await fake.connection()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert task.cancelled()
            await fake.until(lambda: not line.open)

    run(scenario)


def failing(error: Exception) -> Callable[..., Awaitable[ClientConnection]]:
    """A ``connect`` that always fails."""

    async def connect(*_: object, **__: object) -> ClientConnection:
        raise error

    return connect


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (TimeoutError(CANARY), "no answer in time"),
        (ConnectionRefusedError(111, CANARY), "no connection (Connection refused)"),
        (socket.gaierror(-2, CANARY), "its name cannot be resolved"),
        (ssl.SSLCertVerificationError(1, CANARY), "its certificate was not accepted"),
        (OSError(f"Multiple exceptions: {CANARY}"), "no connection (OSError)"),
        (InvalidMessage(CANARY), "the server did not answer as a WebSocket"),
        (InvalidURI(CANARY, CANARY), "the server did not answer as a WebSocket"),
        (EOFError(CANARY), "the server did not answer as a WebSocket"),
        (UnicodeError(CANARY), "no connection (UnicodeError)"),
        (ImportError(CANARY), "no connection (ImportError)"),
    ],
)
def test_every_failure_is_a_status_in_our_own_words(
    error: Exception, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The library's words can hold the address, and with it the key."""
    if isinstance(error, ssl.SSLCertVerificationError):
        error.verify_message = "self-signed certificate"

    async def scenario() -> None:
        async with rig(connect=failing(error)) as it:
            status = await it.lose()
            assert status.detail.startswith(f"Failed to connect to Finnhub: {reason}")
            assert CANARY not in status.detail

    with caplog.at_level(logging.DEBUG):
        run(scenario)
    assert CANARY not in caplog.text


def test_an_outage_of_an_hour_is_a_few_dozen_attempts() -> None:
    """And the delays follow the policy from first to last."""

    async def scenario() -> None:
        async with rig(connect=failing(ConnectionRefusedError(111, "refused"))) as it:
            await it.time.advance(3600)
            tries = [s.retry_at_ms for s in it.market.statuses if s.retry_at_ms is not None]
            waits = [(b - a) / 1000 for a, b in itertools.pairwise([START_MS, *tries])]
            assert 60 <= len(waits) <= 130
            assert all(2**n <= wait <= 2 ** (n + 1) for n, wait in enumerate(waits[:5]))
            assert all(30 <= wait <= 60 for wait in waits[5:])

    run(scenario)


def test_a_closed_port_is_a_loss() -> None:
    """With the real library."""

    async def scenario() -> None:
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        time = VirtualTime()
        feed = FinnhubFeed(f"ws://127.0.0.1:{port}", KEY, time=time)
        market = FakeMarket()
        task = asyncio.create_task(feed.run(market))
        status = await market.until_state("reconnecting")
        assert "no connection (Connection refused)" in status.detail
        task.cancel()

    run(scenario)


def test_the_key_appears_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    """Not in any log at DEBUG, any status, any repr, whatever the server does and says."""
    caplog.set_level(logging.DEBUG)
    seen: list[str] = []

    async def scenario() -> None:
        async with rig([401, 429, 200, 101], wanted="A") as it:
            for state in ("unauthorized", "throttled", "reconnecting"):
                await it.lose(state)
                await it.retry()
            await it.fake.until_subscribed("A")
            for number, form in enumerate((CANARY, quote(CANARY, safe=""), quote_plus(CANARY)), 1):
                await it.fake.send(f'{{"type":"error","msg":"bad token {form}"}}')
                await it.read(number)
                it.time.jump(11)
            await (await it.fake.connection()).kick(4000, f"token {CANARY}")
            await it.lose()
            seen.extend([repr(it.feed), repr(vars(it.feed)), *map(repr, it.market.log)])

    run(scenario)
    # The fake server logs what it is asked; it stands outside.
    logged = [record for record in caplog.records if record.name != "websockets.server"]
    assert any(record.name == "photon_app.feed.finnhub.feed" for record in logged)
    told = "\n".join(seen + [str(vars(record)) for record in logged])
    assert "bad token ***" in told
    for form in (CANARY, quote(CANARY, safe="")):
        assert form not in told


def test_a_very_long_frame_is_applied_in_slices() -> None:
    """5,000 trades in one frame arrive as three batches."""

    async def scenario() -> None:
        async with rig(wanted="A") as it:
            await it.fake.until_subscribed("A")
            await it.fake.send(encode_trades([trade("A")] * 5000))
            await it.market.until(lambda: len(it.market.batches) == 3)
            assert [len(batch) for batch in it.market.batches] == [2000, 2000, 1000]

    run(scenario)
