"""How many decimals a symbol's prices are shown with.

One ``Digits`` per symbol, owned by its entry in ``market.book`` and fed by it on the event loop;
the functions are pure and may be called from anywhere. A symbol has at least the decimals that its
market usually has (``least``), and more if its recent prices came with more. One odd print, such as
a stock's price of a tenth of a cent, does not change how all prices are shown.

Bound: a few counts per symbol, never a history of prices.
"""

import functools
import math
import re
from collections import deque
from collections.abc import Iterable
from decimal import Decimal

from photon_app.calendar.session import venue_of

MOST = 20
"""More decimals than any price needs; browsers write up to this many too."""
SIGNIFICANT = 4
"""The least significant digits that a price is shown with, however small it is."""
WRITTEN = 12
"""Significant digits of a price that are taken as written; further ones are rounding noise."""
SHOWN = 10
"""The most digits that a price is shown with, unless its market usually has more."""
CENTS, BELOW_ONE = 2, 4
FX_USUAL, FX_YEN, FX_SIGNIFICANT, FX_WHOLE = 5, 3, 7, 10_000.0
"""Rates have five decimals, those in yen three; a rate of tens of thousands may have none."""
WINDOW = 32
"""The number of recent prices that decide how all are written."""
STEP = 128
"""While prices agree, one in 2, 4, 8, up to this many is looked at; after one that does not,
each."""
GROWS, SHRINKS = 1 / 4, 1 / 8
"""The share of recent prices that must have a number of decimals for the symbol to get it, and to
keep it. Of prices in steps of five of the last decimal, half have that decimal."""
_RATE = re.compile(r"[A-Z]{6}=X|[A-Z]{3}=X")
_TINY, _HUGE = 1e-20, 1e16
_VOLUME_DECIMALS, _VOLUME_SIGNIFICANT = 8, 13


class Digits:
    """The decimals of one symbol.

    Args:
        symbol: the symbol.
    """

    __slots__ = ("_looks", "_low", "_recent", "_symbol", "decimals", "step")

    def __init__(self, symbol: str) -> None:
        self._symbol = symbol
        self._recent: deque[int] = deque(maxlen=WINDOW)
        self._looks = 0
        self._low = math.inf
        self.decimals = -1
        """Below 0 before the first price."""
        self.step = 1
        """After how many prices the next one is looked at."""

    def look(self, price: float) -> bool:
        """Take a price into account. Returns true if the symbol's decimals now differ from what a
        client assumes: those that it had, or, at first, those of its first price.
        """
        seen, before = written(price), self.decimals
        self._recent.append(seen)
        self._looks += 1
        agrees = seen <= before and self._looks > WINDOW // 2
        self.step = min(self.step * 2, STEP) if agrees else 1
        if seen <= before and price >= self._low and self._looks % WINDOW:
            return False
        self.decimals = self._decided(price)
        self._low = _lowest(self._symbol, price, self.decimals)
        return self.decimals != (shown_by(price) if before < 0 else before)

    def _decided(self, price: float) -> int:
        """The decimals of recent prices, bounded by what the size of this price calls for. A symbol
        near a bound, such as a stock at ten dollars, does not change with each step across it.
        """
        finest = sorted(self._recent, reverse=True)
        most = _most(price)

        def shared(share: float) -> int:
            return min(finest[math.ceil(len(finest) * share) - 1], most)

        grown = max(least(self._symbol, price), shared(GROWS))
        kept = max(least(self._symbol, price / 2), shared(SHRINKS))
        return max(grown, min(self.decimals, kept))


def decimals_of(symbol: str, prices: Iterable[float]) -> int:
    """The decimals of a symbol with known prices, the newest last."""
    digits = Digits(symbol)
    for price in prices:
        digits.look(price)
    return max(digits.decimals, 0)


def shown_by(price: float) -> int:
    """The decimals of a symbol of which only one price is known. Clients assume the same
    (``digitsOf`` in ``ui/live/photon-client.js``) until they are sent the symbol's decimals.
    """
    if not 0 < price < math.inf:
        return CENTS
    return max(least("", price), min(written(price), _most(price)))


def least(symbol: str, price: float) -> int:
    """The fewest decimals for a price of this size: those of its market, and enough for four
    significant digits.
    """
    if not 0 < price < math.inf:
        return CENTS
    needed = min(max(SIGNIFICANT - 1 - _magnitude(price), 0), MOST)
    if is_rate(symbol):
        usual = FX_YEN if _in_yen(symbol) else FX_USUAL
        room = FX_SIGNIFICANT - 1 - _magnitude(price) if price < FX_WHOLE else 0
        return max(needed, min(usual, max(room, 0)))
    return max(needed, CENTS if price >= 1 else BELOW_ONE)


def written(price: float) -> int:
    """How many decimals a price is written with: 2 for 189.57, 10 for 1.2e-9."""
    if not math.isfinite(price):
        return 0
    text = repr(price)
    if len(text) <= WRITTEN and "e" not in text:
        return len(text.partition(".")[2].rstrip("0"))
    mantissa, _, exponent = f"{price:.{WRITTEN - 1}e}".partition("e")
    figures = len(mantissa.partition(".")[2].rstrip("0"))
    return min(max(figures - int(exponent), 0), MOST)


def difference(price: float, other: float) -> float:
    """``price - other``, exact for the two numbers as written, so that 0.3 − 0.1 is 0.2."""
    return float(Decimal(repr(price)) - Decimal(repr(other)))


def change(price: float, prev_close: float | None) -> tuple[float | None, float | None]:
    """The change since a close, and the same in percent to four decimals; ``None`` without one."""
    if not prev_close:
        return None, None
    moved = difference(price, prev_close)
    return moved, round(moved / prev_close * 100, 4)


def plain(value: float, decimals: int = 0) -> str:
    """A number in full, without an exponent: all its digits, padded to a number of decimals.

    Args:
        value: any number; one that would make a very long text keeps its exponent.
        decimals: the fewest decimals; zeros are appended up to this number.
    """
    if value and not _TINY <= abs(value) < _HUGE:
        return repr(value)
    text = format(Decimal(repr(value)), "f")
    whole, _, fraction = text.partition(".")
    fraction = fraction.rstrip("0").ljust(decimals, "0")
    return f"{whole}.{fraction}" if fraction else whole


def total(volume: float) -> float:
    """A sum of volumes without the rounding noise of adding: 0.1 + 0.2 is 0.3. At most eight
    decimals, the smallest step on crypto exchanges, and thirteen digits; whole numbers stay as they
    are.
    """
    if not math.isfinite(volume) or volume == int(volume):
        return volume
    room = _VOLUME_SIGNIFICANT - 1 - _magnitude(volume)
    return round(volume, min(_VOLUME_DECIMALS, max(room, 0)))


def mean(value: float) -> float:
    """An average price without the rounding noise of dividing."""
    return float(f"{value:.{WRITTEN}g}")


def _magnitude(price: float) -> int:
    """The power of ten of the first digit: 2 for 149.3, 0 for 1.08, -1 for 0.65; exact at powers
    of ten.
    """
    return int(f"{price:.{WRITTEN}e}".partition("e")[2]) if price else 0


def _most(price: float) -> int:
    return min(max(SHOWN - 1 - _magnitude(price), 0), MOST)


def _lowest(symbol: str, price: float, decimals: int) -> float:
    """A price, not above this one, down to which ``decimals`` are enough."""
    lowest = 10.0 ** _magnitude(price)
    return lowest if least(symbol, lowest) <= decimals else price


@functools.lru_cache(maxsize=4096)
def is_rate(symbol: str) -> bool:
    """Whether a symbol is a rate of foreign exchange."""
    return venue_of(symbol) == "fx" or _RATE.fullmatch(symbol) is not None


def _in_yen(symbol: str) -> bool:
    return symbol.removesuffix("=X").endswith("JPY") or symbol == "JPY=X"
