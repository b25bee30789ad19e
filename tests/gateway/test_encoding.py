"""Which answers of the API are compressed; over a real port, but for the rules."""

import asyncio
import gzip
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse

from photon_app.gateway import encoding
from photon_app.gateway.encoding import LEAST, ON_LOOP, Compressor, accepts_gzip, gzipped
from photon_app.model import Trade
from tests.fakes.server import CLIENT_JS, HandFeed, serving

IDENTITY = {"Accept-Encoding": "identity"}
GZIP = {"Accept-Encoding": "gzip"}
BARS = "/api/bars?symbol=AAPL&limit=1000&timeframe=1s"


def with_server(check: Callable[[httpx.AsyncClient], Awaitable[None]]) -> None:
    """A server with a thousand bars."""

    async def scenario() -> None:
        feed = HandFeed()
        async with (
            serving(feed) as server,
            httpx.AsyncClient(base_url=server.http) as client,
        ):
            assert feed.market is not None
            begin = feed.clock.now_ms() - 1_000_000
            feed.market.trades([Trade("AAPL", 10 + n, 1, begin + 1_000 * n) for n in range(999)])
            await check(client)

    asyncio.run(scenario())


async def raw(client: httpx.AsyncClient, path: str, **headers: str) -> tuple[httpx.Response, bytes]:
    """An answer and its bytes as they came."""
    async with client.stream("GET", path, headers=headers or GZIP) as answer:
        return answer, b"".join([part async for part in answer.aiter_raw()])


def answer_of(made: Response, accepts: str = "gzip", compressor: Compressor | None = None) -> Any:
    """The messages of an answer behind a compressor."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        await asyncio.Event().wait()  # the client stays

    async def scenario() -> None:
        headers = [(b"accept-encoding", accepts.encode())]
        scope: Any = {"type": "http", "method": "GET", "path": "/", "headers": headers}
        compressing = (compressor or Compressor()).compressing(scope, send)
        await made(scope, receive, compressing)

    asyncio.run(scenario())
    head, *bodies = sent
    return head["status"], Headers(scope=head), b"".join(one.get("body", b"") for one in bodies)


@pytest.mark.parametrize(
    "path",
    [
        BARS,
        BARS + "&format=csv",
        "/api/trades?symbol=AAPL",
        "/api/trades?symbol=AAPL&format=csv",
        "/health",
        "/openapi.json",
        "/photon-client.js",
    ],
)
def test_long_answers_are_compressed_for_clients_that_accept_it(path: str) -> None:
    """And are the same as without; both say what they depend on."""

    async def check(client: httpx.AsyncClient) -> None:
        plain, there = await raw(client, path, **IDENTITY)
        packed, sent = await raw(client, path)
        assert "content-encoding" not in plain.headers
        assert packed.headers["content-encoding"] == "gzip"
        assert int(packed.headers["content-length"]) == len(sent) < len(there)
        if path != "/health":  # holds ages
            assert gzip.decompress(sent) == there
        for answer in (plain, packed):
            assert answer.status_code == 200
            assert "Accept-Encoding" in answer.headers["vary"]
            assert answer.headers["content-type"] == plain.headers["content-type"]

    with_server(check)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/quotes?symbols=AAPL", 200),
        ("/api/bars?symbol=" + "A" * 2_000, 422),
        ("/api/nope", 404),
        ("/", 200),
    ],
)
def test_short_answers_and_refusals_stay_as_they_are(path: str, status: int) -> None:
    """They fit into a packet."""

    async def check(client: httpx.AsyncClient) -> None:
        answer, _ = await raw(client, path)
        assert answer.status_code == status
        assert "content-encoding" not in answer.headers

    with_server(check)


def test_head_tells_what_get_would() -> None:
    """The length of the compressed answer, without it."""

    async def check(client: httpx.AsyncClient) -> None:
        got, sent = await raw(client, BARS)
        head = await client.head(BARS, headers=GZIP)
        assert head.content == b""
        for name in ("content-length", "content-encoding", "vary", "content-type"):
            assert head.headers[name] == got.headers[name]
        assert int(head.headers["content-length"]) == len(sent)

    with_server(check)


def test_the_browser_client_is_revalidated_in_either_form() -> None:
    """With a weak ETag when compressed, since the bytes are others; a part of it is as it is."""

    async def check(client: httpx.AsyncClient) -> None:
        plain, _ = await raw(client, "/photon-client.js", **IDENTITY)
        packed, _ = await raw(client, "/photon-client.js")
        assert packed.headers["etag"] == f"W/{plain.headers['etag']}"
        for etag in (plain.headers["etag"], packed.headers["etag"]):
            again = await client.get("/photon-client.js", headers={"If-None-Match": etag} | GZIP)
            assert (again.status_code, again.content) == (304, b"")
            assert "Accept-Encoding" in again.headers["vary"]
            assert "content-encoding" not in again.headers
        part, sent = await raw(client, "/photon-client.js", Range="bytes=2-2001", **GZIP)
        assert (part.status_code, sent) == (206, CLIENT_JS.read_bytes()[2:2002])
        assert "content-encoding" not in part.headers
        assert "accept-ranges" not in packed.headers

    with_server(check)


@pytest.mark.parametrize(
    "made",
    [
        PlainTextResponse("a" * (LEAST - 1)),
        PlainTextResponse("a" * 9_000, 404),
        PlainTextResponse("a" * 9_000, headers={"Content-Encoding": "gzip"}),
        PlainTextResponse("a" * 9_000, headers={"Set-Cookie": "token=secret"}),
        PlainTextResponse("a" * 9_000, headers={"Cache-Control": "no-transform"}),
        Response(b"a" * 9_000, media_type="image/png"),
        StreamingResponse(iter(["a" * 9_000] * 3), media_type="text/plain"),
        Response(status_code=204),
    ],
)
def test_what_must_not_be_compressed_is_not(made: Response) -> None:
    """Short, failed, encoded, secret, forbidden, packed already, streamed or empty."""
    before = list(made.raw_headers)
    _, headers, body = answer_of(made)
    assert headers.getlist("content-encoding") in ([], ["gzip"])
    assert [one for one in headers.raw if one[0] != b"vary"] == [
        one for one in before if one[0] != b"vary"
    ]
    assert set(body) <= {ord("a")}


def test_a_file_is_compressed_and_stays_a_file() -> None:
    """As long as it is sent in one piece."""
    status, headers, body = answer_of(FileResponse(CLIENT_JS, media_type="text/javascript"))
    assert (status, headers["content-encoding"]) == (200, "gzip")
    assert gzip.decompress(body) == CLIENT_JS.read_bytes()


@given(st.binary(max_size=5_000), st.integers(1, 20))
def test_nothing_gets_longer(part: bytes, times: int) -> None:
    """Random bytes stay as they are, and whatever comes out is what went in."""
    made = Response(part * times, media_type="text/plain")
    _, headers, body = answer_of(made)
    packed = headers.get("content-encoding") == "gzip"
    assert (gzip.decompress(body) if packed else body) == part * times
    assert len(body) == int(headers["content-length"]) <= len(part) * times


@pytest.mark.parametrize(
    ("accepted", "wanted"),
    [
        (None, False),
        ("", False),
        ("gzip", True),
        ("GZIP", True),
        ("x-gzip", True),
        ("deflate, gzip;q=1.0, *;q=0.5", True),
        ("gzip ; q=0.001", True),
        ("*", True),
        ("br, *;q=0", False),
        ("gzip;q=0", False),
        ("gzip;q=0, *", False),
        ("gzip;q=none", False),
        ("gzip;q=nan", False),
        ("identity", False),
        ("identity, gzip;q=0.5", False),
        ("identity;q=0.5, gzip;q=0.5", True),
        ("br;q=1.0, deflate", False),
        ("gzip, identity;q=0", True),
        ("*, identity;q=0", True),
        ("identity;q=0", False),
        ("*;q=0", False),
    ],
)
def test_a_client_is_sent_what_it_accepts(accepted: str | None, wanted: bool) -> None:
    """As RFC 9110 has it."""
    headers = {} if accepted is None else {"Accept-Encoding": accepted}
    assert accepts_gzip(Headers(headers)) is wanted


@given(st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=60))
def test_any_header_is_read(text: str) -> None:
    """Or taken for none."""
    assert accepts_gzip(Headers({"Accept-Encoding": text})) in {True, False}


def test_long_answers_are_compressed_beside_the_event_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In a thread, one at a time; short ones at once."""
    threads: list[threading.Thread] = []

    def watched(body: bytes) -> bytes:
        threads.append(threading.current_thread())
        return gzipped(body)

    monkeypatch.setattr(encoding, "gzipped", watched)
    answer_of(PlainTextResponse("a" * ON_LOOP))
    answer_of(PlainTextResponse("a" * (ON_LOOP + 1)))
    assert threads[0] is threading.main_thread() is not threads[1]


def test_what_is_too_much_leaves_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than wait; what waits is bounded, and afterwards all is as before."""
    monkeypatch.setattr(encoding, "MOST_WAITING", 100_000)

    async def scenario() -> None:
        compressor, body = Compressor(), b"a" * 40_000
        found = await asyncio.gather(*(compressor.compressed(body) for _ in range(5)))
        assert [one is None for one in found] == [False, False, True, True, True]
        assert await compressor.compressed(body) == gzipped(body)

    asyncio.run(scenario())
