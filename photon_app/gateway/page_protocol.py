"""The messages that a tab of the page may send on ``/_event``, checked before Reflex sees them.

Reflex's page talks to its server in Socket.IO packets inside Engine.IO packets, and needs few of
them: one ``CONNECT`` with the browser's storage, then events by name, an answer to each ping, and a
disconnect. Everything else in those protocols (other namespaces, binary packets, acknowledgements,
upgrades, long polling) is refused, and an event passes only if the page's app has one of that name
with those arguments. What passes is encoded again, so that Reflex reads exactly what was checked
here.

Pure, synchronous and total.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import parse_qs

import msgspec

MAX_STORAGE_BYTES = 128 * 1024
"""The longest message: a page with the longest watchlist that it would store sends half as much."""
MAX_EVENT_BYTES = 16 * 1024
"""The longest event without storage; the longest that the page sends are its edits, 9 KiB."""
MAX_ROUTE_BYTES = 16 * 1024
"""The route of an event: the page's own address, twice."""
MAX_REPORT_CHARS = 500
NAMESPACE = "/_event"
PONG, MESSAGE, CLOSE = "3", "4", "1"
CONNECT, DISCONNECT, EVENT = "0", "1", "2"

Kind = Literal["event", "storage", "report"]


class Rule(msgspec.Struct, frozen=True):
    """One event that the page's app has."""

    arguments: type[msgspec.Struct]
    """The names and types of its arguments; those without a default are required."""
    kind: Kind = "event"
    """What it carries: nothing large, the browser's storage (as ``vars``), or a report for the log,
    as texts.
    """


class Rules(msgspec.Struct, frozen=True):
    """All events and stored names of the page's app."""

    events: Mapping[str, Rule]
    stored: frozenset[str]
    """The names of what browsers store for it; anything else in their storage is left out."""


class Refusal(msgspec.Struct, frozen=True):
    """Why a message is not passed on."""

    reason: Literal["protocol", "unknown", "arguments", "too_big"]
    """``protocol`` ends the connection; the others say why an event is dropped."""
    sentence: str


class Packet(msgspec.Struct, frozen=True):
    """A message that may be passed on."""

    text: str
    kind: Literal["pong", "connect", "event", "report", "goodbye"]
    units: int
    """What it costs the server: 1 for a small event, and more with its size."""


class _RefusedError(Exception):
    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.sentence)
        self.refusal = refusal


def _violation(sentence: str) -> _RefusedError:
    return _RefusedError(Refusal("protocol", sentence))


_UNKNOWN = Refusal("unknown", "an event that the page does not have")
_ARGUMENTS = Refusal("arguments", "an event of the page with other arguments")
_TOO_BIG = Refusal("too_big", "a longer event than the page sends")


class _Route(msgspec.Struct, omit_defaults=True):
    pathname: str = ""
    asPath: str = ""  # noqa: N815 - Reflex's name
    query: dict[str, str | list[str]] = {}


class _Event(msgspec.Struct):
    name: str
    payload: msgspec.Raw = msgspec.field(default_factory=lambda: msgspec.Raw(b"{}"))
    router_data: _Route = msgspec.field(default_factory=_Route)


class _Boot(msgspec.Struct):
    event: _Event
    state_schema: str | None = None


_boot = msgspec.json.Decoder(_Boot)
_emitted = msgspec.json.Decoder(tuple[str, msgspec.Raw])
_event = msgspec.json.Decoder(_Event)
_report = msgspec.json.Decoder(dict[str, str | None])
_SCHEMA = re.compile(r"[0-9a-zA-Z]{1,64}")
_CONNECT_UNITS, _BYTES_A_UNIT = 5, 1024
REPORT = "client_error"
"""The one event of the socket itself besides ``event``: an error in a browser."""


def read(text: str, rules: Rules, *, connected: bool) -> Packet | Refusal:
    """One message of a tab as it may be passed on, or why it is refused.

    Args:
        text: the message.
        rules: the events of the page's app.
        connected: whether the tab has sent its ``CONNECT``.
    """
    try:
        return _read(text, rules, connected=connected)
    except _RefusedError as refused:
        return refused.refusal
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return Refusal("protocol", "JSON of another shape than the page's")


def _read(text: str, rules: Rules, *, connected: bool) -> Packet:
    if text == PONG:
        return Packet(text, "pong", 1)
    if text == CLOSE:
        return Packet(text, "goodbye", 1)
    if text[:1] != MESSAGE:
        raise _violation("a packet of Engine.IO that the page never sends")
    kind, rest = text[1:2], text[2:]
    if kind == DISCONNECT and rest.rstrip(",") == NAMESPACE:
        return Packet(f"{MESSAGE}{DISCONNECT}{NAMESPACE},", "goodbye", 1)
    if kind not in {CONNECT, EVENT}:
        raise _violation("a packet of Socket.IO that the page never sends")
    namespace, comma, body = rest.partition(",")
    if namespace.partition("?")[0] != NAMESPACE or not comma:
        raise _violation(f"another namespace than {NAMESPACE}")
    if (kind == CONNECT) is connected:
        raise _violation(
            "connected twice" if connected else "an event before the tab was connected"
        )
    return _connect(body, rules) if kind == CONNECT else _emit(body, rules)


def _connect(body: str, rules: Rules) -> Packet:
    boot = _boot.decode(body)
    if boot.state_schema is not None and not _SCHEMA.fullmatch(boot.state_schema):
        raise _violation("a state schema that is none")
    rule = rules.events.get(boot.event.name)
    if rule is None or rule.kind != "storage":
        raise _violation("connected without the browser's storage")
    content: dict[str, object] = {"event": _checked(boot.event, rule, rules)}
    if boot.state_schema is not None:
        content["state_schema"] = boot.state_schema
    text = msgspec.json.encode(content).decode()
    units = _CONNECT_UNITS + _units(len(text))
    return Packet(f"{MESSAGE}{CONNECT}{NAMESPACE},{text}", "connect", units)


def _emit(body: str, rules: Rules) -> Packet:
    named, data = _emitted.decode(body)
    if named == REPORT:
        report = {key: _cut(value) for key, value in _report.decode(data).items()}
        return _packet(named, report, "report")
    if named != "event":
        raise _RefusedError(_UNKNOWN)
    event = _event.decode(data)
    rule = rules.events.get(event.name)
    if rule is None:
        raise _RefusedError(_UNKNOWN)
    if rule.kind != "storage" and len(body) > MAX_EVENT_BYTES:
        raise _RefusedError(_TOO_BIG)
    checked = _checked(event, rule, rules)
    return _packet(named, checked, "report" if rule.kind == "report" else "event")


def _checked(event: _Event, rule: Rule, rules: Rules) -> dict[str, object]:
    try:
        payload: Any = msgspec.json.decode(event.payload, type=rule.arguments)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise _RefusedError(_ARGUMENTS) from error
    route = msgspec.to_builtins(event.router_data)
    if len(msgspec.json.encode(route)) > MAX_ROUTE_BYTES:
        raise _RefusedError(_TOO_BIG)
    arguments: dict[str, object] = msgspec.to_builtins(payload)
    if rule.kind == "storage":
        stored = payload.vars or {}
        arguments["vars"] = {name: stored[name] for name in stored.keys() & rules.stored}
    if rule.kind == "report":
        arguments = {name: _cut(value) for name, value in arguments.items()}
    return {"name": event.name, "payload": arguments, "router_data": route}


def _cut(value: object) -> str:
    return "" if value is None else str(value)[:MAX_REPORT_CHARS]


def _packet(named: str, data: object, kind: Literal["event", "report"]) -> Packet:
    text = msgspec.json.encode([named, data]).decode()
    return Packet(f"{MESSAGE}{EVENT}{NAMESPACE},{text}", kind, _units(len(text)))


def _units(size: int) -> int:
    return 1 + size // _BYTES_A_UNIT


def token_of(query: bytes) -> str | None:
    """The token in the query of a handshake, or ``None`` if the page would not send this query."""
    try:
        given = parse_qs(query.decode("ascii"), max_num_fields=_MOST_FIELDS)
    except ValueError:
        return None
    if given.get("EIO") != ["4"] or given.get("transport") != ["websocket"]:
        return None
    tokens = given.get("token", [])
    if "sid" in given or "j" in given or len(tokens) != 1 or not _TOKEN.fullmatch(tokens[0]):
        return None
    return tokens[0]


HANDSHAKE = (
    "expected a new WebSocket of Engine.IO with EIO=4, transport=websocket and a token of 1 to 64 "
    "letters, digits, - or _"
)
"""What ``token_of`` expects; sent to refused clients."""
_TOKEN = re.compile(r"[0-9A-Za-z_-]{1,64}")
_MOST_FIELDS = 16
