"""The developers' page: its console against its server, and its examples run as copied."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Route, expect

from photon_app import ROOT
from photon_app.ui import reference
from photon_app.ui.reference import ENDPOINTS, EXAMPLES
from tests.fakes.process import Process
from tests.page.conftest import Visit
from tests.page.visitor import Visitor
from tests.ui.test_javascript import NODE

ELSEWHERE = "http://localhost:5173"
"""A page of another address, which the default FRONTEND_URL allows."""
LOCAL = "local-network-access"
"""What Chromium asks of pages that are not themselves served from this machine, as these here."""
WIDTHS = (360, 768, 1280, 2560)
CLIENT = ROOT / "photon_app" / "ui" / "live" / "photon-client.js"
BUNDLE = """
import { rolldown } from "rolldown";
const [input, file] = process.argv.slice(1);
const bundle = await rolldown({
  input, resolve: { modules: [`${process.cwd()}/node_modules`] },
  transform: { jsx: "react-jsx", define: { "process.env.NODE_ENV": '"production"' } },
});
await bundle.write({ file, format: "esm" });
"""


@pytest.fixture
def visitor(visit: Visit, server: Process) -> Visitor:
    """Somebody on the developers' page."""
    opened = visit(server.http)
    opened.page.goto("about:blank")
    opened.sockets.clear()  # those of the first page, if it came that far
    opened.page.goto(f"{server.http}/developers")
    expect(opened.badge).to_have_text("SIMULATED")
    return opened


def frames(visitor: Visitor) -> Locator:
    """Those that are shown, the newest first."""
    return visitor.page.locator(".console-frames li")


def of_kind(visitor: Visitor, kind: str) -> Locator:
    """Those of one type."""
    return frames(visitor).filter(has=visitor.page.get_by_text(kind, exact=True))


def state(visitor: Visitor) -> Locator:
    """What the console says of its connection."""
    return visitor.page.locator(".console-state")


def connect(visitor: Visitor, **fields: str) -> None:
    """Fill in the form and connect."""
    for name, value in fields.items():
        control = visitor.page.get_by_label(name.capitalize(), exact=True)
        control.select_option(value) if name in {"format", "interval"} else control.fill(value)
    visitor.page.get_by_role("button", name="Connect and subscribe").click()
    expect(state(visitor)).to_have_text("Connected")


def test_nothing_connects_before_it_is_asked_to(visitor: Visitor) -> None:
    """The page's own connection is the only one."""
    expect(state(visitor)).to_have_text("Not connected")
    assert len(visitor.sockets_to("/ws")) == 1
    connect(visitor)
    assert len(visitor.sockets_to("/ws")) == 2


def test_the_console_shows_what_comes_with_time_and_size(visitor: Visitor) -> None:
    """What was sent, too; and how much it is."""
    connect(visitor, symbols="AAPL, NVDA")
    for kind in ("connection", "status", "subscription", "price_update", "subscribe"):
        expect(of_kind(visitor, kind).first).to_be_visible()
    row = frames(visitor).filter(has_text='"price_update"').first
    expect(row.locator("time")).to_have_text(re.compile(r"^\d\d:\d\d:\d\d\.\d{3}$"))
    expect(row.locator("span")).to_have_text(re.compile(r"^\d+\sB$"))
    expect(row.locator("code")).to_contain_text('"symbol":')
    expect(visitor.page.locator("[data-part=count]")).not_to_have_text("0")
    expect(visitor.page.locator("[data-part=frames_s]")).not_to_have_text("0.0")
    assert frames(visitor).count() <= 200


@pytest.mark.parametrize(("chosen", "kind"), [("batch", "batch"), ("array", "array")])
def test_every_format_can_be_tried(visitor: Visitor, chosen: str, kind: str) -> None:
    """The address of its connection says which."""
    connect(visitor, format=chosen, symbols="AAPL")
    expect(of_kind(visitor, kind).first).to_be_visible()
    assert f"format={chosen}" in visitor.sockets_to("/ws")[-1]


def test_a_pace_is_asked_for(visitor: Visitor) -> None:
    """As the server's interval."""
    connect(visitor, interval="1000")
    expect(frames(visitor).filter(has_text='"interval_ms":1000').first).to_be_visible()


def test_pause_keeps_the_picture_and_clear_empties_it(visitor: Visitor) -> None:
    """Counting goes on meanwhile."""
    connect(visitor)
    expect(frames(visitor).filter(has_text='"price_update"').first).to_be_visible()
    pause = visitor.page.get_by_role("button", name="Pause", exact=True)
    pause.click()
    expect(pause).to_have_attribute("aria-pressed", "true")
    shown = frames(visitor).count()
    count = visitor.page.locator("[data-part=count]")
    expect(count).not_to_have_text(count.inner_text())
    assert frames(visitor).count() == shown
    visitor.page.get_by_role("button", name="Clear", exact=True).click()
    expect(frames(visitor)).to_have_count(0)
    pause.click()
    expect(frames(visitor).first).to_be_visible()


def test_a_close_code_is_explained(visitor: Visitor) -> None:
    """Here of a client that sends nonsense; nothing reconnects by itself."""
    connect(visitor)
    message = visitor.page.get_by_label("Message", exact=True)
    message.fill("nonsense")
    for _ in range(5):
        message.press("Enter")
    expect(state(visitor)).to_have_text("1008: five bad messages in a row. Do not reconnect.")
    expect(visitor.page.get_by_role("button", name="Send")).to_be_disabled()
    expect(visitor.page.get_by_role("button", name="Connect and subscribe")).to_be_enabled()


def test_one_can_disconnect_and_come_back(visitor: Visitor) -> None:
    """And the page says who closed."""
    connect(visitor)
    visitor.page.get_by_role("button", name="Disconnect").click()
    expect(state(visitor)).to_have_text("1000: closed by this side.")
    connect(visitor)


def test_foreign_text_stays_text(visitor: Visitor) -> None:
    """A name with markup in it comes back refused, as it was typed."""
    connect(visitor, symbols="<img src=x onerror=alert(1)>")
    expect(frames(visitor).filter(has_text="bad_symbol").first).to_contain_text("<img src=x")
    expect(visitor.page.locator(".console-frames img")).to_have_count(0)


def test_examples_have_the_address_of_this_server_and_are_copied_with_it(
    visit: Visit, server: Process
) -> None:
    """No example names another host."""
    visitor = visit(server.http, permissions=["clipboard-read", "clipboard-write"])
    visitor.page.goto(f"{server.http}/developers")
    for one in EXAMPLES:
        code = visitor.page.get_by_role("region", name=one.title, exact=True)
        expect(code).to_contain_text(f"127.0.0.1:{server.port}")
        expect(code).not_to_contain_text(":8000")
        visitor.page.get_by_role("button", name=f"Copy {one.title}", exact=True).click()
        expect(visitor.page.get_by_text("Copied", exact=True).last).to_be_visible()
        pasted = visitor.page.evaluate("navigator.clipboard.readText()")
        assert pasted == one.code.replace(":8000", f":{server.port}")


def test_nothing_is_asked_of_another_host(visitor: Visitor, server: Process) -> None:
    """By the page and its console."""
    connect(visitor)
    addresses = [*visitor.requests, *visitor.sockets]
    assert all(f"//127.0.0.1:{server.port}/" in address for address in addresses)


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_cut_off(visitor: Visitor, width: int) -> None:
    """At any width, with long frames in the console."""
    connect(visitor)
    expect(frames(visitor).filter(has_text='"subscription"').first).to_be_visible()
    visitor.expect_in_width(width)


@pytest.mark.parametrize("endpoint", [one for one in ENDPOINTS if not one.socket])
def test_every_address_of_the_page_answers(visitor: Visitor, endpoint: reference.Endpoint) -> None:
    """As the link that it is."""
    href = f"{endpoint.path}?{endpoint.query}" if endpoint.query else endpoint.path
    expect(visitor.page.locator(f'main a[href="{href}"]')).to_have_text(href)
    assert visitor.context.request.get(f"{visitor.url}{href}").ok


def test_the_python_example_prints_live_prices(server: Process) -> None:
    """Pasted as it is, but for the port."""
    pasted = reference.PYTHON.replace(":8000", f":{server.port}")
    with subprocess.Popen(
        [sys.executable, "-u", "-c", pasted], stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        lines = [program.stdout.readline() for _ in range(5)]
        program.kill()
    assert all(re.fullmatch(r"(AAPL|NVDA) \d+\.\d+\n", line) for line in lines)


def test_every_curl_example_answers(server: Process) -> None:
    """With JSON in which there is something."""
    lines = reference.CURL.replace(":8000", f":{server.port}").splitlines()
    for line, key in zip(lines, ("quotes", "bars", "trades", "results", "status"), strict=True):
        curl, address = shlex.split(line)
        done = subprocess.run(
            [curl, "-sS", "--fail", address], capture_output=True, text=True, check=True
        )
        assert json.loads(done.stdout)[key]


def open_elsewhere(visitor: Visitor, body: str, **scripts: str) -> None:
    """Open a page of another address."""
    page = f"<!doctype html><title>Elsewhere</title><body>{body}</body>"
    files = {"": ("text/html", page)}
    files |= {f"{name}.js": ("text/javascript", text) for name, text in scripts.items()}

    def give(route: Route) -> None:
        kind, text = files[route.request.url.removeprefix(f"{ELSEWHERE}/")]
        route.fulfill(content_type=f"{kind}; charset=utf-8", body=text)

    visitor.context.route(f"{ELSEWHERE}/**", give)
    visitor.page.goto(f"{ELSEWHERE}/")
    expect(visitor.page.locator("output")).to_have_text(re.compile(r"^\d+\.\d\d$"))


def test_the_javascript_example_shows_a_live_price(visit: Visit, server: Process) -> None:
    """On a page of an address that FRONTEND_URL allows."""
    visitor = visit(server.http, permissions=[LOCAL])
    open_elsewhere(visitor, reference.JAVASCRIPT.replace(":8000", f":{server.port}"))
    expect(visitor.page.locator("output")).to_have_css("opacity", "1")


def test_the_react_example_shows_a_live_price(
    visit: Visit, server: Process, tmp_path: Path
) -> None:
    """Bundled with the React that the page is made with."""
    (tmp_path / "price.jsx").write_text(reference.REACT.replace(":8000", f":{server.port}"))
    (tmp_path / "photon-client.js").write_text(CLIENT.read_text())
    (tmp_path / "main.jsx").write_text(
        'import { createRoot } from "react-dom/client";\n'
        'import { Price } from "./price.jsx";\n'
        'createRoot(document.getElementById("root")).render(<Price symbol="AAPL" />);\n'
    )
    files = [str(tmp_path / name) for name in ("main.jsx", "out.js")]
    subprocess.run(
        [str(NODE), "--input-type=module", "-e", BUNDLE, *files], cwd=ROOT / ".web", check=True
    )
    body = '<div id="root"></div><script type="module" src="/main.js"></script>'
    visitor = visit(server.http, permissions=[LOCAL])
    open_elsewhere(visitor, body, main=(tmp_path / "out.js").read_text())
