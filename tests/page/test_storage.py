"""Whatever a browser stores, refuses to store, or has no room for: the page stands."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import expect

from photon_app.settings import DEFAULT_SYMBOLS
from tests.fakes.process import Process
from tests.javascript import LIVE
from tests.page.conftest import Visit

DENIED = """if (origin !== "null") for (const name of ["localStorage", "sessionStorage"]) {
  Object.defineProperty(window, name, { get() { throw new DOMException("no", "SecurityError"); } });
}"""
"""As where a visitor blocks cookies and the like."""
FULL = """if (origin !== "null" && localStorage.length === 0) {
  let filling = "x".repeat(1 << 20);
  for (let part = 0; filling; part += 1) {
    try { localStorage.setItem(`${part}`, filling); }
    catch { filling = filling.slice(filling.length / 2 + 0.5); }
  }
}"""
SCRIPTS = "".join(path.read_text(encoding="utf-8") for path in sorted(LIVE.glob("*.js")))
KEYS = ("theme", *sorted(set(re.findall(r'"(photon\.[a-z]+)"', SCRIPTS))))
LISTS: dict[str, Any] = {
    "main": {"a": 1},
    "lists": [
        {"id": "__proto__", "name": ["x"], "symbols": [1, None, {}]},
        {"id": "shared", "name": "x", "symbols": ["AAPL"]},
        {"id": "a", "name": "\u202e<img src=x onerror=alert(1)>" * 500, "symbols": ["A"] * 5_000},
        *(None, 7, "x"),
    ],
}
TEXTS = {
    "a number": "7",
    "nothing": "null",
    "a list": '[[["__proto__"]],{"0":1}]',
    "a prototype": '{"__proto__":{"v":1},"v":1,"symbols":{"length":-1}}',
    "a name of every object": "constructor",
    "a long text": "A," * 50_000,
    "HTML": "<img src=x onerror=alert(1)>",
    "controls": "\u202eAAPL\u2028",
    "lists": json.dumps({"v": 1, "symbols": ["AAPL", None, {}], **LISTS}),
    "an enormous width": "9999",
}


@pytest.mark.parametrize("storage", [DENIED, FULL], ids=["denied", "full"])
def test_a_page_without_storage_works_as_long_as_it_is_open(
    visit: Visit, server: Process, storage: str
) -> None:
    """Prices, the theme, and what is added and removed."""
    visitor = visit(server.http, init_script=storage)
    visitor.expect_live(*DEFAULT_SYMBOLS[:2])
    visitor.page.keyboard.press("d")
    expect(visitor.page.locator("html")).to_have_class("light")
    visitor.add("IBM")
    visitor.expect_live("IBM")
    visitor.row("IBM").hover()
    visitor.page.get_by_label("Remove IBM").click()
    visitor.expect_symbols(*DEFAULT_SYMBOLS)
    visitor.close()
    if storage == FULL:
        visitor.forgive("The list cannot be stored")


@pytest.mark.parametrize("name", TEXTS)
def test_whatever_is_stored_the_page_stands(visit: Visit, server: Process, name: str) -> None:
    """Under each of its keys, in both storages: prices come, the chart has its place."""
    text = json.dumps(TEXTS[name])
    put = "".join(
        f"{kind}.setItem({json.dumps(key)}, {text});"
        for key in KEYS
        for kind in ("localStorage", "sessionStorage")
    )
    visitor = visit(server.http, init_script=f'if (origin !== "null") {{ {put} }}')
    visitor.expect_live("AAPL")
    box = visitor.page.locator(".chart-box").bounding_box()
    assert box is not None
    assert box["width"] > 400
    visitor.forgive("Invalid color mode")
