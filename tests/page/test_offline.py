"""Photon as an app: installable, and honest where its server cannot be reached."""

import hashlib
import json
import re
import struct

import httpx
import pytest
from playwright.sync_api import expect

from photon_app import ROOT
from photon_app.ui.theme import DARK, LIGHT
from tests.fakes.dates import OPEN_MS
from tests.fakes.process import Process, photon
from tests.page.conftest import Visit

ASSETS = ROOT / "assets"
MANIFEST = json.loads((ASSETS / "manifest.webmanifest").read_text(encoding="utf-8"))
ACTIVE = """async () => {
  const {active, installing, waiting} = await navigator.serviceWorker.register("/sw.js");
  const worker = active ?? waiting ?? installing;
  if (worker.state === "activated") return;
  await new Promise((done) => worker.addEventListener("statechange", () => {
    if (worker.state === "activated") done();
  }));
}"""
OTHERS = """if (origin !== "null") {
  caches.open("photon-offline-old");
  caches.open("of another program");
}"""
KEPT = """async () => {
  const found = [];
  for (const name of await caches.keys()) {
    for (const {url} of await (await caches.open(name)).keys()) found.push(new URL(url).pathname);
  }
  return found;
}"""


def test_a_server_that_is_gone_is_said_and_no_price_shown(visit: Visit) -> None:
    """The worker keeps one file, whatever was looked at; the page comes back with the server."""
    with photon(None, OPEN_MS) as process:
        visitor = visit(process.http, service_workers="allow", init_script=OTHERS)
        visitor.expect_live("AAPL")
        visitor.page.evaluate(ACTIVE)
        names = visitor.page.evaluate("caches.keys()")
        assert "of another program" in names  # on the same origin
        assert "photon-offline-old" not in names
        visitor.page.reload()
        visitor.expect_live("AAPL")
        assert visitor.page.evaluate(KEPT) == ["/offline.html"]
        port = process.port
    visitor.page.goto(process.http)
    expect(visitor.page.get_by_role("heading")).to_have_text("Photon cannot be reached")
    assert not re.search(r"\d", visitor.page.locator("body").inner_text())
    visitor.page.get_by_role("button", name="Try again").click()
    expect(visitor.page.get_by_role("heading")).to_have_text("Photon cannot be reached")
    with photon(None, OPEN_MS, PORT=port):
        visitor.expect_live("AAPL")  # by itself
        visitor.close()
    visitor.forgive("ERR_|WebSocket|Failed to load")


def test_the_worker_speaks_for_no_price_and_no_api() -> None:
    """Only navigations are answered by it, from the server first; one file is put by."""
    worker = (ASSETS / "sw.js").read_text(encoding="utf-8")
    assert 'if (event.request.mode !== "navigate") return;' in worker
    assert worker.count("cache.add(") == 1
    assert ".put(" not in worker


def test_another_offline_page_is_another_worker() -> None:
    """Its name is of the page's content: a browser that has the old one fetches the new one."""
    digest = hashlib.sha256((ASSETS / "offline.html").read_bytes()).hexdigest()
    assert f"${{OURS}}{digest[:8]}`" in (ASSETS / "sw.js").read_text(encoding="utf-8")


def test_the_offline_page_needs_nothing_else() -> None:
    """No file, no font, no colour of its own."""
    page = (ASSETS / "offline.html").read_text(encoding="utf-8")
    assert not re.search(r"\b(src|href)=|url\(|@import", page)
    tokens = {*vars(DARK).values(), *vars(LIGHT).values()}
    assert set(re.findall(r"#[0-9a-f]{6}", page)) <= tokens


def test_it_can_be_installed(visit: Visit, server: Process) -> None:
    """Name, start and colours; every icon is there, as large as it says."""
    assert MANIFEST["name"] == "Photon"
    assert (MANIFEST["display"], MANIFEST["start_url"]) == ("standalone", "/")
    assert (MANIFEST["background_color"], MANIFEST["theme_color"]) == (DARK.bg, DARK.panel)
    visitor = visit(server.http)
    expect(visitor.page.locator("link[rel=manifest]")).to_have_attribute(
        "href", "/manifest.webmanifest"
    )
    answer = httpx.get(server.http + "/manifest.webmanifest")
    assert answer.json() == MANIFEST
    assert "json" in answer.headers["content-type"]
    assert {icon.get("purpose") for icon in MANIFEST["icons"]} >= {None, "maskable"}


@pytest.mark.parametrize(
    ("name", "pixels"),
    [
        ("icon-192.png", 192),
        ("icon-512.png", 512),
        ("icon-maskable-512.png", 512),
        ("apple-touch-icon.png", 180),
    ],
)
def test_icons_are_as_large_as_their_names_say(name: str, pixels: int) -> None:
    data = (ASSETS / name).read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", data[16:24]) == (pixels, pixels)


def test_an_address_that_there_is_not_says_so(visit: Visit, server: Process) -> None:
    """In the look of the page, with a way back."""
    visitor = visit(f"{server.http}/no/such/page")
    expect(visitor.page.get_by_role("heading")).to_have_text("Nothing is here")
    visitor.page.get_by_role("link", name="To the prices").click()
    visitor.expect_live("AAPL")
    visitor.forgive("404")


def test_the_tab_tells_the_price(visit: Visit, server: Process) -> None:
    """Of the selected symbol, as the page shows it."""
    visitor = visit(server.http)
    visitor.expect_live("AAPL", "MSFT")
    expect(visitor.page).to_have_title(re.compile(r"^AAPL [\d,.]+ [▲▼]?[\d.]+\u00a0% · Photon$"))
    visitor.row("MSFT").click()
    expect(visitor.page).to_have_title(re.compile(r"^MSFT [\d,.]+ "))


def test_a_phones_screen_is_used_to_its_edges(visit: Visit, server: Process) -> None:
    viewport = visit(server.http).page.locator("meta[name=viewport]")
    expect(viewport).to_have_count(1)
    expect(viewport).to_have_attribute("content", re.compile("viewport-fit=cover"))


def test_a_page_whose_scripts_fail_says_so(visit: Visit, server: Process) -> None:
    """In the look of the page, with the reason and a way back."""
    broken = "IntersectionObserver = class { constructor() { throw new Error('out of luck'); } };"
    visitor = visit(server.http, init_script=broken)
    expect(visitor.page.get_by_role("heading")).to_have_text("The page has stopped")
    expect(visitor.page.get_by_text("out of luck")).to_be_visible()
    expect(visitor.page.get_by_role("link", name="Load it again")).to_be_visible()
    visitor.close()
    visitor.forgive("out of luck|error")
