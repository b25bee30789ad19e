"""``python -m photon_app``: build the page when needed, bind the port, serve.

The order matters. The port is bound before anything else, so a second start fails in one line and
never opens a second line upstream; then the page is built if it is missing or older than its
sources; then uvicorn serves on the bound socket until Ctrl-C or SIGTERM, and the exit code is 0.
"""

import signal
import sys

if __name__ == "__main__":  # before the imports below, which take their time
    for _number in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, _number):
            signal.signal(getattr(signal, _number), lambda *_: sys.exit(0))

import argparse
from collections.abc import Sequence

from photon_app import __version__, launcher, settings
from photon_app.errors import PhotonError

EPILOG = """\
Settings come from the environment, then from .env; every one has a default:
  HOST, PORT            where to listen (127.0.0.1, 8000; PORT=0 takes a free one)
  FINNHUB_API_KEY       real US trades; without a key the market is simulated
  PHOTON_FEED           auto, finnhub, simulated, or replay:PATH
  PHOTON_SYMBOLS        the default symbols, such as AAPL,NVDA,BINANCE:BTCUSDT
All others are in docs/protocol.md and .env.example.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    arguments = _parser().parse_args(argv)
    try:
        loaded = settings.load()
        if arguments.command == "build":
            launcher.build(force=True)
            return 0
        return launcher.serve(loaded)
    except PhotonError as error:
        print(f"photon: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m photon_app",
        description="Photon: a self-hosted, real-time stock ticker. Serves the dashboard, the "
        "WebSocket /ws and the HTTP API on one port.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"photon {__version__}")
    commands = parser.add_subparsers(dest="command", title="commands", metavar="")
    commands.add_parser("serve", help="build the page if needed, then serve (the default)")
    commands.add_parser("build", help="build the page and stop")
    return parser


if __name__ == "__main__":
    sys.exit(main())
