"""Outliers: which prices need a second print to confirm them.

Pure rules about one print; the book keeps the pending print, one per symbol. A price more than
``REACH`` away from a fresh last price is set aside and counts nowhere. It is confirmed by a second
print within ``NEAR`` of it and ``CONFIRM_MS`` of exchange time. ``RUN`` of them in a row are
accepted without confirmation: then it is the last price that is wrong. The reasons for the figures,
and for what passes unchecked, are in docs/market-data.md.
"""

from photon_app.model import Trade

REACH = 0.2
"""How far from the last price a price needs no confirmation, as a fraction of the last price."""
LEAST, MOST = 1 - REACH, 1 + REACH

TICK = 0.0001
"""The smallest step of a US stock under a dollar (SEC Regulation NMS, rule 612)."""
STEPS = 2
"""Ticks that are never a jump, whatever fraction of the price they are: at 0.0004 one tick is a
quarter of the price."""

NEAR = 0.05
"""How close the second print has to be, as a fraction of the first one's price."""

CONFIRM_MS = 10_000
"""How far apart the two may be, in exchange time."""

RUN = 5
"""Newer prints in a row, all out of reach on one side, that show that the market has moved."""

FRESH_MS = 15 * 60_000
"""A last price older than this, as after a night or a long halt, is not used to judge prints."""


def far(symbol: str, price: float, last: float) -> bool:
    """Whether a price is out of reach of the last one; false if there is none (NaN)."""
    if last * LEAST <= price <= last * MOST:
        return False
    small = 0 if ":" in symbol else (STEPS + 0.5) * TICK
    return abs(price - last) > small


def fresh(time_ms: int, last_ms: int) -> bool:
    """Whether the last price is recent enough to judge a print of this time. It can judge every
    older print.
    """
    return time_ms - last_ms < FRESH_MS


def confirms(price: float, time_ms: int, pending: Trade) -> bool:
    """Whether a print confirms the pending one."""
    return (
        abs(time_ms - pending.time_ms) <= CONFIRM_MS
        and abs(price - pending.price) <= pending.price * NEAR
    )
