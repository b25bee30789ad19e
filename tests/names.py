"""The grammar of symbols as the contract writes it, for tests that make some up; and a list of them
as the page stores it.
"""

import json
from collections.abc import Iterable

SYMBOL = r"[A-Z0-9^$#]([A-Z0-9 .:\-_/^=&+$!#*]{0,30}[A-Z0-9.:\-_/^=&+$!#*])?"
WORLD = (
    *("AAPL", "BRK.B", "BF-A", "7203.T", "M&M.NS", "^DJI", "GC=F", "EURUSD=X", "ACAQ+", "BAC$L"),
    *("ES1!", "$SPX", "#A", "#", "^", "$", "IC MARKETS:1", "BINANCE:BTCUSDT", "OANDA:EUR_USD"),
    *("FXCM:EUR/USD", "BTC-USD", "ES*1", "ABC.W+"),
)
"""As real venues write them."""


def stored_text(symbols: Iterable[str]) -> str:
    """A watchlist as ``ui/live/lists.js`` writes it."""
    return json.dumps({"v": 1, "symbols": list(symbols)}, separators=(",", ":"))
