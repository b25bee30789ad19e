"""The journal: the newest updates of each symbol, for clients that come back.

A client that was away says which ``seq`` it had last. If the journal has every update since then,
the client gets those, and has missed nothing. A symbol has a ``Track`` while some client wants its
every trade, and for ``KEEP_S`` after that. A track has no gap: where ``seq`` jumps, it begins anew.
Its frames are those that the hub made for other clients; they are stored by reference.

Called by the hub only, on the event loop; synchronous. A trade costs one list entry. What has to be
counted is counted once for each flush, in ``note``.

Bounds, for all symbols together: updates of the last ``KEEP_S`` seconds, and ``MOST_BYTES``. The
oldest are dropped first, in slices of a second or of ``SLICE_BYTES``. What is pending for a flush
is not counted before ``note``. Names of symbols without a track: ``MOST_SEEN``.
"""

from collections import deque
from collections.abc import Collection, Iterable

KEEP_S = 60.0
"""How long an update is kept, and how long a symbol is followed that no client wants any more."""
MOST_BYTES = 16 * 2**20
SLICE_S = 1.0
SLICE_BYTES = 2**20
FRAME_BYTES = 48
"""Memory of a frame beside its bytes: the object, and the reference to it."""
SYMBOL_BYTES = 120
"""Memory of a symbol in a slice."""
MOST_SEEN = 10_000
"""How many symbols without a track are remembered by name; beyond that, any may be one."""


class Track:
    """The newest updates of one symbol, without a gap.

    Args:
        seq: the ``seq`` of the symbol's newest price, 0 before the first one.
        figures_seq: up to which ``seq`` day figures may have changed unseen.
        now_s: the hub's clock, in seconds.
    """

    __slots__ = ("figures", "figures_seq", "frames", "next", "noted", "wanted_s")

    def __init__(self, seq: int, figures_seq: int, now_s: float) -> None:
        self.frames: list[bytes] = []
        self.next = self.noted = seq + 1
        """The ``seq`` of the next update, and of the first one that ``note`` has not counted."""
        self.figures = 0
        """How often figures changed without a new price."""
        self.figures_seq = figures_seq
        """The ``seq`` at which that happened last: a client with this one may lack the figures."""
        self.wanted_s = now_s
        """When a client wanted every trade of it last."""

    @property
    def first(self) -> int:
        """The ``seq`` of the oldest update."""
        return self.next - len(self.frames)

    def append(self, seq: int, framed: bytes) -> None:
        """Add an update; after a gap it is the first one."""
        if seq != self.next:
            self.cut(seq - 1)
        self.frames.append(framed)
        self.next = seq + 1

    def cut(self, seq: int) -> None:
        """Begin anew after this ``seq``, which no short form leads up to."""
        self.frames.clear()
        self.next = self.noted = seq + 1
        self.figures_changed(seq)

    def figures_changed(self, seq: int) -> None:
        """Note that figures changed at this ``seq`` without a new price."""
        self.figures += 1
        self.figures_seq = seq

    def has_all_after(self, seq: int) -> bool:
        """Whether every update after this ``seq`` is here; true if there has been none."""
        return self.first - 1 <= seq < self.next

    def after(self, seq: int, most: int | None = None) -> list[bytes]:
        """The updates after this ``seq``, the oldest ``most`` of them, which must all be here."""
        begin = seq + 1 - self.first
        return self.frames[begin : None if most is None else begin + most]

    def uncounted_bytes(self) -> int:
        """The memory of the updates since the last call."""
        new = self.next - self.noted  # after a cut too
        self.noted = self.next
        return sum(map(len, self.frames[-new:])) + new * FRAME_BYTES if new else 0

    def forget(self, seq: int) -> None:
        """Drop the updates before this ``seq``."""
        old = seq - self.first
        if old > 0:
            del self.frames[:old]


class _Slice:
    """The updates of a short time."""

    __slots__ = ("began_s", "bytes", "ends")

    def __init__(self, began_s: float) -> None:
        self.began_s = began_s
        self.bytes = 0
        self.ends: dict[str, int] = {}
        """By symbol: the ``seq`` behind its last update of this slice."""


class Journal:
    """The tracks of all symbols that clients follow."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self.tracks: dict[str, Track] = {}
        """By symbol. The hub appends to them."""
        self.bytes = 0
        """The memory of all updates, those included that were cut but not dropped yet."""
        self._most_bytes = most_bytes
        self._slices: deque[_Slice] = deque()
        self._seen: set[str] = set()
        """Symbols of which clients may have a price although they have no track."""
        self._any_seen = False
        """Whether there were too many of them to remember."""

    def __bool__(self) -> bool:
        return bool(self.tracks)

    def follow(self, symbol: str, seq: int, now_s: float) -> None:
        """A client wants every trade of a symbol from now on.

        Args:
            symbol: which.
            seq: that of its newest price, 0 if it has none.
            now_s: the hub's clock.
        """
        track = self.tracks.get(symbol)
        if track is None:
            figures_seq = seq if self._any_seen or symbol in self._seen else 0
            self.tracks[symbol] = Track(seq, figures_seq, now_s)
            return
        track.wanted_s = now_s
        if seq and track.next != seq + 1:
            track.cut(seq)

    def seen(self, symbol: str) -> None:
        """A client gets prices of a symbol, but not every trade."""
        if symbol not in self.tracks:
            self._seen.add(symbol)
        if len(self._seen) > MOST_SEEN:
            self._seen.clear()
            self._any_seen = True

    def drop(self, symbol: str) -> None:
        """Forget the updates of a symbol: the market may have forgotten its figures."""
        if self.tracks.pop(symbol, None) is not None:
            self.seen(symbol)

    def new_epoch(self) -> None:
        """Forget every update: each ``seq`` begins again."""
        for track in self.tracks.values():
            track.cut(0)
        self._seen.clear()
        self._any_seen = False
        self._slices.clear()
        self.bytes = 0

    def note(self, symbols: Iterable[str], now_s: float) -> None:
        """Count the updates of these symbols since the last call, and drop the oldest ones of all
        symbols when there are too many.
        """
        newest = self._slice(now_s)
        ends, tracks, size = newest.ends, self.tracks, 0
        for symbol in symbols:
            track = tracks.get(symbol)
            if track is not None:
                if symbol not in ends:
                    size += SYMBOL_BYTES
                ends[symbol] = track.next
                size += track.uncounted_bytes()
        newest.bytes += size
        self.bytes += size
        while self.bytes > self._most_bytes:
            self._drop_oldest()

    def tick(self, wanted: Collection[str], now_s: float) -> None:
        """Once a second: drop what is too old.

        Args:
            wanted: the symbols whose every trade some client wants.
            now_s: the hub's clock.
        """
        while self._slices and self._slices[0].began_s <= now_s - KEEP_S:
            self._drop_oldest()
        for symbol, track in list(self.tracks.items()):
            if symbol in wanted:
                track.wanted_s = now_s
            elif track.wanted_s <= now_s - KEEP_S:
                self.drop(symbol)

    def _slice(self, now_s: float) -> _Slice:
        newest = self._slices[-1] if self._slices else None
        if newest is None or newest.bytes >= SLICE_BYTES or newest.began_s <= now_s - SLICE_S:
            newest = _Slice(now_s)
            self._slices.append(newest)
        return newest

    def _drop_oldest(self) -> None:
        oldest = self._slices.popleft()
        self.bytes -= oldest.bytes
        for symbol, end in oldest.ends.items():
            track = self.tracks.get(symbol)
            if track is not None:
                track.forget(end)
