"""What a page asked of its server, by the account of the browser's developer tools.

What a service worker fetches for itself is not in it, nor are the frames of WebSockets, which are
listed apart. Times are UNIX seconds of this machine.
"""

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import CDPSession


@dataclass
class Request:
    """One request over HTTP."""

    url: str
    kind: str
    at: float
    done_at: float | None = None
    wire_bytes: int = 0

    @property
    def path(self) -> str:
        """Its path without the query."""
        return urlsplit(self.url).path


@dataclass
class Traffic:
    """All requests since the page was opened."""

    requests: list[Request] = field(default_factory=list)
    sockets: dict[str, str] = field(default_factory=dict)
    """Addresses of WebSockets, by the browser's id."""
    said: dict[str, list[str]] = field(default_factory=dict)
    """The texts that the page sent on each."""
    _open: dict[str, Request] = field(default_factory=dict)
    _ahead_s: float = 0.0
    """The wall clock less the clock of the developer tools."""

    def listen(self, devtools: CDPSession) -> None:
        """Begin."""
        devtools.on("Network.requestWillBeSent", self._sent)
        devtools.on("Network.loadingFinished", self._finished)
        devtools.on("Network.webSocketCreated", self._socket)
        devtools.on("Network.webSocketFrameSent", self._frame)
        devtools.send("Network.enable")

    def until(self, moment_s: float) -> tuple[int, int]:
        """How many requests began before a moment, and the bytes of those that ended before it."""
        begun = [one for one in self.requests if one.at <= moment_s]
        ended = [one for one in begun if one.done_at is not None and one.done_at <= moment_s]
        return len(begun), sum(one.wire_bytes for one in ended)

    def frames_to(self, path: str) -> tuple[str, list[str]]:
        """The address of the first WebSocket to a path, and what the page said on it."""
        for key, url in self.sockets.items():
            if urlsplit(url).path == path:
                return url, self.said.get(key, [])
        raise AssertionError(f"the page opened no WebSocket to {path}")

    def _sent(self, event: dict[str, Any]) -> None:
        url: str = event["request"]["url"]
        if not url.startswith("http"):
            return
        self._ahead_s = event["wallTime"] - event["timestamp"]
        request = Request(url, event.get("type", "Other"), event["wallTime"])
        self.requests.append(request)
        self._open[event["requestId"]] = request

    def _finished(self, event: dict[str, Any]) -> None:
        request = self._open.pop(event["requestId"], None)
        if request is not None:
            request.done_at = event["timestamp"] + self._ahead_s
            request.wire_bytes = round(event["encodedDataLength"])

    def _socket(self, event: dict[str, Any]) -> None:
        self.sockets[event["requestId"]] = event["url"]

    def _frame(self, event: dict[str, Any]) -> None:
        self.said.setdefault(event["requestId"], []).append(event["response"]["payloadData"])


def is_ping(text: str) -> bool:
    """Whether a page's message only measures the way to the server and back."""
    try:
        message = json.loads(text)
    except ValueError:
        return False
    return isinstance(message, dict) and message.get("action") == "ping"
