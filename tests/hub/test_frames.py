"""Frames are those of RFC 6455, made once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.protocol import CLIENT, OPEN, Protocol

from photon_app.hub.frames import Frames, frame, payload


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
def test_a_client_reads_every_size(size: int) -> None:
    """The three forms of the header, with their edges, as the websockets library reads them."""
    client = Protocol(CLIENT, state=OPEN, max_size=None)
    client.receive_data(frame(b"x" * size))
    [received] = client.events_received()
    assert isinstance(received, Frame)
    assert (received.opcode, received.fin, bytes(received.data)) == (Opcode.TEXT, True, b"x" * size)


@given(st.lists(st.text(max_size=200)))
def test_both_renderings_say_the_same(texts: list[str]) -> None:
    """Joined frames for a wire, texts for a server that frames by itself."""
    frames = Frames.of(*(text.encode() for text in texts))
    assert frames.texts == texts
    assert frames.joined == b"".join(frame(text.encode()) for text in texts)
    assert frames.joined is frames.joined
    assert bool(frames) == bool(texts)


@given(st.binary(max_size=300))
def test_payload_undoes_frame(data: bytes) -> None:
    """Whatever the bytes."""
    assert payload(frame(data)) == data
