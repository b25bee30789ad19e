"""How many decimals a symbol's prices are written with: decided here, used by whoever shows one.

One ``Digits`` a symbol, owned by its entry in ``market.book`` and fed by it on the event loop; the
functions are pure and anybody's. A symbol has at least the decimals that its market usually has
(``least``), and more when its prices lately came with more. One odd print, such as a stock's price
of a tenth of a cent, does not change how all are shown.

Bound: some counts a symbol, never a history of prices.
"""

import functools
import math
import re
from collections import deque
from collections.abc import Iterable
from decimal import Decimal

from photon_app.calendar.session import venue_of

MOST = 20
"""More than any price needs; browsers write so many too."""
SIGNIFICANT = 4
"""Digits that every price shows at least, however small it is."""
WRITTEN = 12
"""Digits of a price that count as written; what comes behind is noise of somebody's arithmetic."""
SHOWN = 10
"""Digits of a price that are shown at most, where its market does not usually have more."""
CENTS, BELOW_ONE = 2, 4
FX_USUAL, FX_YEN, FX_SIGNIFICANT, FX_WHOLE = 5, 3, 7, 10_000.0
"""Rates have five decimals, those in yen three, a rate of tens of thousands none for certain."""
LATELY = 32
"""So many prices that were looked at say how the others are written."""
STEP = 128
"""While prices agree, one in 2, 4, 8, up to so many is looked at; when one does not, each is."""
GROWS, SHRINKS = 1 / 4, 1 / 8
"""The share of prices lately that must have so many decimals for the symbol to have them, and to
keep them. Of prices in steps of five of the last decimal, half have it."""
_RATE = re.compile(r"[A-Z]{6}=X|[A-Z]{3}=X")
_TINY, _HUGE = 1e-20, 1e16
_VOLUME_DECIMALS, _VOLUME_SIGNIFICANT = 8, 13


class Digits:
    """The decimals of one symbol.

    Args:
        symbol: whose.
    """

    __slots__ = ("_lately", "_looks", "_low", "_symbol", "decimals", "step")

    def __init__(self, symbol: str) -> None:
        self._symbol = symbol
        self._lately: deque[int] = deque(maxlen=LATELY)
        self._looks = 0
        self._low = math.inf
        self.decimals = -1
        """Below 0 before the first price."""
        self.step = 1
        """After how many prices to look at one again."""

    def look(self, price: float) -> bool:
        """Take a price into account; true when the symbol has other decimals now than whoever saw
        its prices assumes: those that it had, or at first what the first price shows.
        """
        seen, before = written(price), self.decimals
        self._lately.append(seen)
        self._looks += 1
        agrees = seen <= before and self._looks > LATELY // 2
        self.step = min(self.step * 2, STEP) if agrees else 1
        if seen <= before and price >= self._low and self._looks % LATELY:
            return False
        self.decimals = self._decided(price)
        self._low = _lowest(self._symbol, price, self.decimals)
        return self.decimals != (shown_by(price) if before < 0 else before)

    def _decided(self, price: float) -> int:
        """What the prices lately have, bounded by what the size of this one calls for. A symbol at
        a bound, such as a stock at ten dollars, does not change with each step across it.
        """
        finest = sorted(self._lately, reverse=True)
        most = _most(price)

        def shared(share: float) -> int:
            return min(finest[math.ceil(len(finest) * share) - 1], most)

        grown = max(least(self._symbol, price), shared(GROWS))
        kept = max(least(self._symbol, price / 2), shared(SHRINKS))
        return max(grown, min(self.decimals, kept))


def decimals_of(symbol: str, prices: Iterable[float]) -> int:
    """The decimals of a symbol of which some prices are known, the newest last."""
    digits = Digits(symbol)
    for price in prices:
        digits.look(price)
    return max(digits.decimals, 0)


def shown_by(price: float) -> int:
    """The decimals that one price shows of a symbol of which nothing else is known. Clients assume
    the same (``digitsOf`` in ``ui/live/photon-client.js``) until they are told.
    """
    if not 0 < price < math.inf:
        return CENTS
    return max(least("", price), min(written(price), _most(price)))


def least(symbol: str, price: float) -> int:
    """The decimals that a price of this size has at least: those of its market, and four
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
    """``price - other`` of the two numbers as they are written, so that 0.3 − 0.1 is 0.2."""
    return float(Decimal(repr(price)) - Decimal(repr(other)))


def change(price: float, prev_close: float | None) -> tuple[float | None, float | None]:
    """The change since a close, and the same in percent to four decimals; ``None`` without one."""
    if not prev_close:
        return None, None
    moved = difference(price, prev_close)
    return moved, round(moved / prev_close * 100, 4)


def plain(value: float, decimals: int = 0) -> str:
    """A number in full, without an exponent: all its digits, and at least so many decimals.

    Args:
        value: any number; one that would make a very long text keeps its exponent.
        decimals: zeros behind the last digit fill up to so many.
    """
    if value and not _TINY <= abs(value) < _HUGE:
        return repr(value)
    text = format(Decimal(repr(value)), "f")
    whole, _, fraction = text.partition(".")
    fraction = fraction.rstrip("0").ljust(decimals, "0")
    return f"{whole}.{fraction}" if fraction else whole


def total(volume: float) -> float:
    """A sum of volumes without the noise of adding: 0.1 + 0.2 is 0.3. At most eight decimals, the
    least that crypto exchanges trade, and thirteen digits; whole numbers stay as they are.
    """
    if not math.isfinite(volume) or volume == int(volume):
        return volume
    room = _VOLUME_SIGNIFICANT - 1 - _magnitude(volume)
    return round(volume, min(_VOLUME_DECIMALS, max(room, 0)))


def mean(value: float) -> float:
    """An average price without the noise of dividing."""
    return float(f"{value:.{WRITTEN}g}")


def _magnitude(price: float) -> int:
    """The place of the first digit: 2 for 149.3, 0 for 1.08, -1 for 0.65; exact at tens."""
    return int(f"{price:.{WRITTEN}e}".partition("e")[2]) if price else 0


def _most(price: float) -> int:
    return min(max(SHOWN - 1 - _magnitude(price), 0), MOST)


def _lowest(symbol: str, price: float, decimals: int) -> float:
    """Some price, not above this one, down to which so many decimals are enough."""
    lowest = 10.0 ** _magnitude(price)
    return lowest if least(symbol, lowest) <= decimals else price


@functools.lru_cache(maxsize=4096)
def is_rate(symbol: str) -> bool:
    """Whether a symbol is a rate of foreign exchange."""
    return venue_of(symbol) == "fx" or _RATE.fullmatch(symbol) is not None


def _in_yen(symbol: str) -> bool:
    return symbol.removesuffix("=X").endswith("JPY") or symbol == "JPY=X"
