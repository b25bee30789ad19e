"""What all routes of HTTP have in common, so that none has to do it itself.

``Routes`` stands around the API and the page below it. A route that is read with GET answers HEAD
with the same headers, answers OPTIONS with its methods, and is there with a slash behind it too:
its path is read as the one without, since a redirect would lead to whatever ``Host`` says, which
behind a proxy is nobody's address. An answer says how long it may be kept (``caching``).

What is not there is said in JSON, ``{"detail": "Not Found"}``: always to a program's path, and
everywhere to whoever does not read HTML. A file of the page that is gone (a page of before an
upgrade asks for it) is never answered with the page that says so.

On the event loop, without state; it holds nothing back but the body of an answer that it replaces.
"""

from collections.abc import Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Match, Mount

from photon_app.gateway import caching
from photon_app.gateway.origin import ASGIApp, Message, Receive, Scope, Send

PROGRAMS = ("/api", "/metrics")
"""Below these the page has nothing."""
SOCKETS = frozenset({"/ws", "/finnhub"})
METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")
"""Which a route may have; HEAD and OPTIONS follow from them."""
NOT_FOUND = "Not Found"


class Routes:
    """ASGI middleware around the API's routes, and around the page that is mounted behind them.

    Args:
        app: the API with everything that is mounted in it.
        own: the API's routes; whatever matches none of them is a file, mostly of the page.
    """

    def __init__(self, app: ASGIApp, own: Sequence[BaseRoute]) -> None:
        self._app = app
        self._own = [route for route in own if not isinstance(route, Mount)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on in the form that the routes know."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path, method = scope["path"].rstrip("/"), scope["method"]
        asked = {**scope, "path": path, "raw_path": scope.get("raw_path", b"").rstrip(b"/")}
        allowed = self._allowed(asked)
        if "GET" in allowed and method == "HEAD":
            await self._app({**asked, "method": "GET"}, receive, _unkept(_bodiless(send)))
        elif method in allowed:
            await self._app(asked, receive, _unkept(send))
        elif allowed or _is_of_programs(path):
            await _refusal(path, method, allowed)(scope, receive, send)
        else:
            await self._app(scope, receive, _FileAnswer(scope, send))

    def _allowed(self, asked: Scope) -> list[str]:
        """Which methods the path has; none when it is no route of the API."""
        return [
            method
            for method in METHODS
            if any(
                route.matches({**asked, "method": method})[0] is Match.FULL for route in self._own
            )
        ]


def _is_of_programs(path: str) -> bool:
    return path in SOCKETS or any(path == top or path.startswith(top + "/") for top in PROGRAMS)


def _refusal(path: str, method: str, allowed: list[str]) -> Response:
    """Why there is no answer; to OPTIONS, which methods there are."""
    headers = {"Cache-Control": caching.NEVER}
    if not allowed:
        socket = f"{path} is a WebSocket: connect with ws:// or wss://"
        return JSONResponse({"detail": socket if path in SOCKETS else NOT_FOUND}, 404, headers)
    headers["Allow"] = ", ".join([*allowed, *(["HEAD"] if "GET" in allowed else []), "OPTIONS"])
    if method == "OPTIONS":
        return Response(status_code=204, headers=headers)
    return JSONResponse({"detail": "Method Not Allowed"}, 405, headers)


def _unkept(send: Send) -> Send:
    """An answer of the API is not kept, unless its route says how long."""

    async def told(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).setdefault("Cache-Control", caching.NEVER)
        await send(message)

    return told


def _bodiless(send: Send) -> Send:
    """The headers of an answer, and an empty body."""
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
    """A file: how long it may be kept; and who is told with a page that it is not there."""

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
            kept = caching.of_file(self._path, message["status"])
            MutableHeaders(scope=message).setdefault("Cache-Control", kept)
        await self._send(message)

    async def _not_found(self) -> None:
        answer = _refusal(self._path, "GET", [])
        await self._send(
            {"type": "http.response.start", "status": 404, "headers": answer.raw_headers}
        )
        await self._send({"type": "http.response.body", "body": answer.body})
