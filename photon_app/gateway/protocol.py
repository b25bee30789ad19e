"""What clients may say on ``/ws``: one tagged union, decoded totally.

``decode`` turns any text into a request, or raises ``RequestError`` with a sentence that names the
field at fault; unknown fields are ignored, so old servers and new clients live together. What the
server says is in ``hub.messages``.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from photon_app.errors import RequestError

MAX_MESSAGE_BYTES = 16 * 1024
MAX_ID_LENGTH = 64

Id = Annotated[str, Meta(max_length=MAX_ID_LENGTH)] | int | None
Symbols = list[str]


class _Request(msgspec.Struct, tag_field="action", frozen=True, kw_only=True):
    """Base of all requests; ``id`` is echoed in the answer."""

    id: Id = None


class Subscribe(_Request, tag="subscribe", frozen=True):
    """Add symbols."""

    symbols: Symbols
    interval_ms: int = 0
    channel: Literal["trades", "bars"] = "trades"


class Unsubscribe(_Request, tag="unsubscribe", frozen=True):
    """Remove symbols."""

    symbols: Symbols
    channel: Literal["trades", "bars"] = "trades"


class UnsubscribeAll(_Request, tag="unsubscribe_all", frozen=True):
    """Remove every symbol."""


class ListSubscriptions(_Request, tag="list", frozen=True):
    """Say what is subscribed."""


class Ping(_Request, tag="ping", frozen=True):
    """Answer with ``pong``."""


Request = Subscribe | Unsubscribe | UnsubscribeAll | ListSubscriptions | Ping
ACTIONS = ("subscribe", "unsubscribe", "unsubscribe_all", "list", "ping")

_decoder: msgspec.json.Decoder[Request] = msgspec.json.Decoder(Request)
_MIN_INTERVAL_MS, _MAX_INTERVAL_MS = 50, 10_000


def decode(text: str) -> Request:
    """One client message.

    Raises:
        RequestError: ``bad_json``, ``unknown_action`` or ``bad_message``.
    """
    try:
        request = _decoder.decode(text)
    except msgspec.ValidationError as error:
        raise _explain(text, str(error)) from None
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        message = f"not JSON: {error}"
        raise RequestError("bad_json", message) from None
    if isinstance(request, Subscribe | Unsubscribe):
        _check_channel(request.channel)
    if isinstance(request, Subscribe):
        _check_interval(request.interval_ms)
    return request


def request_id(text: str) -> str | int | None:
    """The ``id`` of a message that could not be decoded, where it has a usable one."""
    try:
        return msgspec.json.decode(text, type=_Envelope).id
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None


class _Envelope(msgspec.Struct):
    id: Id = None


def _explain(text: str, reason: str) -> RequestError:
    try:
        raw = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        return RequestError("bad_json", f"not JSON: {error}")
    if not isinstance(raw, dict):
        return RequestError("bad_message", "expected a JSON object with an action")
    if "action" not in raw:
        return RequestError(
            "bad_message", f"the field action is missing: expected one of {', '.join(ACTIONS)}"
        )
    action = raw["action"]
    if not isinstance(action, str):
        return RequestError("bad_message", "the field action: expected a string")
    if action not in ACTIONS:
        shown = action if len(action) <= 40 else action[:40] + "…"
        return RequestError(
            "unknown_action", f"unknown action {shown!r}: expected one of {', '.join(ACTIONS)}"
        )
    return RequestError("bad_message", _name_field(reason))


def _name_field(reason: str) -> str:
    """Msgspec says ``Expected `array`, got `str` - at `$.symbols```; say the field first."""
    what, at, path = reason.partition(" - at `$.")
    what = what.replace("`", "")
    return f"the field {path.rstrip('`')}: {what}" if at else what


def _check_channel(channel: Literal["trades", "bars"]) -> None:
    if channel == "bars":
        raise RequestError("bad_message", "the field channel: this server keeps no bars")


def _check_interval(interval: int) -> None:
    if interval != 0 and not _MIN_INTERVAL_MS <= interval <= _MAX_INTERVAL_MS:
        raise RequestError(
            "bad_message",
            f"the field interval_ms: expected 0 or {_MIN_INTERVAL_MS} to {_MAX_INTERVAL_MS}, "
            f"got {interval}",
        )
