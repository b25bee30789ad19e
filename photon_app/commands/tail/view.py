"""Draws a board as text: ``picture`` turns it into something that rich prints. Pure.

It draws the columns that fit and the rows that the height allows, and shows how many rows are left
out. A badge above the prices says in words and reversed colours what kind of prices they are.
Colours are the terminal's own, so that its theme and ``NO_COLOR`` decide. Each colour has an arrow,
a sign or a word beside it that says the same.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from photon_app.commands.tail import figures
from photon_app.commands.tail.board import MOVED_S, Board, Row
from photon_app.commands.tail.wire import clean

UP, DOWN, NOTE, BAD = "green", "red", "yellow", "red"
BADGES = {
    "live": ("LIVE", UP),
    "simulated": ("SIMULATED", NOTE),
    "replay": ("REPLAY", NOTE),
    "connecting": ("FEED CONNECTING", NOTE),
    "reconnecting": ("FEED RECONNECTING", BAD),
    "unauthorized": ("FEED UNAUTHORIZED", BAD),
    "throttled": ("FEED THROTTLED", BAD),
}
SOURCES = {"simulated": "simulator", "finnhub": "Finnhub"}
GAP = 2
"""Cells between columns."""
SPARK_LEAST, SPARK_MOST = 8, 40
RANGE = 12
SYMBOL_LEAST = 8
ORDER = ("symbol", "spark", "last", "percent", "change", "range", "volume", "age")
NOTES = 3
"""Most lines of text about rejected symbols below the table."""
FAR_MS = 36 * figures.HOUR
"""A market clock that differs by more than this from the machine's is shown with its date."""
_FRAME = 5
"""Lines of text besides rows and notes: header, empty, titles, empty, footer."""


class Moment(NamedTuple):
    """The time and the size of a picture."""

    now_s: float
    """On the clock of the board's times."""
    wall_ms: float
    width: int
    height: int | None = None


class _Column(NamedTuple):
    title: str
    """Padded to the usual width of the column, so that it does not move with its content."""
    cells: list[Text]
    left: bool = False
    least: int | None = None


def picture(board: Board, server: str, at: Moment) -> RenderableType:
    """The whole screen.

    Args:
        board: the state of every symbol and of the connection.
        server: the Photon's name, for people.
        at: time and size.
    """
    rows, hidden, notes = _fitting(board, at)
    parts: list[RenderableType] = [_header(board, at), Text(), _table(board, rows, at)]
    if hidden:
        parts.append(_line(Text(f"and {hidden} more: the terminal is too low", "dim"), at))
    if notes:
        parts += [Text(), *(_line(note, at) for note in notes)]
    return Group(*parts, Text(), _footer(board, server, at))


def _fitting(board: Board, at: Moment) -> tuple[list[Row], int, list[Text]]:
    """The rows that fit, how many do not, and the notes."""
    rows, notes = list(board.rows.values()), _notes(board)
    frame = _FRAME + (len(notes) + 1 if notes else 0)
    if at.height is None or len(rows) + frame <= at.height:
        return rows, 0, notes
    room = max(1, at.height - frame - 1)
    return rows[:room], max(0, len(rows) - room), notes


def _notes(board: Board) -> list[Text]:
    rejected = [row for row in board.rows.values() if row.server_state == "rejected"]
    notes = [Text(f"✗ {row.reason}", BAD) for row in rejected[:NOTES]]
    if len(rejected) > NOTES:
        notes[-1] = Text(f"✗ and {len(rejected) - NOTES + 1} more rejected", BAD)
    return [*notes, Text(f"✗ {board.error}", BAD)] if board.error else notes


def _header(board: Board, at: Moment) -> Text:
    """The badge, and the state of the market; the least important is last and left out first."""
    words, colour = badge(board)
    head = Text.assemble((f" {words} ", f"bold reverse {colour}"))
    for part in _market(board, at):
        if head.cell_len + 2 + part.cell_len > at.width:
            break
        head.append("  ").append_text(part)
    return _line(head, at)


def badge(board: Board) -> tuple[str, str]:
    """The word for the kind of prices, with its colour; never a good one without a connection."""
    if board.connection == "ended":
        return "ENDED", NOTE
    if board.connection == "lost":
        return ("STALE" if board.feed else "NO SERVER"), BAD
    if board.connection == "connecting":
        return ("STALE" if board.feed else "CONNECTING"), (BAD if board.feed else NOTE)
    return feed_badge(board)


def feed_badge(board: Board) -> tuple[str, str]:
    """The badge while the connection is open: the feed's state."""
    if board.feed == "live" and board.delay_ms:
        return f"DELAYED {max(1, round(board.delay_ms / 60_000))} min", NOTE
    return BADGES.get(board.feed, (clean(board.feed).upper()[:24] or "?", NOTE))


def _market(board: Board, at: Moment) -> Iterable[Text]:
    if board.connection != "open" and board.feed in {"simulated", "replay"}:
        yield Text(BADGES[board.feed][0], f"bold {NOTE}")
    status = board.status
    now_ms = board.market_ms(at.now_s)
    if status is None or now_ms is None or board.connection != "open":
        return
    # the market's clock is the server's, unless the market is replayed: then nothing is retried
    if status.retry_at is not None and not board.flowing and status.retry_at > now_ms:
        yield Text(f"next attempt in {figures.span(status.retry_at - now_ms)}", BAD)
    yield Text.assemble(("NYSE ", "dim"), (figures.session(status.market), "bold"))
    if status.market_until is not None:
        left = figures.market_next(status.market, status.market_next, status.market_until - now_ms)
        yield Text(left, "dim")
    day = f"{figures.date(now_ms)} " if abs(now_ms - at.wall_ms) > FAR_MS else ""
    yield Text(f"{day}{figures.clock(now_ms)} ET", "dim")


def _footer(board: Board, server: str, at: Moment) -> Text:
    """The connection to the server and the feed behind it, each with its next attempt."""
    return _line(_connection(board, server, at), at)


def _connection(board: Board, server: str, at: Moment) -> Text:
    why = f": {clean(board.why)}" if board.why else ""
    match board.connection:
        case "open":
            said = Text.assemble(("● ", UP), f"Connected to {server}")
            return said.append_text(_upstream(board))
        case "lost":
            wait = max(0.0, (board.retry_s or at.now_s) - at.now_s) * 1000
            text = f"○ {server}{why} · next attempt in {figures.span(wait)}"
            return Text(text, BAD)
        case "connecting":
            return Text(f"○ Connecting to {server}{why and ' again'}{why}", NOTE)
        case "ended":
            return Text(f"■ Ended at {figures.clock(at.wall_ms)} ET{why}", BAD if why else "dim")


def _upstream(board: Board) -> Text:
    status = board.status
    if status is None:
        return Text()
    if board.flowing:
        source = SOURCES.get(status.source, clean(status.source).replace("replay:", "recording "))
        said = Text(f" · {source}" if source else "", "dim")
        wrong = clean(status.detail) if board.feed == "live" else ""
        return said.append(f" · {wrong}", NOTE) if wrong else said
    return Text(f" · {clean(status.detail)}" if status.detail else "", BAD)


def _line(text: Text, at: Moment) -> Text:
    """One line of text, cut at the width."""
    text.no_wrap = True
    text.overflow = "ellipsis"
    text.truncate(at.width, overflow="ellipsis")
    return text


def _table(board: Board, rows: Sequence[Row], at: Moment) -> Table:
    columns = _columns(board, rows, at)
    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(
            column.title,
            justify="left" if column.left else "right",
            no_wrap=True,
            min_width=column.least,
        )
    for n, row in enumerate(rows):
        faded = "" if board.state(row) in {"live", "polled"} else "dim"
        table.add_row(*(column.cells[n] for column in columns), style=faded)
    return table


def _columns(board: Board, rows: Sequence[Row], at: Moment) -> list[_Column]:
    """The columns that fit; the more important ones are chosen first."""
    last = _Column("Last", _prices(board, rows, at))
    age = _Column("Age".rjust(5), [_age(board, row, at) for row in rows])
    if at.width < _width((last, age)) + GAP + SYMBOL_LEAST:
        age = _Column("", [_mark(board, row) for row in rows])
    room = max(1, at.width - _width((last, age)) - GAP)
    names = [Text(figures.name(row.symbol, room), "bold") for row in rows]
    symbol = _Column("Symbol"[:room], names, left=True, least=4)
    columns = {"symbol": symbol, "last": last, "age": age}
    for key, column in _optional(rows):
        if _width((*columns.values(), column)) <= at.width:
            columns[key] = column
    if "spark" in columns:
        spare = at.width - _width(columns.values())
        width = min(SPARK_LEAST + spare, SPARK_MOST)
        columns["spark"] = _spark_column(rows, width)
    return [columns[name] for name in ORDER if name in columns]


def _optional(rows: Sequence[Row]) -> Iterable[tuple[str, _Column]]:
    """The columns that can be left out, the most important first."""
    yield "percent", _Column("Change".rjust(9), [_percent(row) for row in rows])
    yield "spark", _spark_column(rows, SPARK_LEAST)
    yield "change", _Column(" " * 6, [_change(row) for row in rows])
    yield "volume", _Column("Volume", [_volume(row) for row in rows])
    yield "range", _Column("Low – high", [_range(row) for row in rows], left=True)


def _spark_column(rows: Sequence[Row], width: int) -> _Column:
    return _Column("Recent".ljust(width), [_spark(row, width) for row in rows], left=True)


def _width(columns: Iterable[_Column]) -> int:
    each = [max(cell_len(c.title), *(cell.cell_len for cell in c.cells), 0) for c in columns]
    return sum(each) + GAP * (len(each) - 1)


def _colour(value: float | None) -> str:
    if not value:
        return ""
    return UP if value > 0 else DOWN


def _prices(board: Board, rows: Sequence[Row], at: Moment) -> list[Text]:
    """Prices aligned by the decimal point; one that has just changed is in reversed colours."""
    texts = figures.aligned([_price(row) for row in rows])
    cells = []
    for text, row in zip(texts, rows, strict=True):
        blank = len(text) - len(text.lstrip())
        flash = _flash(board, row, at)
        cells.append(Text.assemble(text[:blank], (text[blank:].rstrip(), f"bold {flash}")))
        cells[-1].pad_right(len(text) - len(text.rstrip()))
    return cells


def _price(row: Row) -> str:
    return figures.DASH if row.quote is None else figures.price(row.quote.price, row.quote.decimals)


def _flash(board: Board, row: Row, at: Moment) -> str:
    fresh = board.connection == "open" and at.now_s - row.moved_s < MOVED_S
    return f"reverse {_colour(row.direction)}" if fresh and row.direction else ""


def _percent(row: Row) -> Text:
    if row.quote is None or row.quote.change_percent is None:
        return Text(figures.DASH, "dim")
    value = row.quote.change_percent
    return Text(f"{figures.arrow(value)} {figures.percent(value)}", _colour(value))


def _change(row: Row) -> Text:
    if row.quote is None or row.quote.change is None:
        return Text(figures.DASH, "dim")
    value = row.quote.change
    return Text(figures.change(value, row.quote.decimals), _colour(value))


def _volume(row: Row) -> Text:
    return Text(figures.volume(None if row.quote is None else row.quote.day_volume))


def _range(row: Row) -> Text:
    """The position of the price between the day's low and high, as a mark on a bar."""
    quote = row.quote
    if quote is None or quote.low is None or quote.high is None:
        return Text("─" * RANGE, "dim")
    mark = round(figures.position(quote.price, quote.low, quote.high) * (RANGE - 1))
    return Text.assemble(("─" * mark, "dim"), ("┃", "bold"), ("─" * (RANGE - 1 - mark), "dim"))


def _spark(row: Row, width: int) -> Text:
    shown = list(row.recent)[-width:]
    moved = shown[-1] - shown[0] if shown else 0.0
    return Text(figures.sparkline(shown, width), _colour(moved) or "dim")


def _age(board: Board, row: Row, at: Moment) -> Text:
    """The age of the price, with the state in a word unless the price streams."""
    state = board.state(row)
    age = figures.age(board.age_ms(row, at.now_s))
    if state == "live":
        return Text(age, "dim")
    words = clean(state).upper()[:12]
    text = words if row.quote is None or state == "rejected" else f"{words} {age}"
    return Text(text, _STATE_COLOURS.get(state, "dim"))


def _mark(board: Board, row: Row) -> Text:
    """The state in one cell, when there is no room for a word."""
    state = board.state(row)
    return Text(_MARKS.get(state, "?"), _STATE_COLOURS.get(state, "dim"))


_STATE_COLOURS: dict[str, str] = {"stale": BAD, "rejected": BAD, "polled": NOTE}
_MARKS = {"live": " ", "polled": "~", "waiting": "…", "stale": "!", "rejected": "✗"}
