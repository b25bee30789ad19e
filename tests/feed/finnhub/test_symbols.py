"""Slots, refusals, polling, seeding and rejection, through the feed and a real socket."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any

from photon_app.feed.finnhub.feed import CHECK_S, FinnhubFeed
from photon_app.feed.finnhub.poll_schedule import CONFIRM_S, OLD_S, UNSURE_S, VERDICT_S
from photon_app.feed.finnhub.rest import FinnhubRest
from photon_app.feed.finnhub.spelling import PATIENCE_S, Spellings
from photon_app.feed.finnhub_wire import Subscribe, encode_trades
from photon_app.model import FeedStatus, Trade
from tests.fakes import finnhub_rest as rest
from tests.fakes.finnhub import FakeFinnhub
from tests.fakes.finnhub_script import PATIENT
from tests.fakes.market import FakeMarket
from tests.fakes.markets import FakeMarkets
from tests.fakes.quotes import FakeQuotes, failed, seed
from tests.fakes.time import START_MS, VirtualTime, settle
from tests.feed.finnhub.scripted import KEY, Longest

LETTERS = "ABCDEFGHIJ"


class Rig:
    """A feed, its fake socket and its fake REST, on one clock."""

    def __init__(self, fake: FakeFinnhub, time: VirtualTime, **options: Any) -> None:
        self.fake = fake
        self.time = time
        self.market = FakeMarket()
        self.quotes = FakeQuotes(time)
        options = {"rest": self.quotes, "time": time, "rng": Longest(), **options}
        self.feed = FinnhubFeed(fake.url, KEY, **options)

    @property
    def subscribed(self) -> set[str]:
        """What the newest line takes."""
        return self.fake.connections[-1].subscribed

    @property
    def polled(self) -> set[str]:
        """What the market was last told to be polled."""
        told = [entry for entry in self.market.log if isinstance(entry, list)]
        return set(told[-1][1:]) if told else set()

    @property
    def states(self) -> tuple[set[str], set[str]]:
        """The symbols that the market has as polled, and as stale."""
        return set(self.polled), set(self.market.stale)

    @property
    def rejected(self) -> list[str]:
        """The symbols that the market has as none."""
        return [
            entry.split()[1].rstrip(":")
            for entry in self.market.log
            if isinstance(entry, str) and entry.startswith("rejected")
        ]

    async def trade(self, *symbols: str) -> None:
        """One trade of each, now."""
        now_ms = self.time.now_ms()
        await self.fake.send_trades([Trade(s, now_ms % 1000 + 1, 1, now_ms) for s in symbols])
        await settle()


@contextlib.asynccontextmanager
async def rig(
    wanted: Iterable[str] = "",
    viewers: dict[str, int] | None = None,
    *,
    market: Callable[[VirtualTime], FakeMarket] | None = None,
    **options: Any,
) -> AsyncIterator[Rig]:
    """Start both; cancel the feed at the end."""
    time = VirtualTime()
    names = {"cap", "invalid", "script"}
    rules = {"script": (PATIENT,)} | {name: options.pop(name) for name in names & options.keys()}
    async with FakeFinnhub(time=time, **rules) as fake:
        made = Rig(fake, time, **options)
        if market is not None:
            made.market = market(time)
        made.feed.want(frozenset(wanted), viewers)
        running = asyncio.create_task(made.feed.run(made.market))
        try:
            yield made
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            assert running.cancelled(), running


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    """Run a scenario; it fails rather than hangs."""

    async def bounded() -> None:
        async with asyncio.timeout(20):
            await scenario()

    asyncio.run(bounded())


def test_whom_upstream_refuses_is_found_and_polled_and_the_cap_learned() -> None:
    """The error does not say which: at the end seven hold a slot and three are polled."""

    async def scenario() -> None:
        async with rig(LETTERS, cap=7) as it:
            await it.time.advance(60)
            assert len(it.subscribed) == 7
            assert it.feed.subscribed == it.subscribed
            assert it.polled == set(LETTERS) - it.subscribed
            told = len(it.fake.connections[-1].commands)
            await it.time.advance(200)
            assert it.polled == {symbol for _, symbol, polling in it.quotes.asked if polling}
            await it.time.advance(1600)
            assert len(it.fake.connections[-1].commands) == told
            assert len(it.fake.connections) == 1

    run(scenario)


def test_the_viewed_ones_get_the_slots_that_there_are() -> None:
    """When the plan has fewer than the setting says."""

    async def scenario() -> None:
        async with rig(LETTERS, {"H": 1, "I": 2, "J": 3}, cap=3) as it:
            await it.time.advance(60)
            assert it.subscribed == it.feed.subscribed == {"H", "I", "J"}
            assert it.polled == set("ABCDEFG")

    run(scenario)


def test_a_polled_price_that_nobody_asks_for_any_more_is_stale() -> None:
    """And polled again as soon as it is wanted; the connection being up or not changes nothing."""

    async def scenario() -> None:
        async with rig("AB", {"A": 1, "B": 1}, cap=1) as it:
            await it.time.advance(60)
            assert it.states == ({"B"}, set())
            it.quotes.down = failed("throttle", 600)
            await it.time.advance(OLD_S + 2 * CHECK_S)
            assert it.states == (set(), {"B"})
            it.quotes.down = None
            await it.time.advance(700)
            assert it.states == ({"B"}, set())
            it.fake.answers.extend([503] * 1000)
            it.fake.connections[-1].cut()
            it.quotes.down = failed("throttle", 600)
            await it.time.advance(OLD_S + 2 * CHECK_S)
            assert it.market.stale >= {"B"}

    run(scenario)


def test_a_plan_for_nothing_polls_everything() -> None:
    """And goes on trying, a symbol every ten minutes or so."""

    async def scenario() -> None:
        async with rig("ABC", cap=0) as it:
            await it.time.advance(60)
            assert it.subscribed == set()
            assert it.polled == set("ABC")
            told = len(it.fake.connections[-1].commands)
            await it.time.advance(3600)
            assert len(it.fake.connections[-1].commands) - told < 100
            it.fake.cap = 50
            await it.time.advance(4000)
            assert it.subscribed == set("ABC")
            assert it.polled == set()

    run(scenario)


def test_a_cap_is_tried_again_on_a_new_line_and_after_an_hour() -> None:
    """One symbol at a time, so that a refusal is no riddle."""

    async def scenario() -> None:
        async with rig(LETTERS, cap=4) as it:
            await it.time.advance(60)
            assert len(it.subscribed) == 4
            it.fake.connections[-1].cut()
            await it.time.advance(120)
            assert len(it.fake.connections) == 2
            assert len(it.subscribed) == 4
            assert it.fake.connections[-1].refused == ["E", "E"]
            it.fake.cap = 9
            await it.time.advance(3900)
            assert len(it.fake.connections) == 2
            assert len(it.subscribed) == 9

    run(scenario)


def test_a_viewed_symbol_takes_the_slot_of_one_that_nobody_has_viewed_for_the_linger() -> None:
    """Not before; until then it is polled."""

    async def scenario() -> None:
        async with rig("AB", limit=2) as it:
            await it.time.advance(10)
            it.feed.want(frozenset("ABC"), {"C": 1, "B": 1})
            await it.time.advance(19)
            assert it.subscribed == {"A", "B"}
            assert it.polled == {"C"}
            await it.time.advance(2)
            assert it.subscribed == it.feed.subscribed == {"B", "C"}
            assert it.polled == {"A"}

    run(scenario)


def test_a_symbol_called_invalid_is_polled_and_tried_again() -> None:
    """Finnhub was seen to refuse valid ones."""

    async def scenario() -> None:
        async with rig("AB", invalid={"B"}) as it:
            await it.time.advance(30)
            assert it.feed.subscribed == {"A"}
            assert it.polled == {"B"}
            assert it.rejected == []
            it.fake.invalid.clear()
            await it.time.advance(660)
            assert it.subscribed == {"A", "B"}
            assert it.polled == set()

    run(scenario)


def test_a_name_without_figures_is_rejected_and_frees_its_slot() -> None:
    """When that was said twice, minutes apart; and nothing calls it followed."""

    async def scenario() -> None:
        async with rig("", limit=2) as it:
            it.quotes.unknown("A")
            it.feed.want(frozenset({"A", "B", "X"}), {"A": 1, "B": 1, "X": 1})
            await it.time.advance(CONFIRM_S - 5)
            assert it.rejected == []
            assert it.subscribed == {"A", "B"}
            await it.time.advance(15)
            assert it.rejected == ["A"]
            assert it.subscribed == {"B", "X"}
            assert len(it.quotes.times("A")) == 2
            assert "A" not in it.polled
            assert it.market.stale == {"A"}

    run(scenario)


def test_zeros_are_asked_again_while_the_symbol_is_wanted() -> None:
    """Every few minutes; figures take the verdict back, as after a first print."""

    async def scenario() -> None:
        async with rig("A", {"A": 1}) as it:
            it.quotes.unknown("A")
            await it.time.advance(CONFIRM_S + 10)
            assert it.rejected == ["A"]
            await it.time.advance(VERDICT_S + 10)
            assert len(it.quotes.times("A")) == 3
            assert it.subscribed == set()
            del it.quotes.answers["A"]
            await it.time.advance(VERDICT_S + 10)
            assert it.subscribed == it.feed.subscribed == {"A"}
            assert it.market.seeds["A"].price == 100
            assert it.market.stale == frozenset()

    run(scenario)


def test_zeros_never_reject_a_symbol_that_exists() -> None:
    """Whether it has traded or had figures, and however often they come."""

    async def scenario() -> None:
        async with rig("AB", limit=1, markets=markets) as it:
            await it.time.advance(10)
            it.quotes.unknown("A", "B")
            for day in range(20):
                markets.day = day
                await it.trade("A")
                await it.time.advance(300)
            assert len(it.quotes.times("A")) > 2
            assert len(it.quotes.times("B")) > 2
            assert it.rejected == []
            assert it.subscribed == {"A"}

    markets = FakeMarkets(day=0)
    run(scenario)


def test_a_trade_takes_a_verdict_back() -> None:
    """What trades exists, also when it was dropped and comes again."""

    async def scenario() -> None:
        async with rig("AB", limit=2) as it:
            it.quotes.unknown("A", "B")
            await it.time.advance(5)
            await it.trade("A")
            await it.time.advance(CONFIRM_S)
            assert it.rejected == ["B"]
            now_ms = it.time.now_ms()
            await it.fake.connections[-1].send(encode_trades([Trade("B", 1, 1, now_ms)]))
            await it.time.advance(5)
            assert it.subscribed == {"A", "B"}
            it.feed.want(frozenset(), {})
            it.feed.want(frozenset("AB"), {"A": 1, "B": 1})
            await it.time.advance(900)
            assert it.rejected == ["B"]

    run(scenario)


def test_nothing_is_live_that_the_connection_was_not_sent() -> None:
    """Neither before a symbol is sent nor without a connection; without REST not ever."""

    async def scenario() -> None:
        async with rig("ABC", rest=None, limit=2) as it:
            await it.market.until(lambda: it.market.stale == set("ABC"))
            await it.time.advance(1)
            assert it.market.stale == {"C"}
            it.fake.connections[-1].cut()
            await it.market.until_state("reconnecting")
            told: list[frozenset[str]] = []
            status = it.market.status

            def on_status(said: FeedStatus) -> None:
                told.append(it.market.stale)
                status(said)

            it.market.status = on_status  # type: ignore[method-assign, assignment]
            await it.time.advance(5)
            assert it.market.statuses[-1].state == "live"
            assert told[-1] == {"A", "B", "C"}
            assert it.market.stale == {"C"}
            assert it.subscribed == {"A", "B"}

    run(scenario)


def test_a_symbol_that_is_silent_for_long_while_asking_fails_is_not_live() -> None:
    """It may move unseen, although its market trades; its next trade tells."""

    async def scenario() -> None:
        async with rig("AB") as it:
            await it.time.advance(5)
            it.quotes.down = failed()
            for _ in range(round(UNSURE_S / 60) - 1):
                await it.trade("A")
                await it.time.advance(60)
                assert it.market.stale == frozenset()
            for _ in range(10):
                await it.trade("A")
                await it.time.advance(60)
            assert it.market.stale == {"B"}
            assert it.market.statuses[-1].state == "live"
            await it.trade("B")
            assert it.market.stale == frozenset()
            await it.time.advance(2 * UNSURE_S)
            assert it.market.stale == {"A", "B"}
            it.quotes.down = None
            await it.time.advance(120)
            assert it.market.stale == frozenset()

    run(scenario)


def test_a_thin_symbol_that_asking_confirms_stays_live() -> None:
    """For hours, and over a failure now and then."""

    async def scenario() -> None:
        async with rig("AB") as it:
            for minute in range(240):
                await it.trade("A")
                it.quotes.down = failed() if minute % 30 == 17 else None
                await it.time.advance(60)
                assert it.market.stale == frozenset(), minute
                assert it.polled == set()

    run(scenario)


def test_silence_at_night_makes_nobody_stale() -> None:
    """The market is closed; and asking may fail all the while."""

    async def scenario() -> None:
        async with rig("A", markets=FakeMarkets(opened=False)) as it:
            it.quotes.down = failed()
            await it.time.advance(3600)
            assert it.market.stale == frozenset()

    run(scenario)


def test_a_client_that_comes_later_for_an_unknown_name_is_notified_too() -> None:
    """Without a question."""

    async def scenario() -> None:
        async with rig("") as it:
            it.quotes.unknown("NOSUCH")
            it.feed.want(frozenset({"NOSUCH"}), {"NOSUCH": 1})
            await it.time.advance(CONFIRM_S + 10)
            it.feed.want(frozenset({"NOSUCH"}), {})
            it.feed.want(frozenset({"NOSUCH"}), {"NOSUCH": 1})
            assert it.rejected == ["NOSUCH", "NOSUCH"]
            it.feed.want(frozenset(), {})
            it.feed.want(frozenset({"NOSUCH"}), {"NOSUCH": 1})
            assert it.rejected == ["NOSUCH", "NOSUCH", "NOSUCH"]
            assert len(it.quotes.times("NOSUCH")) == 2
            it.feed.want(frozenset(), {})
            await it.time.advance(VERDICT_S)
            it.feed.want(frozenset({"NOSUCH"}), {"NOSUCH": 1})
            await it.time.advance(5)
            assert it.rejected == ["NOSUCH", "NOSUCH", "NOSUCH"]
            assert len(it.quotes.times("NOSUCH")) == 3

    run(scenario)


def test_a_failed_call_never_rejects() -> None:
    """Whatever the reason; the seed comes when the answers do."""

    async def scenario() -> None:
        for reason in ("network", "server", "auth", "plan", "throttle", "garbage", "empty"):
            async with rig("A") as it:
                it.quotes.down = failed(reason)
                await it.time.advance(300)
                assert it.rejected == []
                assert it.subscribed == {"A"}
                assert 2 <= len(it.quotes.asked) <= 30
                it.quotes.down = None
                await it.time.advance(900)
                assert it.market.seeds["A"].prev_close == 99

    run(scenario)


def test_new_symbols_are_seeded_once_the_viewed_first() -> None:
    """In the lane of those who ask once."""

    async def scenario() -> None:
        async with rig("ABCD", {"C": 1}) as it:
            await it.time.advance(10)
            assert [(s, polling) for _, s, polling in it.quotes.asked] == [
                ("C", False),
                ("A", False),
                ("B", False),
                ("D", False),
            ]
            assert set(it.market.seeds) == set("ABCD")

    run(scenario)


def test_days_are_asked_for_again_when_the_day_turns_and_the_market_opens() -> None:
    """The previous close is another one then."""

    async def scenario() -> None:
        markets = FakeMarkets(day=1, opened=False)
        async with rig("A", markets=markets) as it:
            await it.time.advance(600)
            assert len(it.quotes.asked) == 1
            markets.day = 2
            await it.time.advance(120)
            assert len(it.quotes.asked) == 2
            markets.opened = True
            await it.time.advance(120)
            assert len(it.quotes.asked) == 3

    run(scenario)


def test_a_subscribed_symbol_that_trades_unseen_is_polled_until_it_speaks() -> None:
    """Silence alone is no proof: only while ``/quote`` moves."""

    async def scenario() -> None:
        async with rig("AB") as it:
            await it.time.advance(1)
            for minute in range(14):
                await it.trade("A")
                it.quotes.answers["B"] = seed("B", 100 + minute)
                await it.time.advance(60)
            assert it.polled == {"B"}
            assert it.feed.subscribed == {"A", "B"}
            asked = len(it.quotes.asked)
            await it.time.advance(120)
            assert len(it.quotes.asked) > asked
            await it.trade("B")
            assert it.polled == set()

    run(scenario)


def test_a_silent_symbol_whose_quote_stands_still_is_live() -> None:
    """Few trades are no fault; and asking becomes rarer."""

    async def scenario() -> None:
        async with rig("A") as it:
            await it.time.advance(3600)
            assert it.polled == set()
            assert len(it.quotes.asked) <= 10

    run(scenario)


def test_silence_at_night_is_not_looked_into() -> None:
    """Only regular hours count."""

    async def scenario() -> None:
        async with rig("A", markets=FakeMarkets(opened=False)) as it:
            for minute in range(60):
                it.quotes.answers["A"] = seed("A", 100 + minute)
                await it.time.advance(60)
            assert it.polled == set()
            assert len(it.quotes.asked) == 1

    run(scenario)


def test_without_rest_nothing_is_polled_and_nobody_rejected() -> None:
    """The feed works with its socket alone."""

    async def scenario() -> None:
        async with rig(LETTERS, {"J": 1}, rest=None, cap=3, invalid={"A"}) as it:
            await it.time.advance(60)
            assert len(it.subscribed) == 3
            assert "J" in it.subscribed
            assert not any(isinstance(entry, list) for entry in it.market.log)
            assert it.rejected == []

    run(scenario)


def test_the_key_is_in_a_header_and_the_budget_is_kept() -> None:
    """With the real client, over HTTP, for ten minutes of sixty wanted symbols and four slots."""

    async def scenario() -> None:
        time = VirtualTime(START_MS)
        async with FakeFinnhub(
            script=(PATIENT,), time=time, cap=4, key=KEY.reveal(), per_minute=60
        ) as fake:
            symbols = [f"S{number}" for number in range(60)]
            now_s = START_MS // 1000
            fake.rest.quotes = {s: rest.quote(10 + n, now_s) for n, s in enumerate(symbols)}
            client = FinnhubRest(fake.api_url, KEY, time=time)
            feed = FinnhubFeed(fake.url, KEY, time=time, rest=client, rng=Longest())
            feed.want(frozenset([*symbols, "NOSUCH"]), {"S59": 3})
            market = FakeMarket()
            running = asyncio.create_task(feed.run(market))
            await time.advance(600)
            assert fake.rest.faults == []
            assert fake.rest.over == 0
            assert set(market.seeds) == set(symbols)
            assert any(e == "rejected NOSUCH: Finnhub knows no such symbol" for e in market.log)
            assert len(feed.subscribed) == 4
            assert "S59" in feed.subscribed
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await client.aclose()

    run(scenario)


def test_each_symbol_is_sent_once_on_a_connection_that_takes_it() -> None:
    """As long as nothing is refused."""

    async def scenario() -> None:
        async with rig(LETTERS, {"B": 2, "C": 1}) as it:
            await it.time.advance(5)
            told = [c.symbol for c in it.fake.connections[0].commands if isinstance(c, Subscribe)]
            assert told == [*"BCA", *"DEFGHIJ"]

    run(scenario)


def spelled(*typed: str) -> Spellings:
    """What clients wrote."""
    made = Spellings()
    for text in typed:
        made.guess(text)
    return made


def test_a_symbol_is_subscribed_in_upstreams_spelling_and_its_trades_are_its_own() -> None:
    """``GEMINI:btcusd`` to upstream, ``GEMINI:BTCUSD`` to everybody else."""

    async def scenario() -> None:
        async with rig(["GEMINI:BTCUSD"], spellings=spelled("GEMINI:btcusd")) as it:
            await it.fake.until_subscribed({"GEMINI:btcusd"})
            await it.trade("GEMINI:btcusd")
            while {trade.symbol for trade in it.market.all_trades} != {"GEMINI:BTCUSD"}:
                await settle()
            it.feed.want(frozenset())
            await it.time.advance(60)
            await it.fake.until_subscribed(set())

    run(scenario)


def test_a_spelling_that_brings_nothing_is_changed() -> None:
    """A client wrote it wrong: capitals are tried, and stay once a trade came."""

    async def scenario() -> None:
        typed = spelled("BINANCE:btcusdt")
        async with rig(["BINANCE:BTCUSDT"], spellings=typed) as it:
            await it.fake.until_subscribed({"BINANCE:btcusdt"})
            await it.time.advance(PATIENCE_S + 1)
            await it.fake.until_subscribed({"BINANCE:BTCUSDT"})
            await it.trade("BINANCE:BTCUSDT")
            typed.guess("BINANCE:Btcusdt")
            await it.time.advance(10 * PATIENCE_S)
            assert it.subscribed == {"BINANCE:BTCUSDT"}

    run(scenario)


def test_a_spelling_that_is_called_invalid_gives_way_to_the_next() -> None:
    """At once."""

    async def scenario() -> None:
        invalid = {"GEMINI:BTCUSD"}
        async with rig(
            ["GEMINI:BTCUSD"], invalid=invalid, spellings=spelled("gemini:btcusd", "GEMINI:btcusd")
        ) as it:
            await it.time.advance(2)
            await it.fake.until_subscribed({"gemini:btcusd"})

    run(scenario)


def test_a_search_tells_the_spelling() -> None:
    """Of a symbol that was asked for in capitals before, too."""

    async def scenario() -> None:
        known = Spellings()
        async with rig(["GEMINI:BTCUSD"], spellings=known) as it:
            await it.fake.until_subscribed({"GEMINI:BTCUSD"})
            it.fake.rest.listings.append({"symbol": "GEMINI:btcusd", "description": "Bitcoin"})
            asked = FinnhubRest(it.fake.api_url, KEY, time=it.time, spellings=known)
            try:
                found = await asked.search("bitcoin")
                assert isinstance(found, tuple)
                assert [one.symbol for one in found] == ["GEMINI:BTCUSD"]
                await it.time.advance(1)
                await it.fake.until_subscribed({"GEMINI:btcusd"})
                it.fake.rest.quotes["GEMINI:btcusd"] = rest.quote(97_123.45, START_MS // 1000)
                assert getattr(await asked.quote("GEMINI:BTCUSD"), "price", None) == 97_123.45
            finally:
                await asked.aclose()

    run(scenario)
