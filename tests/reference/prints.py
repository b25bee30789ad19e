"""One trade, and what its conditions allow it to change."""

from typing import NamedTuple

REPEATS = frozenset({"16", "20"})
"""A price and a volume that were printed before."""
VOLUME_ONLY = frozenset({"3", "5", "10", "17", "25", "26", "27", "37"})
"""Shares changed hands at a price that the market did not make then."""
NOT_LAST = frozenset({"9", "21", "22", "30", "32"})
"""The price was made earlier than its time says."""
PRICE_ONLY = frozenset({"39"})
"""A price whose shares were counted before."""
CROSSES = frozenset({"35", "36"})
"""The closing auction."""


class Print(NamedTuple):
    """One trade."""

    symbol: str
    price: float
    volume: float
    time_ms: int
    conditions: tuple[str, ...] = ()
    arrives_ms: int = 0
    """When it comes; 0 in tests that do not ask."""


class Allowed(NamedTuple):
    """What a trade may change."""

    last: bool
    high_low: bool
    volume: bool


def allowed(conditions: tuple[str, ...]) -> Allowed:
    """What all of these conditions allow."""
    codes = frozenset(conditions)
    return Allowed(
        last=not codes & (REPEATS | VOLUME_ONLY | NOT_LAST),
        high_low=not codes & (REPEATS | VOLUME_ONLY),
        volume=not codes & (REPEATS | PRICE_ONLY),
    )
