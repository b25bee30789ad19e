"""The rule for requests from browsers: which pages may use HTTP, ``/ws`` and ``/_event``.

A browser's ``Origin`` passes if its host and port equal the request's ``Host``, or if it is one of
the further origins of ``FRONTEND_URL``. A request without one does not come from a browser and
passes. If the server listens on loopback only, ``Host`` must be loopback too: otherwise a page of
another site, whose name was re-pointed at 127.0.0.1 (DNS rebinding), would be same-origin here. A
server for other machines is protected from that if ``PHOTON_ALLOWED_HOSTS`` lists its names: then
``Host`` must be one of them, an IP address (which DNS cannot re-point) or a name of this machine.
Refusals are logged, at most one line in ``LOG_EVERY_S``, since a browser shows its user only
that something failed.
"""

import ipaddress
import logging
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from photon_app import disconnect, foreign
from photon_app.clock import SYSTEM, Time
from photon_app.settings import Settings, is_loopback

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

LOG_EVERY_S = 10.0
_SHOWN_CHARACTERS = 100
_LABEL = re.compile(r"[a-z0-9_-]+")
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(:[0-9]{0,5})?", re.IGNORECASE)
_DEFAULT_PORTS = {"http": 80, "https": 443}
_log = logging.getLogger(__name__)


class Origins(tuple[str, ...]):
    """Origins as ``FRONTEND_URL`` lists them. Membership is the same for the rule and for Reflex's
    CORS headers: ``https://*.example.com`` contains every ``https://LABEL.example.com``, but
    neither ``https://example.com`` nor a name with two labels in place of the ``*``.
    """

    __slots__ = ()

    def __contains__(self, origin: object) -> bool:
        """Whether an origin is listed, ignoring case."""
        if not isinstance(origin, str) or "*" in origin:
            return False
        scheme, _, host = origin.lower().partition("://")
        label, dot, rest = host.partition(".")
        if super().__contains__(f"{scheme}://{host}"):
            return True
        wild = bool(dot) and _LABEL.fullmatch(label) is not None
        return wild and super().__contains__(f"{scheme}://*.{rest}")


class Hosts(tuple[str, ...]):
    """Host names as ``PHOTON_ALLOWED_HOSTS`` lists them: ``*.example.com`` contains every
    ``LABEL.example.com``, but neither ``example.com`` nor a name with two labels in place of the
    ``*``.
    """

    __slots__ = ()

    def __contains__(self, host: object) -> bool:
        """Whether the value of a ``Host`` header is one of them, this machine or an IP address:
        with or without a port, ignoring case.
        """
        found = _HOST.fullmatch(host) if isinstance(host, str) else None
        if found is None:
            return False
        name = found[1].lower().rstrip(".")
        label, dot, rest = name.partition(".")
        wild = bool(dot) and _LABEL.fullmatch(label) is not None
        return (
            super().__contains__(name)
            or (wild and super().__contains__(f"*.{rest}"))
            or is_loopback(name)
            or _is_address(name)
        )


class OriginRule:
    """The rule for one set of settings."""

    def __init__(
        self, *, origins: Iterable[str], loopback: bool, hosts: Iterable[str] = ()
    ) -> None:
        self._origins = Origins(origin.lower() for origin in origins)
        self._loopback = loopback
        self._hosts = Hosts(hosts)

    @classmethod
    def of(cls, settings: Settings) -> "OriginRule":
        """The rule of these settings."""
        return cls(
            origins=settings.frontend_url,
            loopback=settings.loopback,
            hosts=settings.allowed_hosts,
        )

    def refusal(self, origin: str | None, host: str | None) -> str | None:
        """Why a request is refused, in one sentence, or ``None`` when it passes."""
        if self._hosts:
            if host is not None and host not in self._hosts:
                return (
                    "this server is not to be asked for under the Host of the request: add it to "
                    "PHOTON_ALLOWED_HOSTS"
                )
        elif self._loopback and host is not None and not is_loopback(_split(f"//{host}")[0]):
            return (
                "this server listens on loopback only, and the Host of the request is another: "
                "set HOST to serve other machines"
            )
        if origin is None or origin in self._origins or _same(origin, host):
            return None
        if origin == "null":
            return (
                "a page without an Origin of its own, such as one opened from a file, is not "
                "allowed: serve it by HTTP and add its Origin to FRONTEND_URL"
            )
        return (
            "this Origin is not allowed: let the proxy pass on the Host that the browser asked for "
            "if it is Photon's own page, else add the Origin to FRONTEND_URL"
        )


class OriginGuard:
    """ASGI middleware that applies the rule to everything behind it.

    Args:
        app: gets the requests that pass.
        rule: the rule.
        time: of this process, to limit log lines.
    """

    def __init__(self, app: ASGIApp, rule: OriginRule, time: Time = SYSTEM) -> None:
        self._app = app
        self._rule = rule
        self._now_s = time.monotonic
        self._silent_until_s = 0.0
        self._unlogged = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass, or answer 403 (a WebSocket before it is accepted)."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await refuse(scope, receive, send, 403, refusal)

    def _refusal(self, scope: Scope) -> str | None:
        """Why a request is refused, which is logged. The headers end with this call: as locals of
        ``__call__`` they would live as long as the socket.
        """
        headers = dict(scope["headers"])
        origin, host = _text(headers, b"origin"), _text(headers, b"host")
        refusal = self._rule.refusal(origin, host)
        if refusal is not None:
            self._log_refusal(origin, host, scope["path"], refusal)
        return refusal

    def _log_refusal(self, origin: str | None, host: str | None, path: str, refusal: str) -> None:
        if self._now_s() < self._silent_until_s:
            self._unlogged += 1
            return
        self._silent_until_s = self._now_s() + LOG_EVERY_S
        more = (
            f" ({self._unlogged} more were refused since the last such line)"
            if self._unlogged
            else ""
        )
        self._unlogged = 0
        given = [
            "(none)" if text is None else foreign.printable(text, _SHOWN_CHARACTERS)
            for text in (path, origin, host)
        ]
        _log.warning("refused %s from Origin %s to Host %s: %s%s", *given, refusal, more)


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
    with the whole seconds after which to try again, if given.
    """
    prefix = ""
    if scope["type"] == "websocket":
        await receive()
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": disconnect.POLICY_VIOLATION})
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


def _is_address(name: str) -> bool:
    try:
        return bool(ipaddress.ip_address(name.strip("[]")))
    except ValueError:
        return False


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
