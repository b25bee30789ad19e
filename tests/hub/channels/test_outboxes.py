"""Each set of symbols gets its own updates, in the order of the tape."""

from hypothesis import given
from hypothesis import strategies as st

from photon_app.hub.channels.outboxes import MOST_FRAMES, Outboxes
from photon_app.hub.frames import frame
from photon_app.hub.registry import Group, Registry, Subscriber
from photon_app.hub.sink import Sink
from tests.fakes.loop import FakeLoop
from tests.fakes.outlet import FakeOutlet

tapes = st.lists(st.sampled_from("ABCDEF"), min_size=1, max_size=40)
sets = st.frozensets(st.sampled_from("ABCDEF"), min_size=1)


def grouped(registry: Registry, symbols: frozenset[str], *, alone: bool = False) -> Group:
    """The group of a new client with these symbols."""
    client = Subscriber(Sink(FakeOutlet(), FakeLoop()), 0)
    registry.regroup(client, symbols, alone=alone)
    assert client.group is not None
    return client.group


def fill(outboxes: Outboxes, registry: Registry, tape: list[str]) -> list[tuple[str, bytes]]:
    """Add the updates of a tape; returns them."""
    frames = [(symbol, frame(f"{symbol}{place}".encode())) for place, symbol in enumerate(tape)]
    for symbol, framed in frames:
        topic = registry.topics.get(symbol)
        outboxes.append(symbol, framed, {} if topic is None else topic.groups[False])
    return frames


@given(tapes, st.lists(sets, max_size=5))
def test_what_a_set_of_symbols_gets_is_the_tape_without_the_others(
    tape: list[str], wanted: list[frozenset[str]]
) -> None:
    """As a filter of the whole tape would give it; and once."""
    outboxes, registry = Outboxes(), Registry()
    groups = [grouped(registry, symbols) for symbols in dict.fromkeys(wanted)]
    frames = fill(outboxes, registry, tape)
    for group in groups:
        own = [framed for symbol, framed in frames if symbol in group.symbols]
        assert list(outboxes.taken_from(group).each) == own
        assert not group.outbox


@given(tapes, tapes, sets)
def test_who_joins_between_two_flushes_gets_what_comes_after(
    before: list[str], after: list[str], symbols: frozenset[str]
) -> None:
    """And nobody else of the same set gets less for that."""
    outboxes, registry = Outboxes(), Registry()
    shared = grouped(registry, symbols)
    fill(outboxes, registry, before)
    late = grouped(registry, symbols, alone=True)
    assert late is not shared
    frames = fill(outboxes, registry, after)
    own = [framed for symbol, framed in frames if symbol in symbols]
    assert list(outboxes.taken_from(late).each) == own
    assert len(outboxes.taken_from(shared).each) == len(own) + sum(s in symbols for s in before)
    registry.reunite(batch=False)
    assert grouped(registry, symbols) is shared


@given(tapes)
def test_everyone_who_wants_all_that_moved_shares_one_run_of_frames(tape: list[str]) -> None:
    """And with it one join."""
    outboxes, registry = Outboxes(), Registry()
    groups = [grouped(registry, frozenset(tape) | {more}) for more in "XYZ"]
    frames = fill(outboxes, registry, tape)
    one, *others = [outboxes.taken_from(group) for group in groups]
    assert all(other is one for other in others)
    assert one.joined == b"".join(f for _, f in frames)


def test_outboxes_say_when_they_are_full() -> None:
    """Before that only the clock ends a flush."""
    outboxes = Outboxes()
    for _ in range(MOST_FRAMES):
        assert not outboxes.full
        outboxes.append("A", b"x", {})
    assert outboxes.full
