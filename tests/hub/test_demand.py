"""Demand counts who wants a symbol, and lets go after a linger."""

from collections import Counter
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from photon_app.hub.demand import Demand, DemandListener
from photon_app.model import ADDRESSES_PER_SYMBOL, UNKNOWN_ADDRESS
from tests.fakes.loop import FakeLoop


class Listener(DemandListener):
    """Records the calls, and releases what has to make room."""

    def __init__(self) -> None:
        self.symbols: set[str] = set()
        self.views = 0
        self.release: Callable[[str], None] = lambda _: None

    def added(self, symbol: str) -> None:
        self.symbols.add(symbol)

    def dropped(self, symbol: str) -> None:
        self.symbols.remove(symbol)

    def viewed(self) -> None:
        self.views += 1

    def evicted(self, symbol: str) -> None:
        self.release(symbol)


class Upstream:
    """The set that the feed would have got."""

    def __init__(self, *defaults: str, limit: int = 10) -> None:
        self.loop = FakeLoop()
        listener = Listener()
        self.symbols = listener.symbols
        self.demand = Demand(defaults, limit=limit, linger_s=30, time=self.loop, listener=listener)


def test_defaults_are_wanted_for_ever() -> None:
    """Even when a client held them and went."""
    upstream = Upstream("A")
    upstream.demand.hold("A")
    upstream.demand.release("A")
    upstream.loop.advance(1000)
    upstream.demand.sweep()
    assert upstream.symbols == upstream.demand.wanted == {"A"}


def test_a_symbol_leaves_only_after_the_linger_of_its_last_holder() -> None:
    """A reload in between does not churn upstream."""
    upstream = Upstream()
    upstream.demand.hold("A")
    upstream.demand.release("A")
    upstream.loop.advance(29)
    upstream.demand.sweep()
    assert upstream.symbols == {"A"}
    upstream.demand.hold("A")
    upstream.loop.advance(100)
    upstream.demand.sweep()
    assert upstream.symbols == {"A"}
    upstream.demand.release("A")
    upstream.loop.advance(30)
    upstream.demand.sweep()
    assert upstream.symbols == set()


def test_at_the_bound_the_longest_unwanted_symbol_makes_room() -> None:
    """And when every one is held, a new one is refused."""
    upstream = Upstream(limit=2)
    upstream.demand.hold("A")
    upstream.demand.hold("B")
    assert not upstream.demand.hold("C")
    upstream.demand.release("A")
    assert upstream.demand.hold("C")
    assert upstream.symbols == {"B", "C"}


steps = st.lists(st.tuples(st.sampled_from("+-."), st.sampled_from("ABCDE")), max_size=60)


@given(steps)
def test_held_symbols_are_always_wanted_and_the_bound_always_holds(
    script: list[tuple[str, str]],
) -> None:
    """Upstream gets exactly the wanted set, whatever holders come and go."""
    upstream = Upstream("A", limit=3)
    held: Counter[str] = Counter()
    for kind, symbol in script:
        if kind == "+":
            held[symbol] += upstream.demand.hold(symbol)
        elif kind == "-" and held[symbol]:
            held[symbol] -= 1
            upstream.demand.release(symbol)
        else:
            upstream.loop.advance(20)
            upstream.demand.sweep()
        assert upstream.symbols == upstream.demand.wanted
        assert {s for s, n in held.items() if n} | {"A"} <= upstream.demand.wanted
        assert len(upstream.demand) <= 3


def test_viewers_are_the_clients_and_not_the_defaults_nor_those_that_linger() -> None:
    """And the listener is notified of each first and last one."""
    told = Listener()
    demand = Demand(["A"], limit=9, linger_s=30, time=FakeLoop(), listener=told)
    assert demand.viewers == {}
    for symbol in ("A", "A", "B"):
        assert demand.hold(symbol)
    assert (demand.viewers, told.views) == ({"A": 2, "B": 1}, 1)
    for symbol in ("A", "A", "B"):
        demand.release(symbol)
    assert (demand.viewers, told.views) == ({}, 3)
    demand.hold("B")
    assert (demand.viewers, told.views) == ({"B": 1}, 4)


def sharing(limit: int, *defaults: str) -> tuple[Demand, list[tuple[str, str]]]:
    """A demand whose holders release what has to make room."""
    holds: list[tuple[str, str]] = []

    def spare(symbol: str) -> None:
        for hold in [hold for hold in holds if hold[0] == symbol]:
            holds.remove(hold)
            demand.release(*hold)

    listener = Listener()
    demand = Demand(defaults, limit=limit, linger_s=30, time=FakeLoop(), listener=listener)
    listener.release = spare
    return demand, holds


def hold(demand: Demand, holds: list[tuple[str, str]], symbol: str, address: str) -> bool:
    """As a client does."""
    if not demand.hold(symbol, address):
        return False
    holds.append((symbol, address))
    return True


def test_at_the_bound_the_address_with_the_most_makes_room() -> None:
    """A lone one may have all; one that comes has its part, and no default is given up for it."""
    demand, holds = sharing(10, "D", "E")
    for number in range(12):
        assert hold(demand, holds, f"R{number}", "rude") is (number < 8)
    assert demand.refused == 4
    for number in range(9):
        assert hold(demand, holds, f"H{number}", "honest") is (number < 4)
    assert demand.wanted == {"D", "E", *(f"R{n}" for n in range(4)), *(f"H{n}" for n in range(4))}
    assert not hold(demand, holds, "R9", "rude")
    assert demand.evicted == 4


def test_what_others_want_too_is_not_given_up() -> None:
    """Nor is anything for one that has as much."""
    demand, holds = sharing(3)
    for symbol in "ABC":
        assert hold(demand, holds, symbol, "rude")
    assert hold(demand, holds, "C", "honest")
    assert hold(demand, holds, "X", "other")
    assert demand.wanted == {"A", "C", "X"}


def test_addresses_are_listed_by_symbol() -> None:
    """Each once, whatever it holds how often, and not more of them than decide."""
    demand = Demand(["D"], limit=9, linger_s=30, time=FakeLoop(), listener=Listener())
    for address in ("a", "a", None, *(str(n) for n in range(40))):
        demand.hold("A", address)
    crowd = demand.crowd
    assert crowd.defaults == {"D"}
    assert crowd.addresses_of("A")[:4] == ("a", UNKNOWN_ADDRESS, "0", "1")
    assert len(crowd.addresses_of("A")) == ADDRESSES_PER_SYMBOL
    demand.release("A", "a")
    assert demand.crowd.addresses_of("A")[0] == "a"
    demand.release("A", "a")
    assert demand.crowd.addresses_of("A")[0] == UNKNOWN_ADDRESS
    assert demand.crowd.addresses_of("D") == (UNKNOWN_ADDRESS,)


def test_a_symbol_may_be_let_go_without_a_linger() -> None:
    """And one that lingers can be wanted for longer."""
    upstream = Upstream()
    upstream.demand.hold("A", "a")
    upstream.demand.release("A", "a", linger=False)
    assert upstream.symbols == set()
    upstream.demand.hold("B")
    upstream.demand.release("B")
    upstream.loop.advance(20)
    upstream.demand.renew("B")
    upstream.demand.renew("C")
    upstream.loop.advance(20)
    upstream.demand.sweep()
    assert "B" in upstream.demand
    upstream.loop.advance(10)
    upstream.demand.sweep()
    assert upstream.symbols == set()


@given(
    st.lists(st.tuples(st.sampled_from("+-"), st.sampled_from("ABCDEFGH"), st.sampled_from("xyz"))),
    st.integers(1, 5),
)
def test_nobody_that_is_refused_has_fewer_than_another_could_spare(
    script: list[tuple[str, str, str]], limit: int
) -> None:
    """Whatever clients come and go: the bound holds and counts are right. At the bound all have
    equally many, unless what one has more is wanted by others too.
    """
    demand, holds = sharing(limit)
    for kind, symbol, address in script:
        if kind == "+":
            if not hold(demand, holds, symbol, address):
                alone = Counter(
                    whose for s, whose in set(holds) if {a for t, a in holds if t == s} == {whose}
                )
                mine = len({s for s, whose in holds if whose == address})
                most = max(Counter(whose for _, whose in set(holds)).values())
                greatest = [
                    a for a, n in Counter(whose for _, whose in set(holds)).items() if n == most
                ]
                assert mine + 2 > most or any(not alone[a] for a in greatest)
        elif (symbol, address) in holds:
            holds.remove((symbol, address))
            demand.release(symbol, address)
        assert len(demand) <= limit
        assert demand.viewers == Counter(s for s, _ in holds)
