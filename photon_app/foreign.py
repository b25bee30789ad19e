"""Foreign text: whatever a client, upstream, a file or a driver wrote, before it is shown.

The one door: everything of others that goes into a log, a status, an answer or a terminal passes
``printable`` (which shows what was odd as escapes) or ``plain`` (for names, which leaves it out);
what is logged passes ``without_secrets`` too. Pure and total; callable from any thread. The cost
is bounded: of a long text only the beginning is looked at.
"""

import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

MOST = 200
"""Characters of foreign text that a sentence holds, where it does not say another bound."""
LEAST_SECRET = 4
"""A shorter secret cannot be told from the words around it."""

_NAME = (
    r"[\w-]{0,40}?(?:authori[sz]ation|cookie|token|secret|passw|pwd\b|api[_-]?key|credential)"
    r"[\w-]{0,40}"
)
"""How headers, parameters and variables are called whose value is nobody's business."""
_BETWEEN = r"\s*(?:[:=,]|=>|%3A|%3D)\s*"
_DROPPED = re.compile(
    # 'cookie': 'a=b', (b"cookie", b"a=b"): to the quote that ends it
    rf"(?P<quoted>[\"']{_NAME}[\"']{_BETWEEN}b?(?P<q>[\"']))(?:(?!(?P=q))[^\\])*+(?P=q)"
    # token=abc&…, sslpassword='a b'
    rf"|(?P<set>(?<![\w-]){_NAME}\s*(?:=|%3D)\s*)(?:'[^']*'|\"[^\"]*\"|[^\s&;,\"'<>(){{}}]*)"
    # Cookie: a=b; c=d, and 'cookie': 'with \\': to the end of the line, for it may hold anything
    rf"|(?P<line>(?<![\w-]){_NAME}(?:\\{{0,3}}[\"'])?{_BETWEEN})[^\r\n]*"
    r"|(?P<scheme>\b(?:bearer|basic)\s+)[\w.~+/=-]{8,}",
    re.IGNORECASE,
)
_LOGIN = re.compile(r"([a-z][\w+.-]{0,20}://)[^\s\"'<>]*@", re.IGNORECASE)
"""Who logs in, in an address: everything before its last ``@``."""


def printable(text: object, most: int = MOST) -> str:
    r"""Foreign text on one line, with escapes such as ``\x1b`` for what is not printable, cut with
    an ellipsis.

    Args:
        text: anything; what is no text is shown as ``str`` shows it.
        most: characters.
    """
    given = _text(text)
    shown = escaped(given[: most + 1])
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def escaped(text: str, keep: str = "") -> str:
    """A text, uncut, with escapes for what is not printable.

    Args:
        text: not much longer than what is shown of it.
        keep: characters that stay as they are, such as the ends of lines of our own.
    """
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() or c in keep else c.encode("unicode_escape").decode("ascii")
        for c in text
    )


def in_json(text: str) -> str:
    r"""A JSON text on one line, with ``\u009b`` for what is not printable: of the same value, for
    odd characters stand in strings only.
    """
    line = " ".join(re.split(r"[\t\r\n]+", text))
    if line.isprintable():
        return line
    return "".join(c if c.isprintable() else _pairs(c) for c in line)


def plain(text: object, most: int = MOST) -> str:
    """A name: foreign words on one line, without what is not printable, cut with an ellipsis. What
    is no text is no name.
    """
    words = " ".join(text[: 4 * most].split()) if isinstance(text, str) else ""
    shown = "".join(c for c in words if c.isprintable()).strip()
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def without_secrets(text: str, known: Iterable[str] = ()) -> str:
    """A text without the values of headers and parameters that hold secrets, without who logs in
    where, and without those that are known.

    Args:
        text: as long as it may be looked at: the cost grows with it.
        known: in each form in which they can stand there; see ``forms``.
    """
    for secret in known:
        text = text.replace(secret, "***")
    return _DROPPED.sub(_starred, without_login(text))


def without_login(text: str) -> str:
    """A text without who logs in where: what its addresses have before their last ``@``."""
    return _LOGIN.sub(r"\1***@", text)


def forms(secret: str, least: int = LEAST_SECRET) -> tuple[str, ...]:
    """How a secret can stand in foreign text, the longest first: as it is, as addresses quote it
    (libpq, Python and SQLAlchemy each in their way), and as ``repr`` shows it.

    Args:
        secret: what is not to be shown.
        least: characters; of a shorter one there are none, for it cannot be known again.
    """
    if len(secret) < least:
        return ()
    quoted = {quote(secret, safe=safe) for safe in ("", "/", " +")}
    found = {secret, quote_plus(secret), repr(secret)[1:-1], *quoted}
    return tuple(sorted(found, key=len, reverse=True))


def _starred(match: re.Match[str]) -> str:
    if match["quoted"] is not None:
        return f"{match['quoted']}***{match['q']}"
    return (match["set"] or match["line"] or match["scheme"]) + "***"


def _pairs(character: str) -> str:
    """As JSON writes it: beyond the first 65,536 characters as two."""
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - whatever it is, it is shown
        return f"<{type(value).__name__}>"
