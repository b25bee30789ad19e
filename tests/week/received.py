"""What a client makes of what it received, by the rules of docs/protocol.md; nothing of Photon."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

Message = dict[str, Any]


def fold(held: dict[str, Message], message: Message) -> None:
    """Take a ``price_update`` into what is known of each symbol."""
    symbol, data = message["symbol"], message["data"]
    known = held.get(symbol)
    if known is not None and message["seq"] < known["seq"] + ("snapshot" not in message):
        return
    if "snapshot" in message or known is None:
        held[symbol] = {**data, "seq": message["seq"]}
        if known is None and "snapshot" not in message:
            price = data["price"]
            held[symbol] |= {"open": price, "high": price, "low": price}
            held[symbol] |= {"day_volume": data["volume"], "prev_close": None}
            held[symbol] |= {"change": None, "change_percent": None}
        return
    known |= {**data, "seq": message["seq"], "state": "live"}
    known["high"] = max(known["high"], data["price"])
    known["low"] = min(known["low"], data["price"])
    known["day_volume"] += data["volume"]
    if known["prev_close"]:
        moved = float(Decimal(str(data["price"])) - Decimal(str(known["prev_close"])))
        known["change"] = moved
        known["change_percent"] = round(moved / known["prev_close"] * 100, 4)


def prices_of(received: Iterable[tuple[int, Message]]) -> list[tuple[str, float, float, int]]:
    """Every single trade that was sent: symbol, price, volume, time."""
    return [
        (message["symbol"], *(message["data"][k] for k in ("price", "volume", "timestamp")))
        for _, message in received
        if message["type"] == "price_update" and "snapshot" not in message
    ]


def sessions_of(received: Iterable[tuple[int, Message]]) -> list[tuple[int, str]]:
    """When each ``status`` came that has no symbol's state, and its session."""
    return [
        (at, message["market"])
        for at, message in received
        if message["type"] == "status" and not message["symbols"]
    ]
