"""What programs read, and the notices for people beside it."""

import io
import json
import os
from collections.abc import Iterator

import pytest
from rich.console import Console

from photon_app.commands.tail import wire
from photon_app.commands.tail.board import Board
from photon_app.commands.tail.output import IDLE_S, Lines, Notices, Screen, as_json, as_line
from photon_app.commands.tail.stop import Stop
from photon_app.hub import messages
from photon_app.model import Trade
from tests.commands.tail.samples import NOON_MS, board, hello, snapshot, status, trade
from tests.fakes.time import VirtualTime

SERVER = "127.0.0.1:8000"


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """The two ends of one, reading and writing."""
    reading, writing = os.pipe()
    yield reading, writing
    for end in (reading, writing):
        try:
            os.close(end)
        except OSError:
            continue  # the test has


def notices(made: Board) -> tuple[Notices, list[str]]:
    said: list[str] = []
    return Notices(made, SERVER, said.append), said


def test_json_is_each_update_as_it_was_received(pipe: tuple[int, int]) -> None:
    """One a line, and of watched symbols only."""
    made = board()
    lines = Lines(made, as_json, notices(made)[0], Stop(), pipe[1])
    own = messages.price_update(Trade("AAPL", 150.25, 100, NOON_MS), 1).decode()
    other = messages.price_update(Trade("NVDA", 150.25, 100, NOON_MS), 1).decode()
    broken = json.dumps(json.loads(own), indent=1)
    for text in (own, other, messages.heartbeat(1, 2).decode(), broken):
        message = wire.decode(text)
        assert message is not None
        lines.message(message, text, made.apply(message, 0))
    assert lines.shown == 2
    first, second = os.read(pipe[0], 4096).decode().splitlines()
    assert first == own
    assert json.loads(second) == json.loads(own)


ODD = "\x7f\x85\x9b31m\u202e\u2028\U000e0001 é😀"


def test_no_output_drives_a_terminal(pipe: tuple[int, int]) -> None:
    """JSON has the same value with escapes, and lines show what was odd."""
    made = board(snapshot())
    said = {"price": 1.0, "timestamp": NOON_MS, "state": ODD}
    update = {"type": "price_update", "symbol": "AAPL", "seq": 2, "snapshot": True, "data": said}
    text = json.dumps(update, ensure_ascii=False, indent="\t")
    for form in (as_json, as_line):
        lines = Lines(made, form, notices(made)[0], Stop(), pipe[1])
        message = wire.decode(text)
        assert message is not None
        row = made.apply(message, 0) or made.rows["AAPL"]
        row.server_state = ODD
        lines.message(message, text, row)
        (line,) = os.read(pipe[0], 4096).decode().split("\n")[:-1]
        assert line.replace("\t", "").isprintable()
        assert "é😀" in line
        if form is as_json:
            assert json.loads(line) == update


def test_a_line_has_the_figures_with_tabs_between() -> None:
    """In digits that every program reads."""
    made = board(snapshot(prev_close=160))
    update = trade(seq=2, price=150.25, at_ms=NOON_MS + 5)
    row = made.apply(update, 0)
    line = as_line(made, update, "", row)
    assert line == "2026-11-25T17:00:00.005Z\tAAPL\t150.25\t-9.75\t-6.0938\t100\tlive"


@pytest.mark.parametrize(
    ("feed", "polled", "word"),
    [("live", True, "polled"), ("simulated", False, "simulated"), ("replay", False, "replay")],
)
def test_a_line_says_what_kind_of_price_it_is(feed: str, polled: bool, word: str) -> None:
    """Without a previous close its change is a dash."""
    made = board(hello(feed=feed), status(feed))
    update = trade(polled=polled)
    line = as_line(made, update, "", made.apply(update, 0))
    assert line is not None
    assert line.split("\t")[3:] == ["-", "-", "100", word]


def test_figures_without_a_new_price_are_no_line() -> None:
    made = board(snapshot(seq=3))
    update = snapshot(seq=3, day_volume=9)
    assert as_line(made, update, "", made.apply(update, 0)) is None


def test_a_reader_that_is_gone_is_noticed_without_a_price(pipe: tuple[int, int]) -> None:
    """So that ``| head -1`` ends on a quiet night."""
    made = board()
    lines = Lines(made, as_json, notices(made)[0], Stop(), pipe[1])
    lines.refresh()
    os.close(pipe[0])
    with pytest.raises(BrokenPipeError):
        lines.refresh()


def test_each_change_is_said_once() -> None:
    """However often it is tried again; and again when it comes back."""
    made = Board(["AAPL"])
    reporter, said = notices(made)
    for why in ("no connection", "no connection", "no answer in time"):
        made.lost(why, 1)
        reporter.report()
        made.connecting()
        reporter.report()
    made.apply(hello(), 0)
    reporter.report()
    made.apply(status("simulated"), 0)
    reporter.report()
    made.apply(status("reconnecting", detail="Failed to connect"), 0)
    reporter.report()
    made.lost("no connection", 1)
    reporter.report()
    assert said == [
        f"photon: {SERVER}: no connection; trying again",
        f"photon: {SERVER}: no answer in time; trying again",
        f"photon: connected to {SERVER}: SIMULATED, market regular",
        f"photon: connected to {SERVER}: FEED RECONNECTING, market regular: Failed to connect",
        f"photon: {SERVER}: no connection; trying again",
    ]


def test_rejections_and_errors_are_said() -> None:
    made = board(status(symbols={"AAPL": "rejected"}), wire.Error(message="too many messages"))
    reporter, said = notices(made)
    reporter.report()
    reporter.report()
    assert said[1:] == ["photon: too many messages", "photon: AAPL is not known to the feed"]


def test_the_end_is_said() -> None:
    made = board()
    made.ended("the server closed the connection (1008)")
    reporter, said = notices(made)
    reporter.report()
    assert said == [f"photon: {SERVER}: the server closed the connection (1008)"]


def screen(made: Board, time: VirtualTime) -> tuple[Screen, io.StringIO]:
    file = io.StringIO()
    environ = {"TERM": "xterm-256color", "COLUMNS": "80", "LINES": "12"}
    return Screen(
        made, SERVER, Console(file=file, force_terminal=True, _environ=environ), time
    ), file


def test_a_screen_is_given_back_with_the_last_picture_in_it() -> None:
    """The cursor too; also when it ends in an error."""
    made = board(trade(price=12))
    drawing, file = screen(made, VirtualTime())
    with pytest.raises(OSError, match="gone"), drawing:
        drawing.refresh()
        assert file.getvalue().startswith("\x1b[?1049h")
        raise OSError("gone")
    before, _, after = file.getvalue().rpartition("\x1b[?1049l")
    assert "LIVE" in before
    assert "12.00" in after
    assert "Ended" in after
    assert file.getvalue().rfind("\x1b[?25h") > file.getvalue().rfind("\x1b[?25l")


def test_a_screen_draws_what_is_new_and_else_only_now_and_then() -> None:
    """Ages pass."""
    made, time = board(trade()), VirtualTime()
    drawing, file = screen(made, time)
    with drawing:
        drawing.refresh()
        length = len(file.getvalue())
        drawing.refresh()
        assert len(file.getvalue()) == length
        made.apply(trade(seq=2), 0)
        drawing.refresh()
        assert len(file.getvalue()) > length
        length = len(file.getvalue())
        time.jump(IDLE_S)
        drawing.refresh()
        assert len(file.getvalue()) > length
