"""The paths that are answered with the page."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reflex.utils.precompressed_staticfiles import PrecompressedStaticFiles

from photon_app.gateway.admission import Admission
from photon_app.gateway.http import NegotiatedRoot, create_api
from photon_app.gateway.page_paths import file_of
from photon_app.settings import Settings
from tests.fakes.server import CLIENT_JS, serving
from tests.fakes.time import HandTime
from tests.names import SYMBOL

HTML = {"Accept": "text/html"}


def with_page(
    folder: Path, check: Callable[[httpx.AsyncClient], Awaitable[None]], **files: str
) -> None:
    """Photon's layers around a folder that is served as Reflex serves the built page."""

    async def scenario() -> None:
        for name, text in {"index": "the page", "404": "nothing here", **files}.items():
            path = folder / f"{name.replace('__', '/')}.html"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        page = PrecompressedStaticFiles(directory=folder, html=True, encodings=["gzip"])
        admission = Admission.of(Settings(), HandTime())
        app = NegotiatedRoot(create_api(CLIENT_JS, admission, page), None)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://photon") as client:
            await check(client)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "path",
    [
        *("/s/NVDA", "/s/nvda/", "/s/BRK.B", "/s/BINANCE:BTCUSDT", "/s/%5EDJI", "/s/GC=F"),
        *("/s/KRAKEN:XBT%2FEUR", "/s/KRAKEN:XBT/EUR", "/s/IC%20MARKETS:1", "/s/%24SPX"),
        "/s/NVDA?tf=5m&list=main",
    ],
)
def test_the_page_is_there(tmp_path: Path, path: str) -> None:
    """The same file as at ``/``, asked for again each time, for people and for programs."""

    async def check(client: httpx.AsyncClient) -> None:
        root = await client.get("/", headers=HTML)
        for headers in (HTML, {"Accept": "*/*"}):
            answer = await client.get(path, headers=headers)
            assert (answer.status_code, answer.text) == (200, "the page")
            assert answer.headers["content-type"].startswith("text/html")
            assert answer.headers["cache-control"] == "no-cache"
            assert answer.headers["etag"] == root.headers["etag"]
            head = await client.head(path, headers=headers)
            assert (head.status_code, head.content) == (200, b"")
            assert head.headers["content-length"] == answer.headers["content-length"]
            again = await client.get(path, headers={"If-None-Match": answer.headers["etag"]})
            assert again.status_code == 304

    with_page(tmp_path, check)


@pytest.mark.parametrize(
    "path",
    [
        *("/s", "/s/", "/S/NVDA", "/s/%20", "/s/<b>", "/s/NVDA%20", "/s/%C3%A9", "/s/%FF"),
        *("/s/" + "A" * 33, "/s/.hidden", "/s/%2E%2E/etc", "/s/A/%2E%2E/x", "/s/A/%2e/x"),
        *("/%2E%2E", "/s/%2E%2E", "/s/..%2F", "/%2E/", "/%2E%2E/%2E%2E"),
        *("/market/x", "/markets", "/developers.txt", "/s/NVDA%0A", "/developers"),
    ],
)
def test_what_names_nothing_is_not_there(tmp_path: Path, path: str) -> None:
    """404: the bare page for people, a line of JSON for programs; never cached."""

    async def check(client: httpx.AsyncClient) -> None:
        answer = await client.get(path, headers=HTML)
        assert (answer.status_code, answer.text) == (404, "nothing here")
        assert answer.headers["cache-control"] == "no-store"
        answer = await client.get(path)
        assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})

    with_page(tmp_path, check)


def test_a_view_with_a_file_of_its_own_is_that_file(tmp_path: Path) -> None:
    """Where it is, without a redirect to a slash."""

    async def check(client: httpx.AsyncClient) -> None:
        for path in ("/market", "/market/", "/market?x=1"):
            answer = await client.get(path, headers=HTML)
            assert (answer.status_code, answer.text) == (200, "all that is followed")
            assert answer.headers["cache-control"] == "no-cache"

    own = {"market": "all that is followed", "market__index": "all that is followed"}
    with_page(tmp_path, check, **own)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_the_page_is_only_read(tmp_path: Path, method: str) -> None:
    """As everywhere."""

    async def check(client: httpx.AsyncClient) -> None:
        assert (await client.request(method, "/s/NVDA")).status_code == 405

    with_page(tmp_path, check)


def test_another_server_that_has_the_page_has_its_paths() -> None:
    """Under ``reflex run`` a shared link leads to the same path there."""

    async def scenario() -> None:
        async with (
            serving(frontend="http://localhost:3000") as server,
            httpx.AsyncClient(base_url=server.http) as client,
        ):
            answer = await client.get("/s/%5EDJI?tf=5m", headers=HTML)
            assert answer.status_code == 307
            assert answer.headers["location"] == "http://localhost:3000/s/%5EDJI?tf=5m"
            assert answer.headers["cache-control"] == "no-store"
            for path in ("/s/%20", "/%2E%2E", "/s/A/%2E%2E/x"):
                assert (await client.get(path, headers=HTML)).status_code == 404

    asyncio.run(scenario())


@given(st.from_regex(SYMBOL, fullmatch=True))
def test_every_symbol_has_a_path(symbol: str) -> None:
    """In any case; slashes at the end belong to the path, and a path that climbs is no name."""
    name = symbol.rstrip("/")
    climbs = {".", ".."} & set(name.split("/"))
    expected = "/404" if climbs else None if name.endswith(" ") else "/"
    assert file_of(f"/s/{symbol}") == file_of(f"/s/{symbol.lower()}") == expected


@given(st.text(max_size=40))
def test_any_path_is_read(path: str) -> None:
    """As one of the page, or as none."""
    file = file_of(path)
    assert file is None or file.startswith("/")
