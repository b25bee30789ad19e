"""Requests of clients on ``/ws``: one tagged union, decoded totally.

``decode`` returns the request of any text, or raises ``RequestError`` with one short sentence that
names the field at fault. Unknown fields are ignored, so old servers and new clients work together.
If a field occurs twice, its last value counts, and each of its values must be well typed; all
values of ``action`` must be the same. A client's values are shown cut and with control characters
escaped. The server's messages are in ``hub.messages``.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from photon_app.errors import RequestError
from photon_app.model import TIMEFRAMES, Timeframe, parse_symbol

MAX_MESSAGE_BYTES = 16 * 1024
MAX_ID_LENGTH = 64
MOST_NAMES = 200
"""How many names of one message are processed, or twice a client's symbol limit if that is more."""
NAMES_PER_TOKEN, BARS_PER_TOKEN, SKIPPED_PER_TOKEN, LISTED_PER_TOKEN = 10, 2, 500, 100
"""How many cost one token: names, with a snapshot of 15 µs each; names in the bars channel, whose
newest bar takes 50 to 100 µs; names that are only read; and subscriptions that are listed. A whole
small message takes some 60 µs.
"""

Id = (
    Annotated[str, Meta(max_length=MAX_ID_LENGTH)] | Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
)
"""An integer has 64 bits: every language can read that back, but few one of 4,000 digits."""
Symbols = list[str]
Seq = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Channel = Literal["trades", "bars"]


class _Request(msgspec.Struct, tag_field="action", frozen=True, kw_only=True):
    """Base of all requests; ``id`` is echoed in the answer."""

    id: Id | None = None


class Since(msgspec.Struct, frozen=True):
    """What a client that comes back had last."""

    epoch: str
    seq: dict[str, Seq]
    """By symbol. A number that cannot be is not refused: that symbol is just not recovered."""


class Subscribe(_Request, tag="subscribe", frozen=True):
    """Add symbols."""

    symbols: Symbols
    interval_ms: int = 0
    channel: Channel = "trades"
    timeframe: Timeframe | None = None
    """How long a bar is, in the bars channel."""
    since: Since | None = None


class Unsubscribe(_Request, tag="unsubscribe", frozen=True):
    """Remove symbols."""

    symbols: Symbols
    channel: Channel = "trades"
    timeframe: Timeframe | None = None
    """In the bars channel; every timeframe without it."""


class UnsubscribeAll(_Request, tag="unsubscribe_all", frozen=True):
    """Remove every symbol."""


class ListSubscriptions(_Request, tag="list", frozen=True):
    """List the subscriptions."""


class Ping(_Request, tag="ping", frozen=True):
    """Answer with ``pong``."""


Request = Subscribe | Unsubscribe | UnsubscribeAll | ListSubscriptions | Ping
_KINDS: dict[str, type[_Request]] = {
    "subscribe": Subscribe,
    "unsubscribe": Unsubscribe,
    "unsubscribe_all": UnsubscribeAll,
    "list": ListSubscriptions,
    "ping": Ping,
}
ACTIONS = tuple(_KINDS)
_MIN_INTERVAL_MS, _MAX_INTERVAL_MS = 50, 10_000
_EXPECTED = {
    "id": f"a string of at most {MAX_ID_LENGTH} characters or an integer of 64 bits",
    "symbols": "a list of strings",
    "interval_ms": f"0 or {_MIN_INTERVAL_MS} to {_MAX_INTERVAL_MS}, an integer",
    "channel": "trades or bars",
    "since": "an object with epoch, a string, and seq, an object with an integer for each symbol",
    "timeframe": f"one of {', '.join(TIMEFRAMES)}",
}
_TYPES: tuple[tuple[type, str], ...] = (
    (dict, "an object"),
    (list, "a list"),
    (str, "a string"),
    (bool, "a boolean"),
    (int, "an integer"),
    (float, "a number that is not written as an integer"),
    (object, "null"),
)
_SHOWN = 40
"""How many characters of what a client sent are sent back."""

_decoder: msgspec.json.Decoder[Request] = msgspec.json.Decoder(Request)


def decode(text: str) -> Request:
    """One client message.

    Raises:
        RequestError: ``bad_json``, ``unknown_action`` or ``bad_message``.
    """
    try:
        request = _decoder.decode(text)
    except msgspec.ValidationError:
        raise _explain(text) from None
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise _not_json(error) from None
    if isinstance(request, Subscribe):
        _check_interval(request.interval_ms)
        if request.channel == "bars" and request.timeframe is None:
            expected = _EXPECTED["timeframe"]
            raise RequestError(
                "bad_message", f"the field timeframe is missing: expected {expected}"
            )
    return request


def most_names(max_symbols: int) -> int:
    """How many names of one message are processed, given a client's symbol limit."""
    return max(MOST_NAMES, 2 * max_symbols)


def last_seqs(since: Since, max_symbols: int) -> dict[str, int]:
    """The ``seq`` that a client had last, by symbol. Names that are no symbols are left out, and
    those beyond ``most_names``.
    """
    names = list(since.seq)[: most_names(max_symbols)]
    return {parse_symbol(name): since.seq[name] for name in names if is_symbol(name)}


def cost(request: Request, max_symbols: int) -> tuple[int, float]:
    """The cost of a message, for ``limits.MessageBudget``, which takes one of the two.

    Args:
        request: the message.
        max_symbols: how many symbols the client may have.

    Returns:
        The number of names that are processed, including refused and repeated ones; 0 if none of
        them is a symbol. And the cost in tokens.
    """
    match request:
        case Subscribe(symbols=texts, channel=channel):
            per_token = BARS_PER_TOKEN if channel == "bars" else NAMES_PER_TOKEN
        case Unsubscribe(symbols=texts):
            per_token = NAMES_PER_TOKEN
        case _:
            return 0, 1.0
    most = most_names(max_symbols)
    looked_at = texts[:most]
    named = len(looked_at) if any(map(is_symbol, looked_at)) else 0
    skipped = len(texts) - len(looked_at)
    if isinstance(request, Subscribe) and request.since is not None:
        skipped += len(request.since.seq)
    return named, max(1.0, len(looked_at) / per_token + skipped / SKIPPED_PER_TOKEN)


def cost_of(text: str, max_symbols: int) -> tuple[int, float]:
    """The cost of a message that will not be executed."""
    try:
        return cost(decode(text), max_symbols)
    except RequestError:
        return 0, 1.0


def is_symbol(given: object) -> bool:
    """Whether a value that a client sent is the name of a symbol."""
    try:
        return isinstance(given, str) and bool(parse_symbol(given))
    except RequestError:
        return False


def request_id(text: str) -> str | int | None:
    """The ``id`` of a message that could not be decoded, if it has a usable one."""
    try:
        return msgspec.json.decode(text, type=_Envelope).id
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None


class _Envelope(msgspec.Struct):
    id: Id | None = None


def _not_json(error: Exception) -> RequestError:
    reason, _, _ = str(error).partition(" - at ")
    return RequestError("bad_json", f"not JSON: {reason}")


def _explain(text: str) -> RequestError:
    """Why a message in valid JSON is not a request."""
    try:
        raw = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        return _not_json(error)
    if not isinstance(raw, dict):
        return RequestError("bad_message", "expected a JSON object with an action")
    actions = f"expected one of {', '.join(ACTIONS)}"
    if "action" not in raw:
        return RequestError("bad_message", f"the field action is missing: {actions}")
    action = raw["action"]
    if not isinstance(action, str):
        return RequestError("bad_message", f"the field action: {actions}, got {_show(action)}")
    if action not in ACTIONS:
        return RequestError("unknown_action", f"unknown action {_show(action)}: {actions}")
    return RequestError("bad_message", _fault(_KINDS[action], raw))


def _fault(kind: type[_Request], raw: dict[str, Any]) -> str:
    """The first field that is missing or mistyped.

    Checked field by field, since the decoder's own error texts quote the client's values.
    """
    for field in msgspec.structs.fields(kind):
        if field.name not in raw:
            if field.required:
                return f"the field {field.name} is missing: expected {_EXPECTED[field.name]}"
            continue
        try:
            msgspec.convert(raw[field.name], field.type)
        except msgspec.ValidationError:
            return _mistyped(field.name, raw[field.name])
    return "a field that stands twice: each of its values must be valid, and action the same"


def _mistyped(name: str, given: object) -> str:
    return f"the field {name}: expected {_EXPECTED[name]}, got {_show(given)}"


def _show(given: object) -> str:
    """A client's value, or its type, in a few characters."""
    match given:
        case list():
            others = [item for item in given if not isinstance(item, str)]
            return f"a list with {_show_type(others[0])} in it" if others else "a list"
        case str() if len(given) > _SHOWN:
            return f"a string of {len(given)} characters, {_cut(repr(given[:_SHOWN]))}"
        case str() | int() if not isinstance(given, bool):
            return _cut(repr(given))
        case _:
            return _show_type(given)


def _show_type(given: object) -> str:
    return next(words for kind, words in _TYPES if isinstance(given, kind))


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN + 2 else text[:_SHOWN] + "…"


def _check_interval(interval: int) -> None:
    if interval != 0 and not _MIN_INTERVAL_MS <= interval <= _MAX_INTERVAL_MS:
        raise RequestError("bad_message", _mistyped("interval_ms", interval))
