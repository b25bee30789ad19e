"""What the developers' page says of the wire: messages, routes, close codes, and examples to copy.

Plain data, each once: ``components/developers.py`` makes tables of it. Tests compare it with the
messages, routes and codes that there are, and run every example against a server. The whole
contract is in ``docs/protocol.md``. Examples have the default address in them; in a browser
``live/console.js`` puts the address of the page's own server in its place. Pure: no Reflex.
"""

from typing import Final, Literal, NamedTuple

from photon_app import disconnect


class Message(NamedTuple):
    """One type of message on ``/ws``."""

    sender: Literal["client", "server"]
    name: str
    """Its ``action``, or its ``type``."""
    meaning: str
    example: str = ""


class Endpoint(NamedTuple):
    """One path of the server."""

    path: str
    meaning: str
    query: str = ""
    """Of an example, without the question mark; the path is a link with it."""
    socket: bool = False


class Example(NamedTuple):
    """A client to copy."""

    key: str
    title: str
    before: str
    """What to do or to know first."""
    code: str


MESSAGES: Final = (
    Message(
        "client",
        "subscribe",
        "Add symbols. interval_ms 0 is every trade, 50 to 10000 the newest price at that pace."
        ' With "channel":"bars" and a "timeframe" it is bars instead of trades.',
        '{"action":"subscribe","symbols":["AAPL","NVDA"],"interval_ms":0}',
    ),
    Message(
        "client",
        "unsubscribe",
        "Remove symbols; unknown ones are fine.",
        '{"action":"unsubscribe","symbols":["AAPL"]}',
    ),
    Message("client", "unsubscribe_all", "Remove them all.", '{"action":"unsubscribe_all"}'),
    Message("client", "list", "What is subscribed?", '{"action":"list"}'),
    Message("client", "ping", "Is the connection alive?", '{"action":"ping"}'),
    Message("server", "connection", "First, always: the epoch, and the state of the feed."),
    Message("server", "status", "When feed, session, epoch or the state of a symbol changes."),
    Message("server", "subscription", "The answer to subscribe, unsubscribe and list."),
    Message(
        "server",
        "price_update",
        'A new last price. With "snapshot":true the whole day: after a subscribe, and where updates'
        " were skipped.",
    ),
    Message("server", "batch", "The updates of one flush, with format=batch."),
    Message(
        "server",
        "bar",
        'The running bar at most four times a second, the closed one with "final":true.',
    ),
    Message("server", "heartbeat", "Every 15 seconds."),
    Message("server", "pong", "The answer to ping."),
    Message("server", "error", "What was wrong with a message, in a sentence. It stays open."),
    Message("server", "shutdown", "The server closes soon, and says when to come back."),
)
"""Every type of message, as a client meets them."""

ENDPOINTS: Final = (
    Endpoint("/ws", "Live prices, as messages. format=events, batch or array.", socket=True),
    Endpoint("/finnhub", "The same prices in Finnhub's own protocol.", socket=True),
    Endpoint("/api/quotes", "The newest prices, with their day.", "symbols=AAPL,NVDA"),
    Endpoint("/api/bars", "Bars of the past, also as CSV.", "symbol=AAPL&timeframe=1m&limit=5"),
    Endpoint("/api/trades", "The last trades, and whether each counted.", "symbol=AAPL&limit=5"),
    Endpoint("/api/sparklines", "The day so far of many symbols.", "symbols=AAPL,NVDA"),
    Endpoint("/api/market", "What is followed here, the most traded first."),
    Endpoint("/api/search", "Symbols and companies by a part of their name.", "q=apple"),
    Endpoint("/api/v1/quote", "A quote in Finnhub's shape.", "symbol=AAPL"),
    Endpoint("/api/v1/search", "A search in Finnhub's shape.", "q=apple"),
    Endpoint("/health", "Do prices flow, and who listens?"),
    Endpoint("/photon-client.js", "The client for browsers, one file without dependencies."),
    Endpoint("/openapi.json", "All of this for machines."),
    Endpoint("/docs", "All of this for people, to try out."),
)
"""Every path that a program may use."""

_ADVICE: Final = {"reconnect": "Reconnect, with growing pauses.", "never": "Do not reconnect."}


class Close(NamedTuple):
    """One way in which a connection ends, as its client sees it."""

    meaning: str
    then: str


CLOSE_CODES: Final = {
    1000: Close("closed by this side", ""),
    1001: Close("a proxy or another server goes", _ADVICE["reconnect"]),
    disconnect.ABNORMAL_CLOSURE: Close(
        "no close frame: the connection broke, or was refused before it opened. A browser tells a"
        " page no more; the server's log does",
        _ADVICE["reconnect"],
    ),
    **{
        code: Close(said.meaning.replace("`", ""), _ADVICE[said.advice])
        for code, said in disconnect.CODES.items()
    },
}
"""What each close code means."""

PYTHON = """\
import asyncio, contextlib, json, websockets


async def main():
    async for ws in websockets.connect("ws://127.0.0.1:8000/ws"):  # reconnects
        with contextlib.suppress(websockets.ConnectionClosed):
            await ws.send(json.dumps({"action": "subscribe", "symbols": ["AAPL", "NVDA"]}))
            async for message in ws:
                update = json.loads(message)
                if update["type"] == "price_update":
                    print(update["symbol"], update["data"]["price"])


asyncio.run(main())
"""

JAVASCRIPT = """\
<output id="price">—</output>
<script type="module">
  import { Photon } from "http://127.0.0.1:8000/photon-client.js";
  const photon = new Photon();
  const output = document.getElementById("price");
  photon.watch("AAPL", (quote) => { output.textContent = quote.price.toFixed(quote.decimals); });
  photon.onStatus(() => { output.style.opacity = photon.stateOf("AAPL") === "live" ? 1 : 0.4; });
</script>
"""

REACT = """\
// curl -O http://127.0.0.1:8000/photon-client.js
import { useCallback, useSyncExternalStore } from "react";
import { Photon } from "./photon-client.js";

const photon = new Photon({ url: "ws://127.0.0.1:8000/ws" });

export function useQuote(symbol) {
  const subscribe = useCallback((changed) => photon.watch(symbol, changed), [symbol]);
  return useSyncExternalStore(subscribe, () => photon.quote(symbol), () => undefined);
}

export function Price({ symbol }) {
  const quote = useQuote(symbol);
  return <output>{quote ? quote.price.toFixed(quote.decimals) : "—"}</output>;
}
"""

CURL = """\
curl 'http://127.0.0.1:8000/api/quotes?symbols=AAPL,NVDA'
curl 'http://127.0.0.1:8000/api/bars?symbol=AAPL&timeframe=1m&limit=5'
curl 'http://127.0.0.1:8000/api/trades?symbol=AAPL&limit=5'
curl 'http://127.0.0.1:8000/api/search?q=apple'
curl 'http://127.0.0.1:8000/health'
"""

EXAMPLES: Final = (
    Example("python", "Python", "pip install websockets", PYTHON),
    Example(
        "javascript",
        "JavaScript",
        "A page of another address must be in FRONTEND_URL of this Photon.",
        JAVASCRIPT,
    ),
    Example("react", "React", "Save the browser client beside your component first.", REACT),
    Example("curl", "curl", "One answer each, in JSON.", CURL),
)
"""The clients to copy, in the order of the page."""
