"""The layers around Reflex's app, as a process serves them."""

from collections.abc import Iterator

import httpx
import pytest

from tests.fakes.process import Process, photon

LISTED = "https://a.vercel.app"
STRANGE = ("https://a.b.vercel.app", "https://vercel.app", "http://a.vercel.app", "null")
PATHS = ("/", "/health", "/api/quotes", "/_event/?EIO=4&transport=websocket", "/ping")


@pytest.fixture(scope="module")
def process() -> Iterator[Process]:
    """With a wildcard among its origins."""
    with photon(FRONTEND_URL="https://*.vercel.app") as running:
        yield running


@pytest.mark.parametrize("path", PATHS)
def test_cors_and_the_origin_rule_agree(process: Process, path: str) -> None:
    """On the request, and on the preflight before it."""
    preflight = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "x-more"}
    with httpx.Client(base_url=process.http) as client:
        for origin in (LISTED, "http://localhost:5173", "http://127.0.0.1:3000"):
            for answer in (
                client.get(path, headers={"Origin": origin}),
                client.options(path, headers={"Origin": origin, **preflight}),
            ):
                assert answer.status_code != 403
                assert origin in answer.headers["Access-Control-Allow-Origin"]
        for origin in STRANGE:
            for answer in (
                client.get(path, headers={"Origin": origin}),
                client.options(path, headers={"Origin": origin, **preflight}),
            ):
                assert answer.status_code == 403
                assert "Access-Control-Allow-Origin" not in answer.headers


def test_what_a_browser_asks_before_is_in_the_log_too() -> None:
    """A page of another origin whose first request is a preflight is not refused silently."""
    headers = {"Origin": "https://shop.example", "Access-Control-Request-Method": "GET"}
    with photon() as process:
        with httpx.Client(base_url=process.http) as client:
            assert client.options("/api/bars", headers=headers).status_code == 403
        process.stop()
        assert "/api/bars from Origin https://shop.example" in process.output
