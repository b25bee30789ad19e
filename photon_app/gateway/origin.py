"""One rule for who may talk to this server from a browser: HTTP, ``/ws`` and ``/_event`` alike.

A browser's ``Origin`` passes when its host and port equal the request's ``Host``, or when it is
one of the further origins of ``FRONTEND_URL``; a request without one is not a browser's and
passes. When the server listens on loopback only, ``Host`` must be loopback too: else a page of
another site, whose name was re-pointed at 127.0.0.1 (DNS rebinding), would be its own origin here.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from photon_app.settings import Settings, is_loopback

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

_LABEL = re.compile(r"[a-z0-9_-]+")
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Origins(tuple[str, ...]):
    """Origins as ``FRONTEND_URL`` lists them. What asks whether another is among them, the rule or
    Reflex's CORS headers, gets one answer: ``https://*.example.com`` has every
    ``https://LABEL.example.com``, and neither ``https://example.com`` nor two labels.
    """

    __slots__ = ()

    def __contains__(self, origin: object) -> bool:
        """Whether it is listed, in any case of letters."""
        if not isinstance(origin, str) or "*" in origin:
            return False
        scheme, _, host = origin.lower().partition("://")
        label, dot, rest = host.partition(".")
        if super().__contains__(f"{scheme}://{host}"):
            return True
        wild = bool(dot) and _LABEL.fullmatch(label) is not None
        return wild and super().__contains__(f"{scheme}://*.{rest}")


class OriginRule:
    """The rule, for one set of settings."""

    def __init__(self, *, origins: Iterable[str], loopback: bool) -> None:
        self._origins = Origins(origin.lower() for origin in origins)
        self._loopback = loopback

    @classmethod
    def of(cls, settings: Settings) -> "OriginRule":
        """The rule that these settings make."""
        return cls(origins=settings.frontend_url, loopback=settings.loopback)

    def refusal(self, origin: str | None, host: str | None) -> str | None:
        """Why a request is refused, in one sentence, or ``None`` when it passes."""
        if self._loopback and host is not None and not is_loopback(_split(f"//{host}")[0]):
            return (
                "this server listens on loopback only, and the Host of the request is another: "
                "set HOST to serve other machines"
            )
        if origin is None or origin in self._origins or _same(origin, host):
            return None
        return "this Origin is not allowed: add it to FRONTEND_URL"


class OriginGuard:
    """ASGI middleware that applies the rule to everything behind it."""

    def __init__(self, app: ASGIApp, rule: OriginRule) -> None:
        self._app = app
        self._rule = rule

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass, or answer 403 (a WebSocket before it is accepted)."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        refusal = self._rule.refusal(_text(headers, b"origin"), _text(headers, b"host"))
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await refuse(scope, receive, send, 403, refusal)


async def refuse(
    scope: Scope,
    receive: Receive,
    send: Send,
    status: int,
    reason: str,
    *,
    retry_after_s: int | None = None,
) -> None:
    """Answer a request, or a WebSocket that is not accepted yet, with a status and a sentence, and
    with the whole seconds after which to try again, where that helps.
    """
    prefix = ""
    if scope["type"] == "websocket":
        await receive()
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": 1008})
            return
        prefix = "websocket."
    body = (reason + "\n").encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
    ]
    if retry_after_s is not None:
        headers.append((b"retry-after", str(retry_after_s).encode()))
    await send({"type": f"{prefix}http.response.start", "status": status, "headers": headers})
    await send({"type": f"{prefix}http.response.body", "body": body})


def _text(headers: dict[bytes, bytes], name: bytes) -> str | None:
    value = headers.get(name)
    return None if value is None else value.decode("latin-1")


def _same(origin: str, host: str | None) -> bool:
    if host is None:
        return False
    default = _DEFAULT_PORTS.get(origin.partition("://")[0].lower())
    if default is None:
        return False
    ours, theirs = _split(f"//{host}"), _split(origin)
    return ours[0] != "" and (ours[0], ours[1] or default) == (theirs[0], theirs[1] or default)


def _split(url: str) -> tuple[str, int | None]:
    try:
        parts = urlsplit(url)
        return (parts.hostname or "").lower(), parts.port
    except ValueError:
        return "", None
