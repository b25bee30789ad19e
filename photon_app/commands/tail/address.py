"""The address of a Photon: turns what a person types into the URLs of its socket and its quotes.

Pure. An address may have a token in its query, so only ``Address.shown`` is ever printed.
"""

import ipaddress
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from photon_app import foreign
from photon_app.errors import SettingsError
from photon_app.model import Fact
from photon_app.settings import DEFAULTS, Settings

EXPECTED = (
    "expected the address of a Photon, such as 127.0.0.1:8000, https://prices.example.com or "
    "ws://127.0.0.1:8000/ws"
)
_SCHEMES = {"ws": "http", "wss": "https", "http": "http", "https": "https"}
_SOCKETS = {"http": "ws", "https": "wss"}
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # where to listen is not where to call


class Address(Fact, frozen=True):
    """The addresses of one Photon."""

    ws: str
    """The URL of ``/ws``, with ``format=events``."""
    quotes: str
    """The URL of ``GET /api/quotes``."""
    shown: str
    """Host and port, for people."""


def of_settings(settings: Settings) -> Address:
    """The Photon that these settings would start.

    Raises:
        SettingsError: the port is 0, so it is known only once that Photon runs.
    """
    if not settings.port:
        raise SettingsError("PORT=0 takes any free port: say which Photon with --url HOST:PORT")
    host = _ANYWHERE.get(settings.host, settings.host)
    return parse(_host_port(host, settings.port))


def parse(text: str) -> Address:
    """Parse the argument of ``--url``.

    Without a scheme it is host and port (the default of ``PORT`` when there is none). Without a
    path, and for a path of ``http``, ``/ws`` is added. The query is kept.

    Raises:
        SettingsError: the text is not an address.
    """
    try:
        return _parse(text.strip())
    except ValueError:
        shown = text.partition("?")[0].rpartition("@")[2][:60]
        raise SettingsError(f"--url {shown!r} cannot be used: {EXPECTED}") from None


def _parse(text: str) -> Address:
    parts = urlsplit(text if "://" in text else f"ws://{_with_port(text)}")
    scheme = _SCHEMES.get(parts.scheme)
    if scheme is None or not parts.hostname or parts.port == 0 or any(c.isspace() for c in text):
        raise ValueError(text)
    path = parts.path.rstrip("/")
    if not path or (parts.scheme == scheme and not path.endswith("/ws")):
        path += "/ws"
    query = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] != "format"]
    socket = (_SOCKETS[scheme], parts.netloc, path, urlencode([*query, ("format", "events")]), "")
    http = (scheme, parts.netloc, path.removesuffix("/ws") + "/api/quotes", urlencode(query), "")
    shown = _host_port(parts.hostname, parts.port) if parts.port else parts.hostname
    shown = foreign.printable(shown)
    return Address(ws=urlunsplit(socket), quotes=urlunsplit(http), shown=shown)


def _with_port(text: str) -> str:
    """Add the default port, where it is missing, to an address without a scheme."""
    authority, slash, rest = text.partition("/")
    try:
        authority = _host_port(str(ipaddress.IPv6Address(authority.strip("[]"))), DEFAULTS.port)
    except ValueError:
        if ":" not in authority.rpartition("]")[2]:
            authority += f":{DEFAULTS.port}"
    return authority + slash + rest


def _host_port(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
