"""What a person or a program gets to see: a table, lines, or JSON.

Each output takes every message that was read, synchronously, and writes at once. A pipe that is
full, or a terminal that is stopped, holds up the event loop and with it the reading: the server
notices, conflates, and in the end closes the line, which is then opened again. Nothing is queued
here. What is to be said of the connection beside lines and JSON goes to standard error, once for
each change.
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
"""A table is drawn at least so often: ages pass, and what has moved fades."""

Write = Callable[[str], object]
Form = Callable[[Board, wire.Message, str, Row | None], str | None]
"""What to write for a message, if anything."""


class Output(Protocol):
    """Where messages go."""

    ends_when_hopeless: bool
    """Whether there is no more use in it once every symbol was rejected."""

    @property
    def shown(self) -> int:
        """How many prices were shown."""
        ...

    def message(self, message: wire.Message, text: str, row: Row | None) -> None:
        """One message was read and folded in; ``row`` is the one that got a new price."""
        ...

    def refresh(self) -> None:
        """Time has passed, or the line's state has changed; called ten times a second."""
        ...


def as_json(board: Board, message: wire.Message, text: str, _row: Row | None) -> str | None:
    """Each ``price_update`` of a watched symbol as it was received, on one line; what could drive a
    terminal is escaped, as JSON does it.
    """
    if not isinstance(message, wire.Update) or message.symbol not in board.rows:
        return None
    return foreign.in_json(text)


def as_line(board: Board, _message: wire.Message, _text: str, row: Row | None) -> str | None:
    """Each new price, tabs between: time in UTC, symbol, price, change, change in percent, volume
    of the trade, and ``live`` or ``polled``; in another market than the real one ``simulated`` or
    ``replay``. Unknown figures are ``-``.
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
    """Lines to a file descriptor, each written at once.

    Args:
        board: what is known.
        form: the text for a message.
        notices: what is said of the connection.
        stop: breaks off a write that is blocked.
        descriptor: where to.
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
        """Write it if it has a line."""
        line = self._form(self._board, message, text, row)
        if line is not None:
            self._write(line.encode() + b"\n")
            self.shown += 1
        elif not isinstance(message, wire.Update):
            self._notices.look()

    def refresh(self) -> None:
        """Say what has changed.

        Raises:
            BrokenPipeError: nobody reads any more.
        """
        if _is_broken(self._descriptor):
            raise BrokenPipeError
        self._notices.look()

    def _write(self, data: bytes) -> None:
        with self._stop.may_break():
            while data:
                try:
                    data = data[os.write(self._descriptor, data) :]
                except BlockingIOError:  # somebody made it non-blocking
                    select.select([], [self._descriptor], [])


class Notices:
    """What is said of the connection, the feed and the symbols, beside the prices.

    Args:
        board: what is known.
        server: the Photon, for people.
        write: takes one line.
    """

    def __init__(self, board: Board, server: str, write: Write) -> None:
        self._board = board
        self._server = server
        self._write = write
        self._said: dict[str, str] = {}

    def look(self) -> None:
        """Say what is new."""
        board = self._board
        if board.line == "lost":
            self._say("line", f"{self._server}: {wire.clean(board.why)}; trying again")
        elif board.line == "ended" and board.why:
            self._say("line", f"{self._server}: {wire.clean(board.why)}")
        elif board.line == "open" and board.status is not None:
            self._say("line", f"connected to {self._server}: {self._market()}")
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
    """A table on a terminal, drawn again and again, and once more when it is over.

    Args:
        board: what is known.
        server: the Photon, for people.
        console: where to.
        time: what the board was told, and the wall clock.
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
        """How many prices came."""
        return self._board.updates

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Give the terminal back, with the last picture in it."""
        self._live.stop()
        if self._board.line != "ended":
            self._board.ended()
        at = Moment(self._time.monotonic(), self._time.now_ms(), self._console.width)
        self._console.print(picture(self._board, self._server, at))

    def message(self, message: wire.Message, text: str, row: Row | None) -> None:
        """Nothing: it is drawn with the others that came."""

    def refresh(self) -> None:
        """Draw what has changed, in at most a fifth of the time."""
        board, now_s = self._board, self._time.monotonic()
        shown = (board.updates, board.line, board.status, self._console.size)
        since_s = now_s - self._drawn_s
        if since_s < 4 * self._took_s or (shown == self._drawn and since_s < IDLE_S):
            return
        width, height = self._console.size
        at = Moment(now_s, self._time.now_ms(), width, height)
        self._live.update(picture(board, self._server, at), refresh=True)
        self._drawn, self._drawn_s = shown, self._time.monotonic()
        self._took_s = self._drawn_s - now_s


def _is_broken(descriptor: int) -> bool:
    """Whether what we would write to has lost its reader, although nothing is written."""
    if not hasattr(select, "poll"):
        return False
    poll = select.poll()
    poll.register(descriptor, 0)
    return bool(poll.poll(0))
