"""The page moves on batches, and a browser inflates what the server compressed."""

import itertools
import json
import time
from typing import Any

from playwright.sync_api import WebSocket

from photon_app.settings import DEFAULT_SYMBOLS
from tests.fakes.process import Process
from tests.page.conftest import Visit

COLLECT = """(url) => new Promise((resolve, reject) => {
  const socket = new WebSocket(url), messages = [], symbols = ["AAPL", "MSFT", "NVDA"];
  socket.onerror = () => reject(new Error("no connection"));
  socket.onopen = () => socket.send(JSON.stringify({ action: "subscribe", symbols }));
  socket.onmessage = ({ data }) => {
    messages.push(JSON.parse(data));
    if (messages.length < 25) return;
    socket.close();
    resolve({ extensions: socket.extensions, messages });
  };
})"""
"""The first messages that a program in the browser gets from an address."""

TURN = """(state) => {
  Object.defineProperty(document, "visibilityState", { configurable: true, get: () => state });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
"""What a browser does when its tab is hidden or shown."""


def test_the_page_asks_for_batches_and_its_prices_move(server: Process, visit: Visit) -> None:
    """Uncompressed, since the server is on the same machine; no price comes by itself."""
    with visit(server.http) as visitor:
        types: list[str] = []

        def opened(socket: WebSocket) -> None:
            if "/ws?" in socket.url:
                socket.on("framereceived", lambda text: types.append(json.loads(text)["type"]))

        visitor.page.on("websocket", opened)
        visitor.page.reload()
        visitor.expect_live("AAPL")
        visitor.expect_moving("AAPL")
        (search,) = {url.partition("/ws")[2] for url in visitor.sockets if "/ws?" in url}
        assert search == "?format=batch"
        assert "batch" in types
        assert "price_update" not in types


def test_a_browser_inflates_what_is_compressed(server: Process, visit: Visit) -> None:
    """It offers compression by itself; the prices are whole and in order."""
    with visit(server.http) as visitor:
        address = server.http.replace("http", "ws") + "/ws?format=batch&compress=1"
        found: dict[str, Any] = visitor.page.evaluate(COLLECT, address)
        assert "permessage-deflate" in found["extensions"]
        batches = [m["updates"] for m in found["messages"] if m["type"] == "batch"]
        assert len(batches[0]) == 3, "the snapshots of the subscription"
        seqs: dict[str, list[int]] = {}
        for update in itertools.chain(*batches):
            seqs.setdefault(update["symbol"], []).append(update["seq"])
        assert sum(map(len, seqs.values())) > 10
        for those in seqs.values():
            assert all(after - before in {0, 1} for before, after in itertools.pairwise(those))


def test_rows_move_four_times_a_second_and_the_selected_symbol_with_every_trade(
    server: Process, visit: Visit
) -> None:
    """And in a hidden tab nothing more often than every two seconds, until it is seen again."""
    with visit(server.http) as visitor:
        intervals: dict[str, int] = {}

        def sent(text: str | bytes) -> None:
            message = json.loads(text)
            if message["action"] == "subscribe" and "channel" not in message:
                intervals.update(dict.fromkeys(message["symbols"], message.get("interval_ms", 0)))

        def opened(socket: WebSocket) -> None:
            if "/ws?" in socket.url:
                socket.on("framesent", sent)

        def until(expected: dict[str, int]) -> None:
            end = time.monotonic() + 15
            while intervals != expected and time.monotonic() < end:
                visitor.page.wait_for_timeout(50)
            assert intervals == expected

        def shown(selected: str) -> dict[str, int]:
            return {symbol: 0 if symbol == selected else 250 for symbol in DEFAULT_SYMBOLS}

        visitor.page.on("websocket", opened)
        visitor.page.reload()
        visitor.expect_live(*DEFAULT_SYMBOLS)
        until(shown("AAPL"))
        visitor.row("MSFT").click()
        visitor.expect_selected("MSFT")
        until(shown("MSFT"))
        visitor.page.evaluate(TURN, "hidden")
        until(dict.fromkeys(DEFAULT_SYMBOLS, 2_000))
        visitor.page.evaluate(TURN, "visible")
        until(shown("MSFT"))
        visitor.expect_moving("MSFT")
