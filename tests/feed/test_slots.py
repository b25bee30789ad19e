"""Which symbols have one of Finnhub's few slots."""

from hypothesis import given
from hypothesis import strategies as st

from photon_app.feed.finnhub_wire import Subscribe, Unsubscribe
from photon_app.feed.slots import Command, Slots

wishes = st.lists(st.frozensets(st.sampled_from("ABCDEFGH")), max_size=6)


def drain(slots: Slots) -> list[Command]:
    """All that the line must be told now."""
    told = []
    while (command := slots.take()) is not None:
        told.append(command)
    return told


def test_slots_are_given_by_name() -> None:
    """When there are more wishes than slots."""
    slots = Slots(2)
    slots.want(frozenset("DCBA"))
    assert slots.held == {"A", "B"}


def test_who_holds_a_slot_keeps_it() -> None:
    """A new wish that stands earlier in the alphabet waits."""
    slots = Slots(2)
    slots.want(frozenset("CD"))
    slots.want(frozenset("ABCD"))
    assert slots.held == {"C", "D"}


def test_a_freed_slot_goes_to_who_waits() -> None:
    """And the line lets the old symbol go before it asks for the new one."""
    slots = Slots(2)
    slots.want(frozenset("ABC"))
    drain(slots)
    slots.want(frozenset("BC"))
    assert drain(slots) == [Unsubscribe(symbol="A"), Subscribe(symbol="C")]


def test_a_new_line_is_told_everything() -> None:
    """Subscriptions do not outlive a connection."""
    slots = Slots(5)
    slots.want(frozenset("AB"))
    drain(slots)
    slots.line_opened()
    assert drain(slots) == [Subscribe(symbol="A"), Subscribe(symbol="B")]


def test_what_the_line_knows_is_not_repeated() -> None:
    """The whole set is wanted again and again; only changes are sent."""
    slots = Slots(5)
    slots.want(frozenset("AB"))
    drain(slots)
    slots.want(frozenset("AB"))
    assert drain(slots) == []


@given(wishes, st.integers(1, 5), st.data())
def test_the_line_never_holds_more_than_the_limit(
    history: list[frozenset[str]], limit: int, data: st.DataObject
) -> None:
    """Upstream's own count stays within the plan at every moment and ends at the held set."""
    slots = Slots(limit)
    upstream: set[str] = set()
    for wish in history:
        slots.want(wish)
        assert slots.held <= wish
        assert len(slots.held) == min(limit, len(wish))
        for _ in range(data.draw(st.integers(0, 3))):
            follow(upstream, slots.take())
            assert len(upstream) <= limit
    for command in drain(slots):
        follow(upstream, command)
        assert len(upstream) <= limit
    assert upstream == slots.held


def follow(upstream: set[str], command: Command | None) -> None:
    """What Finnhub does with a command."""
    if isinstance(command, Subscribe):
        upstream.add(command.symbol)
    elif command is not None:
        upstream.discard(command.symbol)
