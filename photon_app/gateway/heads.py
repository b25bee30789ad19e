"""h11 with limits on a request's head, and a check of each request before it is served.

h11 limits only incomplete heads: it accepts complete heads of any length and parses each of their
lines. Here a head is measured before it is parsed. If a request is refused, the reason is kept in
``refusal``, and nothing more is parsed of that connection: no exception, no line in the log.
"""

import re
from collections.abc import Callable

import h11
import msgspec

from photon_app.gateway.connections import Ended

HEAD_BYTES = 16 * 1024
HEAD_LINES = 128
_END = re.compile(rb"\n\r?\n")
_LONG = f"a request's head may have {HEAD_BYTES} bytes and {HEAD_LINES} lines"


class HttpRefusal(msgspec.Struct, frozen=True):
    """Why a request is refused, as sent to the client."""

    why: Ended
    status: int
    sentence: str
    retry_after_s: int | None = None
    key: str | None = None
    """The JSON key of the sentence in the path's error format; plain text if no path is known."""


class BoundedConnection(h11.Connection):
    """The server's side of a connection.

    Args:
        check: returns why a request is refused, once its head is parsed; else ``None``.
    """

    def __init__(self, check: Callable[[h11.Request], HttpRefusal | None]) -> None:
        super().__init__(h11.SERVER, HEAD_BYTES)
        self.refusal: HttpRefusal | None = None
        self.check = check

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        """As in h11, but nothing more is parsed after a refusal."""
        if self.refusal is None and self.their_state is h11.IDLE:
            self.refusal = self._too_long()
        if self.refusal is not None:
            return h11.NEED_DATA
        try:
            event = super().next_event()
        except h11.RemoteProtocolError:
            self.refusal = HttpRefusal("malformed", 400, "this is no valid request of HTTP/1.1")
            return h11.NEED_DATA
        if isinstance(event, h11.Request):
            self.refusal = self.check(event)
        return event if self.refusal is None else h11.NEED_DATA

    def _too_long(self) -> HttpRefusal | None:
        """Check the length of the next head, as far as it was received."""
        data, _ = self.trailing_data
        found = _END.search(data)
        length = len(data) if found is None else found.end()
        if length > HEAD_BYTES or data.count(b"\n", 0, length) > HEAD_LINES:
            return HttpRefusal("head", 431, _LONG)
        return None
