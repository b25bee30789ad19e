"""Which symbols have one of Finnhub's few slots."""

from collections.abc import Iterable, Mapping

from hypothesis import given
from hypothesis import strategies as st

from photon_app.feed.finnhub.slots import FORGET_S, KEEP_S, Slots
from photon_app.model import Crowd

NAMES = "ABCDEFGH"

wanted_sets = st.dictionaries(st.sampled_from(NAMES), st.integers(0, 3), max_size=8)
histories = st.lists(st.tuples(wanted_sets, st.floats(0, 40)), max_size=8)


def want(slots: Slots, viewers: Mapping[str, int] | Iterable[str], now_s: float = 0.0) -> None:
    """The wanted symbols with their viewers; without any if they are only named."""
    counts = viewers if isinstance(viewers, Mapping) else dict.fromkeys(viewers, 0)
    slots.want(frozenset(counts), counts, now_s)


def test_slots_are_given_by_viewers_and_then_by_name() -> None:
    """When there are more symbols wanted than slots."""
    slots = Slots(3)
    want(slots, {"A": 0, "B": 0, "C": 1, "D": 2})
    assert slots.assigned == {"A", "C", "D"}


def test_who_holds_a_slot_keeps_it() -> None:
    """A newly wanted symbol that comes earlier in the alphabet waits, however many view it."""
    slots = Slots(2)
    want(slots, {"C": 1, "D": 1})
    want(slots, {"A": 9, "B": 0, "C": 1, "D": 1}, 1000)
    assert slots.assigned == {"C", "D"}


def test_a_freed_slot_goes_to_who_waits() -> None:
    """At once."""
    slots = Slots(2)
    want(slots, "ABC")
    want(slots, "BC")
    assert slots.assigned == {"B", "C"}


def test_an_unviewed_symbol_gives_way_to_a_viewed_one_after_the_linger() -> None:
    """And says when."""
    slots = Slots(1, linger_s=30)
    want(slots, {"A": 1})
    want(slots, {"A": 0, "B": 1}, 10)
    assert slots.assigned == {"A"}
    assert slots.next_s(10) == 40
    slots.assign(39.9)
    assert slots.assigned == {"A"}
    slots.assign(40)
    assert slots.assigned == {"B"}
    assert slots.next_s(40) is None


def test_the_least_recently_wanted_leaves_first() -> None:
    """Of those over their linger."""
    slots = Slots(2, linger_s=30)
    want(slots, {"A": 1, "B": 1})
    want(slots, {"A": 1, "B": 0}, 10)
    want(slots, {"A": 0, "B": 0}, 20)
    want(slots, {"A": 0, "B": 0, "C": 1}, 100)
    assert slots.assigned == {"A", "C"}


def test_an_unviewed_symbol_displaces_nobody() -> None:
    """Not even one without viewers for long."""
    slots = Slots(1, linger_s=30)
    want(slots, "B")
    want(slots, "AB", 1000)
    assert slots.assigned == {"B"}


def test_a_symbol_that_is_viewed_again_in_time_keeps_its_slot() -> None:
    """A reload does not churn."""
    slots = Slots(1, linger_s=30)
    want(slots, {"A": 1})
    want(slots, {"A": 0, "B": 1}, 10)
    want(slots, {"A": 1, "B": 1}, 20)
    slots.assign(1000)
    assert slots.assigned == {"A"}


def test_a_barred_symbol_comes_back_in_time() -> None:
    """Its slot goes to another meanwhile."""
    slots = Slots(1)
    want(slots, {"A": 2, "B": 1})
    slots.bar("A", 600)
    slots.assign(1)
    assert slots.assigned == {"B"}
    want(slots, {"A": 2}, 2)
    assert slots.assigned == frozenset()
    assert slots.next_s(2) == 600
    slots.assign(600)
    assert slots.assigned == {"A"}


def test_a_learned_cap_holds_for_an_hour() -> None:
    """It is what was accepted, and never nothing."""
    slots = Slots(5)
    want(slots, "ABCDE")
    slots.learn("ABC", 0)
    assert slots.assigned == {"A", "B", "C"}
    assert slots.room == slots.safe == 3
    slots.assign(FORGET_S)
    assert slots.assigned == set("ABCDE")
    assert slots.safe == 3
    slots.learn("", FORGET_S)
    assert slots.room == 1


def test_a_fallen_cap_costs_those_without_viewers_their_slots() -> None:
    """When there are fewer slots than holders."""
    slots = Slots(4)
    want(slots, {"A": 0, "B": 1, "C": 2, "D": 0})
    slots.learn("ABCD"[:2], 0)
    assert slots.assigned == {"A", "B"}
    slots.assign(30)
    assert slots.assigned == {"B", "C"}


@given(histories, st.integers(1, 5), st.floats(1, 60))
def test_slots_are_few_full_and_never_taken_from_who_is_watched(
    history: list[tuple[dict[str, int], float]], limit: int, linger_s: float
) -> None:
    """Whatever is wanted when: never above the limit, none free while one waits, no viewed holder
    displaced, and no symbol without viewers kept beyond the linger while one with viewers waits.
    """
    slots = Slots(limit, linger_s)
    now_s = 0.0
    unviewed_since: dict[str, float] = {}
    for viewers, wait_s in history:
        before = slots.assigned
        want(slots, viewers, now_s)
        unviewed_since = {s: unviewed_since.get(s, now_s) for s, n in viewers.items() if not n}
        check(slots, viewers, before, limit)
        now_s += wait_s
        slots.assign(now_s)
        check(slots, viewers, before, limit)
        if any(viewers[symbol] for symbol in viewers.keys() - slots.assigned):
            unviewed = slots.assigned & unviewed_since.keys()
            assert all(unviewed_since[symbol] + linger_s > now_s for symbol in unviewed)


def check(slots: Slots, viewers: dict[str, int], before: frozenset[str], limit: int) -> None:
    """The laws that hold at every moment."""
    assert slots.assigned <= viewers.keys()
    assert len(slots.assigned) == min(limit, len(viewers))
    assert {symbol for symbol in before if viewers.get(symbol)} <= slots.assigned


def crowded(slots: Slots, by: Mapping[str, str], now_s: float = 0.0, *, defaults: str = "") -> None:
    """Viewers by symbol: a letter for each address that has one, none when it is not viewed."""
    addresses = {symbol: tuple(letters) for symbol, letters in by.items() if letters}
    crowd = Crowd(defaults=frozenset(defaults), addresses=addresses)
    slots.want(frozenset(by), {s: len(those) for s, those in addresses.items()}, now_s, crowd)


OBSCURE = {f"O{n:03}": "r" for n in range(100)}


def test_one_address_cannot_keep_the_others_off_the_line() -> None:
    """What they want takes the place of what it has too much of, at once; the rest stays."""
    slots = Slots(50)
    crowded(slots, OBSCURE)
    assert slots.assigned == set(sorted(OBSCURE)[:50])
    crowded(slots, {**OBSCURE, "AAPL": "abcdefgh", "NEW": "z"}, 1)
    assert {"AAPL", "NEW"} <= slots.assigned
    assert len(slots.assigned & OBSCURE.keys()) == 48


def test_two_that_want_more_than_there_is_share_it() -> None:
    """Those that came first; then nothing moves any more."""
    slots = Slots(10)
    crowded(slots, OBSCURE)
    both = {**OBSCURE, **{f"P{n:03}": "p" for n in range(100)}}
    crowded(slots, both, 1)
    assigned = slots.assigned
    assert sum(symbol.startswith("P") for symbol in assigned) in {4, 5}
    for now_s in range(2, 300):
        crowded(slots, both, now_s)
        assert slots.assigned == assigned


def test_defaults_are_never_pushed_out() -> None:
    """By however many viewers of however many addresses; not even when nobody looks at them."""
    slots = Slots(3)
    crowded(slots, {"D": "", "E": ""}, defaults="DE")
    crowd = dict.fromkeys("PQRST", "abcdefgh")
    for now_s in (1, 1000):
        crowded(slots, {**crowd, "D": "", "E": ""}, now_s, defaults="DE")
        assert {"D", "E"} <= slots.assigned


def test_a_default_that_comes_back_has_its_slot_at_once() -> None:
    """As after Finnhub has called it invalid for a while."""
    slots = Slots(1)
    crowded(slots, {"D": "", "A": "a"}, defaults="D")
    slots.bar("D", 600)
    slots.assign(1)
    assert slots.assigned == {"A"}
    slots.assign(600)
    assert slots.assigned == {"D"}


def test_twice_as_many_addresses_win_a_slot_after_a_while() -> None:
    """And one that has a viewer more or less for a moment moves nothing."""
    slots = Slots(2)
    crowded(slots, {"A": "ab", "B": "cd"})
    wanted = {"A": "ab", "B": "cd", "C": "efgh"}
    crowded(slots, wanted, 10)
    assert slots.assigned == {"A", "B"}
    assert slots.next_s(10) == KEEP_S
    slots.assign(KEEP_S)
    assert "C" in slots.assigned
    assigned = slots.assigned
    for now_s in range(31, 200):
        crowded(slots, {**wanted, "A": "ab" + "x" * (now_s % 2)}, now_s)
        assert slots.assigned == assigned


def test_what_one_has_let_go_lingers_on_its_account() -> None:
    """So ever other names keep nobody off the line for a linger."""
    slots = Slots(10)
    crowded(slots, OBSCURE)
    gone = dict.fromkeys(OBSCURE, "")
    crowded(slots, gone, 1)
    crowded(slots, {**gone, "NEW": "z"}, 2)
    assert "NEW" in slots.assigned


addressed = st.dictionaries(
    st.sampled_from(NAMES), st.sets(st.sampled_from("abcd"), max_size=3).map("".join), max_size=8
)


@given(
    st.lists(st.tuples(addressed, st.floats(0, 40)), max_size=8),
    st.integers(1, 5),
    st.sets(st.sampled_from(NAMES), max_size=3),
)
def test_slots_are_few_full_and_the_defaults_first(
    history: list[tuple[dict[str, str], float]], limit: int, defaults: set[str]
) -> None:
    """For any wanted sets over time: never above the limit, none free while one waits, and no
    request of a viewer before a default. When the wanted set stays, so do the slots, in the end.
    """
    slots = Slots(limit)
    now_s = 0.0
    by: dict[str, str] = {}
    for by, wait_s in history:
        crowded(slots, by, now_s, defaults="".join(defaults))
        wanted = defaults & by.keys()
        assert slots.assigned <= by.keys()
        assert len(slots.assigned) == min(limit, len(by))
        assert len(slots.assigned & wanted) == min(limit, len(wanted))
        now_s += wait_s
        slots.assign(now_s)
    for _ in range(2 * len(NAMES)):
        now_s += 100
        slots.assign(now_s)
    assigned = slots.assigned
    crowded(slots, by, now_s + 100, defaults="".join(defaults))
    assert slots.assigned == assigned
