"""The menu of the list: its name, what comes in, what goes out, and what is shown of it."""

import csv
import json
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Locator, expect

from photon_app.settings import DEFAULT_SYMBOLS
from tests.fakes.process import Process
from tests.page.conftest import Visit
from tests.page.visitor import Visitor

NAME = r"""(field) => {
  field.removeAttribute("maxlength");
  field.value = "\u202e<b>x</b>\0 ".repeat(999);
}"""
PASTE = """(field, text) => {
  field.focus();
  document.execCommand("insertText", false, text);
}"""


def menu(visitor: Visitor) -> Locator:
    """The menu, opened."""
    box = visitor.page.locator("#list-menu")
    if not box.is_visible():
        visitor.page.locator("[popovertarget=list-menu]").click()
    expect(box).to_be_visible()
    return box


def saved(visitor: Visitor, name: str) -> Path:
    """What a button of the menu saves."""
    with visitor.page.expect_download() as download:
        menu(visitor).get_by_role("button", name=name, exact=True).click()
    return download.value.path()


def table(visitor: Visitor) -> dict[str, dict[str, str]]:
    """What the list is as CSV: its rows by symbol."""
    text = saved(visitor, "CSV").read_text(encoding="utf-8")
    return {row["symbol"]: row for row in csv.DictReader(text.splitlines())}


def bring(visitor: Visitor, text: str) -> None:
    """Put a text into the menu as the clipboard does, and import it."""
    box = menu(visitor)
    box.get_by_label("Import").evaluate(PASTE, text)
    box.get_by_role("button", name="Add").click()


def test_lines_that_are_pasted_are_symbols_of_their_own(visitor: Visitor) -> None:
    """A column of a table, with what else separates them."""
    visitor.expect_live("AAPL")
    bring(visitor, "IBM\nKO\r\n$PEP; aapl\n")
    expect(menu(visitor).get_by_role("status")).to_have_text("Added 3")
    visitor.expect_symbols(*DEFAULT_SYMBOLS, "IBM", "KO", "PEP")


def test_what_is_saved_can_be_imported(visitor: Visitor) -> None:
    """As text and as CSV: the same symbols, and nothing made of names and prices."""
    visitor.expect_live("AAPL")
    for name in ("Text", "CSV"):
        text = saved(visitor, name).read_text(encoding="utf-8")
        visitor.page.keyboard.press("Escape")
        visitor.page.get_by_label("New list").click()
        visitor.page.get_by_label("Name of the new list").fill(name)
        visitor.page.keyboard.press("Enter")
        expect(visitor.rows).to_have_count(0)
        bring(visitor, text)
        visitor.expect_symbols(*DEFAULT_SYMBOLS)


def test_a_table_has_what_the_rows_show(visitor: Visitor) -> None:
    """In the order of the list."""
    visitor.expect_live(*DEFAULT_SYMBOLS)
    rows = table(visitor)
    assert list(rows) == list(DEFAULT_SYMBOLS)
    assert float(rows["AAPL"]["price"]) > 0
    assert rows["AAPL"]["name"] == "Apple"
    for row in rows.values():
        change, percent = float(row["change"]), float(row["change_percent"])
        assert abs(change / (float(row["price"]) - change) * 100 - percent) < 0.01
        assert row["time"].endswith("Z")


def test_a_link_shows_the_list_to_others(visit: Visit, server: Process) -> None:
    """In another browser, beside its own lists, which stay as they are."""
    permissions = ["clipboard-read", "clipboard-write"]
    visitor = visit(server.http, permissions=permissions)
    visitor.expect_live("AAPL")
    bring(visitor, "BRK.B")
    menu(visitor).get_by_role("button", name="Link").click()
    expect(menu(visitor).get_by_role("status")).to_have_text("Link copied")
    link = visitor.page.evaluate("navigator.clipboard.readText()")
    assert urlsplit(link).query == f"s={','.join([*DEFAULT_SYMBOLS, 'BRK.B'])}"
    other = visit(link)
    other.expect_symbols(*DEFAULT_SYMBOLS, "BRK.B")
    assert other.page.evaluate("localStorage.getItem('photon.watchlist')") in (None, "")
    assert other.page.evaluate("localStorage.getItem('photon.lists')") is None


def test_a_text_that_is_too_long_stays_where_it_is(visitor: Visitor) -> None:
    """Nothing of it is taken."""
    visitor.expect_live("AAPL")
    box, text = menu(visitor), "IBM " * 5_001
    box.get_by_label("Import").fill(text)
    box.get_by_role("button", name="Add").click()
    expect(box.get_by_role("status")).to_have_text(
        "More than 20,000 characters: import them in parts"
    )
    expect(box.get_by_label("Import")).to_have_value(text)
    visitor.expect_symbols(*DEFAULT_SYMBOLS)


def test_a_name_is_a_short_text(visitor: Visitor) -> None:
    """Whatever is typed: no markup, no control, no sign that turns the line around."""
    visitor.expect_live("AAPL")
    box = menu(visitor)
    box.get_by_label("Name").evaluate(NAME)
    box.get_by_role("button", name="Rename").click()
    tab = visitor.page.locator(".tabs [role=tab]")
    expect(tab).to_have_text("<b>x</b> <b>x</b> <b>x</")
    text = visitor.page.wait_for_function("localStorage.getItem('photon.lists')").json_value()
    stored = json.loads(text)
    assert stored["main"] == "<b>x</b> <b>x</b> <b>x</"


def test_columns_and_density_are_chosen_there(visitor: Visitor) -> None:
    """At once, and kept."""
    visitor.expect_live("AAPL")
    tall = visitor.row("AAPL").bounding_box()
    menu(visitor).get_by_label("Volume").check()
    menu(visitor).get_by_label("Compact").check()
    for _ in range(2):
        expect(visitor.row("AAPL").locator(".c-volume")).to_be_visible()
        expect(visitor.row("AAPL")).to_have_css("height", "28px")
        visitor.page.reload()
        visitor.expect_live("AAPL")
    assert tall is not None
    assert tall["height"] > 40
