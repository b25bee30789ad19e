"""What a browser loads: few requests, few bytes, nothing that no page uses."""

import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from photon_app import ROOT, launcher
from photon_app.settings import DEFAULT_SYMBOLS
from tests.fakes.process import Process
from tests.page.visitor import WIDE, clock_at

KIB = 1024
CHART = "/assets/lightweight-charts"
BUILT = (ROOT / launcher.BUILT_PAGE).parent
SOURCES = ("app", "app_components", "utils/components")
"""What Reflex writes from the page's Python."""
CSS_KIB = 20
FIRST_REQUESTS, FIRST_KIB = 12, 270
"""Files and sockets until the first price can stand: what the document names, and the sockets."""
ALL_KIB = 340
"""Every file, with the chart's library; answers of the API are not counted here."""


@dataclass
class Wire:
    """What came over the wire, by the browser's own count of bytes, headers included."""

    names: dict[str, str] = field(default_factory=dict)
    bytes: dict[str, int] = field(default_factory=dict)

    def listen(self, page: Page) -> None:
        """Count from now on."""
        session = page.context.new_cdp_session(page)
        session.on("Network.requestWillBeSent", self._asked)
        session.on("Network.webSocketCreated", self._asked)
        session.on("Network.loadingFinished", self._done)
        session.send("Network.enable")

    @property
    def files(self) -> list[str]:
        """The addresses so far, without those of the API."""
        return [url for url in self.names.values() if "/api/" not in url]

    def kib(self, *without: str) -> float:
        """What of the files has arrived so far, but for those with such a name."""
        left_out = ("/api/", *without)
        return (
            sum(
                size
                for request, size in self.bytes.items()
                if not any(part in self.names.get(request, "") for part in left_out)
            )
            / KIB
        )

    def _asked(self, event: dict[str, Any]) -> None:
        url = event.get("url") or event["request"]["url"]
        if url.startswith(("http", "ws")):
            self.names[event["requestId"]] = url

    def _done(self, event: dict[str, Any]) -> None:
        self.bytes[event["requestId"]] = int(event["encodedDataLength"])


@pytest.fixture(scope="module")
def wire(browser: Browser, server: Process) -> Iterator[Wire]:
    """A first visit, with nothing cached, until all is quiet."""
    context = browser.new_context(
        viewport=WIDE,  # type: ignore[arg-type]
        locale="en-US",
        color_scheme="dark",
        service_workers="block",
    )
    context.add_init_script(clock_at())
    page, counted = context.new_page(), Wire()
    counted.listen(page)
    page.goto(server.http)
    price = page.locator(f'tr[data-quote="{DEFAULT_SYMBOLS[0]}"] .price-text > span')
    expect(price).to_have_text(re.compile(r"\d"))
    page.wait_for_function("document.querySelector('.chart-canvas canvas')")
    page.wait_for_load_state("networkidle")
    yield counted
    context.close()


def packed(*paths: Path) -> float:
    """KiB of files as the server sends them."""
    return sum(len(gzip.compress(path.read_bytes(), 9)) for path in paths) / KIB


def test_the_first_price_needs_few_requests_and_bytes(wire: Wire) -> None:
    """The chart's library is not among them."""
    needed = [url for url in wire.files if CHART not in url]
    assert len(needed) <= FIRST_REQUESTS, needed
    assert wire.kib(CHART) <= FIRST_KIB


def test_the_whole_page_is_small(wire: Wire) -> None:
    assert wire.kib() <= ALL_KIB, wire.files


def test_only_the_latin_letters_are_loaded_and_they_at_once(wire: Wire) -> None:
    """Before any script has run."""
    fonts = [url for url in wire.files if url.endswith(".woff2")]
    assert len(fonts) == 1
    assert "inter-latin-wght" in fonts[0]
    page = (BUILT / "index.html").read_text(encoding="utf-8")
    assert re.search(r'<link rel="preload" [^>]*href="/assets/inter-latin-wght', page) or re.search(
        r'<link [^>]*href="/assets/inter-latin-wght[^>]*rel="preload"', page
    )


def test_events_have_a_socket_from_the_beginning(wire: Wire) -> None:
    """No request of socket.io's before it."""
    events = [url for url in wire.files if "/_event" in url]
    assert len(events) == 1
    assert events[0].startswith("ws:")


def test_the_build_holds_one_small_style_sheet() -> None:
    sheets = sorted((BUILT / "assets").glob("*.css"))
    assert len(sheets) == 1
    assert packed(*sheets) <= CSS_KIB


def test_nothing_of_radix_is_in_the_build() -> None:
    """Popovers, dialogs and choices are the browser's own."""
    for path in BUILT.rglob("*"):
        if path.suffix in {".js", ".css", ".html"}:
            assert "radix" not in path.read_text(encoding="utf-8").lower(), path


def test_no_element_brings_rules_of_its_own() -> None:
    """They would need Emotion, which is not in the build, and would be lost."""
    pages = [path for folder in SOURCES for path in (ROOT / ".web" / folder).rglob("*.jsx")]
    assert len(pages) > 5
    for path in pages:
        assert not re.search(r"\bcss: ?\(", path.read_text(encoding="utf-8")), path
    for path in (BUILT / "assets").glob("*.js"):
        assert "emotion" not in path.read_text(encoding="utf-8"), path


def test_the_chart_is_apart_from_the_page() -> None:
    """Its library is a file of its own, which no page names: it comes once the page stands."""
    charts = list((BUILT / "assets").glob("lightweight-charts*.js"))
    assert len(charts) == 1
    assert charts[0].name not in (BUILT / "index.html").read_text(encoding="utf-8")


def test_the_pages_scripts_are_few() -> None:
    page = (BUILT / "index.html").read_text(encoding="utf-8")
    named = {BUILT / path for path in re.findall(r"/(assets/[\w.-]+\.js)", page)}
    assert len(named) <= 6, named
    assert not re.search(r"<script[^>]* src=", page), "it stands in the page itself"
