"""Moments as people and programs write them: UNIX milliseconds, or ISO 8601.

Pure; called by whoever reads a request or a command line. What cannot be read is a ``ValueError``
that says what is expected, and nothing of what was given.
"""

import datetime as dt
import math
import re

_YEAR_1973_MS = 10**11
_YEAR_9999_MS = 253_402_300_800_000
_OFFSET_AFTER_A_SPACE = re.compile(r" (\d\d:?\d\d)$")
"""What becomes of a ``+`` in a query that was not escaped."""
_EXPECTED = "UNIX milliseconds such as 1795194000000, or ISO 8601 such as 2026-11-20T17:00:00Z"


def parse_moment(text: str) -> int:
    """A time in UNIX ms, from 1973 to 9999, or 0; one that names no zone is UTC.

    Raises:
        ValueError: it is none, with what is expected.
    """
    if re.fullmatch(r"-?\d{1,16}", text, re.ASCII):
        value = int(text)
        if 0 < value < _YEAR_1973_MS:  # seconds, or a date without its strokes
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
