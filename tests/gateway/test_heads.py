"""How long a head may be."""

import h11
import pytest

from photon_app.gateway.heads import HEAD_BYTES, HEAD_LINES, BoundedConnection, HttpRefusal


def event_of(*parts: bytes, refusal: HttpRefusal | None = None) -> tuple[object, int | None]:
    """The last event after some bytes, and the status of a refusal."""
    connection = BoundedConnection(lambda _: refusal)
    event: object = None
    for part in filter(None, parts):
        connection.receive_data(part)
        event = connection.next_event()
    return event, None if connection.refusal is None else connection.refusal.status


def head_of(size: int) -> bytes:
    """A head of so many bytes."""
    frame = b"GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n"
    return frame.replace(b"X: ", b"X: " + b"x" * (size - len(frame)))


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (head_of(HEAD_BYTES), None),
        (head_of(HEAD_BYTES + 1), 431),
        (head_of(HEAD_BYTES)[:-1] + b"xx", 431),
        (head_of(HEAD_BYTES) + b"x" * HEAD_BYTES, None),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * (HEAD_LINES - 2) + b"\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * HEAD_LINES + b"\r\n", 431),
        (b"GET / HTTP/1.1\n" + b"a: b\n" * HEAD_LINES, 431),
        (b"x" * (HEAD_BYTES + 1), 431),
        (b"\r\n\r\n", 400),
        (b"\0", 400),
    ],
)
def test_a_head_has_a_length_and_a_number_of_lines(sent: bytes, status: int | None) -> None:
    """Whole or not, and whatever comes behind it."""
    assert event_of(sent)[1] == status
    halves = sent[: len(sent) // 2], sent[len(sent) // 2 :]
    assert event_of(*halves)[1] == status


def test_a_request_that_is_refused_is_never_begun() -> None:
    refusal = HttpRefusal("rate", 429, "not now")
    assert event_of(head_of(100), refusal=refusal) == (h11.NEED_DATA, 429)
    assert isinstance(event_of(head_of(100))[0], h11.Request)
