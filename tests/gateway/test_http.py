"""HTTP for programs, over a real port."""

import httpx
from websockets.asyncio.client import connect

from photon_app import __version__
from photon_app.model import FeedStatus
from tests.fakes.dates import at, new_york
from tests.fakes.server import HandFeed, Serving, with_server


def test_the_root_is_a_line_of_json_for_a_program() -> None:
    """And says that the answer depends on what is accepted."""

    async def check(_: Serving, __: HandFeed, client: httpx.AsyncClient) -> None:
        answer = await client.get("/")
        assert answer.json() == {"status": "ok", "service": "photon", "version": __version__}
        assert answer.headers["vary"] == "Accept, Origin"

    with_server(check)


def test_the_root_sends_a_browser_to_the_page_in_development() -> None:
    """Where another server has it."""

    async def check(_: Serving, __: HandFeed, client: httpx.AsyncClient) -> None:
        answer = await client.get("/", headers={"Accept": "text/html,*/*;q=0.8"})
        assert answer.status_code == 307
        assert answer.headers["location"] == "http://localhost:3000"
        assert answer.headers["vary"] == "Accept, Origin"

    with_server(check, frontend="http://localhost:3000")


def test_health_tells_the_feed_the_market_and_who_listens() -> None:
    """Healthy while prices flow, degraded while they do not; 200 both ways."""

    async def check(server: Serving, feed: HandFeed, client: httpx.AsyncClient) -> None:
        feed.trade("AAPL", 1)
        async with connect(server.ws), connect(server.ws + "?format=array"):
            health = (await client.get("/health")).json()
        assert health["status"] == "healthy"
        assert health["clients"] == 2
        assert health["symbols"] == {"subscribed": 2, "upstream": 2}
        assert health["version"] == __version__
        assert set(health["feed"]) >= {"source", "state", "last_message_age_ms", "reconnects"}
        assert 0 <= health["feed"]["last_message_age_ms"] < 5000
        assert health["market"]["session"] in {"pre", "regular", "post", "closed"}
        feed.say("reconnecting", "Failed to connect to Finnhub: gone")
        answer = await client.get("/health")
        assert answer.status_code == 200
        assert answer.json()["status"] == "degraded"
        assert answer.json()["feed"]["detail"] == "Failed to connect to Finnhub: gone"

    with_server(check)


def test_quotes_are_the_newest_prices_and_name_what_is_missing() -> None:
    """In the order asked, canonical, once each."""

    async def check(_: Serving, feed: HandFeed, client: httpx.AsyncClient) -> None:
        feed.trade("AAPL", 150)
        feed.seed("AAPL", 147.5)
        answer = (await client.get("/api/quotes?symbols=nvda,aapl,AAPL")).json()
        assert answer["missing"] == ["NVDA"]
        [quote] = answer["quotes"]
        assert (quote["symbol"], quote["price"], quote["change"]) == ("AAPL", 150, 2.5)
        assert (await client.get("/api/quotes")).json() == {**answer, "missing": ["NVDA"]}

    with_server(check)


def test_quotes_tell_whose_day_their_figures_are_of() -> None:
    """On a Sunday a price is of another date than they."""

    async def check(_: Serving, feed: HandFeed, client: httpx.AsyncClient) -> None:
        with at(new_york(2026, 11, 20, 15)):
            feed.trade("AAPL", 150, 10)
        with at(new_york(2026, 11, 22, 12)):
            feed.trade("AAPL", 160, 10)
        (quote,) = (await client.get("/api/quotes?symbols=AAPL")).json()["quotes"]
        assert quote["timestamp"] >= new_york(2026, 11, 22, 12)
        assert (quote["price"], quote["high"], quote["day_volume"]) == (160, 150, 10)
        assert quote["day"] == new_york(2026, 11, 20)

    with at(new_york(2026, 11, 20, 15)):
        with_server(check)


def test_bad_symbols_are_refused_readably() -> None:
    """With 422 and a sentence."""

    async def check(_: Serving, __: HandFeed, client: httpx.AsyncClient) -> None:
        answer = await client.get("/api/quotes?symbols=AAPL,%C3%A9")
        assert answer.status_code == 422
        assert "is not a symbol" in answer.json()["detail"]
        many = ",".join(f"S{n}" for n in range(101))
        assert (await client.get("/api/quotes", params={"symbols": many})).status_code == 422

    with_server(check)


def test_the_documentation_needs_no_other_host() -> None:
    """Its scripts come from this process."""

    async def check(_: Serving, __: HandFeed, client: httpx.AsyncClient) -> None:
        page = (await client.get("/docs")).text
        assert "https://" not in page
        assert (await client.get("/static-offline-docs/swagger-ui-bundle.js")).status_code == 200
        paths = (await client.get("/openapi.json")).json()["paths"]
        assert {"/health", "/api/quotes", "/photon-client.js"} <= set(paths)

    with_server(check)


def test_the_browser_client_is_served() -> None:
    """As a module that any page may import."""

    async def check(_: Serving, __: HandFeed, client: httpx.AsyncClient) -> None:
        answer = await client.get("/photon-client.js")
        assert answer.headers["content-type"].startswith("text/javascript")
        assert "export" in answer.text

    with_server(check)


def test_the_origin_rule_holds_for_http_too() -> None:
    """A foreign page, and a name re-pointed at this machine."""

    async def check(_: Serving, __: HandFeed, client: httpx.AsyncClient) -> None:
        for headers in ({"Origin": "http://evil.example"}, {"Host": "evil.example"}):
            answer = await client.get("/api/quotes", headers=headers)
            assert answer.status_code == 403

    with_server(check)


def test_health_tells_a_delayed_tape() -> None:
    """The feed's state stays, and so does its health; null where there is no delay."""

    async def check(_: Serving, feed: HandFeed, client: httpx.AsyncClient) -> None:
        assert (await client.get("/health")).json()["feed"]["delay_ms"] is None
        assert feed.market is not None
        late = FeedStatus(
            source="finnhub", state="live", since_ms=1, detail="late", delay_ms=900_000
        )
        feed.market.status(late)
        health = (await client.get("/health")).json()
        assert health["status"] == "healthy"
        stated = {name: health["feed"][name] for name in ("state", "detail", "delay_ms")}
        assert stated == {"state": "live", "detail": "late", "delay_ms": 900_000}

    with_server(check)


def test_quotes_of_what_is_not_followed_are_not_live() -> None:
    """As for clients of the socket."""

    async def check(_: Serving, feed: HandFeed, client: httpx.AsyncClient) -> None:
        feed.trade("AAPL", 150)
        assert feed.market is not None
        feed.market.polling(frozenset(), frozenset({"AAPL"}))
        [quote] = (await client.get("/api/quotes?symbols=AAPL")).json()["quotes"]
        assert quote["state"] == "stale"

    with_server(check)
