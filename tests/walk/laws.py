"""What must hold in every state of the page, on every screen: each law says what breaks it.

- *cut off*: no text ends at an edge that hides it, unless in an ellipsis, where one can scroll, or
  in the ticker, which runs;
- *sideways*: the document is as wide as the screen;
- *targets*: what is pressed is 44 pixels wide and high on a phone, 24 elsewhere. The place around
  it counts where a press there does the same;
- *title*: there is one heading of the first level;
- *stops*: Tab passes the page in twelve stops, those in a popover or a notice not counted, and each
  shows that it has the focus;
- *axe*: axe-core finds nothing.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from playwright.sync_api import Page

from tests.walk import axe
from tests.walk.sizes import Size

Law = Literal["cut off", "sideways", "targets", "title", "stops", "focus", "axe"]
NOT_YET: Mapping[Law, str] = {}
"""Laws that the page does not keep yet, and what it waits for: what breaks them is printed, and no
test fails. It is empty in the end.
"""
MOST_STOPS = 12
_STOPS_PRESSED = 40
"""No more are counted."""

_ASK = Path(__file__).with_suffix(".js").read_text("utf-8")


def broken(page: Page, size: Size) -> Iterator[tuple[Law, str]]:
    """What breaks a law in the page as it stands, in whatever colours. Nothing is touched."""
    page.evaluate(f"globalThis.laws ??= {_ASK}; undefined")
    for words in page.evaluate("laws.cutOff()"):
        yield "cut off", words
    width = page.evaluate("document.documentElement.scrollWidth")
    if width > size.width:
        yield "sideways", f"the document is {width} px wide"
    for words in page.evaluate("(least) => laws.small(least)", size.target):
        yield "targets", words
    titles = page.locator("h1").count()
    if titles != 1:
        yield "title", f"there are {titles}"
    for words in axe.violations(page):
        yield "axe", words


def discoloured(page: Page) -> Iterator[tuple[Law, str]]:
    """The same of those laws that depend on the colours, for a page whose colours have changed."""
    for words in axe.violations(page, axe.COLOURS):
        yield "axe", words


def passed(page: Page) -> Iterator[tuple[Law, str]]:
    """What breaks a law on the way of the Tab key, which moves the focus: so it comes last."""
    page.evaluate("laws.leave()")
    count = passing = 0
    for _ in range(_STOPS_PRESSED):
        page.keyboard.press("Tab")
        place, name, shown, brief = page.evaluate("laws.focus()")
        if place < count:
            break
        count += 1
        passing += brief
        if not shown:
            yield "focus", f"{name} does not show that it has it"
    if count - passing > MOST_STOPS:
        more = " or more" if count == _STOPS_PRESSED else ""
        yield "stops", f"there are {count - passing}{more}"
