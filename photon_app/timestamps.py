"""Times as people and programs write them: UNIX milliseconds, or ISO 8601.

Pure; used to read requests and command lines. A text that cannot be read raises ``ValueError``,
which says what is expected and does not quote the text.
"""

import datetime as dt
import math
import re

_YEAR_1973_MS = 10**11
_YEAR_9999_MS = 253_402_300_800_000
_OFFSET_AFTER_A_SPACE = re.compile(r" (\d\d:?\d\d)$")
"""An unescaped ``+`` in a query is decoded as a space."""
_EXPECTED = "UNIX milliseconds such as 1795194000000, or ISO 8601 such as 2026-11-20T17:00:00Z"


def parse_moment(text: str) -> int:
    """A time in UNIX ms, from 1973 to 9999, or 0; a time without a zone is UTC.

    Raises:
        ValueError: the text is not such a time; the message says what is expected.
    """
    if re.fullmatch(r"-?\d{1,16}", text, re.ASCII):
        value = int(text)
        if 0 < value < _YEAR_1973_MS:  # seconds, or a date without its hyphens
            raise ValueError(_EXPECTED)
    else:
        try:
            moment = dt.datetime.fromisoformat(_OFFSET_AFTER_A_SPACE.sub(r"+\1", text))
            moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=dt.UTC)
            value = math.floor(moment.timestamp() * 1000)
        except (ValueError, OverflowError):
            raise ValueError(_EXPECTED) from None
    if not 0 <= value < _YEAR_9999_MS:
        raise ValueError(_EXPECTED)
    return value


def shown_utc(time_ms: int) -> str:
    """A time in UNIX ms as ISO 8601, in whole seconds of UTC."""
    return dt.datetime.fromtimestamp(time_ms // 1000, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
