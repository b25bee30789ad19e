"""What a trade's conditions let it do: to the last price, to high and low, to the volume.

``CONDITIONS`` holds Finnhub's codes of US stocks, and ``effect_of`` what a list of them amounts to.
Pure; called for every trade, so that what a list means is worked out once. Nothing here knows of
times or prices. Sources, and where Photon departs from the tape's own rules and why, are in
docs/market-data.md; a test holds the two tables together.

Bound: ``_KNOWN_LISTS`` lists are remembered, none longer than ``_KNOWN_CHARS``; then anew.
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
"""Everything; also what a code that is not known does."""
RANGE = Effect(last=False, high_low=True, volume=True)
"""All but the last price, which it becomes only as the first of its day."""
VOLUME = Effect(last=False, high_low=False, volume=True)
"""Shares changed hands, at a price that the market did not make then."""
PRICE = Effect(last=True, high_low=True, volume=False)
"""A price whose shares were counted before."""
NOTHING = Effect(last=False, high_low=False, volume=False)
"""A repetition of what was printed before."""

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
    """What a trade with these conditions may change: what every one of them allows.

    A trade without conditions is a regular one. One of the named effects is the very object, so
    that it can be asked for with ``is``.
    """
    effect = REGULAR
    for code in conditions:
        known = CONDITIONS.get(code)
        if known is not None and known.effect is not effect:
            effect = _both(effect, known.effect)
    return effect


class Effects(dict[tuple[str, ...], Effect]):
    """``effect_of`` with a memory, for the path of every trade: ``effects[trade.conditions]``."""

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
