"""Where a simulator begins a symbol: at the price that it is known for, or at a plausible one.

Pure functions of the symbol's name, the same in every process; they may be called from anywhere.
The bundled list has a price for each of its symbols, ``FURTHER_PRICES`` for other well-known names.
A pair of currencies or coins follows from ``CURRENCIES`` and ``COINS``, whoever quotes it, so that
pairs agree with each other. For any other name a price is derived from it: stocks at 15 to 300,
indices at thousands, rates near 1 or, in yen, near 150. Nothing depends on any of them being true.

Bound: the prices and families of the last ``_KEPT`` symbols are cached.
"""

import functools
import math
import random
import re
from collections.abc import Mapping

from photon_app.calendar.session import venue_of
from photon_app.listings import prices

FURTHER_PRICES: Mapping[str, float] = {
    "^DJI": 46_245.41,
    "^GSPC": 6_602.99,
    "^IXIC": 22_273.08,
    "^NDX": 24_239.57,
    "^RUT": 2_369.59,
    "^VIX": 23.43,
    "^N225": 48_625.88,
    "^FTSE": 9_539.71,
    "^GDAXI": 23_091.87,
    "^HSI": 25_220.02,
    "7203.T": 3_124.0,
    "SAP.DE": 207.85,
    "VOD.L": 92.54,
    "0700.HK": 608.5,
    "GC=F": 4_079.5,
    "CL=F": 58.06,
    "OANDA:SPX500_USD": 6_602.4,
    "OANDA:NAS100_USD": 24_238.9,
    "OANDA:US30_USD": 46_244.0,
    "OANDA:BCO_USD": 62.56,
    "OANDA:WTICO_USD": 58.06,
}
"""Prices of names that users look for and that are not in the bundled list, of the same date."""

CURRENCIES: Mapping[str, float] = {
    "USD": 1.0,
    "EUR": 1.1513,
    "GBP": 1.31,
    "AUD": 0.6456,
    "NZD": 0.5612,
    "XAU": 4_065.2,
    "XAG": 49.98,
    "XPT": 1_511.0,
    "XPD": 1_375.0,
    **{
        code: 1 / per_dollar
        for code, per_dollar in {
            "JPY": 156.41,
            "CHF": 0.8085,
            "CAD": 1.4103,
            "CNY": 7.105,
            "CNH": 7.106,
            "HKD": 7.784,
            "SGD": 1.308,
            "SEK": 9.563,
            "NOK": 10.24,
            "DKK": 6.487,
            "PLN": 3.686,
            "CZK": 21.05,
            "HUF": 332.5,
            "TRY": 42.44,
            "ZAR": 17.38,
            "MXN": 18.47,
            "BRL": 5.401,
            "INR": 89.43,
            "KRW": 1_471.0,
            "THB": 32.48,
            "ILS": 3.271,
            "TWD": 31.41,
            "RUB": 79.0,
        }.items()
    },
}
"""What one unit is worth in US dollars."""

COINS: Mapping[str, float] = {
    **dict.fromkeys(("USDT", "USDC", "BUSD", "FDUSD", "TUSD", "DAI"), 1.0),
    **dict.fromkeys(("BTC", "XBT", "WBTC"), 85_080.0),
    "ETH": 2_766.8,
    "SOL": 128.3,
    "XRP": 1.953,
    "BNB": 831.5,
    "DOGE": 0.1391,
    "ADA": 0.4085,
    "LTC": 83.2,
    "TRX": 0.2742,
    "AVAX": 13.12,
    "LINK": 12.14,
    "DOT": 2.312,
    "POL": 0.1321,
    "SHIB": 0.00000802,
    "PEPE": 0.00000421,
    "BONK": 0.00000921,
    "FLOKI": 0.0000431,
    "UNI": 6.214,
    "BCH": 545.3,
    "XLM": 0.2351,
    "ATOM": 2.431,
    "NEAR": 1.852,
    "APT": 2.413,
    "ARB": 0.2012,
    "OP": 0.3104,
    "SUI": 1.381,
    "TON": 1.512,
    "FIL": 1.553,
    "ICP": 3.912,
    "HBAR": 0.1341,
    "ETC": 13.41,
    "XMR": 355.2,
    "AAVE": 165.1,
    "ALGO": 0.1352,
    "VET": 0.0127,
    "INJ": 5.213,
    "WIF": 0.3312,
    "XTZ": 0.5021,
    "ZEC": 561.4,
    "DASH": 62.31,
    "SAND": 0.1612,
    "MANA": 0.1631,
    "AXS": 1.051,
    "GRT": 0.0482,
    "LDO": 0.6021,
    "CRV": 0.4012,
    "WLD": 0.6103,
    "SEI": 0.1352,
    "TIA": 0.6312,
    "JUP": 0.2314,
    "ENA": 0.2412,
    "HYPE": 32.14,
    "FET": 0.2512,
    "RENDER": 1.752,
    "IMX": 0.3021,
    "STX": 0.3214,
    "PAXG": 4_065.2,
    "TRUMP": 6.312,
}
"""The same of one coin."""

_ALIKE: Mapping[str, str] = {
    "GOOG": "GOOGL",
    "BRK.A": "BRK.B",
    "FOX": "FOXA",
    "NWS": "NWSA",
    **dict.fromkeys(("VOO", "IVV", "^GSPC", "OANDA:SPX500_USD"), "SPY"),
    **dict.fromkeys(("QQQM", "^NDX", "OANDA:NAS100_USD"), "QQQ"),
    "^DJI": "DIA",
    "OANDA:US30_USD": "DIA",
    "IAU": "GLD",
}
"""Shares of one company, and what follows one index: by symbol, the one whose days it has."""
_QUOTED = re.compile(
    r"(.+?)[-_/]?(USDT|USDC|FDUSD|BUSD|TUSD|DAI|USD|EUR|GBP|TRY|JPY|AUD|BRL|KRW|BTC|XBT|ETH|BNB)"
)
_RATE = re.compile(r"(.+?)[-_/]?([A-Z]{3})")
_SAME_UNIT = {"XBT": "BTC", **dict.fromkeys(("USDT", "USDC", "FDUSD", "BUSD", "TUSD"), "USD")}
_STOCKS, _INDICES, _COINS, _RATES = (15.0, 300.0), (1_000.0, 20_000.0), (0.05, 50.0), (1.05, 1.6)
_DIGITS = 7
_KEPT = 4096


@functools.lru_cache(maxsize=_KEPT)
def known_price(symbol: str) -> float:
    """The price that a symbol is known for, else one of its name."""
    listed = prices().get(symbol) or FURTHER_PRICES.get(symbol)
    return start_price(symbol) if listed is None else listed


def start_price(symbol: str) -> float:
    """A plausible price of a symbol of which only the name is known."""
    if (pair := _pair_of(symbol)) is not None:
        return float(f"{_worth(symbol, pair[0]) / _worth(symbol, pair[1]):.{_DIGITS}g}")
    if venue_of(symbol) == "crypto":
        return _drawn(symbol, _COINS)
    if venue_of(symbol) == "fx":
        return _drawn(symbol, _RATES)
    return _drawn(symbol, _INDICES if symbol.startswith("^") else _STOCKS)


@functools.lru_cache(maxsize=_KEPT)
def family_of(symbol: str) -> str:
    """A name that is equal for symbols whose days move alike, so that their prices never part:
    share classes of one company, funds of one index, one pair at several brokers or exchanges.
    """
    if symbol in _ALIKE:
        return _ALIKE[symbol]
    pair = _pair_of(symbol)
    if pair is None:
        return symbol
    return "/".join(_SAME_UNIT.get(one, one) for one in pair)


def _pair_of(symbol: str) -> tuple[str, str] | None:
    """What is bought in a symbol and what it is paid with; ``None`` if it is no known pair."""
    house, _, name = symbol.rpartition(":")
    venue = venue_of(symbol)
    if venue == "crypto":
        quoted = _QUOTED.fullmatch(name)
        return None if quoted is None else (quoted[1], quoted[2])
    if not house and name.endswith("=X"):  # as Yahoo writes rates: JPY=X is USDJPY=X
        name = name.removesuffix("=X")
        name = name if len(name) > 3 else f"USD{name}"
    elif not house and venue == "other" and name.partition("-")[0] in COINS:
        quoted = _QUOTED.fullmatch(name)
        return None if quoted is None else (quoted[1], quoted[2])
    elif venue != "fx":
        return None
    rate = _RATE.fullmatch(name)
    if rate is None or rate[2] not in CURRENCIES:
        return None
    return rate[1], rate[2]


def _worth(symbol: str, unit: str) -> float:
    """What one unit of a pair is worth in US dollars; derived from its name if that is unknown."""
    known = COINS.get(unit) or CURRENCIES.get(unit)
    if known is not None:
        return known
    return _drawn(unit, _COINS if venue_of(symbol) == "crypto" else _RATES)


def _drawn(name: str, bounds: tuple[float, float]) -> float:
    """A price between bounds, derived from a name alone."""
    # Seeding with text hashes it with SHA-512, which PYTHONHASHSEED does not touch.
    low, high = map(math.log, bounds)
    return float(f"{math.exp(random.Random(f'price of {name}').uniform(low, high)):.4g}")
