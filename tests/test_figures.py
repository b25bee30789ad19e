"""A figure that is written twice, in a document or another language, is the same in both places."""

import inspect
import json
import re
from typing import Any

import pytest

from photon_app import ROOT, model, runtime
from photon_app import __main__ as commands
from photon_app.commands.tail import arguments, connection, retry
from photon_app.errors import SettingsError
from photon_app.feed.recording import recorder
from photon_app.gateway import market, protocol, search, sparklines
from photon_app.history import lines
from photon_app.market import sales
from photon_app.settings import DEFAULT_SYMBOLS, DEFAULTS, load
from photon_app.ui import state, watchlist

PROTOCOL = (ROOT / "docs" / "protocol.md").read_text()
LIMITS = (ROOT / "docs" / "limits.md").read_text()
LIVE = ROOT / "photon_app" / "ui" / "live"
ANYWHERE = {"HOST": "0.0.0.0"}
"""Where the origins of development are not added to those that are given."""

ROWS = re.findall(
    r"^\| `([A-Z_]+)` \| ([^|]+) \| ([^|]+) \|",
    PROTOCOL.split("\n## Environment\n")[1].split("\n## ")[0],
    re.MULTILINE,
)
STATED = [(name, default.split(";")[0].strip().strip("`")) for name, default, _ in ROWS]
BOUNDS = [
    (name, *(int(bound.replace(",", "")) for bound in found.groups()))
    for name, _, allowed in ROWS
    if (found := re.fullmatch(r"(\d[\d,]*) to (\d[\d,]*)", allowed))
]
COUNTS = [(name, 1, 1_000_000) for name, _, allowed in ROWS if allowed == "a count"]


def script(name: str) -> dict[str, Any]:
    """The plain figures that a script of the page begins with, by name."""
    plain = re.compile(r"^(?:export )?const ([A-Z_]+) = ([\d_]+|\{[^}\n]*\});", re.MULTILINE)
    figures = {}
    for key, value in plain.findall((LIVE / name).read_text()):
        text = re.sub(r"(?<=\d)_(?=\d)", "", value)
        figures[key] = json.loads(re.sub(r"(\w+):", r'"\1":', text))
    return figures


@pytest.mark.parametrize(("name", "stated"), STATED)
def test_a_documented_default_is_the_default(name: str, stated: str) -> None:
    """Given as the document has it, it changes nothing; ``none`` is nothing."""
    if stated == "none":
        assert not getattr(DEFAULTS, name.lower().removeprefix("photon_"))
    elif name == "PHOTON_SYMBOLS":
        assert tuple(stated.split(", ")) == DEFAULT_SYMBOLS
    else:
        assert load({**ANYWHERE, name: stated}, dotenv=None) == load(
            ANYWHERE if name != "HOST" else {}, dotenv=None
        )


@pytest.mark.parametrize(("name", "low", "high"), [*BOUNDS, *COUNTS])
def test_a_documented_bound_is_the_bound(name: str, low: int, high: int) -> None:
    """Both ends are allowed, and nothing beyond."""
    for value in (low, high):
        load({name: f"{value}"}, dotenv=None)
    for value in (low - 1, high + 1):
        with pytest.raises(SettingsError, match=name):
            load({name: f"{value}"}, dotenv=None)


def test_the_browser_client_waits_as_the_terminal_does() -> None:
    """They are clients of the same server."""
    client = script("photon-client.js")
    assert client["CHUNK"] == connection.CHUNK
    assert client["SILENCE_MS"] == connection.SILENCE_S * 1000
    assert client["STEADY_MS"] == retry.STEADY_S * 1000
    assert client["BACKOFF_MS"] == {"first": retry.FIRST_S * 1000, "most": retry.CAP_S * 1000}
    least, most = protocol._MIN_INTERVAL_MS, protocol._MAX_INTERVAL_MS
    assert client["INTERVAL_MS"] == {"least": least, "most": most}
    assert connection.SILENCE_S > 2 * runtime.HEARTBEAT_S


def test_the_page_has_the_bounds_of_the_server() -> None:
    """Of what a browser stores, and of each question."""
    lists, suggest = script("lists.js"), script("suggest.js")
    assert lists["VERSION"] == watchlist.VERSION
    assert lists["MOST_CHARS"] == watchlist.MAX_STORED_CHARS
    longest = watchlist.MOST * len('"",' + "A" * 32) + 200  # with its name
    assert lists["MOST_CHARS_OF_OTHERS"] >= (lists["MOST_LISTS"] - 1) * longest
    assert suggest["LONGEST"] == search.MOST_CHARS
    assert suggest["MOST"] == model.USUAL_RESULTS
    assert suggest["MOST_CHARS"] == watchlist.MAX_TYPED_CHARS
    sparks = script("sparks.js")
    assert sparks["MOST"] == sparklines.MOST
    assert sparks["POINTS"] >= lines.MOST_POINTS
    assert sparks["KEPT"] >= watchlist.MOST
    assert script("tapes.js")["DEPTH"] == sales.MOST_OF_SYMBOL
    assert script("market.js")["MOST"] >= market.MOST
    assert script("rows.jsx")["MOST_ASKED"] == state.MOST_ASKED


@pytest.mark.parametrize(
    ("row", "file", "name", "written"),
    [
        ("page: lists;", "lists.js", "MOST_LISTS", "{}"),
        ("page: lists;", "lists.js", "LONGEST_NAME", "{} characters"),
        ("page: lists;", "lists.js", "MOST_CHARS_OF_OTHERS", "{} characters"),
        ("page: lists;", "watchlist.js", "UNDO_MS", "for {s} s"),
        ("page: the list of an address", "address.js", "LONGEST", "{} characters"),
        ("page: the address in", "address.js", "WRITE_MS", "every {} ms"),
        ("page: an imported list", "lists.js", "MOST_IMPORTED", "{} characters"),
        ("page: sparklines", "sparks.js", "KEPT", "{}, of"),
        ("page: sparklines", "sparks.js", "POINTS", "of {} points"),
        ("page: sparklines", "sparks.js", "MOST", "most {} symbols"),
        ("page: trades of the selected", "tapes.js", "DEPTH", "{}, of"),
        ("page: trades of the selected", "tapes.js", "SHOWN", "{} are shown"),
        ("page: compared symbols", "studies.js", "MOST", "{}"),
        ("page: suggestions", "suggest.js", "ENTER_MS", "waits {} ms"),
        ("page: symbols used last", "suggest.js", "MOST_RECENT", "{}, in"),
        ("developers' page", "console.js", "MOST", "{}, the"),
        ("developers' page", "console.js", "LONGEST", "first {} characters"),
    ],
)
def test_a_bound_of_the_page_is_documented(row: str, file: str, name: str, written: str) -> None:
    """As it is, in its line of the table."""
    (line,) = (line for line in LIMITS.splitlines() if line.startswith(f"| {row}"))
    value = script(file)[name]
    assert written.format(f"{value:,}", s=f"{value / 1000:g}") in line


def test_the_terminal_asks_for_intervals_that_the_server_takes() -> None:
    """It has them without the server's code, and documents its own default."""
    least, most = arguments.LEAST_INTERVAL_MS, arguments.MOST_INTERVAL_MS
    assert (least, most) == (protocol._MIN_INTERVAL_MS, protocol._MAX_INTERVAL_MS)
    assert least <= arguments.TABLE_INTERVAL_MS <= most
    assert f"`interval_ms` ({arguments.TABLE_INTERVAL_MS} for the table, else 0)" in PROTOCOL


def test_the_size_of_a_recordings_part_is_printed() -> None:
    """In megabytes, in the help and in the document."""
    size = f"{recorder.PART_BYTES / 1e6:g}"
    assert f"begin a new part at this size ({size})" in inspect.getsource(commands)
    assert f"[--max-mb {size}]" in PROTOCOL
