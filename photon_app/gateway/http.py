"""HTTP for programs: quotes, the browser client, the API's documentation, and ``/``.

``create_api`` makes the FastAPI app in which Reflex is mounted, with ``routes.Routes`` around it.
``NegotiatedRoot`` wraps everything, because a route on ``/`` would hide the dashboard.
"""

import urllib.parse
from pathlib import Path
from typing import Annotated

import msgspec
from fastapi import FastAPI, HTTPException, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse
from fastapi_offline import FastAPIOffline
from pydantic import BaseModel
from pydantic.json_schema import SkipJsonSchema
from starlette.datastructures import Headers, MutableHeaders
from starlette.staticfiles import NotModifiedResponse, StaticFiles

from photon_app import __version__, services
from photon_app.errors import NotServingError, RequestError
from photon_app.gateway import (
    bars,
    caching,
    finnhub_rest,
    market,
    page_paths,
    search,
    sparklines,
    trades,
)
from photon_app.gateway.admission import Admission
from photon_app.gateway.connections import peer_of
from photon_app.gateway.cors import vary
from photon_app.gateway.health import Health, health_of
from photon_app.gateway.origin import ASGIApp, Message, Receive, Scope, Send
from photon_app.gateway.problems import describe, not_serving, problems, unusable
from photon_app.gateway.questions import Questions
from photon_app.gateway.routes import Routes
from photon_app.model import Quote, SymbolState, parse_symbol
from photon_app.services import Services
from photon_app.settings import DEFAULTS

_files = StaticFiles()  # compares the validators of conditional requests


class QuoteBody(BaseModel):
    """One symbol's newest price and day so far; unknown figures are null."""

    symbol: str
    seq: int
    price: float
    volume: float
    timestamp: int
    prev_close: float | None
    close: float | None
    """The price at the end of the day's regular session, once that is over."""
    change: float | None
    change_percent: float | None
    open: float
    high: float
    low: float
    day_volume: float
    day: int | None
    """When the day of these figures began, UNIX ms, as the `time` of its bar."""
    polled: bool
    decimals: int
    """How many decimals the symbol's prices are shown with."""
    state: SymbolState


class Quotes(BaseModel):
    """``GET /api/quotes``."""

    quotes: list[QuoteBody]
    missing: list[str]


DESCRIPTION = """
Live prices from one upstream feed, for many clients.

Prices are pushed on the WebSocket `/ws`; the routes here answer once. Times are UNIX milliseconds.
The whole wire is described in `docs/protocol.md`.
"""


def create_api(
    client_js: Path,
    admission: Admission,
    page: ASGIApp | None = None,
    questions: Questions | None = None,
) -> FastAPI:
    """The API.

    Args:
        client_js: the browser client, served at ``/photon-client.js``.
        admission: counts the open sockets, and those that were refused.
        page: gets every request that is not for the API.
        questions: limits on queries upstream; those of the default settings if not given.
    """
    questions = questions or Questions.of(DEFAULTS)
    api = FastAPIOffline(
        title="Photon",
        version=__version__,
        description=DESCRIPTION,
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,
    )
    api.add_exception_handler(RequestValidationError, unusable)
    api.add_exception_handler(NotServingError, not_serving)
    describe(api)

    @api.get("/health", summary="Is the feed alive, and who is listening", responses=problems(503))
    async def health(request: Request) -> Health:
        peer = peer_of(request.scope)
        return health_of(
            services.current(),
            admission,
            questions,
            None if peer is None else peer.server_connections,
        )

    @api.get("/api/quotes", summary="The newest prices", responses=problems(422, 503))
    async def quotes(
        symbols: Annotated[
            str | SkipJsonSchema[None],
            Query(description="comma list; without it the default symbols"),
        ] = None,
    ) -> Quotes:
        live = services.current()
        wanted = _parse(symbols, live)
        found = {s: quote for s in wanted if (quote := live.book.quote(s)) is not None}
        return Quotes(
            quotes=[_quote_body(quote, live) for quote in found.values()],
            missing=[symbol for symbol in wanted if symbol not in found],
        )

    api.include_router(bars.router)
    api.include_router(trades.router)
    api.include_router(sparklines.router)
    api.include_router(market.create_router())
    api.include_router(search.create_router(questions))
    api.include_router(finnhub_rest.create_router(questions))

    @api.get(
        "/photon-client.js",
        summary="The browser client",
        response_class=FileResponse,
        responses={200: {"content": {"text/javascript": {"schema": {"type": "string"}}}}},
    )
    async def photon_client(request: Request) -> Response:
        return _file(client_js, request)

    api.openapi()  # cached: else the first request for it would block all others for 35 ms
    api.add_middleware(Routes, own=tuple(api.routes))
    if page is not None:
        api.mount("", page)
    return api


class NegotiatedRoot:
    """``GET /``: the dashboard for a browser, a line of JSON for a program; and the dashboard on
    the other paths that it shows (``page_paths``).
    """

    def __init__(self, app: ASGIApp, frontend: str | None) -> None:
        """Wrap an app.

        Args:
            app: serves everything else, and the dashboard on ``/`` if ``frontend`` is ``None``.
            frontend: the address of the dashboard if another server has it (in development).
        """
        self._app = app
        self._frontend = frontend

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer ``/`` and the page's other paths; pass on everything else."""
        if scope["type"] != "http" or scope["method"] not in {"GET", "HEAD"}:
            await self._app(scope, receive, send)
        elif scope["path"] not in {"", "/"}:
            await self._other(scope, receive, send)
        elif "text/html" not in Headers(scope=scope).get("accept", ""):
            body = {"status": "ok", "service": "photon", "version": __version__}
            headers = {"Vary": "Accept", "Cache-Control": caching.NEVER}
            await JSONResponse(body, headers=headers)(scope, receive, send)
        elif self._frontend is not None:
            headers = {"Vary": "Accept", "Cache-Control": caching.NEVER}
            answer = RedirectResponse(self._frontend, 307, headers=headers)
            await answer(scope, receive, send)
        else:
            await self._app(scope, receive, _varying(send))

    async def _other(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a path of the page with its file; pass on any other one."""
        file = page_paths.file_of(scope["path"])
        if file is None:
            await self._app(scope, receive, send)
        elif self._frontend is not None and file != page_paths.MISSING:
            headers = {"Cache-Control": caching.NEVER}
            answer = RedirectResponse(_elsewhere(self._frontend, scope), 307, headers=headers)
            await answer(scope, receive, send)
        else:
            await self._app(_at(file, scope), receive, send)


def _at(path: str, scope: Scope) -> Scope:
    """The same request for another path."""
    return {**scope, "path": path, "raw_path": path.encode()}


def _elsewhere(frontend: str, scope: Scope) -> str:
    """The same path at another server."""
    path = urllib.parse.quote(scope["path"], safe="/:")
    query = scope.get("query_string", b"").decode("latin-1")
    return urllib.parse.urlsplit(frontend)._replace(path=path, query=query).geturl()


def _file(path: Path, request: Request) -> Response:
    """A script that any page may import, or a 304 if the client has it already."""
    headers = {
        "Cache-Control": caching.ASK_AGAIN,
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    answer = FileResponse(path, 200, headers, "text/javascript", stat_result=path.stat())
    if _files.is_not_modified(answer.headers, request.headers):
        return NotModifiedResponse(answer.headers)
    return answer


def _varying(send: Send) -> Send:
    async def varied(message: Message) -> None:
        if message["type"] == "http.response.start":
            vary(MutableHeaders(scope=message), "Accept")
        await send(message)

    return varied


def _parse(symbols: str | None, live: Services) -> list[str]:
    if symbols is None:
        return list(live.default_symbols)
    try:
        parsed = [parse_symbol(part.strip()) for part in symbols.split(",") if part.strip()]
    except RequestError as problem:
        raise HTTPException(422, problem.message) from problem
    limit = live.settings.max_symbols
    if len(parsed) > limit:
        raise HTTPException(422, f"symbols: at most {limit} at once, got {len(parsed)}")
    return list(dict.fromkeys(parsed))


def _quote_body(quote: Quote, live: Services) -> QuoteBody:
    figures = msgspec.structs.asdict(quote)
    timestamp, day = figures.pop("time_ms"), figures.pop("day_ms")
    return QuoteBody(**figures, timestamp=timestamp, day=day, state=live.hub.state(quote.symbol))
