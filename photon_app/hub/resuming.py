"""Clients that come back, and are sent what they missed.

A client that subscribes again says which ``seq`` it had last of each symbol. Where the journal has
every update since then, the client gets those instead of a snapshot. Mostly they fit into one
write (``CHUNK_BYTES``). If not, the client is *held*: it has a ``Cursor`` in the track of each of
its symbols, and gets a chunk whenever its outlet has drained. New updates only make the tracks
longer. So nothing is queued for a client, however far it is behind. When all cursors are at the
end and little is unsent, the client is released, and gets what its group gets.

Where a track no longer reaches back to a cursor, and after ``CATCH_UP_S``, the client gets a
snapshot instead: ``seq`` jumps, as for any slow client.

Called by the hub and by sinks, on the event loop; synchronous. Bounds: one cursor for each symbol
of a held client; ``MOST_RESUMED`` missed updates for each connection; ``CLIENTS_A_FLUSH`` chunks at
once, as often as ``Flusher`` allows.
"""

import itertools
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from photon_app.hub.clients import Clients
from photon_app.hub.flusher import Flusher
from photon_app.hub.frames import Frames
from photon_app.hub.journal import Journal, Track
from photon_app.hub.registry import Cursor, Subscriber
from photon_app.hub.status import MarketState, Status

CHUNK_BYTES = 48 * 1024
"""Written at once to a client that comes back: less than the high-water mark of its outlet."""
RELEASED_BYTES = 16 * 1024
"""A client that has more unsent is not released: the next flush could congest it."""
MOST_RESUMED = 20_000
"""Missed updates that one connection may be sent: about 2 MiB."""
CATCH_UP_S = 10.0
"""After this time a held client gets the newest price of each symbol instead."""
CLIENTS_A_FLUSH = 20
_FIGURES_DUE = -1


class Resuming:
    """The clients that are sent what they missed.

    Args:
        journal: the newest updates.
        clients: the table of all connected clients.
        market: the newest prices.
        status: makes snapshots.
        flusher: decides when chunks are written.
        settle: hands a client what is pending for it: a held one just misses that.
    """

    def __init__(
        self,
        journal: Journal,
        clients: Clients,
        market: MarketState,
        status: Status,
        *,
        flusher: Flusher,
        settle: Callable[[Subscriber], None],
    ) -> None:
        self._journal = journal
        self._clients = clients
        self._quote = market.quote
        self._status = status
        self._flusher = flusher
        self._settle = settle
        self._until_s: dict[Subscriber, float] = {}
        self._ready: dict[Subscriber, None] = {}

    def recovered(
        self, client: Subscriber, symbols: Iterable[str], since: Mapping[str, int]
    ) -> dict[str, int]:
        """The symbols of which every missed update is here, with the client's ``seq`` of each. To
        be called before the client is subscribed to them.

        Args:
            client: which.
            symbols: what it subscribes to. What it has already is not recovered.
            since: the ``seq`` that it had last, by symbol, in this epoch.
        """
        found: dict[str, int] = {}
        for symbol in symbols:
            seq, track = since.get(symbol, 0), self._journal.tracks.get(symbol)
            if seq < 1 or track is None or symbol in client.order:
                continue
            missed = track.next - 1 - seq
            there = track.has_all_after(seq) and self._is_whole(symbol, track)
            if there and client.resumed + missed <= MOST_RESUMED:
                client.resumed += missed
                found[symbol] = seq
        return found

    def updates(self, symbols: Iterable[str], recovered: Mapping[str, int]) -> list[bytes] | None:
        """What is due of these symbols, in their order: the missed updates of those recovered, and
        snapshots of the others and of those whose figures changed. ``None`` if that is too much
        for one write.
        """
        if sum(self._missed(symbol, seq) for symbol, seq in recovered.items()) > CHUNK_BYTES:
            return None
        each: list[bytes] = []
        for symbol in symbols:
            seq = recovered.get(symbol)
            if seq is not None:
                track = self._journal.tracks[symbol]
                each += track.after(seq)
                if seq > track.figures_seq:
                    continue
            each += self._status.snapshots([symbol]).each
        return each

    def add(self, client: Subscriber, symbols: Iterable[str], recovered: Mapping[str, int]) -> None:
        """Send a client what it missed of some symbols, bit by bit.

        Args:
            client: which.
            symbols: what it just subscribed to. It has snapshots of those that are not recovered.
            recovered: the client's ``seq`` of the others.
        """
        tracks = self._journal.tracks
        missed = client.sink.hold(partial(self._drained, client))
        missed.status = True  # it comes after all else
        if client.cursors is None:
            self._until_s[client] = self._flusher.now_s() + CATCH_UP_S
            kept_up = client.every - missed.symbols
            client.cursors = {symbol: _end_of(tracks[symbol]) for symbol in kept_up}
        for symbol in symbols:
            if symbol not in client.every:
                client.cursors.pop(symbol, None)
                continue
            cursor = client.cursors[symbol] = _end_of(tracks[symbol])
            if symbol in recovered:
                cursor.next = recovered[symbol] + 1
                if recovered[symbol] <= tracks[symbol].figures_seq:
                    cursor.figures = _FIGURES_DUE
        self._drained(client)

    def left(self, client: Subscriber) -> None:
        """A client is gone."""
        self._until_s.pop(client, None)
        self._ready.pop(client, None)
        client.cursors = None

    def end_all(self) -> None:
        """Send every held client snapshots of what it still misses."""
        for client in list(self._until_s):
            self._end(client)

    def tick(self) -> None:
        """Once a second: give up on clients that were held for too long."""
        now_s = self._flusher.now_s()
        for client in [one for one, until_s in self._until_s.items() if until_s <= now_s]:
            self._end(client)

    def flush(self) -> None:
        """Write the next chunk of those that can take it."""
        self._flusher.begin(self)
        if not self._ready:
            return
        self._flusher.write(self)
        busy = len(self._ready) > CLIENTS_A_FLUSH
        for client in list(itertools.islice(self._ready, CLIENTS_A_FLUSH)):
            self._ready.pop(client, None)
            try:
                busy |= self._continue(client)
            except Exception as fault:  # noqa: BLE001 - any fault costs this client only
                self._clients.failed(client, fault)
        self._flusher.written(self)
        if busy:
            self._flusher.soon(self)
        elif self._ready:
            self._flusher.at(self, self._flusher.now_s() + self._flusher.flush_s)

    # Inside

    def _drained(self, client: Subscriber) -> None:
        """A held client can take more."""
        self._ready[client] = None
        self._flusher.soon(self)

    def _continue(self, client: Subscriber) -> bool:
        """Write the next chunk to a client; returns whether there was one."""
        if client.cursors is None or client.sink.full:
            return False
        self._settle(client)
        each, complete = self._next(client.cursors)
        if each:
            client.sink.send(client.form.prices(Frames(each)))
        self._wrote(client, complete=complete)
        return bool(each)

    def _wrote(self, client: Subscriber, *, complete: bool) -> None:
        """A chunk was written. A full outlet calls ``_drained`` when it has drained."""
        if client.sink.full:
            return
        if complete and client.sink.unsent_bytes <= RELEASED_BYTES:
            self._end(client)
        else:
            self._ready[client] = None

    def _next(self, cursors: Mapping[str, Cursor]) -> tuple[list[bytes], bool]:
        """The next chunk, and whether that is all."""
        each: list[bytes] = []
        room = CHUNK_BYTES
        for symbol, cursor in cursors.items():
            track = self._journal.tracks[symbol]
            if cursor.next < track.first:
                cursor.next, cursor.figures = track.next, _FIGURES_DUE
            while cursor.next < track.next:
                if room <= 0:
                    return each, False
                size = len(track.frames[cursor.next - track.first])
                part = track.after(cursor.next - 1, max(1, room // size))
                each += part
                cursor.next += len(part)
                room -= sum(map(len, part))
            if cursor.figures != track.figures:
                cursor.figures = track.figures
                each += self._status.snapshots([symbol]).each
        return each, True

    def _end(self, client: Subscriber) -> None:
        """Release a client. What it still lacks it gets as from any other congestion."""
        cursors, missed = client.cursors, client.sink.missed
        self.left(client)
        if cursors is None or missed is None:
            return
        missed.symbols.difference_update(cursors)
        missed.symbols |= {
            symbol for symbol, cursor in cursors.items() if self._lags(symbol, cursor)
        }
        client.sink.release()

    def _lags(self, symbol: str, cursor: Cursor) -> bool:
        track = self._journal.tracks[symbol]
        return (cursor.next, cursor.figures) != (track.next, track.figures)

    def _is_whole(self, symbol: str, track: Track) -> bool:
        """Whether a track ends with the newest price of its symbol."""
        quote = self._quote(symbol)
        return quote is not None and track.next == quote.seq + 1

    def _missed(self, symbol: str, seq: int) -> int:
        """The size in bytes of the missed updates of a symbol."""
        return sum(map(len, self._journal.tracks[symbol].after(seq)))


def _end_of(track: Track) -> Cursor:
    return Cursor(track.next, track.figures)
