"""Foreign text: sanitises text from a client, upstream, a file or a driver before it is shown.

All foreign text in a log, a status, an answer or a terminal passes ``printable`` (which shows
unprintable characters as escapes) or ``plain`` (for names, which drops them); what is logged passes
``without_secrets`` too. Pure and total; callable from any thread. The cost is bounded: only the
beginning of a long text is processed.
"""

import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

MOST = 200
"""The default limit of foreign text in a sentence, in characters."""
LEAST_SECRET = 4
"""A shorter secret cannot be distinguished from the words around it."""

_NAME = (
    r"[\w-]{0,40}?(?:authori[sz]ation|cookie|token|secret|passw|pwd\b|api[_-]?key|credential)"
    r"[\w-]{0,40}"
)
"""Names of headers, parameters and variables whose values are secret."""
_BETWEEN = r"\s*(?:[:=,]|=>|%3A|%3D)\s*"
_DROPPED = re.compile(
    # 'cookie': 'a=b', (b"cookie", b"a=b"): to the quote that ends it
    rf"(?P<quoted>[\"']{_NAME}[\"']{_BETWEEN}b?(?P<q>[\"']))(?:(?!(?P=q))[^\\])*+(?P=q)"
    # token=abc&…, sslpassword='a b'
    rf"|(?P<set>(?<![\w-]){_NAME}\s*(?:=|%3D)\s*)(?:'[^']*'|\"[^\"]*\"|[^\s&;,\"'<>(){{}}]*)"
    # Cookie: a=b; c=d, and 'cookie': 'with \\': to the end of the line: the value may be anything
    rf"|(?P<line>(?<![\w-]){_NAME}(?:\\{{0,3}}[\"'])?{_BETWEEN})[^\r\n]*"
    r"|(?P<scheme>\b(?:bearer|basic)\s+)[\w.~+/=-]{8,}",
    re.IGNORECASE,
)
_LOGIN = re.compile(r"([a-z][\w+.-]{0,20}://)[^\s\"'<>]*@", re.IGNORECASE)
"""The credentials in an address: everything before its last ``@``."""


def printable(text: object, most: int = MOST) -> str:
    r"""Foreign text on one line, with escapes such as ``\x1b`` for unprintable characters, cut with
    an ellipsis.

    Args:
        text: anything; a value that is not a text is shown as ``str`` shows it.
        most: characters.
    """
    given = _text(text)
    shown = escaped(given[: most + 1])
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def escaped(text: str, keep: str = "") -> str:
    """A text, uncut, with escapes for unprintable characters.

    Args:
        text: the text, not much longer than what will be shown of it.
        keep: characters that are not escaped, such as Photon's own line ends.
    """
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() or c in keep else c.encode("unicode_escape").decode("ascii")
        for c in text
    )


def in_json(text: str) -> str:
    r"""A JSON text on one line, with escapes such as ``\u009b`` for unprintable characters. Its
    value is the same, since such characters occur in strings only.
    """
    line = " ".join(re.split(r"[\t\r\n]+", text))
    if line.isprintable():
        return line
    return "".join(c if c.isprintable() else _pairs(c) for c in line)


def plain(text: object, most: int = MOST) -> str:
    """A name: foreign words on one line, without unprintable characters, cut with an ellipsis. For
    a value that is not a text, it is empty.
    """
    words = " ".join(text[: 4 * most].split()) if isinstance(text, str) else ""
    shown = "".join(c for c in words if c.isprintable()).strip()
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def without_secrets(text: str, known: Iterable[str] = ()) -> str:
    """A text without the values of secret headers and parameters, without the credentials in
    addresses, and without known secrets.

    Args:
        text: the text, already cut: the cost grows with its length.
        known: known secrets, in each form in which they can occur; see ``forms``.
    """
    for secret in known:
        text = text.replace(secret, "***")
    return _DROPPED.sub(_starred, without_login(text))


def without_login(text: str) -> str:
    """A text without the credentials in its addresses: what is before their last ``@``."""
    return _LOGIN.sub(r"\1***@", text)


def forms(secret: str, least: int = LEAST_SECRET) -> tuple[str, ...]:
    """The forms in which a secret can occur in foreign text, the longest first: as it is, quoted as
    in addresses (libpq, Python and SQLAlchemy each in their way), and as ``repr`` shows it.

    Args:
        secret: the secret.
        least: characters; a shorter secret has no forms, since it could not be recognised.
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
    """A character as JSON escapes it: above U+FFFF as a surrogate pair."""
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - any failure of ``str`` is shown
        return f"<{type(value).__name__}>"
