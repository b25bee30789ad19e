"""Which answers of this server the pages of other origins may read (CORS).

``Cors`` is behind ``origin.OriginGuard``, which has refused every ``Origin`` that is not allowed: a
page whose request gets here may read all answers. So one rule decides which pages may, and one
layer sets the headers. Reflex adds a CORS layer to each of its parts; ``ui.pages`` removes them.
"""

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response

from photon_app.gateway.origin import ASGIApp, Message, Receive, Scope, Send

METHODS = ("GET", "HEAD", "OPTIONS")
"""The methods that routes have."""
PREFLIGHT_AGE_S = 600
"""How long a browser may remember the answer to a preflight."""


class Cors:
    """ASGI middleware that lets pages of allowed origins read the answers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a preflight; name the origin in every other answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        asked = headers.get("access-control-request-method")
        if origin is not None and asked is not None and scope["method"] == "OPTIONS":
            answer = _preflight(asked, headers.get("access-control-request-headers"))
            await answer(scope, receive, _naming(origin, send))
        else:
            await self._app(scope, receive, _naming(origin, send))


def _preflight(method: str, wanted: str | None) -> Response:
    """Which cross-origin requests are allowed; one with another method is refused."""
    headers = {
        "Access-Control-Allow-Methods": ", ".join(METHODS),
        "Access-Control-Max-Age": str(PREFLIGHT_AGE_S),
        "Vary": "Access-Control-Request-Method, Access-Control-Request-Headers",
    }
    if wanted is not None:
        headers["Access-Control-Allow-Headers"] = wanted
    if method in METHODS:
        return Response(status_code=204, headers=headers)
    return Response(f"no route has this method: {', '.join(METHODS)}\n", 400, headers, "text/plain")


def _naming(origin: str | None, send: Send) -> Send:
    async def named(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if origin is not None:
                headers["Access-Control-Allow-Origin"] = origin
                headers["Access-Control-Allow-Credentials"] = "true"
            vary(headers, "Origin")
        await send(message)

    return named


def vary(headers: MutableHeaders, name: str) -> None:
    """Add a request header to ``Vary``, once."""
    named = [part.strip() for line in headers.getlist("vary") for part in line.split(",")]
    fresh = {part.lower(): part for part in [*named, name] if part}
    del headers["vary"]
    headers["Vary"] = ", ".join(fresh.values())
