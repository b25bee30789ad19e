"""What all HTTP routes have in common: HEAD, OPTIONS, trailing slashes, caching and 404.

``Routes`` wraps the API and the page below it. A route with GET answers HEAD with the same headers
and OPTIONS with its methods. A path with a trailing slash is treated as the one without: a redirect
would lead to the ``Host`` of the request, which behind a proxy may be an address that no client can
reach. Each answer says how long it may be cached (``caching``). Answers of the API are compressed
(``encoding``).

An unknown path is answered in JSON, ``{"detail": "Not Found"}``: always on the paths of the API,
and everywhere to clients that do not accept HTML. A missing script or style of the page (an open
page from before an upgrade may request it) is never answered with the HTML 404 page.

On the event loop. It drops the body of an answer that it replaces.
"""

from collections.abc import Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Match, Mount

from photon_app.gateway import caching
from photon_app.gateway.encoding import Compressor
from photon_app.gateway.origin import ASGIApp, Message, Receive, Scope, Send

PROGRAMS = ("/api", "/metrics")
"""Paths of the API; the page has no files below them."""
SOCKETS = frozenset({"/ws", "/finnhub"})
METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")
"""Methods that a route may have; HEAD and OPTIONS follow from them."""
NOT_FOUND = "Not Found"


class Routes:
    """ASGI middleware around the API's routes, and around the page that is mounted behind them.

    Args:
        app: the API with everything that is mounted in it.
        own: the API's routes; any other path is a file, mostly of the page.
    """

    def __init__(self, app: ASGIApp, own: Sequence[BaseRoute]) -> None:
        self._app = app
        self._own = [route for route in own if not isinstance(route, Mount)]
        self._compressor = Compressor()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or pass it on in the form that the routes expect."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path, method = scope["path"].rstrip("/"), scope["method"]
        normalized = {**scope, "path": path, "raw_path": scope.get("raw_path", b"").rstrip(b"/")}
        allowed = self._allowed(normalized)
        if "GET" in allowed and method == "HEAD":
            answer = self._compressor.compressing(scope, _uncached(_bodiless(send)))
            await self._app({**normalized, "method": "GET"}, receive, answer)
        elif method in allowed:
            answer = self._compressor.compressing(scope, _uncached(send))
            await self._app(normalized, receive, answer)
        elif allowed or _is_of_programs(path):
            await _refusal(path, method, allowed)(scope, receive, send)
        else:
            await self._app(scope, receive, _FileAnswer(scope, send))

    def _allowed(self, normalized: Scope) -> list[str]:
        """The methods of the path; none if it is not a route of the API."""
        return [
            method
            for method in METHODS
            if any(
                route.matches({**normalized, "method": method})[0] is Match.FULL
                for route in self._own
            )
        ]


def _is_of_programs(path: str) -> bool:
    return path in SOCKETS or any(path == top or path.startswith(top + "/") for top in PROGRAMS)


def _refusal(path: str, method: str, allowed: list[str]) -> Response:
    """The error answer of a path; for OPTIONS, its methods."""
    headers = {"Cache-Control": caching.NEVER}
    if not allowed:
        socket = f"{path} is a WebSocket: connect with ws:// or wss://"
        return JSONResponse({"detail": socket if path in SOCKETS else NOT_FOUND}, 404, headers)
    headers["Allow"] = ", ".join([*allowed, *(["HEAD"] if "GET" in allowed else []), "OPTIONS"])
    if method == "OPTIONS":
        return Response(status_code=204, headers=headers)
    return JSONResponse({"detail": "Method Not Allowed"}, 405, headers)


def _uncached(send: Send) -> Send:
    """Make answers of the API uncacheable, unless their route says otherwise."""

    async def marked(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).setdefault("Cache-Control", caching.NEVER)
        await send(message)

    return marked


def _bodiless(send: Send) -> Send:
    """Send only the headers of an answer, with an empty body."""
    over = False

    async def headers_only(message: Message) -> None:
        nonlocal over
        if message["type"] == "http.response.start":
            await send(message)
        elif not over:
            over = True
            await send({"type": "http.response.body", "body": b""})

    return headers_only


class _FileAnswer:
    """The answer for a file: how long it may be cached, and a 404 in JSON for non-HTML clients."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._path: str = scope["path"]
        self._send = send
        self._plain = self._path.startswith(caching.ASSETS) or "text/html" not in Headers(
            scope=scope
        ).get("accept", "")
        self._replaced = False

    async def __call__(self, message: Message) -> None:
        if self._replaced:
            return
        if message["type"] == "http.response.start":
            if message["status"] == 404 and self._plain:
                self._replaced = True
                await self._not_found()
                return
            policy = caching.of_file(self._path, message["status"])
            MutableHeaders(scope=message).setdefault("Cache-Control", policy)
        await self._send(message)

    async def _not_found(self) -> None:
        answer = _refusal(self._path, "GET", [])
        await self._send(
            {"type": "http.response.start", "status": 404, "headers": answer.raw_headers}
        )
        await self._send({"type": "http.response.body", "body": answer.body})
