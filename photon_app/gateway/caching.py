"""How long a browser may keep what HTTP gives it. Pure and total.

A file whose name holds a digest of its content never changes: it is kept for a year and not asked
for again. Every other file may be kept, and is asked for again each time, which costs a 304: so a
new version is seen at the next look. Answers of the API, and whatever is missing or went wrong,
are not kept: what is true of them now need not be in a moment.
"""

import re

FOREVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"
NEVER = "no-store"
ASSETS = "/assets/"
"""Where the built page has its scripts, styles and fonts, each with a digest in its name."""
_HASHED = re.compile(r"/assets/(?:[^/]+/)*[^/]+-[\w-]{8}\.[a-z0-9]+", re.ASCII)


def of_file(path: str, status: int) -> str:
    """``Cache-Control`` of a file, which need not be there.

    Args:
        path: what was asked for.
        status: of the answer.
    """
    if status >= 400:
        return NEVER
    return FOREVER if _HASHED.fullmatch(path) else ASK_AGAIN
