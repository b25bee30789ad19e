"""What a trade's conditions allow it to change: the last price, high and low, the volume.

``CONDITIONS`` lists Finnhub's codes for US stocks, and ``effect_of`` returns the combined effect of
a list of them. Pure. It is called for every trade, so the effect of each list is cached
(``Effects``). Nothing here depends on times or prices. The sources, and where and why Photon
departs from the tape's own rules, are in docs/market-data.md; a test keeps the two tables equal.

Bound: ``_KNOWN_LISTS`` cached lists, none longer than ``_KNOWN_CHARS``; a full cache is cleared.
"""

from types import MappingProxyType
from typing import NamedTuple

from photon_app.model import Effect

_KNOWN_LISTS = 1024
_KNOWN_CHARS = 64


class Condition(NamedTuple):
    """One of Finnhub's codes."""

    name: str
    effect: Effect


REGULAR = Effect(last=True, high_low=True, volume=True)
"""Everything; also the effect of an unknown code."""
RANGE = Effect(last=False, high_low=True, volume=True)
"""All but the last price; that too, if the trade is the first of its day."""
VOLUME = Effect(last=False, high_low=False, volume=True)
"""Shares changed hands, but at a price that the market did not make at that moment."""
PRICE = Effect(last=True, high_low=True, volume=False)
"""A price whose shares were already counted."""
NOTHING = Effect(last=False, high_low=False, volume=False)
"""A repetition of an earlier print."""

CONDITIONS = MappingProxyType(
    {
        "1": Condition("Regular", REGULAR),
        "2": Condition("Acquisition", REGULAR),
        "3": Condition("Average price", VOLUME),
        "4": Condition("Bunched", REGULAR),
        "5": Condition("Cash sale", VOLUME),
        "6": Condition("Distribution", REGULAR),
        "7": Condition("Automatic execution", REGULAR),
        "8": Condition("Intermarket sweep", REGULAR),
        "9": Condition("Bunched sold", RANGE),
        "10": Condition("Price variation", VOLUME),
        "11": Condition("CAP election", REGULAR),
        "12": Condition("Odd lot", REGULAR),
        "13": Condition("Rule 127", REGULAR),
        "14": Condition("Rule 155", REGULAR),
        "15": Condition("Sold last", REGULAR),
        "16": Condition("Market center official close", NOTHING),
        "17": Condition("Next day", VOLUME),
        "18": Condition("Market center opening trade", REGULAR),
        "19": Condition("Opening prints", REGULAR),
        "20": Condition("Market center official open", NOTHING),
        "21": Condition("Prior reference price", RANGE),
        "22": Condition("Seller", RANGE),
        "23": Condition("Split trade", REGULAR),
        "24": Condition("Form T, extended hours", REGULAR),
        "25": Condition("Extended hours, sold out of sequence", VOLUME),
        "26": Condition("Contingent", VOLUME),
        "27": Condition("Stock option trade", VOLUME),
        "28": Condition("Cross", REGULAR),
        "29": Condition("Yellow flag", REGULAR),
        "30": Condition("Sold out of sequence", RANGE),
        "31": Condition("Stopped stock", REGULAR),
        "32": Condition("Derivatively priced", RANGE),
        "33": Condition("Market center reopening trade", REGULAR),
        "34": Condition("Reopening prints", REGULAR),
        "35": Condition("Market center closing trade", REGULAR),
        "36": Condition("Closing prints", REGULAR),
        "37": Condition("Qualified contingent", VOLUME),
        "38": Condition("Placeholder for 611 exempt", REGULAR),
        "39": Condition("Corrected consolidated close", PRICE),
        "40": Condition("Opened", REGULAR),
        "41": Condition("Trade through exempt", REGULAR),
    }
)


def effect_of(conditions: tuple[str, ...]) -> Effect:
    """What a trade with these conditions may change: only what every one of them allows.

    A trade without conditions is a regular one. The result is one of the named effects above if it
    equals one, so that callers can compare with ``is``.
    """
    effect = REGULAR
    for code in conditions:
        known = CONDITIONS.get(code)
        if known is not None and known.effect is not effect:
            effect = _both(effect, known.effect)
    return effect


class Effects(dict[tuple[str, ...], Effect]):
    """A cache of ``effect_of``, for the path of every trade: ``effects[trade.conditions]``."""

    def __missing__(self, conditions: tuple[str, ...]) -> Effect:
        effect = effect_of(conditions)
        if len(conditions) <= _KNOWN_CHARS and sum(map(len, conditions)) <= _KNOWN_CHARS:
            if len(self) >= _KNOWN_LISTS:
                self.clear()
            self[conditions] = effect
        return effect


def _both(one: Effect, other: Effect) -> Effect:
    met = Effect(*(a and b for a, b in zip(one, other, strict=True)))
    return next((e for e in (REGULAR, RANGE, VOLUME, PRICE, NOTHING) if e == met), met)
