"""What browsers tell the pages of other origins."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx
import pytest
from starlette.datastructures import MutableHeaders

from photon_app.gateway.cors import METHODS, vary
from photon_app.gateway.http import create_api
from photon_app.gateway.routes import METHODS as POSSIBLE
from tests.fakes.server import CLIENT_JS, HandFeed, serving

FRONTEND = "https://frontend.example"


def with_frontend(check: Callable[[httpx.AsyncClient], Awaitable[None]]) -> None:
    async def scenario() -> None:
        async with (
            serving(HandFeed(), frontend_url=(FRONTEND,)) as server,
            httpx.AsyncClient(base_url=server.http) as client,
        ):
            await check(client)

    asyncio.run(scenario())


def asking(method: str, origin: str = FRONTEND) -> dict[str, str]:
    """The headers of a preflight."""
    return {"Origin": origin, "Access-Control-Request-Method": method}


@pytest.mark.parametrize("path", ["/", "/health", "/api/quotes", "/api/nope", "/photon-client.js"])
def test_an_allowed_origin_may_read_every_answer(path: str) -> None:
    """Good or bad; and once, every answer says that it depends on the origin."""

    async def check(client: httpx.AsyncClient) -> None:
        answer = await client.get(path, headers={"Origin": FRONTEND})
        assert answer.headers.get_list("access-control-allow-origin") == [FRONTEND]
        for one in (answer, await client.get(path)):
            assert ",".join(one.headers.get_list("vary")).lower().count("origin") == 1
        assert "access-control-allow-origin" not in one.headers

    with_frontend(check)


def test_a_preflight_names_the_methods_that_there_are() -> None:
    """And the headers that were asked for; another method is refused by naming those."""

    async def check(client: httpx.AsyncClient) -> None:
        for method in METHODS:
            headers = {**asking(method), "Access-Control-Request-Headers": "x-one, x-two"}
            answer = await client.options("/api/quotes", headers=headers)
            assert answer.status_code == 204
            assert answer.headers["access-control-allow-methods"] == "GET, HEAD, OPTIONS"
            assert answer.headers["access-control-allow-headers"] == "x-one, x-two"
            assert answer.headers["access-control-allow-origin"] == FRONTEND
            assert answer.headers["vary"].lower().count("origin") == 1
        for method in ("DELETE", "PATCH", "POST", "PUT", "QUERY"):
            answer = await client.options("/api/quotes", headers=asking(method))
            assert answer.status_code == 400
            assert method not in answer.headers["access-control-allow-methods"]

    with_frontend(check)


def test_a_preflight_of_another_origin_is_refused_by_the_origin_rule() -> None:
    """So that one place knows who may."""

    async def check(client: httpx.AsyncClient) -> None:
        answer = await client.options("/api/quotes", headers=asking("GET", "https://evil.example"))
        assert answer.status_code == 403
        assert "access-control-allow-origin" not in answer.headers

    with_frontend(check)


def test_the_methods_are_those_of_the_routes() -> None:
    """No fewer, no more: a route with another method must be named here."""
    api = create_api(CLIENT_JS, admission=None)  # type: ignore[arg-type]
    described = {m.upper() for path in api.openapi()["paths"].values() for m in path}
    assert described == set(METHODS) & set(POSSIBLE)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([], "Origin"),
        (["Accept"], "Accept, Origin"),
        (["origin"], "Origin"),
        (["Accept-Encoding, Origin", "Accept"], "Accept-Encoding, Origin, Accept"),
    ],
)
def test_what_an_answer_depends_on_is_said_once(before: list[str], after: str) -> None:
    """In one line, whatever was said within."""
    headers = MutableHeaders(raw=[(b"vary", value.encode()) for value in before])
    vary(headers, "Origin")
    assert headers.getlist("vary") == [after]
