"""The page's files over HTTP: what a browser may keep, and what they say of other origins."""

import re

import httpx
import pytest

from tests.fakes.process import Process

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
FRONTEND = "http://localhost:3000"


def get(server: Process, path: str, **headers: str) -> httpx.Response:
    """One answer."""
    return httpx.get(server.http + path, headers=headers)


def assets(server: Process) -> list[str]:
    """What the page asks for."""
    found = re.findall(r"/assets/[\w.-]+", get(server, "/", **HTML).text)
    return sorted(set(found))


def test_the_page_is_asked_for_again_each_time(server: Process) -> None:
    """Else visitors have the old one after an upgrade; the same one costs a 304."""
    page = get(server, "/", **HTML)
    assert page.headers["cache-control"] == "no-cache"
    again = get(server, "/", **HTML, **{"If-None-Match": page.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["cache-control"] == "no-cache"


def test_every_file_with_a_digest_is_kept_for_good(server: Process) -> None:
    """All that the page names."""
    named = assets(server)
    assert len(named) > 3
    for path in named:
        answer = httpx.head(server.http + path)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


def test_a_file_that_is_gone_is_not_the_page(server: Process) -> None:
    """404, not HTML, not kept."""
    answer = get(server, "/assets/_index-00000000.js", **HTML)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/", "/nope", "/api/quotes", "/favicon.svg", "/ping"])
def test_one_layer_speaks_of_origins(server: Process, path: str) -> None:
    """Reflex brings one of its own around each of its parts: they are not there."""
    for extra in ({}, HTML):
        answer = get(server, path, Origin=FRONTEND, **extra)
        assert answer.headers.get_list("access-control-allow-origin") == [FRONTEND]
        assert ",".join(answer.headers.get_list("vary")).lower().count("origin") == 1
    preflight = {"Origin": FRONTEND, "Access-Control-Request-Method": "GET"}
    answer = httpx.options(server.http + path, headers=preflight)
    assert answer.headers["access-control-allow-methods"] == "GET, HEAD, OPTIONS"
