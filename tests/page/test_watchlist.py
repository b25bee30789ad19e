"""The visitor's list: adding, removing, moving, and what stays."""

from playwright.sync_api import expect

from photon_app.settings import DEFAULT_SYMBOLS
from tests.page.visitor import Visitor

DEFAULTS = list(DEFAULT_SYMBOLS)


def test_a_typed_symbol_joins_the_list_and_is_shown(visitor: Visitor) -> None:
    """In capitals, with a price, and the field is free for the next."""
    visitor.expect_live("AAPL")
    visitor.add(" ibm ")
    visitor.expect_live("IBM")
    visitor.expect_selected("IBM")
    expect(visitor.field).to_have_value("")
    visitor.expect_symbols(*DEFAULTS, "IBM")


def test_a_row_can_be_removed(visitor: Visitor) -> None:
    """By its button, and the row below is shown where the shown one goes by Delete."""
    visitor.expect_live("AAPL")
    visitor.row("NVDA").hover()
    visitor.page.get_by_label("Remove NVDA").click()
    expect(visitor.row("NVDA")).to_have_count(0)
    visitor.expect_selected("AAPL")
    visitor.page.keyboard.press("Delete")
    visitor.expect_selected("MSFT")
    visitor.expect_symbols("MSFT", *DEFAULTS[3:])


def test_an_empty_list_helps_on(visitor: Visitor) -> None:
    """It is a list too, kept by a reload; the defaults are one click away."""
    visitor.expect_live("AAPL")
    for left in range(len(DEFAULTS) - 1, -1, -1):
        visitor.page.keyboard.press("Delete")
        expect(visitor.rows).to_have_count(left)
    expect(visitor.page.get_by_role("table", name="Trades")).to_have_count(0)  # whose were they?
    visitor.page.reload()
    expect(visitor.page.get_by_text("No symbols yet.")).to_be_visible()
    visitor.page.get_by_role("button", name="Use the default list").click()
    visitor.expect_live(*DEFAULTS)


def test_a_reload_keeps_list_and_selection(visitor: Visitor) -> None:
    """Prices move on."""
    visitor.expect_live("AAPL")
    visitor.add("IBM")
    visitor.expect_live("IBM")
    visitor.page.get_by_label("Remove AAPL").click()
    visitor.row("MSFT").click()
    visitor.expect_selected("MSFT")
    visitor.page.reload()
    visitor.expect_selected("MSFT")
    visitor.expect_symbols(*DEFAULTS[1:], "IBM")
    visitor.expect_live("MSFT", "IBM")
    visitor.expect_moving("MSFT")


def test_another_tab_of_the_same_browser_follows(visitor: Visitor) -> None:
    """One visitor has one list."""
    visitor.expect_live("AAPL")
    other = visitor.tab()
    expect(other.locator('tr[data-quote="AAPL"]')).to_be_visible()
    visitor.add("IBM")
    expect(other.locator('tr[data-quote="IBM"]')).to_be_visible()


def test_the_keyboard_does_it_all(visitor: Visitor) -> None:
    """Slash adds from anywhere, Escape leaves, arrows select, the question mark explains."""
    visitor.expect_live("AAPL")
    keys = visitor.page.keyboard
    keys.press("/")
    expect(visitor.field).to_be_focused()
    expect(visitor.field).to_have_value("")
    keys.type("IBM")
    keys.press("Enter")
    visitor.expect_selected("IBM")
    keys.press("Escape")
    expect(visitor.field).not_to_be_focused()
    keys.press("ArrowUp")
    visitor.expect_selected(DEFAULTS[-1])
    keys.press("ArrowDown")
    keys.press("ArrowDown")
    visitor.expect_selected("IBM")
    keys.press("?")
    expect(visitor.page.get_by_role("dialog")).to_be_visible()
    keys.press("Escape")
    expect(visitor.page.get_by_role("dialog")).to_be_hidden()


def test_keys_act_in_order_however_fast(visitor: Visitor) -> None:
    """Delete removes what the arrows have just reached, not what the page still shows."""
    visitor.expect_live("AAPL")
    for key in ("ArrowDown", "ArrowDown", "Delete", "ArrowUp", "Delete"):
        visitor.page.keyboard.press(key)
    visitor.expect_selected("GOOGL")
    visitor.expect_symbols("AAPL", *DEFAULTS[3:])


def test_the_tab_key_reaches_the_list_and_shows_where_it_is(visitor: Visitor) -> None:
    """The list is one stop: the selected row; focus goes with the selection, with an outline."""
    visitor.expect_live("AAPL")
    stops = visitor.page.locator("#list :is(button, [tabindex]):not([tabindex='-1'])")
    visitor.row("AAPL").focus()
    visitor.page.keyboard.press("ArrowDown")
    visitor.expect_selected("MSFT")
    expect(visitor.row("MSFT")).to_be_focused()
    expect(visitor.row("MSFT")).to_have_css("outline-style", "solid")
    expect(stops).to_have_count(1)
    visitor.page.keyboard.press("Tab")
    assert not visitor.page.evaluate("document.activeElement.closest('#list')")
    visitor.page.keyboard.press("Shift+Tab")
    expect(visitor.row("MSFT")).to_be_focused()


def test_a_list_is_made_and_found_by_keys_alone(visitor: Visitor) -> None:
    """The button after the tabs is one stop with them, and has the focus back when it is done."""
    visitor.expect_live("AAPL")
    page = visitor.page
    first, button = page.get_by_role("tab", name="Watchlist"), page.get_by_label("New list")
    name = page.get_by_label("Name of the new list")
    first.focus()
    page.keyboard.press("ArrowRight")
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    expect(name).to_be_focused()
    page.keyboard.press("Escape")
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.type("Energy")
    page.keyboard.press("Enter")
    energy = page.get_by_role("tab", name="Energy")
    expect(energy).to_have_attribute("aria-selected", "true")
    expect(button).to_be_focused()
    for key, tab in (("ArrowLeft", energy), ("ArrowLeft", first), ("End", energy)):
        page.keyboard.press(key)
        expect(tab).to_be_focused()
        expect(tab).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowRight")
    expect(button).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(first).to_have_attribute("aria-selected", "true")
    expect(first).to_be_focused()


def test_what_was_removed_can_be_put_back(visitor: Visitor) -> None:
    """In its place, by the button or Ctrl+Z, while it is offered."""
    visitor.expect_live("AAPL")
    visitor.page.keyboard.press("ArrowDown")
    for by_key in (False, True):
        visitor.page.keyboard.press("Delete")
        expect(visitor.page.get_by_text("Removed MSFT")).to_be_visible()
        expect(visitor.row("MSFT")).to_have_count(0)
        if by_key:
            visitor.page.keyboard.press("Control+z")
        else:
            visitor.page.get_by_role("button", name="Undo").click()
        visitor.expect_symbols(*DEFAULTS)
        visitor.expect_selected("MSFT")
        expect(visitor.page.get_by_text("Removed MSFT")).to_have_count(0)
    visitor.page.reload()
    visitor.expect_symbols(*DEFAULTS)


def test_a_filter_is_seen_and_can_be_taken_away(visitor: Visitor) -> None:
    """By the words that say it, or Escape."""
    visitor.expect_live("AAPL")
    words = visitor.page.get_by_role("button", name="“am”: 2 of 10")
    for by_key in (False, True):
        visitor.page.get_by_role("button", name="List menu").click()
        visitor.page.get_by_label("Filter").fill("am")
        visitor.page.get_by_label("Filter").press("Enter")
        visitor.expect_symbols("AMZN", "AMD")
        expect(words).to_be_visible()
        if by_key:
            visitor.page.keyboard.press("Escape")
        else:
            words.click()
        visitor.expect_symbols(*DEFAULTS)
        expect(words).to_have_count(0)
