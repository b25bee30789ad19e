"""One rule says who may talk to the server from a browser."""

import asyncio
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app.gateway.origin import (
    Message,
    OriginGuard,
    OriginRule,
    Origins,
    Receive,
    Scope,
    Send,
)
from tests.fakes.server import serving
from tests.fakes.time import HandTime

LOCAL = OriginRule(origins=["http://localhost:3000"], loopback=True)
PUBLIC = OriginRule(origins=["https://prices.example.com"], loopback=False)
WILD = OriginRule(origins=["https://*.vercel.app", "http://*.localhost:3000"], loopback=False)
NAMED = OriginRule(
    origins=[], loopback=False, hosts=["prices.example.com", "*.example.org", "photon"]
)
NAMED_ON_LOOPBACK = OriginRule(origins=[], loopback=True, hosts=["prices.example.com"])


@pytest.mark.parametrize(
    ("rule", "origin", "host"),
    [
        (LOCAL, None, "127.0.0.1:8000"),
        (LOCAL, None, None),
        (LOCAL, "http://127.0.0.1:8000", "127.0.0.1:8000"),
        (LOCAL, "http://LOCALHOST:8000", "localhost:8000"),
        (LOCAL, "http://[::1]:8000", "[::1]:8000"),
        (LOCAL, "http://localhost:3000", "localhost:8000"),
        (PUBLIC, "https://prices.example.com", "10.0.0.5:8000"),
        (PUBLIC, "https://photon.example.com", "photon.example.com"),
        (PUBLIC, "https://photon.example.com", "photon.example.com:443"),
        (PUBLIC, "http://photon.example.com", "photon.example.com:80"),
        (WILD, "https://a.vercel.app", "photon.example.com"),
        (WILD, "https://My-App_1.Vercel.App", "photon.example.com"),
        (WILD, "http://shop.localhost:3000", "photon.example.com"),
    ],
)
def test_own_and_listed_origins_and_programs_pass(
    rule: OriginRule, origin: str | None, host: str | None
) -> None:
    """A request without an Origin is no browser's."""
    assert rule.refusal(origin, host) is None


@pytest.mark.parametrize(
    ("rule", "origin", "host"),
    [
        (LOCAL, "http://evil.example", "127.0.0.1:8000"),
        (LOCAL, "http://127.0.0.1:8001", "127.0.0.1:8000"),
        (LOCAL, "null", "127.0.0.1:8000"),
        (LOCAL, "", "127.0.0.1:8000"),
        (LOCAL, "http://evil.example:8000", "evil.example:8000"),
        (LOCAL, None, "evil.example:8000"),
        (LOCAL, None, "localhost.evil.example"),
        (LOCAL, "http://[", "127.0.0.1:8000"),
        (LOCAL, "http://127.0.0.1:99999999", "127.0.0.1:8000"),
        (PUBLIC, "https://evil.example", "photon.example.com"),
        (PUBLIC, "ftp://photon.example.com", "photon.example.com"),
        (PUBLIC, "http://prices.example.com", "10.0.0.5:8000"),
        (WILD, "https://vercel.app", "photon.example.com"),
        (WILD, "https://.vercel.app", "photon.example.com"),
        (WILD, "https://a.b.vercel.app", "photon.example.com"),
        (WILD, "https://a.vercel.app.evil.example", "photon.example.com"),
        (WILD, "https://evil.example/.vercel.app", "photon.example.com"),
        (WILD, "https://evil@a.vercel.app", "photon.example.com"),
        (WILD, "https://evil@.vercel.app", "photon.example.com"),
        (WILD, "https://*.vercel.app", "photon.example.com"),
        (WILD, "https://avercel.app", "photon.example.com"),
        (WILD, "http://a.vercel.app", "photon.example.com"),
        (WILD, "https://a.vercel.app:8443", "photon.example.com"),
        (WILD, "http://shop.localhost", "photon.example.com"),
    ],
)
def test_everyone_else_is_refused_with_a_sentence(
    rule: OriginRule, origin: str | None, host: str | None
) -> None:
    """Including a name re-pointed at this machine."""
    refusal = rule.refusal(origin, host)
    assert refusal is not None
    assert refusal.endswith(("machines", "FRONTEND_URL"))


@pytest.mark.parametrize(
    "host",
    [
        *("prices.example.com", "Prices.Example.COM:8443", "prices.example.com.", "photon:8000"),
        *("a.example.org", "b-2_x.example.org:80", "localhost:8000", "app.localhost", None),
        *("127.0.0.1:8000", "10.0.0.5", "[::1]:8000", "[2001:db8::1]", "203.0.113.9:80"),
    ],
)
def test_listed_hosts_addresses_and_this_machine_pass(host: str | None) -> None:
    """With a port and without, in any case of letters; a program of long ago names none."""
    assert NAMED.refusal(None, host) is None
    assert NAMED.refusal(None if host is None else f"http://{host}", host) is None


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "example.org", "a.b.example.org", "*.example.org", ".example.org"),
        *("prices.example.com.evil.example", "evil@prices.example.com", "prices.example.com/x"),
        *("", " ", ":8000", "localhost.evil.example", "127.0.0.1.evil.example", "[evil]", "1"),
        *("photon:80:80", "photon\n", "évil", "aphoton", "photon.evil.example"),
    ],
)
def test_every_other_host_is_refused_and_the_setting_named(host: str) -> None:
    """Also where its Origin is its own, as that of a name re-pointed at this machine is."""
    for origin in (None, f"http://{host}"):
        refusal = NAMED.refusal(origin, host)
        assert refusal is not None
        assert refusal.endswith("PHOTON_ALLOWED_HOSTS")


def test_a_listed_host_passes_on_loopback_too() -> None:
    """Where a proxy on the same machine passes on the name that was asked for."""
    assert NAMED_ON_LOOPBACK.refusal(None, "prices.example.com") is None
    assert NAMED_ON_LOOPBACK.refusal(None, "evil.example") is not None


def test_without_a_list_any_host_passes_beyond_loopback() -> None:
    """As ever."""
    assert PUBLIC.refusal(None, "evil.example") is None


labels = st.text(st.sampled_from("abzABZ019-_.*/@:?# ü"), max_size=12)


@given(labels, st.sampled_from(["vercel.app", "x.vercel.app", "evil.example", "vercel.app:443"]))
def test_a_wildcard_stands_for_one_label_only(label: str, rest: str) -> None:
    """Whatever comes before the part that is fixed."""
    listed = Origins(["https://*.vercel.app"])
    one = re.fullmatch(r"[A-Za-z0-9_-]+", label) is not None and rest == "vercel.app"
    assert (f"https://{label}.{rest}" in listed) == one


def test_one_list_of_hosts_holds_on_every_path() -> None:
    """Of HTTP and of sockets, before anything is accepted."""

    async def scenario() -> None:
        async with serving(host="0.0.0.0", allowed_hosts=("prices.example.com",)) as server:
            for path in ("/", "/health", "/api/quotes", "/photon-client.js", "/nowhere"):
                status, body = await _asked(server.port, path, "evil.example")
                assert (status, "PHOTON_ALLOWED_HOSTS" in body) == (403, True)
                status, _ = await _asked(server.port, path, "prices.example.com:8000")
                assert status == (404 if path == "/nowhere" else 200)
            upgrade = (
                "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            )
            for path in ("/ws", "/ws/", "/ws?format=array", "/finnhub?token=x"):
                status, body = await _asked(server.port, path, "evil.example", upgrade)
                assert (status, "PHOTON_ALLOWED_HOSTS" in body) == (403, True)
                status, _ = await _asked(server.port, path, f"127.0.0.1:{server.port}", upgrade)
                assert status == 101

    asyncio.run(scenario())


async def _asked(port: int, path: str, host: str, more: str = "") -> tuple[int, str]:
    """Status and the beginning of the body of one request."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    connection = "Upgrade" if more else "close"
    head = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: {connection}\r\n{more}\r\n"
    writer.write(head.encode())
    answer = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)).decode()
    status = int(answer.split()[1])
    body = "" if status == 101 else (await asyncio.wait_for(reader.read(400), 5)).decode()
    writer.transport.abort()
    return status, body


def test_what_is_refused_stands_in_the_log_once_in_ten_seconds(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """With Origin, Host and the setting to change, printable and bounded."""
    time = HandTime()
    guard = OriginGuard(_app, LOCAL, time)
    evil = "https://evil.example\x9b[2J\n" + "x" * 5000
    refused = [
        ("https://prices.example.com", "127.0.0.1:8000", 0.0),
        ("https://prices.example.com", "127.0.0.1:8000", 9.9),
        (None, "rebound.example", 9.9),
        (None, "rebound.example", 10.0),
        (evil, "127.0.0.1:8000", 20.1),
        ("null", "127.0.0.1:8000", 40.0),
    ]
    for origin, host, time.at_s in refused:
        assert asyncio.run(_status(guard, origin, host)) == 403
        assert asyncio.run(_status(guard, None, "localhost:8000")) == 200
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 4
    assert "/ws from Origin https://prices.example.com to Host 127.0.0.1:8000: " in said[0]
    assert said[0].endswith("FRONTEND_URL")
    assert "/ws from Origin (none) to Host rebound.example: " in said[1]
    assert "set HOST" in said[1] and said[1].endswith(
        "(2 more were refused since the last such line)"
    )
    assert all(line.isprintable() and len(line) < 500 for line in said)
    assert "opened from a file" in said[3]


async def _app(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})


async def _status(guard: OriginGuard, origin: str | None, host: str) -> int:
    """What one request is answered."""
    given = {b"host": host, **({} if origin is None else {b"origin": origin})}
    headers = [(name, value.encode("latin-1")) for name, value in given.items()]
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {}

    await guard({"type": "http", "path": "/ws", "headers": headers}, receive, send)
    status = sent[0]["status"]
    assert isinstance(status, int)
    return status
