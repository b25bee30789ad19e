"""Which file of the built page answers a path that names what the page shows. Pure and total.

The page is one, and reads its own address: ``/s/NVDA`` is the page with that symbol chosen, and is
answered with the same file as ``/``, so that a link can be shared. ``/market`` and ``/developers``
have files of their own. Any other path is that of a file, and if there is none, of nothing.
"""

from photon_app.errors import RequestError
from photon_app.model import parse_symbol

ROOT = "/"
SYMBOL = "/s/"
"""The path of a symbol is this and the symbol, in any case, percent-encoded."""
VIEWS = ("/market", "/developers")
MISSING = "/404"
"""Where there is nothing."""


def file_of(path: str) -> str | None:
    """The path of the file that answers a path of the page; ``None`` if it is no such path.

    Args:
        path: the path of a request, decoded.
    """
    path = path.rstrip("/")
    if {".", ".."} & set(path.split("/")):  # it climbs: not to where a folder would redirect it
        return MISSING
    if path in VIEWS:
        return f"{path}.html"
    if path.startswith(SYMBOL) and _is_symbol(path.removeprefix(SYMBOL)):
        return ROOT
    return None


def _is_symbol(text: str) -> bool:
    try:
        parse_symbol(text)
    except RequestError:
        return False
    return True
