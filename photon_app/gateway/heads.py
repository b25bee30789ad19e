"""h11 with bounds: how long a head may be, and what is asked of a request before it is begun.

h11 bounds only what is incomplete: it takes whole heads of any length and parses each of their
lines. Here a head is measured before it is parsed. What is wrong with a request is kept in
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
    """Why a request is not answered, for the one who made it."""

    why: Ended
    status: int
    sentence: str
    retry_after_s: int | None = None
    key: str | None = None
    """Under which the routes of that path say why, in JSON; plain text, when no path is known."""


class BoundedConnection(h11.Connection):
    """The server's side of a connection.

    Args:
        judge: says why a request is refused, once its head is parsed.
    """

    def __init__(self, judge: Callable[[h11.Request], HttpRefusal | None]) -> None:
        super().__init__(h11.SERVER, HEAD_BYTES)
        self.refusal: HttpRefusal | None = None
        self.judge = judge

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        """As h11's; after a refusal there is nothing to be had."""
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
            self.refusal = self.judge(event)
        return event if self.refusal is None else h11.NEED_DATA

    def _too_long(self) -> HttpRefusal | None:
        """Of the head that comes next, as far as it is here."""
        data, _ = self.trailing_data
        found = _END.search(data)
        length = len(data) if found is None else found.end()
        if length > HEAD_BYTES or data.count(b"\n", 0, length) > HEAD_LINES:
            return HttpRefusal("head", 431, _LONG)
        return None
