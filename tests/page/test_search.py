"""The box that finds and adds symbols: what it adds and what never, by keys, pointer, touch."""

import pytest
from playwright.sync_api import Locator, Route, expect

from photon_app.settings import DEFAULT_SYMBOLS
from tests.fakes.dates import OPEN_MS
from tests.fakes.process import Process, photon
from tests.page.conftest import Visit
from tests.page.visitor import PHONE, Visitor

DEFAULTS = list(DEFAULT_SYMBOLS)


def options(visitor: Visitor) -> Locator:
    """What is suggested."""
    return visitor.page.get_by_role("listbox", name="Suggestions").get_by_role("option")


def typed(visitor: Visitor, text: str) -> None:
    """Type as people do, from the keyboard."""
    visitor.expect_live("AAPL")
    visitor.page.keyboard.press("/")
    expect(visitor.field).to_be_focused()
    visitor.page.keyboard.type(text, delay=10)


def expect_open(visitor: Visitor, symbol: str) -> None:
    """Wait until a symbol is suggested."""
    expect(options(visitor).filter(has_text=symbol).first).to_be_visible()
    expect(visitor.field).to_have_attribute("aria-expanded", "true")


def expect_shut(visitor: Visitor) -> None:
    """Wait until nothing is."""
    expect(options(visitor)).to_have_count(0)
    expect(visitor.field).to_have_attribute("aria-expanded", "false")


def expect_added(visitor: Visitor, *symbols: str) -> None:
    """Wait until these follow the default symbols, and the last of them is shown."""
    visitor.expect_symbols(*DEFAULTS, *symbols)
    visitor.expect_selected(symbols[-1])
    expect(visitor.field).to_have_value("")


def paste(visitor: Visitor, text: str) -> None:
    """Paste as the clipboard does it, whatever the text."""
    visitor.field.focus()
    visitor.field.evaluate(
        """(field, text) => {
          const clipboardData = new DataTransfer();
          clipboardData.setData("text", text);
          const how = { clipboardData, bubbles: true, cancelable: true };
          const event = new ClipboardEvent("paste", how);
          if (field.dispatchEvent(event)) document.execCommand("insertText", false, text);
        }""",
        text,
    )


@pytest.mark.parametrize(
    ("text", "symbol"),
    [
        ("coca cola", "KO"),
        ("visa inc", "V"),
        ("$ibm", "IBM"),
        ("NYSE:KO", "KO"),
        ("brk-b", "BRK.B"),
        ("btcusdt", "BINANCE:BTCUSDT"),
    ],
)
def test_enter_adds_what_was_meant(visitor: Visitor, text: str, symbol: str) -> None:
    """However fast one types."""
    visitor.expect_live("AAPL")
    visitor.add(text)
    expect_added(visitor, symbol)


def test_a_company_is_found_by_its_name(visitor: Visitor) -> None:
    """The first suggestion is chosen already; the field is free for the next."""
    typed(visitor, "oracl")
    expect_open(visitor, "ORCL")
    expect(options(visitor).first).to_contain_text("Oracle")
    expect(options(visitor).first.locator("mark")).to_have_text("Oracl")
    expect(options(visitor).first).to_have_attribute("aria-selected", "true")
    expect(visitor.field).to_have_attribute("aria-activedescendant", "suggestions-0")
    visitor.page.keyboard.press("Enter")
    visitor.expect_live("ORCL")
    expect_added(visitor, "ORCL")
    expect_shut(visitor)
    expect(visitor.row("ORCL").locator(".name")).to_have_text("Oracle")


@pytest.mark.parametrize("text", ["apple", "tesla inc", "aapl", "TSLA"])
def test_what_is_in_the_list_is_selected(visitor: Visitor, text: str) -> None:
    """Nothing is added; it is marked as being there."""
    visitor.expect_live("AAPL")
    visitor.row("MSFT").click()
    typed(visitor, text)
    expect(options(visitor).first).to_contain_text("in the list")
    visitor.page.keyboard.press("Enter")
    visitor.expect_selected("AAPL" if text.lower().startswith("a") else "TSLA")
    visitor.expect_symbols(*DEFAULTS)
    expect(visitor.field).to_have_value("")


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        ("V MA", ["V", "MA"]),
        ("IBM, ORCL", ["IBM", "ORCL"]),
        ("ibm;orcl $KO", ["IBM", "ORCL", "KO"]),
        ("coca cola, visa inc", ["KO", "V"]),
    ],
)
def test_enter_adds_a_list(visitor: Visitor, text: str, symbols: list[str]) -> None:
    """Between spaces, commas, semicolons; the last one is shown."""
    visitor.expect_live("AAPL")
    visitor.add(text)
    expect_added(visitor, *symbols)
    expect(visitor.notice).to_have_text(f"Added {len(symbols)}")


def test_a_pasted_list_is_split_and_what_is_unknown_is_named(visitor: Visitor) -> None:
    """It stays in the field, to be corrected, or added as it was typed."""
    visitor.expect_live("AAPL")
    paste(visitor, "$IBM, $ORCL;KO\nPEP\tDIS\r\nXYZZ\nV MA\nQQQX1\n")
    visitor.page.keyboard.press("Enter")
    visitor.expect_symbols(*DEFAULTS, "IBM", "ORCL", "KO", "PEP", "DIS", "V", "MA")
    expect(visitor.notice).to_have_text("Added 7, 2 unknown: XYZZ, QQQX1")
    expect(visitor.field).to_have_value("XYZZ, QQQX1")
    options(visitor).filter(has_text="as typed").click()
    expect(visitor.rows).to_have_count(len(DEFAULTS) + 9)
    visitor.expect_selected("QQQX1")
    expect(visitor.field).to_have_value("")


def test_a_text_that_is_too_long_is_not_pasted(visitor: Visitor) -> None:
    """Rather than cut in the middle of a symbol."""
    visitor.expect_live("AAPL")
    visitor.field.fill("KO, ")
    paste(visitor, "AAPL\n" * 1_000)
    expect(visitor.notice).to_contain_text("More than 4,000 characters")
    expect(visitor.field).to_have_value("KO, ")


@pytest.mark.parametrize("text", ["zzzzqq", "apple pie", "<b>", "V XYZZ"])
def test_what_nothing_is_found_for_is_not_added(visitor: Visitor, text: str) -> None:
    """It says so, and what was typed stays, also when one looks elsewhere."""
    typed(visitor, text)
    visitor.page.keyboard.press("Enter")
    expect(visitor.notice).to_contain_text(f"Nothing found for “{text}”")
    expect(visitor.notice).to_be_visible()
    visitor.field.blur()
    expect(visitor.notice).to_be_hidden()
    expect(visitor.field).to_have_value(text)
    visitor.expect_symbols(*DEFAULTS)


def test_a_symbol_that_no_listing_has_is_added_as_typed(visitor: Visitor) -> None:
    """By the last of the suggestions, which says what it is, and is not chosen by itself."""
    typed(visitor, "xyzz")
    last = options(visitor).last
    expect(last).to_contain_text("Add “XYZZ” as typed")
    expect(last).to_have_attribute("aria-selected", "false")
    visitor.page.keyboard.press("ArrowDown")
    expect(last).to_have_attribute("aria-selected", "true")
    visitor.page.keyboard.press("Enter")
    expect_added(visitor, "XYZZ")


def test_one_question_a_pause_in_typing(visitor: Visitor) -> None:
    """Not one a letter."""
    typed(visitor, "oracl")
    expect_open(visitor, "ORCL")
    asked = [url for url in visitor.requests if "/api/search" in url]
    assert len(asked) <= 2
    assert asked[-1].endswith("?q=oracl")


def test_a_pointer_chooses_too(visitor: Visitor) -> None:
    """The field keeps the keyboard."""
    typed(visitor, "citi")
    expect_open(visitor, "Citigroup")
    options(visitor).filter(has_text="Citigroup").click()
    visitor.expect_live("C")
    expect(visitor.field).to_be_focused()


def test_a_finger_chooses_too(visit: Visit, server: Process) -> None:
    """On a phone, where the box fills the screen while it is used."""
    visitor = visit(server.http, viewport=PHONE, has_touch=True, is_mobile=True)
    visitor.expect_live("AAPL")
    visitor.page.get_by_role("button", name="Find a symbol").tap()
    box = visitor.page.get_by_role("search")
    assert box.bounding_box() == {"x": 0, "y": 0, **PHONE}
    visitor.page.keyboard.type("citi")
    expect_open(visitor, "Citigroup")
    expect(options(visitor).first).to_be_in_viewport()
    for place in range(options(visitor).count()):
        height = options(visitor).nth(place).bounding_box()
        assert height is not None
        assert height["height"] >= 44
    visitor.expect_in_width(PHONE["width"])
    options(visitor).filter(has_text="Citigroup").tap()
    visitor.expect_live("C")
    visitor.expect_selected("C")
    expect(options(visitor)).to_have_count(0)
    small = box.bounding_box()
    assert small is not None
    assert small["height"] < 100


def test_a_phone_can_leave_the_box(visit: Visit, server: Process) -> None:
    """By Cancel, which forgets what was typed."""
    visitor = visit(server.http, viewport=PHONE, has_touch=True, is_mobile=True)
    visitor.expect_live("AAPL")
    visitor.field.tap()
    visitor.page.keyboard.type("citi")
    visitor.page.get_by_role("button", name="Cancel").tap()
    expect(visitor.field).not_to_be_focused()
    expect(visitor.field).to_have_value("")
    expect(options(visitor)).to_have_count(0)


def test_the_text_itself_can_be_taken_instead_of_a_suggestion(visitor: Visitor) -> None:
    """The arrows go through none: then only a symbol that it is exactly is added."""
    typed(visitor, "T")
    expect_open(visitor, "AT&T")
    visitor.page.keyboard.press("ArrowUp")
    visitor.page.keyboard.press("Enter")
    expect_added(visitor, "T")
    expect_shut(visitor)


def test_escape_shuts_the_list_then_clears_then_leaves(visitor: Visitor) -> None:
    """In three steps; the arrows are the list's while it is open."""
    typed(visitor, "micro")
    expect_open(visitor, "MSFT")
    visitor.page.keyboard.press("ArrowDown")
    visitor.expect_selected("AAPL")
    visitor.page.keyboard.press("Escape")
    expect_shut(visitor)
    expect(visitor.field).to_be_focused()
    expect(visitor.field).to_have_value("micro")
    visitor.page.keyboard.press("Escape")
    expect(visitor.field).to_have_value("")
    expect(visitor.field).to_be_focused()
    visitor.page.keyboard.press("Escape")
    expect(visitor.field).not_to_be_focused()
    visitor.page.keyboard.press("ArrowDown")
    visitor.expect_selected(DEFAULTS[1])


def test_a_part_of_a_list_can_be_chosen(visitor: Visitor) -> None:
    """Each part is searched for by itself; Enter alone takes the list as it is."""
    typed(visitor, "ibm, oracl")
    expect_open(visitor, "ORCL")
    expect(options(visitor).first).to_contain_text("Add all of ibm, oracl")
    visitor.page.keyboard.press("ArrowDown")
    visitor.page.keyboard.press("Enter")
    expect_added(visitor, "IBM", "ORCL")


def test_what_was_used_last_is_offered_in_an_empty_field(visitor: Visitor) -> None:
    """What was added and what was removed, the newest first; nothing before."""
    visitor.expect_live("AAPL")
    visitor.page.keyboard.press("/")
    expect(visitor.field).to_be_focused()
    expect_shut(visitor)
    visitor.add("coca cola")
    visitor.expect_live("KO")
    visitor.page.keyboard.press("Escape")
    visitor.row("MSFT").hover()
    visitor.page.get_by_label("Remove MSFT").click()
    expect(visitor.row("MSFT")).to_have_count(0)
    visitor.page.reload()
    visitor.expect_live("KO")
    visitor.page.keyboard.press("/")
    expect(options(visitor)).to_have_count(2)
    expect(options(visitor).nth(0)).to_contain_text("Microsoft")
    expect(options(visitor).nth(1)).to_contain_text("in the list")
    expect(visitor.field).not_to_have_attribute("aria-activedescendant", "suggestions-0")
    visitor.page.keyboard.press("ArrowDown")
    visitor.page.keyboard.press("Enter")
    visitor.expect_selected("MSFT")


def test_a_full_list_says_so(visit: Visit) -> None:
    """With its limit; what is in it is found all the same."""
    with (
        photon(None, OPEN_MS, PHOTON_SYMBOLS="AAPL,MSFT", PHOTON_MAX_SYMBOLS="2") as process,
        visit(process.http) as visitor,
    ):
        visitor.expect_live("AAPL")
        expect(visitor.field).to_have_attribute("placeholder", "Full: 2 symbols")
        visitor.add("coca cola")
        expect(visitor.notice).to_have_text("The list is full at 2 symbols: remove one to add KO")
        expect(visitor.field).to_have_value("coca cola")
        visitor.add("KO, PEP, AAPL")
        expect(visitor.notice).to_have_text(
            "1 already in the list, 2 left out, since the list is full at 2 symbols"
        )
        visitor.add("microsoft")
        visitor.expect_selected("MSFT")
        visitor.expect_symbols("AAPL", "MSFT")


@pytest.mark.parametrize("answer", ["broken", "404", "rubbish", "never"])
@pytest.mark.parametrize(("text", "symbol"), [("ibm", "IBM"), ("APPL", "")])
def test_without_suggestions_only_what_is_known_is_added(
    visitor: Visitor, answer: str, text: str, symbol: str
) -> None:
    """After a moment, if none come; a search that fails is silent."""

    def respond(route: Route) -> None:
        if answer == "broken":
            route.abort()
        elif answer != "never":
            route.fulfill(status=404 if answer == "404" else 200, body="<!doctype html>")

    visitor.expect_live("AAPL")
    visitor.page.route("**/api/search*", respond)
    visitor.add(text)
    if symbol:
        visitor.expect_live(symbol)
    else:
        expect(visitor.notice).to_have_text(f"Nothing found for “{text}”")
        visitor.expect_symbols(*DEFAULTS)
    visitor.close()
    visitor.forgive("Failed to load resource")


def test_keys_of_an_input_method_are_its_own(visitor: Visitor) -> None:
    """Escape that ends a composition shuts nothing."""
    typed(visitor, "oracl")
    expect_open(visitor, "ORCL")
    for name, value in (("isComposing", "true"), ("keyCode", "229")):
        visitor.field.evaluate(
            """(field, [name, value]) => {
              const how = { key: "Escape", bubbles: true, cancelable: true };
              const event = new KeyboardEvent("keydown", how);
              Object.defineProperty(event, name, { value: JSON.parse(value) });
              field.dispatchEvent(event);
            }""",
            [name, value],
        )
    expect_open(visitor, "ORCL")
    expect(visitor.field).to_be_focused()


def test_what_is_typed_stays_until_it_is_added(visitor: Visitor) -> None:
    """Also when one goes and comes back: then it is searched for again."""
    typed(visitor, "oracl")
    expect_open(visitor, "ORCL")
    visitor.page.locator(".list-head .count").click()
    expect_shut(visitor)
    expect(visitor.field).to_have_value("oracl")
    visitor.field.click()
    expect_open(visitor, "ORCL")


def test_suggestions_are_text(visitor: Visitor) -> None:
    """Whatever a search may bring."""
    name = "<img src=x onerror=alert(1)>"
    results = [{"symbol": "EVIL", "name": name, "type": "Stock"}]
    visitor.page.route("**/api/search*", lambda route: route.fulfill(json={"results": results}))
    typed(visitor, "e")
    expect(options(visitor).first).to_contain_text(name)
    assert visitor.page.locator("img[src='x']").count() == 0


def test_the_key_that_leads_to_the_box_types_nothing(visitor: Visitor) -> None:
    """However often it is pressed."""
    typed(visitor, "//ora")
    expect(visitor.field).to_have_value("ora")


def test_what_was_cleared_is_not_added(visit: Visit) -> None:
    """Although the server, which was away, is asked for it when it is back."""
    with photon(None, OPEN_MS) as process:
        visitor = visit(process.http)
        answers: list[str] = []
        visitor.page.on(
            "websocket",
            lambda socket: socket.on("framereceived", lambda frame: answers.append(str(frame))),
        )
        visitor.expect_live("AAPL")
        process.kill()
        expect(visitor.badge).to_have_text("RECONNECTING")
        visitor.add("KO, PEP")
        expect(visitor.notice).to_contain_text("it is looked up when it is back")
        visitor.field.press("Escape")
        visitor.field.press("Escape")
        expect(visitor.field).to_have_value("")
        with photon(None, OPEN_MS, PORT=process.port):
            for _ in range(300):
                if any("PEP" in answer for answer in answers):
                    break
                visitor.page.wait_for_timeout(50)
            else:
                pytest.fail("the server was not asked")
            visitor.expect_moving("AAPL")
            visitor.expect_symbols(*DEFAULTS)
            visitor.close()
        visitor.forgive("")
