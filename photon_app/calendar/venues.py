"""The exchange that a symbol is listed on: its calendar, time zone and ordinary hours.

Pure and without a clock; may be called from anywhere. It knows symbols without a colon, as Finnhub
and Yahoo write them; ``calendar.session`` handles those with a colon. A symbol with an unknown
suffix has no exchange, never a US one: it has the UTC day and no hours.

- ``7203.T``: the letters after the last point are the exchange;
- ``BRK.B``: a letter by which US exchanges distinguish classes of a share is not an exchange;
- ``^N225``: an index belongs to the exchange of its shares, if it is listed here;
- ``GC=F``: futures trade from 17:00 to 16:00 in Chicago;
- ``EURUSD=X``, ``BTC-USD``: rates and crypto currencies are on no exchange.

Sources: Finnhub's list of exchanges and their codes (https://finnhub.io/docs/api/stock-symbols),
Yahoo's list of suffixes (https://help.yahoo.com/kb/SLN2310.html). Hours are those of
``pandas_market_calendars`` for the codes that it has, otherwise the exchanges' own.
"""

import datetime as dt
import functools
import re
from typing import NamedTuple


class Exchange(NamedTuple):
    """One exchange, or several with the same days and hours."""

    code: str | None
    """Its name in ``pandas_market_calendars``; ``None`` if that does not have it."""
    zone: str
    """The IANA name of its time zone."""
    opens: dt.time
    """When ordinary trading begins; if later than ``closes``, that is on the evening before."""
    closes: dt.time


def _exchange(code: str | None, zone: str, opens: str, closes: str) -> Exchange:
    return Exchange(code, zone, dt.time.fromisoformat(opens), dt.time.fromisoformat(closes))


US = _exchange("NYSE", "America/New_York", "09:30", "16:00")
FUTURES = _exchange("CME_Equity", "America/Chicago", "17:00", "16:00")

_TOKYO = _exchange("XTKS", "Asia/Tokyo", "09:00", "15:30")
_LONDON = _exchange("XLON", "Europe/London", "08:00", "16:30")
_HONG_KONG = _exchange("XHKG", "Asia/Hong_Kong", "09:30", "16:00")
_XETRA = _exchange("XETR", "Europe/Berlin", "09:00", "17:30")
_GERMAN_FLOORS = _exchange("XFRA", "Europe/Berlin", "09:00", "17:30")
_TORONTO = _exchange("XTSE", "America/Toronto", "09:30", "16:00")
_SYDNEY = _exchange("XASX", "Australia/Sydney", "10:00", "16:00")
_CHINA = _exchange("XSHG", "Asia/Shanghai", "09:30", "15:00")
_INDIA = _exchange("XBOM", "Asia/Kolkata", "09:15", "15:30")
_AMSTERDAM = _exchange("XAMS", "Europe/Amsterdam", "09:00", "17:30")
_PARIS = _exchange("XPAR", "Europe/Paris", "09:00", "17:30")
_BRUSSELS = _exchange("XBRU", "Europe/Brussels", "09:00", "17:30")
_MILAN = _exchange("XMIL", "Europe/Rome", "09:00", "17:30")
_MADRID = _exchange("XMAD", "Europe/Madrid", "09:00", "17:30")
_ZURICH = _exchange("XSWX", "Europe/Zurich", "09:00", "17:30")
_COPENHAGEN = _exchange("XCSE", "Europe/Copenhagen", "09:00", "17:00")
_HELSINKI = _exchange("XHEL", "Europe/Helsinki", "10:00", "18:30")
_STOCKHOLM = _exchange("XSTO", "Europe/Stockholm", "09:00", "17:30")
_OSLO = _exchange("XOSL", "Europe/Oslo", "09:00", "16:20")
_SEOUL = _exchange("XKRX", "Asia/Seoul", "09:00", "15:30")
_TAIPEI = _exchange("XTAI", "Asia/Taipei", "09:00", "13:30")
_SINGAPORE = _exchange("XSES", "Asia/Singapore", "09:00", "17:00")
_KUALA_LUMPUR = _exchange("XKLS", "Asia/Kuala_Lumpur", "09:00", "17:00")
_JAKARTA = _exchange("XIDX", "Asia/Jakarta", "09:00", "15:50")
_AUCKLAND = _exchange("XNZE", "Pacific/Auckland", "10:00", "16:45")
_SAO_PAULO = _exchange("BVMF", "America/Sao_Paulo", "10:00", "18:00")
_MEXICO = _exchange("XMEX", "America/Mexico_City", "08:30", "15:00")
_BUENOS_AIRES = _exchange("XBUE", "America/Argentina/Buenos_Aires", "11:00", "17:00")
_TEL_AVIV = _exchange("XTAE", "Asia/Jerusalem", "09:59", "17:15")
_RIYADH = _exchange("XSAU", "Asia/Riyadh", "10:00", "15:00")

SUFFIXES: dict[str, Exchange] = {
    "US": US,
    # Asia and the Pacific
    "T": _TOKYO,
    "HK": _HONG_KONG,
    "SS": _CHINA,
    "SZ": _CHINA,
    "NS": _INDIA,
    "BO": _INDIA,
    "KS": _SEOUL,
    "KQ": _SEOUL,
    "TW": _TAIPEI,
    "TWO": _TAIPEI,
    "SI": _SINGAPORE,
    "KL": _KUALA_LUMPUR,
    "JK": _JAKARTA,
    "BK": _exchange("XBKK", "Asia/Bangkok", "10:00", "16:30"),
    "PM": _exchange("XPHS", "Asia/Manila", "09:30", "15:30"),
    "VN": _exchange(None, "Asia/Ho_Chi_Minh", "09:00", "15:00"),
    "AX": _SYDNEY,
    "XA": _SYDNEY,
    "NZ": _AUCKLAND,
    # Europe
    "L": _LONDON,
    "IL": _LONDON,
    "DE": _XETRA,
    **dict.fromkeys(("F", "BE", "BM", "DU", "HM", "HA", "MU", "SG"), _GERMAN_FLOORS),
    "AS": _AMSTERDAM,
    "PA": _PARIS,
    "NX": _PARIS,
    "BR": _BRUSSELS,
    "LS": _exchange("XLIS", "Europe/Lisbon", "08:00", "16:30"),
    "MI": _MILAN,
    "MC": _MADRID,
    "SW": _ZURICH,
    "CO": _COPENHAGEN,
    "HE": _HELSINKI,
    "ST": _STOCKHOLM,
    "OL": _OSLO,
    "IC": _exchange("XICE", "Atlantic/Reykjavik", "09:30", "15:30"),
    "IR": _exchange("XDUB", "Europe/Dublin", "08:00", "16:28"),
    "VI": _exchange("XWBO", "Europe/Vienna", "09:00", "17:30"),
    "WA": _exchange("XWAR", "Europe/Warsaw", "09:00", "17:00"),
    "PR": _exchange("XPRA", "Europe/Prague", "09:00", "16:20"),
    "BD": _exchange("XBUD", "Europe/Budapest", "09:00", "17:00"),
    "RO": _exchange("XBSE", "Europe/Bucharest", "10:00", "17:45"),
    "AT": _exchange("ASEX", "Europe/Athens", "10:00", "17:20"),
    "IS": _exchange("XIST", "Europe/Istanbul", "10:00", "18:00"),
    "TL": _exchange("XTAL", "Europe/Tallinn", "10:00", "16:00"),
    "RG": _exchange("XRIS", "Europe/Riga", "10:00", "16:00"),
    "VS": _exchange("XLIT", "Europe/Vilnius", "10:00", "16:00"),
    "ME": _exchange("XMOS", "Europe/Moscow", "10:00", "18:45"),
    # The Americas
    "TO": _TORONTO,
    "V": _TORONTO,
    "CN": _TORONTO,
    "NE": _TORONTO,
    "SA": _SAO_PAULO,
    "MX": _MEXICO,
    "BA": _BUENOS_AIRES,
    "SN": _exchange(None, "America/Santiago", "09:30", "16:00"),
    "LM": _exchange("XLIM", "America/Lima", "09:00", "16:00"),
    "BC": _exchange(None, "America/Bogota", "09:30", "16:00"),
    "CR": _exchange(None, "America/Caracas", "09:00", "13:00"),
    # Africa and the Middle East
    "JO": _exchange("XJSE", "Africa/Johannesburg", "09:00", "17:00"),
    "CA": _exchange(None, "Africa/Cairo", "10:00", "14:30"),
    "TA": _TEL_AVIV,
    "SR": _RIYADH,
    "QA": _exchange(None, "Asia/Qatar", "09:30", "13:10"),
    "KW": _exchange(None, "Asia/Kuwait", "09:00", "12:40"),
    "AE": _exchange(None, "Asia/Dubai", "10:00", "15:00"),
}
US_SUFFIXES = frozenset({*"ABCDHKUW", "WS", "WSA", "WSB", "WT", "RT", "UN", "WI", "WD", "CL"})
"""What US exchanges write after a point: classes of a share, units, warrants, rights."""
_US_PREFERRED = re.compile(r"PR[A-Z]")
_US_DESPITE_SUFFIX = frozenset({"MKC.V"})
"""A US share class whose letter is also the suffix of Toronto's venture exchange."""
_INDICES: dict[str, Exchange] = {
    **dict.fromkeys(("^DJI", "^DJT", "^DJU", "^GSPC", "^SPX", "^OEX", "^MID", "^SP600"), US),
    **dict.fromkeys(
        ("^IXIC", "^NDX", "^NYA", "^XAX", "^RUT", "^RUI", "^RUA", "^SOX", "^W5000"), US
    ),
    **dict.fromkeys(("^VIX", "^VXN", "^IRX", "^FVX", "^TNX", "^TYX"), US),
    **dict.fromkeys(("^N225", "^TPX", "^TOPX"), _TOKYO),
    **dict.fromkeys(("^HSI", "^HSCE", "^HSTECH"), _HONG_KONG),
    **dict.fromkeys(("^NSEI", "^NSEBANK", "^BSESN", "^CNX100"), _INDIA),
    **dict.fromkeys(("^KS11", "^KQ11", "^KS200"), _SEOUL),
    **dict.fromkeys(("^AXJO", "^AORD", "^ATOI"), _SYDNEY),
    **dict.fromkeys(("^FTSE", "^FTMC", "^FTAS"), _LONDON),
    **dict.fromkeys(("^GDAXI", "^MDAXI", "^SDAXI", "^TECDAX", "^STOXX", "^STOXX50E"), _XETRA),
    **dict.fromkeys(("^FCHI", "^SBF120", "^N100"), _PARIS),
    **dict.fromkeys(("^GSPTSE", "^TSX", "^JX"), _TORONTO),
    **dict.fromkeys(("^TWII", "^TWOII"), _TAIPEI),
    **dict.fromkeys(("^BVSP", "^IBX50"), _SAO_PAULO),
    "^AEX": _AMSTERDAM,
    "^BFX": _BRUSSELS,
    "^IBEX": _MADRID,
    "^SSMI": _ZURICH,
    "^OMX": _STOCKHOLM,
    "^OMXC25": _COPENHAGEN,
    "^OMXH25": _HELSINKI,
    "^OSEAX": _OSLO,
    "^STI": _SINGAPORE,
    "^KLSE": _KUALA_LUMPUR,
    "^JKSE": _JAKARTA,
    "^NZ50": _AUCKLAND,
    "^MXX": _MEXICO,
    "^MERV": _BUENOS_AIRES,
    "^TA125": _TEL_AVIV,
    "^TASI": _RIYADH,
}
_US_NAME = re.compile(
    r"[A-Z][A-Z0-9]{0,7}(?:[-/ ](?:[A-Z]|P[A-Z]|PR[A-Z]?|WS|WT|RT|UN))?[+$^#=*]?[A-Z]?"
)


@functools.lru_cache(maxsize=4096)
def exchange_of(symbol: str) -> Exchange | None:
    """The exchange that lists a symbol; ``None`` if that is unknown, and for symbols that no
    exchange lists: those with a colon, rates, crypto currencies.
    """
    if ":" in symbol:
        return None
    if symbol.startswith("^") and symbol in _INDICES:
        return _INDICES[symbol]
    if symbol.endswith("=F"):
        return FUTURES
    root, point, suffix = symbol.rpartition(".")
    if not point:
        return US if _US_NAME.fullmatch(symbol) and not symbol.endswith("=X") else None
    if not root or symbol in _US_DESPITE_SUFFIX:
        return US if root else None
    if suffix in SUFFIXES:
        return SUFFIXES[suffix]
    is_us = suffix in US_SUFFIXES or _US_PREFERRED.fullmatch(suffix)
    return US if is_us and root[0].isalpha() else None


def is_us(symbol: str) -> bool:
    """Whether a symbol is listed in the US, and follows New York's days and hours."""
    return exchange_of(symbol) is US
