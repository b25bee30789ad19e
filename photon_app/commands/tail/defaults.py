"""Requests the default symbols of a Photon over HTTP.

Imports httpx only when called, so that a start with symbols does not wait for it.
"""

import msgspec

from photon_app.errors import RequestError
from photon_app.model import parse_symbol


class NoDefaults(Exception):  # noqa: N818  # named for what is missing
    """The server did not send its default symbols; the text says why."""


class _Named(msgspec.Struct):
    symbol: str


class _Quotes(msgspec.Struct):
    quotes: list[_Named]
    missing: list[str]


async def ask(url: str) -> tuple[str, ...]:
    """The symbols of ``GET /api/quotes``, those with a price first.

    Raises:
        NoDefaults: there was no answer, or not one with symbols.
    """
    import httpx  # noqa: PLC0415  # a sixth of a second

    try:
        async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
            answer = await client.get(url)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NoDefaults(_because(type(error).__name__)) from None
    if answer.status_code != 200:
        raise NoDefaults(_because(f"HTTP {answer.status_code}"))
    symbols = read(answer.content)
    if not symbols:
        raise NoDefaults(_because("it named none"))
    return symbols


def read(body: bytes) -> tuple[str, ...]:
    """The symbols in an answer, once each; empty when the answer cannot be read."""
    try:
        quotes = msgspec.json.decode(body, type=_Quotes)
        names = [*(quote.symbol for quote in quotes.quotes), *quotes.missing]
        return tuple(dict.fromkeys(parse_symbol(name) for name in names))
    except (msgspec.DecodeError, RequestError, UnicodeDecodeError):
        return ()


def _because(why: str) -> str:
    return f"the server did not tell its default symbols ({why}): name some"
