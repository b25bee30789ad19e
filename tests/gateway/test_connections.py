"""Who stays and who goes when there are too many connections, or too much is unread."""

import dataclasses

import pytest

from photon_app.gateway import connections
from photon_app.gateway.connections import Connections


@dataclasses.dataclass(eq=False)
class One:
    """A connection that only remembers whether it was cut."""

    address: str | None
    was_cut: bool = False

    def cut(self) -> None:
        self.was_cut = True


def arrived(door: Connections, *addresses: str, open_sockets: int = 0) -> list[One]:
    """Connections that were all let in, one after the other."""
    newcomers = [One(address) for address in addresses]
    for one in newcomers:
        assert door.arrived(one, open_sockets)
    return newcomers


def cut(some: list[One]) -> list[int]:
    """Which of them were cut off."""
    return [number for number, one in enumerate(some) if one.was_cut]


def test_the_oldest_without_a_request_goes_of_the_address_that_has_most() -> None:
    door = Connections(10)
    some = arrived(door, "b", "a", "a", "a")
    arrived(door, "c", open_sockets=11)
    assert cut(some) == [1]
    assert door.ended["crowded"] == 1


def test_who_rests_between_two_requests_goes_next_and_then_who_does_not_read() -> None:
    door = Connections(10)
    some = arrived(door, "a", "a", "a")
    for one in some:
        door.requested(one)
    door.idle(some[1])
    door.blocked(some[2])
    for expected in ([1], [1, 2]):
        door.requested(arrived(door, "c", open_sockets=11)[0])
        assert cut(some) == expected


def test_a_newcomer_is_refused_where_all_others_are_at_work() -> None:
    door = Connections(10)
    for one in arrived(door, "a", "b"):
        door.requested(one)
    assert not door.arrived(One("c"), 11)
    assert door.ended["full"] == 1


def test_an_address_has_half_of_the_places_and_makes_room_itself() -> None:
    """The others' idle ones stay."""
    door = Connections(10)
    other = arrived(door, "b")
    door.requested(other[0])
    door.idle(other[0])
    some = arrived(door, *"aaaaaa")
    assert (cut(other), cut(some)) == ([], [0])
    for one in some[1:]:
        door.requested(one)
    assert not door.arrived(One("a"), 7)
    assert door.arrived(One("b"), 7)


def test_the_silent_have_a_bound_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many files there are."""
    monkeypatch.setattr(connections, "MOST_SILENT", 3)
    door = Connections(1_000_000)
    some = arrived(door, "a", "a", "a", "b")
    assert cut(some) == [0]


def test_who_has_taken_nothing_for_longest_goes_when_too_much_is_unread() -> None:
    """Of the address that has too much, and of none else."""
    door = Connections(100)
    most = connections.MOST_UNREAD_OF_ADDRESS
    some = arrived(door, "b", "a", "a", "a")
    for one in some:
        door.blocked(one)
        door.set_unread(one, most // 3)
    door.unblocked(some[1])
    door.blocked(some[1])
    door.set_unread(some[3], most // 3 + 2)
    assert cut(some) == [2]
    assert door.ended["unread"] == 1
    assert door.unread_bytes == 3 * (most // 3) + 2


def test_many_addresses_have_a_bound_for_what_is_unread() -> None:
    door = Connections(100)
    some = arrived(door, *"abcdefgh")
    for one in some:
        door.blocked(one)
        door.set_unread(one, connections.MOST_UNREAD_BYTES // 7)
    assert len(cut(some)) == 1


def test_who_reads_is_never_cut_off_for_what_it_has_not_read_yet() -> None:
    door = Connections(10)
    some = arrived(door, "a")
    door.set_unread(some[0], connections.MOST_UNREAD_BYTES * 2)
    assert cut(some) == []


def test_nothing_is_remembered_of_those_who_left() -> None:
    door = Connections(100)
    some = arrived(door, "a", "b", "b")
    door.set_unread(some[0], 10)
    door.blocked(some[0])
    door.requested(some[1])
    door.idle(some[1])
    for one in (*some, *some):
        door.left(one)
    assert (door.speaking, door.unread_bytes) == (0, 0)
    for late in (door.idle, door.blocked):
        late(some[0])
    door.set_unread(some[0], 10)
    assert vars(door) == vars(Connections(100)) | {
        name: lines for name, lines in vars(door).items() if not isinstance(lines, int | dict)
    }
    assert not any(len(queue) for queue in (door._silent, door._idle, door._blocked))
