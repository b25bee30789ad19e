"""``python -m photon_app tail``: one connection to a Photon, and one output.

Owns two tasks: the connection, and ten refreshes of the output a second. The first to end ends
both. Exit codes: 0 after a signal, when the reader of the output has gone, or when ``--count``
prices were shown; 1 when the server refuses this client for good, every symbol was rejected, or the
output cannot be written; 2 (raised) for arguments that cannot be used.
"""

import argparse
import asyncio
import functools
import io
import random
import sys

from rich.console import Console

from photon_app import printing, settings
from photon_app.clock import Time
from photon_app.commands.tail import address, arguments, defaults, wire
from photon_app.commands.tail.address import Address
from photon_app.commands.tail.board import Board, Row
from photon_app.commands.tail.connection import Connection
from photon_app.commands.tail.output import Lines, Notices, Output, Screen, as_json, as_line
from photon_app.commands.tail.stop import Stop, Stopped
from photon_app.feed.awake import Awake

REFRESH_S = 0.1


def run(given: argparse.Namespace) -> int:
    """Watch until stopped; returns the exit code.

    Raises:
        PhotonError: the address or a symbol cannot be used.
    """
    board = Board(arguments.symbols(given.symbols))
    where = address.parse(given.url) if given.url else address.of_settings(settings.load())
    stop = Stop()
    with stop.on_signals():
        try:
            return _show(given, board, where, stop)
        except (Stopped, asyncio.CancelledError, BrokenPipeError):
            return 0
        except OSError as error:
            printing.complain(f"photon: nothing can be written: {error.strerror or error}")
            return 1


def _show(given: argparse.Namespace, board: Board, where: Address, stop: Stop) -> int:
    """Show a table on a terminal that can draw one, else lines of text."""
    if sys.stdout is None:
        raise OSError("standard output is closed")
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal that cannot show a block shows a "?"
        sys.stdout.reconfigure(errors="replace")
    time = Awake()
    console = Console()
    if not given.json and sys.stdout.isatty() and not console.is_dumb_terminal:
        interval_ms = arguments.TABLE_INTERVAL_MS if given.interval is None else given.interval
        with Screen(board, where.shown, console, time) as screen:
            connection = _connection(board, where, screen, given.count, interval_ms, time)
            asyncio.run(watch(connection, screen, stop, time))
        return 1 if board.why else 0
    notices = Notices(board, where.shown, printing.complain)
    form = as_json if given.json else as_line
    lines = Lines(board, form, notices, stop, sys.stdout.fileno())
    connection = _connection(board, where, lines, given.count, given.interval or 0, time)
    asyncio.run(watch(connection, lines, stop, time))
    notices.report()
    return 1 if board.why or board.hopeless else 0


def _connection(  # noqa: PLR0917  # one call each
    board: Board, where: Address, output: Output, count: int | None, interval_ms: int, time: Time
) -> Connection:
    return Connection(
        where.ws,
        board,
        functools.partial(read, board, output, count),
        time=time,
        rng=random.Random(),
        interval_ms=interval_ms,
        defaults=functools.partial(defaults.ask, where.quotes),
    )


def read(  # noqa: PLR0917  # the first three are bound
    board: Board,
    output: Output,
    count: int | None,
    message: wire.Message,
    text: str,
    row: Row | None,
) -> bool:
    """Pass a message to the output; true when the command is done."""
    output.message(message, text, row)
    if count is not None and output.shown >= count:
        return True
    return output.ends_when_hopeless and board.hopeless


async def watch(connection: Connection, output: Output, stop: Stop, time: Time) -> None:
    """Run the connection and the refreshes of the output until one of them ends."""
    watching = asyncio.current_task()
    assert watching is not None
    tasks = [asyncio.create_task(connection.run()), asyncio.create_task(_refresh(output, time))]
    with stop.cancels(watching):
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


async def _refresh(output: Output, time: Time) -> None:
    while True:
        output.refresh()
        await time.sleep(REFRESH_S)
