"""The server closes and the clients reconnect by one table of close codes."""

import ast
import json
import re
import subprocess

from photon_app import ROOT, disconnect
from photon_app.commands.tail import retry
from photon_app.disconnect import CODES, FINAL_CODES, Disconnect
from photon_app.gateway.protocol import MAX_MESSAGE_BYTES
from photon_app.gateway.session import BAD_MESSAGES_IN_A_ROW
from tests.ui.test_javascript import NODE

ELSEWHERE = {"feed/outage.py": "the codes with which Finnhub closes its line"}
UNTOLD = (1000, 1001, disconnect.ABNORMAL_CLOSURE, 1013, 4000)
"""Codes that proxies and other servers close with, or that no server sends."""

CLOSED_WITH = """
import { environment } from %r;
import { Photon } from %r;
const final = %s.filter((code) => {
  const browser = environment();
  const photon = new Photon(browser.options);
  photon.watch("AAPL", () => {});
  browser.socket.greet();
  browser.socket.end(code);
  browser.advance(60_000);
  return photon.status.connection === "closed" && browser.sockets.length === 1;
});
console.log(JSON.stringify(final));
"""


def ways() -> list[Disconnect]:
    """Every way to close a connection."""
    named = [way for way in vars(disconnect).values() if isinstance(way, Disconnect)]
    return [*named, disconnect.too_big(1), disconnect.unlike_the_page("x")]


def test_every_way_has_a_code_of_the_table() -> None:
    """And a reason that fits into a close frame, as a client may print it."""
    for way in ways():
        assert way.code in CODES
        assert len(way.reason.encode()) <= 123 and way.reason.isprintable()


def test_the_documented_table_is_the_table() -> None:
    """Code, meaning and advice, in the same order."""
    protocol = (ROOT / "docs" / "protocol.md").read_text()
    table = protocol.split("| close code | meaning | then | more |\n")[1].split("\n\n")[0]
    rows = re.findall(r"^\| (\d+) \| ([^|]+) \| `(\w+)` \|", table, re.MULTILINE)
    assert rows == [(f"{code}", said.meaning, said.advice) for code, said in CODES.items()]


def test_the_browser_client_comes_back_as_the_table_says() -> None:
    """After every code but the final ones, known or not."""
    assert NODE is not None, "node not found: pip install -r requirements.txt brings it"
    browser = (ROOT / "tests" / "ui" / "fake_browser.mjs").as_uri()
    client = (ROOT / "photon_app" / "ui" / "live" / "photon-client.js").as_uri()
    script = CLOSED_WITH % (browser, client, json.dumps([*UNTOLD, *CODES]))
    run = subprocess.run(
        [NODE, "--no-warnings", "--input-type=module", "--eval", script],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert set(json.loads(run.stdout)) == FINAL_CODES


def test_the_browser_client_names_the_final_codes() -> None:
    """All of them, in one place."""
    client = (ROOT / "photon_app" / "ui" / "live" / "photon-client.js").read_text()
    [listed] = re.findall(r"FINAL_CODES = new Set\((\[.*?\])\)", client)
    assert set(json.loads(listed)) == FINAL_CODES


def test_the_terminal_comes_back_as_the_table_says() -> None:
    """After every code but the final ones, known or not."""
    assert {code for code in (*UNTOLD, *CODES) if retry.closed(code, "").final} == FINAL_CODES


def test_no_other_module_writes_a_close_code() -> None:
    """Nor a reason of the table."""
    package = ROOT / "photon_app"
    reasons = {way.reason for way in vars(disconnect).values() if isinstance(way, Disconnect)}
    forbidden = {*CODES, disconnect.ABNORMAL_CLOSURE, *reasons}
    for path in package.rglob("*.py"):
        name = path.relative_to(package).as_posix()
        if name != "disconnect.py" and name not in ELSEWHERE:
            tree = ast.walk(ast.parse(path.read_text()))
            written = {node.value for node in tree if isinstance(node, ast.Constant)}
            assert not forbidden & written, name


def test_the_figures_in_the_table_are_those_that_hold() -> None:
    """Of messages: their size, and how many bad ones."""
    assert f"{MAX_MESSAGE_BYTES // 1024} KiB" in CODES[disconnect.MESSAGE_TOO_BIG].meaning
    five = {5: "five"}[BAD_MESSAGES_IN_A_ROW]
    assert five in disconnect.BAD_MESSAGES.reason
    assert five in CODES[disconnect.POLICY_VIOLATION].meaning
