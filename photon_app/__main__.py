"""``python -m photon_app``: build the page when needed, bind the port, serve.

The order matters. The port is bound before anything else, so that a second start fails with one
line of text and never opens a second connection upstream; then the page is built if it is missing
or older than its sources; then uvicorn serves on the bound socket until Ctrl-C, SIGTERM or SIGHUP,
and the exit code is 0.

Each command is one function that returns the exit code, and one that declares its arguments.
Options that are settings too are put into the environment, so that they are parsed in one place,
with one wording of errors. A command imports what it needs when it is run: ``tail`` does not wait
for the server's libraries, nor the server for the terminal's.
"""

import os
import signal
import sys
from collections.abc import Callable, Sequence
from types import FrameType


def _on_signals(handler: Callable[[int, FrameType | None], object] | signal.Handlers) -> None:
    if __name__ != "__main__":
        return
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        ignored = name == "SIGHUP" and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN  # nohup
        if number is not None and not ignored:
            signal.signal(number, handler)


# Before the imports below, which are slow; there is nothing to clean up yet, and an exception from
# a signal handler can get lost in an import.
_on_signals(lambda *_: os._exit(0))

import argparse
import math
from pathlib import Path

from photon_app import __version__, logs, misnamed, printing, settings
from photon_app.errors import PhotonError, StartError
from photon_app.commands.tail import arguments as tail

_HOST, _PORT = settings.DEFAULTS.host, settings.DEFAULTS.port
EPILOG = f"""\
Settings come from the environment, then from .env; every one has a default:
  HOST, PORT            where to listen ({_HOST}, {_PORT}; PORT=0 takes a free one)
  FINNHUB_API_KEY       real US trades; without a key the market is simulated
  PHOTON_FEED           auto, finnhub, simulated, or replay:PATH
  PHOTON_SYMBOLS        the default symbols, such as AAPL,NVDA,BINANCE:BTCUSDT
All others are in docs/protocol.md and .env.example.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    arguments = _parser().parse_args(argv)
    try:
        with logs.owned():
            code: int = arguments.run(arguments)
    except PhotonError as error:
        printing.complain(f"photon: {error}")
        return 1 if isinstance(error, StartError) else 2
    return code


def _unwind(code: int) -> None:
    """Make signals end this command with an exit code, closing what it has open."""
    _on_signals(lambda *_: sys.exit(code))


def _loaded() -> settings.Settings:
    """The settings. Prints a line for each misspelled name first, since such a name can be why
    the settings cannot be used.
    """
    for warning in misnamed.warnings():
        printing.complain(f"photon: {warning}")
    return settings.load()


def _serve(_: argparse.Namespace) -> int:
    from photon_app import launcher

    return launcher.serve(_loaded())


def _build(_: argparse.Namespace) -> int:
    from photon_app import launcher

    _unwind(1)
    _loaded()
    try:
        launcher.build(force=True)
    except SystemExit:  # by a signal: there may be no page now
        return 1
    return 0


def _record(given: argparse.Namespace) -> int:
    from photon_app.commands import record
    from photon_app.feed.recording.recorder import PART_BYTES

    _unwind(0)
    _set(PHOTON_SYMBOLS=given.symbols)
    return record.record(
        _loaded(),
        given.path,
        max_bytes=PART_BYTES if given.max_mb is None else round(given.max_mb * 1e6),
        keep=given.keep,
        seconds=given.seconds,
    )


def _record_takes(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("path", type=Path, metavar="PATH", help="the file; gzip when it ends in .gz")
    add("--symbols", metavar="LIST", help="such as AAPL,NVDA; else those of PHOTON_SYMBOLS")
    add(
        "--max-mb",
        type=_between(1e-6, 1e6),
        metavar="N",
        help="begin a new part at this size (100)",
    )
    add("--keep", type=_count, metavar="N", help="keep only the newest N full parts")
    add("--seconds", type=_between(0, 1e9), default=math.inf, metavar="N", help="stop after that")


def _replay(given: argparse.Namespace) -> int:
    from photon_app import launcher
    from photon_app.feed.recording.file import Recording

    Recording(given.path).first_ms()
    _set(
        PHOTON_FEED=f"replay:{given.path}",
        PHOTON_REPLAY_SPEED=given.speed,
        PHOTON_REPLAY_LOOP="0" if given.once else None,
        PHOTON_REPLAY_START=given.start,
    )
    return launcher.serve(_loaded())


def _replay_takes(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("path", type=Path, metavar="PATH", help="the recording")
    add("--speed", metavar="X", help="market seconds in one second; 0 is as fast as possible")
    add("--once", action="store_true", help="stop at the end and keep serving the last prices")
    add(
        "--start",
        metavar="WHEN",
        help="600 or +600 seconds in, 09:45 New York, or 2013-10-07T13:45Z; what comes before is "
        "applied at once",
    )


def _import(given: argparse.Namespace) -> int:
    from photon_app import runtime
    from photon_app.commands import importer

    _unwind(1)
    loaded = _loaded()
    with runtime.logged(loaded):
        return importer.run(loaded, given.path, source=given.source)


def _import_takes(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("path", type=Path, metavar="PATH", help="the recording")
    add(
        "--source",
        metavar="NAME",
        help="whose trades these are: finnhub for what was recorded of it; else replay:FILE, as a "
        "replay of the file calls them",
    )


def _export(given: argparse.Namespace) -> int:
    from photon_app import runtime
    from photon_app.commands import exporter

    _unwind(1)
    loaded = _loaded()
    with runtime.logged(loaded):
        return exporter.run(
            loaded,
            symbol=given.symbol,
            timeframe=given.timeframe,
            source=given.source,
            from_=given.from_,
            to=given.to,
            format=given.format,
            path=given.output,
        )


def _export_takes(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--symbol", required=True, metavar="SYMBOL", help="such as AAPL")
    add("--timeframe", default="1m", metavar="SPAN", help="1m (the default), 5m, 15m, 1h or 1d")
    add("--source", metavar="NAME", help="finnhub, simulated or replay:FILE, if several have it")
    add(
        "--from", dest="from_", metavar="WHEN", help="bars that begin then or later: UNIX ms or ISO"
    )
    add("--to", metavar="WHEN", help="bars that begin before")
    add("--format", choices=("csv", "parquet"), default="csv", help="csv is the default")
    add("-o", "--output", type=Path, metavar="FILE", help="where to; else standard output")


def _tail(given: argparse.Namespace) -> int:
    from photon_app.commands.tail import command

    _unwind(0)
    return command.run(given)


def _set(**given: str | None) -> None:
    os.environ.update({name: value for name, value in given.items() if value is not None})


def _count(text: str) -> int:
    return int(_between(0, 1e9)(str(int(text))))


def _between(low: float, high: float) -> Callable[[str], float]:
    def number(text: str) -> float:
        value = float(text)
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text} is not from {low:g} to {high:g}")
        return value

    return number


Command = Callable[[argparse.Namespace], int]
Takes = Callable[[argparse.ArgumentParser], None]


def _takes_nothing(_: argparse.ArgumentParser) -> None:
    pass


COMMANDS: tuple[tuple[str, Command, Takes, str], ...] = (
    ("serve", _serve, _takes_nothing, "build the page if needed, then serve (the default)"),
    ("build", _build, _takes_nothing, "build the page and stop"),
    ("record", _record, _record_takes, "write what comes from upstream into a file"),
    ("replay", _replay, _replay_takes, "serve a recording as if it were the market"),
    ("import", _import, _import_takes, "the bars of a recording, into the database"),
    ("export", _export, _export_takes, "stored bars of a symbol, as CSV or Parquet"),
    ("tail", _tail, tail.declare, "live prices of any Photon, in this terminal"),
)


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
    for name, run, takes, what in COMMANDS:
        command = commands.add_parser(name, help=what, description=f"Photon: {what}.")
        takes(command)
        command.set_defaults(run=run)
    parser.set_defaults(run=_serve)
    return parser


def _process() -> int:
    """Run as a process of its own; returns the exit code, whatever becomes of the output."""
    printing.open_descriptors()
    try:
        code = main()
    except SystemExit as ended:  # from argparse or a signal
        code = ended.code if isinstance(ended.code, int) else 0
    code = printing.finish(code)
    _on_signals(signal.SIG_IGN)  # Python restores the default handlers before it exits
    return code


if __name__ == "__main__":
    sys.exit(_process())
