"""``python -m bench.bytes``: what a client costs in each form, at 1,000 updates a second.

Clients of the same ten symbols, in the event format, in batches, and in compressed batches. For
each form it measures the bytes that arrive per update and client, the server's CPU per client, and
how long the main thread of a page in Chromium is busy with one such connection. It needs the
browser of the page's tests and is not a part of ``make bench``, which has none.
"""

import argparse
import base64
import json
import os
import selectors
import socket
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

from playwright.sync_api import CDPSession, Page, sync_playwright

from bench.findings import Finding
from bench.rig import UNIVERSE, Rig, rig
from bench.servers import PHOTON_PACE, Server, serve
from tests.browser import ARGUMENTS, find

RATE = 1000.0
SYMBOLS = UNIVERSE[:10]
FORMS = {
    "events": "?format=events",
    "events, compressed": "?format=events&compress=1",
    "batch": "?format=batch",
    "batch, compressed": "?format=batch&compress=1",
}
CLIENTS = (1, 50, 500)
_SETTLE_S = 1.0

LISTEN = """([url, symbols]) => new Promise((resolve) => {
  window.updates = 0;
  window.socket = new WebSocket(url);
  socket.onopen = () => {
    socket.send(JSON.stringify({ action: "subscribe", symbols }));
    resolve();
  };
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.type === "batch") window.updates += message.updates.length;
    else if (message.type === "price_update") window.updates += 1;
  };
})"""
"""A page's connection that parses each message and counts the updates."""


class Clients:
    """Plain sockets that read and count bytes, and nothing else."""

    def __init__(self, server: Server, query: str, count: int) -> None:
        self._selector = selectors.DefaultSelector()
        self.bytes = 0
        for _ in range(count):
            self._selector.register(_connected(server, query), selectors.EVENT_READ)
            time.sleep(1 / PHOTON_PACE)

    def read(self, seconds: float) -> None:
        """Read for some time, and count from zero."""
        self.bytes, until = 0, time.monotonic() + seconds
        while (left_s := until - time.monotonic()) > 0:
            for key, _ in self._selector.select(left_s):
                assert isinstance(key.fileobj, socket.socket)
                part = key.fileobj.recv(1 << 18)
                assert part, "a client was closed"
                self.bytes += len(part)

    def close(self) -> None:
        """Hang up."""
        for key in list(self._selector.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)
            key.fileobj.close()
        self._selector.close()


def _connected(server: Server, query: str) -> socket.socket:
    """A client that offered compression and is subscribed."""
    sock = socket.create_connection(("127.0.0.1", server.port))
    key = base64.b64encode(os.urandom(16)).decode()
    lines = (
        f"GET /ws{query} HTTP/1.1",
        "Host: 127.0.0.1",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Extensions: permessage-deflate",
    )
    sock.sendall("\r\n".join((*lines, "", "")).encode())
    text = json.dumps({"action": "subscribe", "symbols": SYMBOLS}).encode()
    assert len(text) < 126
    sock.sendall(bytes((0x81, 0x80 | len(text))) + bytes(4) + text)  # masked with zeros
    return sock


@dataclass(frozen=True)
class Cost:
    """What one form costs."""

    bytes_an_update: float
    cores_a_client: float


def measure(one: Rig, server: Server, form: str, clients: int, seconds: float) -> Cost:
    """Read for some seconds in one form; the tape plays."""
    those = Clients(server, FORMS[form], clients)
    try:
        those.read(_SETTLE_S)
        before, begun_s = one.tape.ask("report")["sent"], time.monotonic()
        meter = one.meter(server)
        those.read(seconds)
        cores = meter.cores()
        rate = (one.tape.ask("report")["sent"] - before) / (time.monotonic() - begun_s)
        return Cost(those.bytes / (rate * seconds * clients), cores / clients)
    finally:
        those.close()


def watch(page: Page, devtools: CDPSession, server: Server, form: str, seconds: float) -> float:
    """Milliseconds of the page's main thread for each 1,000 updates, in one form."""
    page.goto(f"http://127.0.0.1:{server.port}/health")
    page.evaluate(LISTEN, [f"ws://127.0.0.1:{server.port}/ws{FORMS[form]}", SYMBOLS])
    page.wait_for_timeout(_SETTLE_S * 1000)
    before, count = _busy_s(devtools), page.evaluate("updates")
    time.sleep(seconds)
    busy_s, got = _busy_s(devtools) - before, page.evaluate("updates") - count
    page.evaluate("socket.close()")
    return float(busy_s * 1e6 / got)


def _busy_s(devtools: CDPSession) -> float:
    metrics = devtools.send("Performance.getMetrics")["metrics"]
    return next(float(one["value"]) for one in metrics if one["name"] == "TaskDuration")


def run(one: Rig, seconds: float) -> Iterator[Finding]:
    """Every form with every number of clients, and then in a page."""
    with serve("photon", one.ports, SYMBOLS) as server:
        one.play(SYMBOLS, RATE)
        _wait_until_prices_flow(server)
        for clients in CLIENTS:
            plain = measure(one, server, "events", clients, seconds)
            for form in FORMS:
                cost = plain if form == "events" else measure(one, server, form, clients, seconds)
                less = plain.bytes_an_update / cost.bytes_an_update
                what = f"{clients} clients, {form}"
                figure = (
                    f"{cost.bytes_an_update:.1f} bytes an update ({less:.2f} × fewer), "
                    f"{cost.cores_a_client * 100:.3f} % of a core a client"
                )
                goal = form == "batch, compressed"
                yield Finding(what, figure, "≥ 4 ×" * goal, less >= 4 if goal else None)
        yield from _pages(server, seconds)
        one.stop()


def _pages(server: Server, seconds: float) -> Iterator[Finding]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=[*ARGUMENTS])
        page = browser.new_page()
        devtools = page.context.new_cdp_session(page)
        devtools.send("Performance.enable")
        for form in FORMS:
            ms = watch(page, devtools, server, form, seconds)
            yield Finding(f"a page, {form}", f"{ms:.1f} ms of its thread a 1,000 updates", "")
        browser.close()


def _wait_until_prices_flow(server: Server) -> None:
    until = time.monotonic() + 20
    url = f"http://127.0.0.1:{server.port}/api/quotes?symbols={SYMBOLS[-1]}"
    while time.monotonic() < until:
        with urllib.request.urlopen(url, timeout=10) as answer:
            if json.load(answer)["quotes"]:
                return
        time.sleep(0.1)
    raise AssertionError("no prices arrive")


def main() -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(prog="bench.bytes", description="Measure the forms.")
    parser.add_argument("--seconds", type=float, default=10.0)
    with rig() as one:
        findings = []
        for finding in run(one, parser.parse_args().seconds):
            print(finding, flush=True)
            findings.append(finding)
    return 0 if all(finding.holds is not False for finding in findings) else 1


if __name__ == "__main__":
    sys.exit(main())
