"""What a broken client gets, over real sockets: a close code, a status or a reset, as documented.

Every law ends with the same sentence, said by ``undisturbed`` and ``quiet``: a healthy client still
gets its next update, the broken one's place is free, and nothing is in the log.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterable
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import connect

from photon_app import runtime
from photon_app.feed.awake import Awake
from photon_app.gateway.wire import PhotonWebSocketProtocol
from tests.fakes import raw
from tests.fakes.bystander import Life, settled, undisturbed
from tests.fakes.raw import RawClient, fragments, frame, head, say, text
from tests.fakes.server import HTTP, PLAIN, WIRE, HandFeed, Serving, serving
from tests.fakes.waiting import wait_until

Lives = Callable[[str], Life]
pytestmark = pytest.mark.usefixtures("quiet")
both = pytest.mark.parametrize("ws", [WIRE, PLAIN], ids=["wire", "plain"])
KIB = 1024
PONG_16_KIB = json.dumps({"action": "ping"}).encode().ljust(16 * KIB)
DEEP = "[" * 100_000


class Case(NamedTuple):
    """What is sent after a handshake, and what comes of it."""

    name: str
    sent: bytes
    code: int | None = None
    """Of the close; without one the connection goes on."""
    errors: tuple[str, ...] = ()
    """The codes of the ``error`` messages."""
    plain: bool = True
    """Whether uvicorn's own protocol does the same."""


CLOSED = (
    Case("reserved opcode", frame(3), 1002),
    Case("reserved control opcode", frame(11), 1002),
    Case("unmasked", frame(raw.TEXT, b"hi", mask=b""), 1002),
    Case("first reserved bit", frame(raw.TEXT, b"hi", rsv=4), 1002),
    Case("last reserved bit", frame(raw.PING, rsv=1), 1002),
    Case("fragmented control frame", frame(raw.PING, fin=False), 1002),
    Case("long control frame", frame(raw.PING, b"x" * 126), 1002),
    Case("continuation of nothing", frame(raw.CONTINUATION, b"hi"), 1002),
    Case("message within a message", text("a", fin=False) + text("b"), 1002),
    Case("close of one byte", frame(raw.CLOSE, b"\x03"), 1002),
    Case("close with a code below all", frame(raw.CLOSE, (999).to_bytes(2, "big")), 1002),
    Case("close with a code never sent", frame(raw.CLOSE, (1006).to_bytes(2, "big")), 1002),
    Case("close within a message", text("a", fin=False) + frame(raw.CLOSE, b"\x03\xe8"), 1002),
    Case("close with a reason not UTF-8", frame(raw.CLOSE, b"\x03\xe8\xff"), 1007),
    Case("binary", frame(raw.BINARY, b"\0"), 1003),
    Case("binary, empty", frame(raw.BINARY), 1003),
    Case("not UTF-8", text(b"\xff\xfe"), 1007, plain=False),
    Case("not UTF-8, a surrogate", text(b"\xed\xa0\x80"), 1007, plain=False),
    Case("not UTF-8, half a character", text(b"\xe2\x82"), 1007, plain=False),
    Case("not UTF-8, in fragments", fragments(b"\xe2\x82", 1), 1007, plain=False),
    Case("16 KiB and a byte", text(PONG_16_KIB + b" "), 1009),
    Case("16 KiB and a byte in fragments", fragments(PONG_16_KIB + b" ", KIB), 1009),
    Case("17 MiB", text(b" " * (17 * KIB * KIB)), 1009, plain=False),
    Case("2**63 bytes announced", b"\x81\xff\x80" + b"\0" * 7 + raw.MASK, 1009),
    Case("2**63 - 1 bytes announced", b"\x81\xff\x7f" + b"\xff" * 7 + raw.MASK, 1009),
    Case("depth 100,000", text('{"action":"ping","x":' + DEEP), 1009),
    Case("five bad messages", text("?") * 5, 1008, ("bad_json",) * 5),
    Case("frames without end", text("") * 2000, 1008, ("bad_json",) * 5),
    Case("too many messages", say(action="ping") * 200, 4029, ("rate_limited",)),
)
OPEN = (
    Case("empty message", text(""), errors=("bad_json",)),
    Case("NaN", text('{"action":"ping","id":NaN}'), errors=("bad_json",)),
    Case("NaN in an unknown field", text('{"action":"ping","x":NaN}'), errors=("bad_json",)),
    Case("lone surrogate", text(r'{"action":"ping","id":"\ud800"}'), errors=("bad_json",)),
    Case("1e999", text('{"action":"ping","id":1e999}'), errors=("bad_json",)),
    Case("1e999 in an unknown field", text('{"action":"ping","x":1e999}')),
    Case("5,000 digits", text('{"action":"ping","id":' + "9" * 5000 + "}"), errors=("bad_json",)),
    Case("5,000 digits in an unknown field", text('{"action":"ping","x":' + "9" * 5000 + "}")),
    Case("20 digits", text('{"action":"ping","id":' + "9" * 20 + "}"), errors=("bad_message",)),
    Case("depth 16,000", text("[" * 16_000), errors=("bad_json",)),
    Case("depth 16,000 in a field", text('{"action":' + "[" * 16_000), errors=("bad_json",)),
    Case("duplicate keys", text('{"action":"ping","id":1,"id":2}')),
    Case("two actions", text('{"action":"ping","action":"list"}'), errors=("bad_message",)),
    Case("no action", text("{}"), errors=("bad_message",)),
    Case("unknown action", say(action="buy"), errors=("unknown_action",)),
    Case("missing field", say(action="subscribe"), errors=("bad_message",)),
    Case("mistyped field", say(action="subscribe", symbols="A"), errors=("bad_message",)),
    Case("unknown fields", say(action="ping", new={"deep": [1, None]})),
    Case("16 KiB", text(PONG_16_KIB)),
    Case("16 KiB in fragments", fragments(PONG_16_KIB, KIB)),
    Case("fragments of one byte", fragments(b'{"action":"ping"}', 1)),
    Case(
        "empty fragments",
        text("", fin=False) + frame(0, fin=False) + frame(0, b"{}"),
        errors=("bad_message",),
    ),
    Case(
        "a ping within a message",
        text('{"action":', fin=False) + frame(raw.PING, b"!") + frame(0, b'"ping"}'),
    ),
)


def with_both(cases: Iterable[Case]) -> pytest.MarkDecorator:
    """Each case over Photon's protocol and, where the outcome is the same, over uvicorn's."""
    return pytest.mark.parametrize(
        ("ws", "case"),
        [
            pytest.param(ws, case, id=f"{name}, {case.name}")
            for name, ws in (("wire", WIRE), ("plain", PLAIN))
            for case in cases
            if case.plain or ws == WIRE
        ],
    )


@with_both(CLOSED)
def test_what_breaks_the_rules_ends_with_its_close_code(life: Lives, ws: str, case: Case) -> None:
    """And with a reason, never a reset: the client can be mended."""

    async def trial(server: Serving) -> None:
        async with RawClient.upgraded(server.port) as client:
            sending = asyncio.create_task(client.send(case.sent))
            seen = await client.read()
            assert (seen.code, tuple(seen.errors())) == (case.code, case.errors)
            assert (await sending, seen.reset) == (True, False)

    life(ws).trial(trial)


@pytest.mark.parametrize("case", CLOSED, ids=lambda case: case.name)
def test_a_goodbye_in_the_same_breath_changes_nothing_for_the_server(
    life: Lives, case: Case
) -> None:
    """The client's own close frame is parsed with what breaks the rules before it."""

    async def trial(server: Serving) -> None:
        async with RawClient.upgraded(server.port) as client:
            sending = asyncio.create_task(client.send(case.sent + frame(raw.CLOSE, b"\x03\xe8")))
            seen = await client.read(polite=False)
            assert (await sending, seen.reset) == (True, False)
            assert seen.code in {case.code, 1000}

    life(WIRE).trial(trial)


@with_both(OPEN)
def test_what_one_may_send_or_send_once_leaves_the_connection_open(
    life: Lives, ws: str, case: Case
) -> None:
    """With an ``error`` or without; the next request is answered."""

    async def trial(server: Serving) -> None:
        async with RawClient.upgraded(server.port) as client:
            await client.send(case.sent + say(action="list"))
            messages = await client.read_until("subscription")
            kinds = ["error"] * len(case.errors) or ["pong"]
            assert [m["type"] for m in messages] == ["connection", "status", *kinds, "subscription"]
            assert tuple(m["code"] for m in messages if m["type"] == "error") == case.errors

    life(ws).trial(trial)


@both
def test_the_last_of_two_keys_counts(life: Lives, ws: str) -> None:
    """As in every browser."""

    async def trial(server: Serving) -> None:
        async with RawClient.upgraded(server.port) as client:
            await client.send(text('{"action":"ping","id":1,"id":2}'))
            assert (await client.read_until("pong"))[-1]["id"] == 2

    life(ws).trial(trial)


def test_floods_of_frames_that_carry_nothing_are_cut_off(life: Lives) -> None:
    """Pings, pongs, empty fragments and a message of 16 KiB byte by byte, all at once: they never
    reach the application and its limits, so they have one of their own.
    """
    floods = (
        frame(raw.PING) * 2000,
        frame(raw.PONG) * 2000,
        text("x", fin=False) + frame(raw.CONTINUATION, fin=False) * 2000,
        fragments(PONG_16_KIB, 1),
    )

    async def flood(server: Serving, sent: bytes) -> raw.Seen:
        async with RawClient.upgraded(server.port) as client:
            sending = asyncio.create_task(client.send(sent))
            seen = await client.read()
            await sending
            return seen

    async def trial(server: Serving) -> None:
        for seen in await asyncio.gather(*(flood(server, sent) for sent in floods)):
            assert (seen.code, seen.errors()) == (4029, [])
            assert seen.reason == "too many control frames or fragments"

    life(WIRE).trial(trial)


@pytest.mark.parametrize(
    "sent",
    [b"", b"\x81", b"\x81\xfe\x00", text("hello")[:-1], text("a", fin=False)],
    ids=["nothing", "one byte", "half a head", "half a frame", "half a message"],
)
@both
def test_a_client_that_goes_in_the_middle_leaves_nothing_behind(
    life: Lives, ws: str, sent: bytes
) -> None:
    """Hanging up, or torn down."""

    async def trial(server: Serving) -> None:
        async with RawClient.upgraded(server.port) as torn:
            await torn.send(sent)
            torn.reset()
        async with RawClient.upgraded(server.port) as client:
            await client.send(sent)
            client.half_close()
            assert (await client.read()).code is None

    life(ws).trial(trial)


@both
def test_pings_reap_the_dead_and_spare_the_silent(ws: str) -> None:
    """Half a frame and silence, or nothing at all: without a pong within the time, the place is
    free. A client that only answers pings may take as long as it likes to say its first word.
    """

    async def dead(server: Serving, sent: bytes) -> raw.Seen:
        async with RawClient.upgraded(server.port) as client:
            await client.send(sent)
            return await client.read()

    async def scenario() -> None:
        async with undisturbed(ws, ping_s=0.2) as server, connect(server.ws) as silent:
            dying = asyncio.gather(dead(server, b""), dead(server, say(action="list")[:-3]))
            await settled(server, 4)
            for seen in await dying:
                assert (seen.code, seen.reason) == (1011, "keepalive ping timeout")
            await settled(server, 2)
            await asyncio.wait_for(silent.ping(), 5)
            await silent.send('{"action":"list"}')
            while json.loads(await asyncio.wait_for(silent.recv(), 5))["type"] != "subscription":
                pass

    asyncio.run(scenario())


def test_a_stall_of_the_server_reaps_nobody_and_charges_no_frames(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A ping that was not answered meanwhile is asked again, once; what lay unread is as if it had
    come in time.
    """
    awake = Awake()
    monkeypatch.setattr(runtime, "Awake", lambda: awake)
    pings: list[float] = []

    class Counting(PhotonWebSocketProtocol):
        def send_keepalive_ping(self) -> None:
            super().send_keepalive_ping()
            pings.append(self.loop.time())
            if len(pings) == 1:
                awake.slept_s += 30

    async def scenario() -> None:
        async with serving(ws=Counting, http=HTTP, ping_s=0.2) as server:
            async with RawClient.upgraded(server.port) as client:
                seen = await client.read()
            assert (seen.code, len(pings)) == (1011, 2)
            async with RawClient.upgraded(server.port) as busy:
                await busy.read_until("status")
                awake.slept_s += 30
                await busy.send(frame(raw.PING) * 2000 + say(action="ping"))
                await busy.read_until("pong")

    asyncio.run(scenario())


def test_a_peer_that_reads_nothing_cannot_keep_a_connection_that_is_over() -> None:
    """Whether it answers no ping or has said goodbye: what is queued for it is dropped after the
    time for goodbyes, and the socket is free.
    """

    async def scenario() -> None:
        feed = HandFeed()
        async with (
            serving(feed, ping_s=0.3, slow_s=1000) as server,
            RawClient.upgraded(server.port, receive_buffer=4096) as dead,
            RawClient.upgraded(server.port, receive_buffer=4096) as leaving,
        ):
            for client in (dead, leaving):
                await client.send(say(action="subscribe", symbols=["AAPL"]))
            await wait_until(lambda: server.live.hub.subscribed and server.live.hub.clients == 2)
            for _ in range(100):
                feed.trades([("AAPL", 100 + n / 100, 1) for n in range(100)])
                await asyncio.sleep(0)
            await leaving.send(frame(raw.CLOSE, b"\x03\xe8"))
            await wait_until(lambda: not server.server.server_state.connections, 8)
            await settled(server, 0)

    asyncio.run(scenario())


@contextlib.asynccontextmanager
async def unread(frames: int) -> AsyncIterator[tuple[Serving, RawClient]]:
    """A client that has subscribed and reads nothing, and so many frames of trades to read."""
    feed = HandFeed()
    async with (
        serving(feed, slow_s=1000) as server,
        RawClient.upgraded(server.port, receive_buffer=4096) as client,
    ):
        await client.send(say(action="subscribe", symbols=["AAPL"]))
        await wait_until(lambda: server.live.hub.subscribed)
        for _ in range(frames):
            feed.trades([("AAPL", 100 + n / 100, 1) for n in range(100)])
            await asyncio.sleep(0)
        async with asyncio.timeout(5):
            yield server, client


@pytest.mark.parametrize("words", [frame(raw.CLOSE, b"\x03\xe8"), text(b"\xff"), frame(3)])
def test_the_server_stops_whatever_its_clients_are_about(words: bytes) -> None:
    """Saying goodbye without reading, or being sent why they have to go."""

    async def scenario() -> None:
        async with unread(frames=100) as (server, client):
            await client.send(words)
            await settled(server, 0)
            server.server.should_exit = True
            await wait_until(lambda: not server.server.server_state.connections)

    asyncio.run(scenario())


@pytest.mark.parametrize("frames", [1, 100], ids=["little to read", "too much to read"])
def test_a_client_that_reads_nothing_and_will_say_no_more_is_gone(frames: int) -> None:
    """Asyncio would wait for it to read; and with it a replay at full speed."""

    async def scenario() -> None:
        async with unread(frames) as (server, client):
            client.half_close()
            await settled(server, 0)
            await server.live.clients.drained()
            left = server.server.server_state.connections
            await wait_until(lambda: not any(hasattr(one, "start_close") for one in left))

    asyncio.run(scenario())


opcodes = st.sampled_from([*range(16), *[raw.TEXT] * 6])
payloads = st.binary(max_size=200) | st.sampled_from(
    [b'{"action":"ping"}', b'{"action":"subscribe","symbols":["AAPL"]}', b"{}", b"\x03\xe8"]
)
any_frame = st.builds(
    frame,
    opcodes,
    payloads,
    fin=st.booleans(),
    rsv=st.sampled_from([0, 0, 0, 0, 1, 4]),
    mask=st.sampled_from([raw.MASK, raw.MASK, raw.MASK, b""]),
)
good_frame = st.builds(
    frame, st.sampled_from([raw.TEXT, raw.TEXT, raw.PING, raw.BINARY, raw.CLOSE]), payloads
)
streams = st.lists(any_frame | st.binary(max_size=60), max_size=12).map(b"".join) | st.lists(
    good_frame, max_size=12
).map(b"".join)


def test_no_stream_of_bytes_whatever_disturbs_the_server(life: Lives) -> None:
    """One server lives through them all."""

    @settings(max_examples=100)
    @given(stream=streams, early=st.booleans())
    def one(stream: bytes, *, early: bool) -> None:
        async def trial(server: Serving) -> None:
            async with RawClient.connect(server.port) as client:
                await client.send(head() + (stream if early else b""))
                assert early or await client.status() == 101
                await client.send(b"" if early else stream)
                client.half_close()
                assert (await client.read(polite=False)).status in {101, None}

        life(WIRE).trial(trial)

    one()
