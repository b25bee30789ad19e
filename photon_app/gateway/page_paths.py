"""Which file of the built page answers a path that names what the page shows. Pure and total.

The page is one, and reads its own address: ``/s/NVDA`` is the page with that symbol chosen, and is
answered with the same file as ``/``, so that a link can be shared. ``/market`` and ``/developers``
are answered with their own file if the build has one. Any other path is that of a file, and if
there is none, of nothing.
"""

from photon_app.errors import RequestError
from photon_app.model import parse_symbol

ROOT = "/"
SYMBOL = "/s/"
"""The path of a symbol is this and the symbol, in any case, percent-encoded."""
VIEWS = ("/market", "/developers")


def files_of(path: str) -> tuple[str, ...]:
    """The files that answer a path of the page, the best first; none if it is no such path.

    Args:
        path: the path of a request, decoded.
    """
    path = path.rstrip("/")
    if path in VIEWS:
        return f"{path}.html", ROOT
    if path.startswith(SYMBOL) and _is_symbol(path.removeprefix(SYMBOL)):
        return (ROOT,)
    return ()


def _is_symbol(text: str) -> bool:
    if {".", ".."} & set(text.split("/")):  # a path that climbs, not a name
        return False
    try:
        parse_symbol(text)
    except RequestError:
        return False
    return True
