"""The arguments of ``tail``. Imports nothing that draws or connects, so that help is instant."""

import argparse
from collections.abc import Iterable

from photon_app.model import parse_symbol

TABLE_INTERVAL_MS = 100
"""The interval that the table subscribes with: it is drawn ten times a second."""
LEAST_INTERVAL_MS, MOST_INTERVAL_MS = 50, 10_000
"""The intervals that the server accepts besides 0."""
EPILOG = """\
Without symbols it watches the server's default ones. Without --url it watches the
Photon that HOST and PORT name. When standard output is no terminal it writes a line
for each new price, with tabs between time (UTC), symbol, price, change, change in
percent, volume and state; --json writes each price_update as it was received
(docs/protocol.md). What is said of the connection then goes to standard error.

  python -m photon_app tail AAPL NVDA BINANCE:BTCUSDT
  python -m photon_app tail --url https://prices.example.com
  python -m photon_app tail AAPL --json | jq .data.price

Ctrl-C ends it.
"""


def declare(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``tail``."""
    parser.epilog = EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("symbols", nargs="*", metavar="SYMBOL", help="such as AAPL or AAPL,NVDA")
    parser.add_argument(
        "--url", help="the Photon to watch: HOST:PORT, http(s)://HOST, or ws(s)://HOST/ws"
    )
    parser.add_argument(
        "--json", action="store_true", help="each price_update as it was received, one per line"
    )
    parser.add_argument(
        "--interval",
        type=_interval,
        metavar="MS",
        help=f"the newest price of a symbol at most so often, {LEAST_INTERVAL_MS} to "
        f"{MOST_INTERVAL_MS}; 0 is every trade (default: {TABLE_INTERVAL_MS} for the table, "
        "else 0)",
    )
    parser.add_argument("--count", type=_count, metavar="N", help="stop after so many prices")


def symbols(given: Iterable[str]) -> tuple[str, ...]:
    """The symbols of the command line, once each, in their order.

    Raises:
        RequestError: one of them is not a symbol.
    """
    names = [name.strip() for text in given for name in text.split(",")]
    return tuple(dict.fromkeys(parse_symbol(name) for name in names if name))


def _interval(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) < 6:
        value = int(text)
        if value == 0 or LEAST_INTERVAL_MS <= value <= MOST_INTERVAL_MS:
            return value
    allowed = f"0, or {LEAST_INTERVAL_MS} to {MOST_INTERVAL_MS}"
    raise argparse.ArgumentTypeError(f"{text!r} cannot be used: expected {allowed}")


def _count(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) < 16 and int(text):
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} cannot be used: expected a whole number from 1")
