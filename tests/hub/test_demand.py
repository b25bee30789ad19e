"""Demand counts who wants a symbol, and lets go after a linger."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from photon_app.hub.demand import Demand
from tests.fakes.loop import FakeLoop


class Upstream:
    """What the feed would have been told."""

    def __init__(self, *defaults: str, limit: int = 10) -> None:
        self.loop = FakeLoop()
        self.symbols: set[str] = set()
        self.demand = Demand(
            defaults,
            limit=limit,
            linger_s=30,
            now_s=self.loop.time,
            on_add=self.symbols.add,
            on_drop=self.symbols.remove,
        )


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
    """Upstream is told exactly the wanted set, whatever comes and goes."""
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
    """And each first and last one is told of."""
    told: list[str] = []
    demand = Demand(["A"], limit=9, linger_s=30, now_s=FakeLoop().time, on_view=told.append)
    assert demand.viewers == {}
    for symbol in ("A", "A", "B"):
        assert demand.hold(symbol)
    assert (demand.viewers, told) == ({"A": 2, "B": 1}, ["A"])
    for symbol in ("A", "A", "B"):
        demand.release(symbol)
    assert (demand.viewers, told) == ({}, ["A", "A", "B"])
    demand.hold("B")
    assert (demand.viewers, told) == ({"B": 1}, ["A", "A", "B", "B"])
