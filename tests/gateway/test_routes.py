"""What all routes of HTTP have in common."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from photon_app.gateway.admission import Admission
from photon_app.gateway.http import create_api
from photon_app.settings import Settings
from tests.fakes.server import CLIENT_JS, HandFeed, serving
from tests.fakes.time import HandTime

READ = (
    "/",
    "/health",
    "/docs",
    "/openapi.json",
    "/photon-client.js",
    "/api/quotes",
    "/api/bars?symbol=AAPL",
    "/api/trades?symbol=AAPL",
    "/api/sparklines?symbols=AAPL",
    "/api/market",
    "/api/search?q=apple",
    "/api/v1/quote?symbol=AAPL",
    "/api/v1/search?q=apple",
)
"""Every route, with what it needs."""
SAME = ("content-type", "content-length", "cache-control", "vary", "etag")


def with_server(check: Callable[[httpx.AsyncClient], Awaitable[None]]) -> None:
    async def scenario() -> None:
        feed = HandFeed()
        async with (
            serving(feed) as server,
            httpx.AsyncClient(base_url=server.http) as client,
        ):
            feed.trade("AAPL", 150)
            await check(client)

    asyncio.run(scenario())


def page(request: Request) -> Response:
    """A page as Reflex serves it: one file is there, and for the rest a page that says so."""
    if request.url.path == "/assets/there-abcdefgh.js":
        return PlainTextResponse("a script")
    return HTMLResponse("<html>no such page</html>", 404)


def with_page(check: Callable[[httpx.AsyncClient], Awaitable[None]]) -> None:
    """The API around a page."""

    async def scenario() -> None:
        inner = Starlette(routes=[Route("/{path:path}", page)])
        admission = Admission.of(Settings(), HandTime())
        transport = httpx.ASGITransport(create_api(CLIENT_JS, admission, inner))
        async with httpx.AsyncClient(transport=transport, base_url="http://photon") as client:
            await check(client)

    asyncio.run(scenario())


def test_every_route_of_the_api_is_tried() -> None:
    """A new one belongs into ``READ``."""

    async def check(client: httpx.AsyncClient) -> None:
        described = set((await client.get("/openapi.json")).json()["paths"])
        assert described <= {path.partition("?")[0] for path in READ}

    with_server(check)


@pytest.mark.parametrize("path", READ)
def test_head_is_get_without_a_body(path: str) -> None:
    """Status and headers are the same, also where the question is refused."""

    async def check(client: httpx.AsyncClient) -> None:
        for asked in (path, path.partition("?")[0]):
            got, head = await client.get(asked), await client.head(asked)
            assert head.status_code == got.status_code
            assert head.content == b""
            for name in SAME:
                if not (name == "content-length" and asked == "/health"):  # holds ages
                    assert head.headers.get(name) == got.headers.get(name), name
            assert int(head.headers["content-length"]) > 0

    with_server(check)


@pytest.mark.parametrize("path", [path for path in READ if path != "/"])
def test_a_slash_behind_a_path_changes_nothing(path: str) -> None:
    """Answered where it is, for GET and HEAD: a redirect would name a host."""

    async def check(client: httpx.AsyncClient) -> None:
        bare, _, query = path.partition("?")
        for slashed in (f"{bare}/?{query}", f"{bare}//?{query}"):
            for method in ("GET", "HEAD"):
                answer = await client.request(method, slashed)
                assert answer.status_code == 200
                assert (
                    answer.headers["content-type"]
                    == ((await client.get(path)).headers["content-type"])
                )

    with_server(check)


@pytest.mark.parametrize("accept", ["*/*", "text/html,application/xhtml+xml,*/*;q=0.8"])
@pytest.mark.parametrize(
    "path", ["/api", "/api/", "/api/nope", "/api/quotes/nope", "/metrics", "/metrics/x"]
)
def test_what_is_not_there_for_programs_is_said_in_json(path: str, accept: str) -> None:
    """For every client."""

    async def check(client: httpx.AsyncClient) -> None:
        for method in ("GET", "POST", "DELETE"):
            answer = await client.request(method, path, headers={"Accept": accept})
            assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})
            assert answer.headers["cache-control"] == "no-store"

    with_page(check)


def test_elsewhere_only_clients_that_read_html_get_the_page_that_says_so() -> None:
    """A program gets JSON."""

    async def check(client: httpx.AsyncClient) -> None:
        for_people = await client.get("/nope", headers={"Accept": "text/html"})
        assert (for_people.status_code, for_people.text) == (404, "<html>no such page</html>")
        assert for_people.headers["cache-control"] == "no-store"
        for_programs = await client.get("/nope")
        assert (for_programs.status_code, for_programs.json()) == (404, {"detail": "Not Found"})

    with_page(check)


@pytest.mark.parametrize("accept", ["*/*", "text/html"])
def test_a_file_of_an_older_page_is_missing_and_not_kept(accept: str) -> None:
    """Not HTML, which a browser would take for a broken script; what is there is kept for good."""

    async def check(client: httpx.AsyncClient) -> None:
        answer = await client.get("/assets/gone-abcdefgh.js", headers={"Accept": accept})
        assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})
        assert answer.headers["cache-control"] == "no-store"
        there = await client.get("/assets/there-abcdefgh.js", headers={"Accept": accept})
        assert "immutable" in there.headers["cache-control"]

    with_page(check)


@pytest.mark.parametrize("path", ["/api/quotes", "/health/", "/docs", "/api/v1/quote"])
def test_a_method_that_a_route_does_not_have_is_refused_by_naming_those(path: str) -> None:
    """In ``Allow``, as OPTIONS tells."""

    async def check(client: httpx.AsyncClient) -> None:
        for method, status in (("POST", 405), ("DELETE", 405), ("OPTIONS", 204)):
            answer = await client.request(method, path)
            assert (answer.status_code, answer.headers["allow"]) == (status, "GET, HEAD, OPTIONS")

    with_server(check)


@pytest.mark.parametrize("path", ["/ws", "/ws/", "/finnhub"])
def test_a_socket_that_is_asked_over_http_says_what_it_is(path: str) -> None:
    """With 404: there is nothing to read."""

    async def check(client: httpx.AsyncClient) -> None:
        answer = await client.get(path)
        assert answer.status_code == 404
        assert "is a WebSocket" in answer.json()["detail"]

    with_server(check)


@pytest.mark.parametrize("path", READ)
def test_no_answer_of_the_api_is_kept(path: str) -> None:
    """But the browser client, which is asked for again and costs nothing when it is the same."""

    async def check(client: httpx.AsyncClient) -> None:
        answer = await client.get(path)
        if path != "/photon-client.js":
            assert answer.headers["cache-control"] == "no-store"
            return
        assert answer.headers["cache-control"] == "no-cache"
        again = await client.get(path, headers={"If-None-Match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")

    with_server(check)


def test_the_scripts_of_the_documentation_are_asked_for_again() -> None:
    """They change with a version of FastAPI."""

    async def check(client: httpx.AsyncClient) -> None:
        answer = await client.get("/static-offline-docs/swagger-ui.css")
        assert answer.headers["cache-control"] == "no-cache"
        assert "etag" in answer.headers

    with_server(check)
