"""The outputs of ``tail``: a table, lines of text, or JSON.

Each output takes every message synchronously and writes at once. A full pipe or a stopped terminal
blocks the event loop and with it the reading: the server notices, conflates, and in the end closes
the connection, which is then opened again. Nothing is queued here. With lines and JSON, notices
about the connection go to standard error, once for each change.
"""

import os
import select
from collections.abc import Callable
from typing import Protocol, Self

from rich.console import Console
from rich.live import Live

from photon_app import foreign
from photon_app.clock import Time
from photon_app.commands.tail import figures, wire
from photon_app.commands.tail.board import Board, Row
from photon_app.commands.tail.stop import Stop
from photon_app.commands.tail.view import Moment, feed_badge, picture

IDLE_S = 0.5
"""Longest time between two drawings of a table: ages grow, and highlights of changes end."""

Write = Callable[[str], object]
Form = Callable[[Board, wire.Message, str, Row | None], str | None]
"""The text to write for a message, or ``None``."""


class Output(Protocol):
    """Where messages go."""

    ends_when_hopeless: bool
    """Whether the command ends once every symbol was rejected."""

    @property
    def shown(self) -> int:
        """Number of prices shown."""
        ...

    def message(self, message: wire.Message, text: str, row: Row | None) -> None:
        """One message was read and folded in; ``row`` is the one with a new price, if any."""
        ...

    def refresh(self) -> None:
        """Show changes of time and of the connection's state; called ten times a second."""
        ...


def as_json(board: Board, message: wire.Message, text: str, _row: Row | None) -> str | None:
    """Each ``price_update`` of a watched symbol as it was received, on one line of text.

    Characters that control a terminal are escaped as in JSON.
    """
    if not isinstance(message, wire.Update) or message.symbol not in board.rows:
        return None
    return foreign.in_json(text)


def as_line(board: Board, _message: wire.Message, _text: str, row: Row | None) -> str | None:
    """Each new price as fields with tabs between them: time in UTC, symbol, price, change, change
    in percent, volume of the trade, and ``live`` or ``polled``, or ``simulated`` or ``replay`` when
    the market is not the real one. Unknown figures are ``-``.
    """
    if row is None or row.quote is None:
        return None
    quote = row.quote
    fields = (
        figures.stamp(quote.time_ms),
        row.symbol,
        figures.exact(quote.price),
        figures.exact(quote.change),
        figures.exact(quote.change_percent),
        figures.exact(quote.volume),
        board.feed if board.feed in {"simulated", "replay"} else board.state(row),
    )
    return "\t".join(map(foreign.printable, fields))


class Lines:
    """Lines of text to a file descriptor, each written at once.

    Args:
        board: the state of every symbol.
        form: makes the text for a message.
        notices: reports the state of the connection.
        stop: interrupts a write that is blocked.
        descriptor: where to write.
    """

    ends_when_hopeless = True

    def __init__(
        self, board: Board, form: Form, notices: "Notices", stop: Stop, descriptor: int = 1
    ) -> None:
        self._board = board
        self._form = form
        self._notices = notices
        self._stop = stop
        self._descriptor = descriptor
        self.shown = 0

    def message(self, message: wire.Message, text: str, row: Row | None) -> None:
        """Write a message that has a line of text; other messages may change the notices."""
        line = self._form(self._board, message, text, row)
        if line is not None:
            self._write(line.encode() + b"\n")
            self.shown += 1
        elif not isinstance(message, wire.Update):
            self._notices.report()

    def refresh(self) -> None:
        """Report changes.

        Raises:
            BrokenPipeError: the reader of the output has gone.
        """
        if _is_broken(self._descriptor):
            raise BrokenPipeError
        self._notices.report()

    def _write(self, data: bytes) -> None:
        with self._stop.interruptible():
            while data:
                try:
                    data = data[os.write(self._descriptor, data) :]
                except BlockingIOError:  # another process made it non-blocking
                    select.select([], [self._descriptor], [])


class Notices:
    """Reports changes of the connection, the feed and the symbols, beside the prices.

    Args:
        board: the state of every symbol and of the connection.
        server: the Photon's name, for people.
        write: takes one line of text.
    """

    def __init__(self, board: Board, server: str, write: Write) -> None:
        self._board = board
        self._server = server
        self._write = write
        self._said: dict[str, str] = {}

    def report(self) -> None:
        """Write a notice for everything that has changed."""
        board = self._board
        if board.connection == "lost":
            self._say("connection", f"{self._server}: {wire.clean(board.why)}; trying again")
        elif board.connection == "ended" and board.why:
            self._say("connection", f"{self._server}: {wire.clean(board.why)}")
        elif board.connection == "open" and board.status is not None:
            self._say("connection", f"connected to {self._server}: {self._market()}")
            self._say("error", board.error)
        for row in board.rows.values():
            self._say(row.symbol, row.reason)

    def _market(self) -> str:
        board = self._board
        status = board.status
        words = feed_badge(board)[0]
        silent = status is None or (board.flowing and board.feed != "live")
        detail = "" if status is None or silent else wire.clean(status.detail)
        session = figures.session(None if status is None else status.market).lower()
        return f"{words}, market {session}{detail and ': '}{detail}"

    def _say(self, subject: str, text: str) -> None:
        if text and self._said.get(subject) != text:
            self._write(f"photon: {text}")
        self._said[subject] = text


class Screen:
    """A table on a terminal, drawn repeatedly, and once more at the end.

    Args:
        board: the state of every symbol and of the connection.
        server: the Photon's name, for people.
        console: where to draw.
        time: the clock that the board's times are of, and the wall clock.
    """

    ends_when_hopeless = False

    def __init__(self, board: Board, server: str, console: Console, time: Time) -> None:
        self._board = board
        self._server = server
        self._console = console
        self._time = time
        self._live = Live(console=console, screen=True, auto_refresh=False)
        self._drawn: object = None
        self._drawn_s = 0.0
        self._took_s = 0.0

    @property
    def shown(self) -> int:
        """Number of prices received."""
        return self._board.updates

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Restore the terminal and print the last picture."""
        self._live.stop()
        if self._board.connection != "ended":
            self._board.ended()
        at = Moment(self._time.monotonic(), self._time.now_ms(), self._console.width)
        self._console.print(picture(self._board, self._server, at))

    def message(self, message: wire.Message, text: str, row: Row | None) -> None:
        """Ignored: the next refresh draws it, with all others that came."""

    def refresh(self) -> None:
        """Draw changes, using at most a fifth of the time."""
        board, now_s = self._board, self._time.monotonic()
        shown = (board.updates, board.connection, board.status, self._console.size)
        since_s = now_s - self._drawn_s
        if since_s < 4 * self._took_s or (shown == self._drawn and since_s < IDLE_S):
            return
        width, height = self._console.size
        at = Moment(now_s, self._time.now_ms(), width, height)
        self._live.update(picture(board, self._server, at), refresh=True)
        self._drawn, self._drawn_s = shown, self._time.monotonic()
        self._took_s = self._drawn_s - now_s


def _is_broken(descriptor: int) -> bool:
    """Whether the reader of a descriptor has gone, found without writing to it."""
    if not hasattr(select, "poll"):
        return False
    poll = select.poll()
    poll.register(descriptor, 0)
    return bool(poll.poll(0))
