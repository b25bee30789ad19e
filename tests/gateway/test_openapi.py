"""What the API says of itself: valid, and good enough to make a client from."""

import asyncio
import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from openapi_spec_validator import validate

from photon_app.gateway.http import create_api
from tests.fakes.server import CLIENT_JS, HandFeed, serving

OPERATIONS = {
    "/health": "health",
    "/api/quotes": "quotes",
    "/api/bars": "bars",
    "/api/trades": "trades",
    "/api/sparklines": "sparklines",
    "/api/market": "market",
    "/api/search": "search",
    "/api/v1/quote": "finnhub_quote",
    "/api/v1/search": "finnhub_search",
    "/photon-client.js": "photon_client",
}


@pytest.fixture(scope="module")
def document() -> Any:
    """``/openapi.json``, as it leaves the process."""
    api = create_api(CLIENT_JS, admission=None)  # type: ignore[arg-type]
    return json.loads(json.dumps(api.openapi()))


@pytest.fixture(scope="module")
def generated(document: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of a package that was made from it, by a program that others wrote."""
    folder = tmp_path_factory.mktemp("generated")
    (folder / "openapi.json").write_text(json.dumps(document))
    (folder / "config.yml").write_text("post_hooks: []\n")
    made = subprocess.run(
        [
            *(sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none"),
            *("--path", folder / "openapi.json", "--config", folder / "config.yml"),
            *("--output-path", folder / "photon_generated", "--fail-on-warning"),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    sys.path.insert(0, str(folder))
    yield "photon_generated"
    sys.path.remove(str(folder))


def parameters(document: Any, path: str) -> dict[str, Any]:
    """Those of one route, by name."""
    return {one["name"]: one for one in document["paths"][path]["get"]["parameters"]}


def test_the_description_is_valid(document: Any) -> None:
    """By the rules of OpenAPI, defaults included."""
    validate(document)


def test_operations_have_short_names(document: Any) -> None:
    """They become functions; every route is among them, with GET alone."""
    assert {path: of["get"]["operationId"] for path, of in document["paths"].items()} == OPERATIONS
    assert {method for of in document["paths"].values() for method in of} == {"get"}


def test_every_refusal_is_described_as_it_is(document: Any) -> None:
    """One sentence under ``detail``; in Finnhub's shape where Finnhub is spoken."""
    for path, of in document["paths"].items():
        kind = "FinnhubProblem" if path.startswith("/api/v1/") else "Problem"
        for status, answer in of["get"]["responses"].items():
            if status != "200":
                [content] = answer["content"].items()
                assert content == (
                    "application/json",
                    {"schema": {"$ref": f"#/components/schemas/{kind}"}},
                )
    schemas = document["components"]["schemas"]
    assert schemas["Problem"]["properties"]["detail"]["type"] == "string"
    assert "HTTPValidationError" not in schemas


def test_every_answer_has_a_schema(document: Any) -> None:
    """CSV and JavaScript are text."""
    for of in document["paths"].values():
        for kind, content in of["get"]["responses"]["200"]["content"].items():
            assert content["schema"], kind
    csv = document["paths"]["/api/bars"]["get"]["responses"]["200"]["content"]["text/csv"]
    assert csv["schema"] == {"type": "string"}
    assert csv["example"].startswith("time,open,high,low,close,")


def test_parameters_have_their_own_types(document: Any) -> None:
    """A number's bounds and default are numbers; what must be given is required."""
    bars, search = parameters(document, "/api/bars"), parameters(document, "/api/search")
    limit = bars["limit"]["schema"]
    assert (limit["type"], limit["minimum"], limit["maximum"], limit["default"]) == (
        ("integer", 1, 10_000, 500)
    )
    assert {name for name, one in bars.items() if one["required"]} == {"symbol"}
    assert {name for name, one in search.items() if one["required"]} == {"q"}
    assert bars["from"]["schema"]["type"] == "string"
    assert not {"default", "x-required"} & set(bars["symbol"]["schema"])


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/api/bars?symbol=A&limit=x", "limit: expected a whole number from 1 to 10000, got 'x'"),
        ("/api/search?q=a&limit=x", "limit: expected a whole number from 1 to 50, got 'x'"),
        ("/api/search?q=a&limit=51", "limit: expected a whole number from 1 to 50, got '51'"),
        ("/api/search?q=a&limit=%F0%9F%8E%B2%1B", "limit: expected a whole number from 1 to 50"),
        ("/api/search?q=a&limit=" + "9" * 99, "9…'"),
        ("/api/search", "q: expected 1 to 64 characters"),
        ("/api/bars", "symbol: "),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_sentence(path: str, reason: str) -> None:
    """A string, as described; printable."""

    async def scenario() -> None:
        async with (
            serving(HandFeed()) as server,
            httpx.AsyncClient(base_url=server.http) as client,
        ):
            answer = await client.get(path)
            assert answer.status_code == 422
            assert reason in answer.json()["detail"]
            assert answer.json()["detail"].isprintable()

    asyncio.run(scenario())


def test_a_client_made_from_it_talks_to_a_server(generated: str) -> None:
    """It asks for prices, bars, symbols and health, and reads a refusal."""

    def call(name: str, api: Any, **arguments: Any) -> Any:
        operation = importlib.import_module(f"{generated}.api.default.{name}")
        return operation.asyncio_detailed(client=api, **arguments)

    async def scenario() -> None:
        feed = HandFeed()
        async with serving(feed) as server:
            feed.trade("AAPL", 150.25)
            api = importlib.import_module(generated).Client(base_url=server.http)
            async with api:
                health = (await call("health", api)).parsed
                assert (health.status.value, health.feed.source) == ("healthy", "simulated")
                quotes = (await call("quotes", api, symbols="AAPL,NVDA")).parsed
                assert [(one.symbol, one.price) for one in quotes.quotes] == [("AAPL", 150.25)]
                assert quotes.missing == ["NVDA"]
                bars = (await call("bars", api, symbol="AAPL", limit=3)).parsed
                assert [(one.close, one.final) for one in bars.bars] == [(150.25, False)]
                found = (await call("search", api, q="apple")).parsed
                assert "AAPL" in {one.symbol for one in found.results}
                # not finnhub_quote: this generator stumbles over a field with the name ``d``
                listed = (await call("finnhub_search", api, q="apple")).parsed
                assert "AAPL" in {one.symbol for one in listed.result}
                assert "export" in (await call("photon_client", api)).parsed
                for name, asked, words in (
                    ("bars", {"symbol": "AAPL", "limit": 0}, "limit: expected"),
                    ("bars", {"symbol": "é"}, "is not a symbol"),
                    ("quotes", {"symbols": "é"}, "is not a symbol"),
                    ("search", {"q": "a", "limit": 99}, "limit: expected"),
                ):
                    refused = await call(name, api, **asked)
                    assert refused.status_code == 422
                    assert words in refused.parsed.detail
                refused = await call("finnhub_search", api, q="")
                assert "expected" in refused.parsed.error

    asyncio.run(scenario())
