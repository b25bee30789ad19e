"""How the messages of one client look: each price by itself or in batches, compressed or not.

Pure. ``gateway.websocket`` chooses the form when a client connects, and it never changes. Clients
of equal form share the bytes of what they get (``hub.registry``).
"""

from typing import NamedTuple

from photon_app.hub.deflate import Deflater
from photon_app.hub.frames import Frames


class Form(NamedTuple):
    """The form of one client of the event or the batch format."""

    batch: bool = False
    """Whether the prices of one flush arrive in one message."""
    deflater: Deflater | None = None
    """Compresses messages, if the client negotiated that."""

    def prices(self, frames: Frames) -> Frames:
        """Frames that are all ``price_update``s, as this client gets them."""
        return frames.batched if self.batch else frames

    def joined(self, frames: Frames) -> bytes:
        """Frames as bytes for one write."""
        return frames.joined if self.deflater is None else frames.deflated(self.deflater)


EVENTS = Form()
"""One message for each price, uncompressed."""
