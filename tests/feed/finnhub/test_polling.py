"""Whom REST is asked for and when, and the tasks that ask."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app.feed.finnhub.poll_schedule import (
    CLOSED_UNVIEWED_S,
    CONFIRM_S,
    FAILED_S,
    OLD_S,
    SILENT_S,
    UNVIEWED_S,
    VERDICT_S,
    VIEWED_S,
    Hours,
    Lane,
    PollSchedule,
)
from photon_app.feed.finnhub.polling import Poller
from photon_app.model import Crowd
from tests.fakes.market import FakeMarket
from tests.fakes.markets import FakeMarkets
from tests.fakes.quotes import FakeQuotes, failed, seed
from tests.fakes.time import VirtualTime

NOBODY: dict[str, int] = {}


class Desk:
    """A schedule that is asked as the poller asks it, with answers that come at once."""

    def __init__(self, schedule: PollSchedule | None = None) -> None:
        self.schedule = schedule or PollSchedule()
        self.now_s = 0.0
        self.asked: list[tuple[float, str]] = []

    def want(self, symbols: str, viewers: dict[str, int] | None = None) -> None:
        """What is wanted; the new ones are seeded."""
        self.schedule.want(frozenset(symbols), viewers or {}, self.now_s)
        while (turn := self.schedule.next(Lane.SEED, self.now_s)).symbol is not None:
            self.schedule.answered(seed(turn.symbol), self.now_s)

    def poll(self, seconds: float) -> None:
        """Poll for so long."""
        until_s = self.now_s + seconds
        while self.now_s < until_s:
            turn = self.schedule.next(Lane.POLL, self.now_s)
            if turn.symbol is None:
                assert turn.wait_s is not None
                assert turn.wait_s > 0
                self.now_s += turn.wait_s
                continue
            self.asked.append((self.now_s, turn.symbol))
            self.schedule.answered(seed(turn.symbol), self.now_s)
            self.now_s += Lane.POLL.value

    @property
    def counts(self) -> Counter[str]:
        """How often each symbol was polled."""
        return Counter(symbol for _, symbol in self.asked)


def test_each_new_symbol_is_asked_for_once_the_viewed_first() -> None:
    """Then by when it came, then by name."""
    schedule = PollSchedule()
    schedule.want(frozenset("DB"), NOBODY, 0)
    schedule.want(frozenset("ABCD"), {"C": 1}, 1)
    order = [schedule.next(Lane.SEED, 2).symbol for _ in range(5)]
    assert order == ["C", "B", "D", "A", None]


def test_who_has_a_slot_is_not_polled() -> None:
    """The others are."""
    desk = Desk()
    desk.schedule.set_slots(frozenset("AB"), 0)
    desk.schedule.set_connection(0, up=True)
    desk.want("ABC")
    assert desk.schedule.polled == {"C"}
    desk.poll(SILENT_S)
    assert desk.counts.keys() == {"C"}


def test_a_lone_symbol_is_not_asked_for_more_often_than_it_helps() -> None:
    """Every 5 s with a viewer, every minute without."""
    desk = Desk()
    desk.want("A", {"A": 1})
    desk.poll(600)
    assert 600 / VIEWED_S - 2 <= desk.counts["A"] <= 600 / VIEWED_S
    desk.asked.clear()
    desk.want("A")
    desk.poll(600)
    assert 600 / UNVIEWED_S - 1 <= desk.counts["A"] <= 600 / UNVIEWED_S + 1


def test_closed_markets_are_asked_rarely() -> None:
    """Their prices stand still."""
    desk = Desk(PollSchedule(FakeMarkets(opened=False)))
    desk.want("A")
    desk.poll(3600)
    assert desk.counts["A"] <= 3600 / CLOSED_UNVIEWED_S


def test_the_viewed_get_more_and_the_others_not_nothing() -> None:
    """With a hundred symbols and forty turns a minute."""
    desk = Desk()
    names = [chr(ord("0") + n) for n in range(100)]
    desk.want("".join(names), {names[0]: 1, names[1]: 100})
    desk.poll(3600)
    unviewed = [desk.counts[name] for name in names[2:]]
    assert min(unviewed) >= 1
    assert max(unviewed) - min(unviewed) <= 1
    assert desk.counts[names[1]] > desk.counts[names[0]] > 5 * max(unviewed)


def whose(**addresses: str) -> Crowd:
    """Requests of addresses, a letter each."""
    return Crowd(addresses={symbol: tuple(those) for symbol, those in addresses.items()})


OBSCURE = [f"O{number:03}" for number in range(100)]
RUDE_AND_NEW = whose(**dict.fromkeys(OBSCURE, "r"), NEW="n")


def test_the_first_asking_is_fair_by_address() -> None:
    """Who comes with one name does not wait behind a hundred of another's."""
    schedule = PollSchedule()
    schedule.want(frozenset(OBSCURE), dict.fromkeys(OBSCURE, 1), 0, RUDE_AND_NEW)
    for now_s in range(5):
        assert schedule.next(Lane.SEED, now_s).symbol in OBSCURE
    schedule.want(
        frozenset([*OBSCURE, "NEW"]), dict.fromkeys([*OBSCURE, "NEW"], 1), 5, RUDE_AND_NEW
    )
    turn = schedule.next(Lane.SEED, 5)
    assert (turn.symbol, turn.addresses) == ("NEW", ("n",))


def test_polling_is_fair_by_address() -> None:
    """A symbol of one is asked for as often as if another had not a hundred."""
    desk = Desk()
    names = [*OBSCURE, "NEW"]
    desk.schedule.want(frozenset(names), dict.fromkeys(names, 1), 0, RUDE_AND_NEW)
    for name in names:
        assert desk.schedule.next(Lane.SEED, 0).symbol
        desk.schedule.answered(seed(name), 0)
    desk.poll(600)
    assert desk.counts["NEW"] >= 0.8 * 600 / VIEWED_S
    assert min(desk.counts[name] for name in OBSCURE) >= 1


def test_who_may_not_be_asked_for_yet_holds_up_nobody() -> None:
    """An address that has had its share waits, and only it."""
    schedule = PollSchedule()
    names = [*OBSCURE, "NEW"]
    schedule.want(frozenset(OBSCURE), dict.fromkeys(OBSCURE, 1), 0, RUDE_AND_NEW)
    waits: dict[tuple[str, ...], float] = {("r",): 7.0, ("n",): 0.0}
    for lane in Lane:
        turn = schedule.next(lane, 0, waits.__getitem__)
        assert turn.symbol is None
    assert schedule.next(Lane.SEED, 0, waits.__getitem__).wait_s == 7
    schedule.want(frozenset(names), dict.fromkeys(names, 1), 1, RUDE_AND_NEW)
    assert schedule.next(Lane.SEED, 1, waits.__getitem__).symbol == "NEW"


def test_a_polled_price_that_is_not_asked_for_grows_old() -> None:
    """After a minute, or two of its intervals; until it is asked for again, or trades."""
    schedule = PollSchedule()
    schedule.want(frozenset("AB"), {"A": 1}, 0)
    for symbol in "AB":
        schedule.next(Lane.SEED, 0)
        schedule.answered(seed(symbol), 0)
    assert schedule.old(OLD_S - 1) == frozenset()
    assert schedule.old(OLD_S) == {"A"}
    assert schedule.old(2 * UNVIEWED_S) == {"A", "B"}
    schedule.answered(seed("A"), 130)
    schedule.heard({"B"}, 130)
    assert schedule.old(130 + OLD_S - 1) == frozenset()
    schedule.set_slots(frozenset("A"), 1000)
    assert schedule.old(5000) == {"B"}
    closed = PollSchedule(FakeMarkets(opened=False))
    closed.want(frozenset("A"), {"A": 1}, 0)
    closed.next(Lane.SEED, 0)
    closed.answered(seed("A"), 0)
    assert closed.old(599) == frozenset()
    assert closed.old(600) == {"A"}


def test_failures_put_a_symbol_off_and_no_other() -> None:
    """Twice as long each time when asking again does not help, at most 15 minutes."""
    schedule = PollSchedule()
    schedule.want(frozenset("A"), NOBODY, 0)
    schedule.next(Lane.SEED, 0)
    for reason, waits in (("network", [30, 30, 30]), ("plan", [60, 120, 240])):
        for wait in waits:
            now_s = schedule._entries["A"].asked_s or 0.0
            schedule.failed("A", failed(reason), now_s)
            assert schedule.next(Lane.POLL, now_s + wait - 0.1).symbol is None
            assert schedule.next(Lane.POLL, now_s + wait).symbol == "A"


def test_a_verdict_takes_two_answers_minutes_apart_and_is_asked_again_after_minutes() -> None:
    """And a new viewer of the symbol is noticed."""
    schedule = PollSchedule()
    schedule.want(frozenset("A"), {"A": 1}, 0)
    schedule.next(Lane.SEED, 0)
    assert not schedule.zeros("A", 0)
    assert not schedule.zeros("A", CONFIRM_S - 1)
    assert schedule.next(Lane.POLL, CONFIRM_S - 1).symbol is None
    assert schedule.next(Lane.POLL, CONFIRM_S).symbol == "A"
    assert schedule.zeros("A", CONFIRM_S)
    assert schedule.polled == frozenset()
    assert schedule.unknown == {"A"}
    later_s = CONFIRM_S + VERDICT_S
    assert schedule.next(Lane.POLL, later_s - 1).symbol is None
    assert schedule.want(frozenset("A"), {"A": 1}, later_s - 1) == set()
    assert schedule.want(frozenset("A"), {"A": 2}, later_s - 1) == {"A"}
    assert schedule.next(Lane.POLL, later_s).symbol == "A"
    assert schedule.want(frozenset(), NOBODY, later_s) == set()
    assert not schedule.zeros("A", later_s)
    assert schedule.want(frozenset("A"), {"A": 1}, later_s) == set()
    assert schedule.unknown == frozenset()
    assert schedule.next(Lane.SEED, 2).symbol == "A"


def silent(moving: bool) -> PollSchedule:
    """A schedule whose only symbol has a slot and says nothing for half an hour."""
    schedule = PollSchedule()
    schedule.want(frozenset("A"), NOBODY, 0)
    schedule.set_slots(frozenset("A"), 0)
    schedule.set_connection(0, up=True)
    schedule.next(Lane.SEED, 0)
    schedule.answered(seed("A"), 0)
    for now_s in range(1800):
        if schedule.next(Lane.POLL, now_s).symbol:
            assert now_s >= SILENT_S
            schedule.answered(seed("A", 100 + now_s * moving), now_s)
    return schedule


def test_silence_while_the_quote_moves_makes_a_symbol_polled() -> None:
    """Until it trades, or its slot or the connection begins again."""
    assert silent(moving=False).polled == frozenset()
    assert silent(moving=True).polled == {"A"}
    schedule = silent(moving=True)
    assert schedule.heard({"A", "B"}, 1800)
    assert schedule.polled == frozenset()
    assert not schedule.heard({"A"}, 1801)


def test_silence_without_a_line_means_nothing() -> None:
    """The line's own silence has a watchdog."""
    schedule = PollSchedule()
    schedule.want(frozenset("A"), NOBODY, 0)
    schedule.set_slots(frozenset("A"), 0)
    schedule.next(Lane.SEED, 0)
    schedule.answered(seed("A"), 0)
    assert schedule.next(Lane.POLL, 10_000).symbol is None


def test_silence_is_counted_from_the_opening() -> None:
    """A night is not half an hour of silence at 09:30."""
    markets = FakeMarkets(opened=False)
    schedule = PollSchedule(markets)
    schedule.want(frozenset("A"), NOBODY, 0)
    schedule.set_slots(frozenset("A"), 0)
    schedule.set_connection(0, up=True)
    schedule.next(Lane.SEED, 0)
    schedule.answered(seed("A"), 0)
    assert schedule.next(Lane.POLL, 50_000).symbol is None
    markets.opened = True
    assert schedule.next(Lane.POLL, 50_060).symbol == "A"  # for the new day's figures
    schedule.answered(seed("A"), 50_060)
    assert schedule.next(Lane.POLL, 50_060 + SILENT_S - 1).symbol is None
    assert schedule.next(Lane.POLL, 50_060 + SILENT_S).symbol == "A"


@given(
    st.lists(
        st.tuples(
            st.dictionaries(st.sampled_from("ABCDEFGH"), st.integers(0, 3)),
            st.frozensets(st.sampled_from("ABCDEFGH")),
            st.floats(1, 200),
        ),
        max_size=6,
    )
)
def test_nobody_starves_and_the_pace_is_kept(
    history: list[tuple[dict[str, int], frozenset[str], float]],
) -> None:
    """Whatever is wanted and held when: at most 40 polls in any minute, only of wanted symbols, and
    at the end everyone without a slot is asked for within a minute and a round.
    """
    desk = Desk()
    desk.schedule.set_connection(0, up=True)
    for viewers, held, seconds in history:
        desk.want("".join(viewers), viewers)
        desk.schedule.set_slots(held & viewers.keys(), desk.now_s)
        assert desk.schedule.polled == viewers.keys() - held
        before = len(desk.asked)
        desk.poll(seconds)
        assert {symbol for _, symbol in desk.asked[before:]} <= viewers.keys()
    desk.want("ABCDEFGH", {"A": 3})
    desk.schedule.set_slots(frozenset("B"), desk.now_s)
    before = len(desk.asked)
    desk.poll(UNVIEWED_S + 30)
    assert {symbol for _, symbol in desk.asked[before:]} >= set("ACDEFGH")
    times = [at_s for at_s, _ in desk.asked]
    assert all(later - sooner >= 60 for sooner, later in zip(times, times[40:], strict=False))


def poller(
    time: VirtualTime, quotes: FakeQuotes, schedule: PollSchedule
) -> tuple[Poller, list[str]]:
    """A poller and the symbols that it found unknown."""
    unknown: list[str] = []
    made = Poller(quotes, schedule, time, on_unknown=unknown.append, on_change=lambda: None)
    return made, unknown


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    """Run a scenario; it fails rather than hangs."""

    async def bounded() -> None:
        async with asyncio.timeout(15):
            await scenario()

    asyncio.run(bounded())


def test_an_answer_is_a_seed_an_unknown_one_a_verdict_and_a_failure_nothing() -> None:
    """Of what is wanted, and only that; the verdict when it was said again."""

    async def scenario() -> None:
        time, market, schedule = VirtualTime(), FakeMarket(), PollSchedule()
        quotes = FakeQuotes(time)
        schedule.set_slots(frozenset("ABC"), 0)
        quotes.unknown("B")
        quotes.answers["C"] = failed("garbage")
        schedule.want(frozenset("ABC"), NOBODY, 0)
        asking, unknown = poller(time, quotes, schedule)
        task = asyncio.create_task(asking.run(market))
        await time.advance(5)
        assert market.log == [seed("A")]
        assert unknown == []
        await time.advance(CONFIRM_S + 5)
        assert market.log == [seed("A")]
        assert unknown == ["B"]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    run(scenario)


@pytest.mark.parametrize(("retry_s", "most"), [(0.0, 66), (600.0, 12)])
def test_a_dead_interface_is_asked_ever_more_rarely(retry_s: float, most: int) -> None:
    """At most once a minute in each lane, and as rarely as it asks for."""

    async def scenario() -> None:
        time, market, schedule = VirtualTime(), FakeMarket(), PollSchedule()
        quotes = FakeQuotes(time)
        quotes.down = failed("network", retry_s)
        schedule.want(frozenset("ABCDEFGH"), {"A": 1}, 0)
        asking, unknown = poller(time, quotes, schedule)
        task = asyncio.create_task(asking.run(market))
        await time.advance(3600)
        polls = [at_s for at_s, _, polling in quotes.asked if polling]
        assert len(polls) <= most
        assert len(quotes.asked) - len(polls) <= 8
        assert (market.log, unknown) == ([], [])
        quotes.down = None
        await time.advance(2000)
        assert set(market.seeds) == set("ABCDEFGH")
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    run(scenario)


def test_a_wanted_symbol_wakes_the_poller() -> None:
    """It sleeps without a clock when there is nothing to ask."""

    async def scenario() -> None:
        time, market, schedule = VirtualTime(), FakeMarket(), PollSchedule()
        quotes = FakeQuotes(time)
        asking, _ = poller(time, quotes, schedule)
        task = asyncio.create_task(asking.run(market))
        await time.advance(1000)
        assert len(time.sleeps) <= 1000 / 60 + 2
        schedule.want(frozenset("A"), NOBODY, time.monotonic())
        asking.ring()
        await time.advance(0.1)
        assert quotes.times("A") == [1000.0]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    run(scenario)


def test_a_failed_seed_is_tried_again_in_half_a_minute() -> None:
    """In the other lane."""

    async def scenario() -> None:
        time, market, schedule = VirtualTime(), FakeMarket(), PollSchedule()
        quotes = FakeQuotes(time)
        quotes.down = failed()
        schedule.want(frozenset("A"), NOBODY, 0)
        asking, _ = poller(time, quotes, schedule)
        task = asyncio.create_task(asking.run(market))
        await time.advance(FAILED_S - 1)
        quotes.down = None
        await time.advance(2)
        assert quotes.asked == [(0.0, "A", False), (FAILED_S, "A", True)]
        assert market.seeds.keys() == {"A"}
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    run(scenario)


def test_symbols_of_two_exchanges_have_hours_of_their_own() -> None:
    """A stock in Tokyo is not open because one in New York is, nor the other way round."""

    class Exchanges:
        """New York, which is open, and Tokyo, which is not."""

        def market_of(self, symbol: str) -> str:
            return "Tokyo" if symbol.endswith(".T") else "us"

        def hours_of(self, symbol: str) -> Hours:
            return Hours(day=None, open=self.market_of(symbol) == "us")

    schedule = PollSchedule(Exchanges())
    assert [schedule._hours_of(s).open for s in ("7203.T", "AAPL", "MSFT")] == [False, True, True]
    assert len(schedule._hours) == 2
