"""How long a browser may cache a response. Pure and total.

A file whose name contains a digest of its content never changes: it is cached for a year and not
requested again. Every other file may be cached, but is revalidated on each use, which costs a 304,
so that a new version shows up on the next request. Responses of the API, missing files and errors
are not cached, since they may be different a moment later.
"""

import re

FOREVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"
NEVER = "no-store"
ASSETS = "/assets/"
"""The scripts, styles and fonts of the built page, each with a digest in its name."""
_HASHED = re.compile(r"/assets/(?:[^/]+/)*[^/]+-[\w-]{8}\.[a-z0-9]+", re.ASCII)


def of_file(path: str, status: int) -> str:
    """``Cache-Control`` of a file, whether or not it exists.

    Args:
        path: the path of the request.
        status: the status of the response.
    """
    if status >= 400:
        return NEVER
    return FOREVER if _HASHED.fullmatch(path) else ASK_AGAIN
