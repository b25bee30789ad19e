"""The outlier gate: which prices need a second print before they are believed.

Pure rules about one print; the book keeps the print that waits, one per symbol. A price more than
``REACH`` away from a fresh last price is held, counts nowhere, and is believed when a second print
comes ``NEAR`` to it within ``CONFIRM_MS`` of exchange time, or when ``RUN`` of them in a row say
that it is the last price that is wrong. The reasons for the figures, and for
what is let through, are in docs/market-data.md.
"""

from photon_app.model import Trade

REACH = 0.2
"""How far from the last price a price is believed by itself, as a part of the last price."""
LEAST, MOST = 1 - REACH, 1 + REACH

TICK = 0.0001
"""The smallest step of a US stock under a dollar (SEC Regulation NMS, rule 612)."""
STEPS = 2
"""So many of them are no jump, though a part of the price: at 0.0004 one is a quarter of it."""

NEAR = 0.05
"""How close the second print has to be, as a part of the first one's price."""

CONFIRM_MS = 10_000
"""How far apart the two may be, in exchange time."""

RUN = 5
"""So many newer prints in a row, all out of reach on one side: the market has moved."""

FRESH_MS = 15 * 60_000
"""A last price that is older than this, as after a night or a long halt, judges nobody."""


def far(symbol: str, price: float, last: float) -> bool:
    """Whether a price is out of reach of the last one; false without one, which is NaN."""
    if last * LEAST <= price <= last * MOST:
        return False
    small = 0 if ":" in symbol else (STEPS + 0.5) * TICK
    return abs(price - last) > small


def fresh(time_ms: int, last_ms: int) -> bool:
    """Whether the last price can judge a print of this time. It can judge every older print."""
    return time_ms - last_ms < FRESH_MS


def confirms(price: float, time_ms: int, held: Trade) -> bool:
    """Whether a print bears out the one that is held."""
    return (
        abs(time_ms - held.time_ms) <= CONFIRM_MS and abs(price - held.price) <= held.price * NEAR
    )
