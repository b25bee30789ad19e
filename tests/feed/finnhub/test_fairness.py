"""What is fair among addresses: the order of requests, and what each received recently."""

import itertools
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from photon_app.feed.finnhub.fairness import UNIT, Spent, in_turn

Requests = dict[tuple[str, ...], list[tuple[str]]]
addresses = st.sets(st.sampled_from("abcde"), min_size=1, max_size=3).map(
    lambda s: tuple(sorted(s))
)
crowds = st.dictionaries(st.integers(0, 30).map(lambda n: f"S{n:02}"), addresses, max_size=25)


def requests(crowd: Mapping[str, tuple[str, ...]]) -> Requests:
    """By whose they are, in the order of their names."""
    found: Requests = {}
    for symbol in sorted(crowd):
        found.setdefault(crowd[symbol], []).append((symbol,))
    return found


def paid(symbols: list[str], crowd: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
    """What each address has paid for these."""
    total = dict.fromkeys((one for those in crowd.values() for one in those), 0)
    for symbol in symbols:
        for one in crowd[symbol]:
            total[one] += UNIT // len(crowd[symbol])
    return total


def order(crowd: Mapping[str, tuple[str, ...]]) -> list[str]:
    """The order in which they are met."""
    return [symbol for (symbol,) in in_turn(requests(crowd))]


@given(crowds)
def test_every_request_has_its_turn_once(crowd: dict[str, tuple[str, ...]]) -> None:
    """And nothing else has."""
    assert sorted(order(crowd)) == sorted(crowd)


@given(crowds, st.integers(0, 25))
def test_nobody_is_above_its_share_while_a_symbol_of_another_waits(
    crowd: dict[str, tuple[str, ...]], room: int
) -> None:
    """Wherever there is no more room, nobody has paid more than one more than who still waits."""
    met = order(crowd)[:room]
    total = paid(met, crowd)
    for symbol in crowd.keys() - set(met):
        least = min(total[one] for one in crowd[symbol])
        for mine in met:  # who paid for it had paid no more than those who wait
            assert min(total[one] for one in crowd[mine]) <= least + UNIT


@given(crowds, st.integers(0, 24))
def test_more_room_takes_nothing_from_anybody(crowd: dict[str, tuple[str, ...]], room: int) -> None:
    """Who had a place keeps it."""
    assert set(order(crowd)[:room]) <= set(order(crowd)[: room + 1])


@given(crowds, st.integers(1, 25))
def test_a_newcomer_with_one_request_costs_the_others_one(
    crowd: dict[str, tuple[str, ...]], room: int
) -> None:
    """At most."""
    before = set(order(crowd)[:room])
    after = order({**crowd, "NEW": ("z",)})[:room]
    assert len(before - set(after)) <= 1


def test_one_with_a_hundred_requests_leaves_each_other_its_own() -> None:
    """And what many want costs each of them a part."""
    crowd: dict[str, tuple[str, ...]] = {f"O{n:02}": ("rude",) for n in range(100)}
    crowd |= {"AAPL": tuple("abcdefgh"), "X": ("y",), "MSFT": tuple("abcdefgh")}
    assert order(crowd)[:2] == ["AAPL", "O00"]
    assert {"AAPL", "X", "MSFT"} <= set(order(crowd)[:5])


def test_without_others_one_has_all() -> None:
    """In its own order."""
    crowd = {f"O{n:02}": ("lone",) for n in range(30)}
    assert order(crowd) == sorted(crowd)


@given(st.lists(st.tuples(st.floats(0, 40), addresses), max_size=30))
def test_what_was_had_is_forgotten_after_the_window(
    script: list[tuple[float, tuple[str, ...]]],
) -> None:
    """And counts until then."""
    spent, now_s = Spent(60), 0.0
    log: list[tuple[float, tuple[str, ...]]] = []
    for wait_s, those in script:
        now_s += wait_s
        spent.note(those, now_s)
        log.append((now_s, those))
        recent = [whose for at, whose in log if at + 60 > now_s]
        assert len(spent) == len(recent)
        for one in "abcde":
            had = sum(UNIT // len(whose) for whose in recent if one in whose)
            assert spent.least((one,)) == had
    spent.forget(now_s + 60)
    assert len(spent) == 0
    assert spent._paid == {}


def test_when_there_is_room_again_is_known() -> None:
    """When the oldest that is too many leaves the window."""
    spent = Spent(60)
    for now_s in itertools.chain(range(5), [30]):
        spent.note(("a",), now_s)
    assert spent.free_s(7, 40) == 0
    assert spent.free_s(6, 40) == 20
    assert spent.free_s(3, 40) == 23
