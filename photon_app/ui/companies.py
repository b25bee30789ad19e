"""Names of well-known companies, for the page; facts, not settings.

Shown beside a symbol until the feed's own search gives a name. A symbol that is not here has
no name, which is shown as nothing.
"""

COMPANIES: dict[str, str] = {
    "AAPL": "Apple",
    "ABBV": "AbbVie",
    "ADBE": "Adobe",
    "AMD": "Advanced Micro Devices",
    "AMZN": "Amazon",
    "AVGO": "Broadcom",
    "BA": "Boeing",
    "BAC": "Bank of America",
    "BRK.B": "Berkshire Hathaway B",
    "COST": "Costco",
    "CRM": "Salesforce",
    "CSCO": "Cisco",
    "CVX": "Chevron",
    "DIS": "Walt Disney",
    "F": "Ford Motor",
    "GE": "GE Aerospace",
    "GM": "General Motors",
    "GOOG": "Alphabet C",
    "GOOGL": "Alphabet A",
    "GS": "Goldman Sachs",
    "HD": "Home Depot",
    "IBM": "International Business Machines",
    "INTC": "Intel",
    "JNJ": "Johnson & Johnson",
    "JPM": "JPMorgan Chase",
    "KO": "Coca-Cola",
    "LLY": "Eli Lilly",
    "MA": "Mastercard",
    "MCD": "McDonald's",
    "META": "Meta Platforms",
    "MSFT": "Microsoft",
    "NFLX": "Netflix",
    "NKE": "Nike",
    "NVDA": "NVIDIA",
    "ORCL": "Oracle",
    "PEP": "PepsiCo",
    "PFE": "Pfizer",
    "PG": "Procter & Gamble",
    "PLTR": "Palantir",
    "QCOM": "Qualcomm",
    "QQQ": "Invesco QQQ Trust",
    "SPY": "SPDR S&P 500 ETF",
    "T": "AT&T",
    "TSLA": "Tesla",
    "UBER": "Uber",
    "UNH": "UnitedHealth",
    "V": "Visa",
    "WMT": "Walmart",
    "XOM": "Exxon Mobil",
}


def company_name(symbol: str) -> str:
    """The company behind a symbol, or an empty string."""
    return COMPANIES.get(symbol, "")
