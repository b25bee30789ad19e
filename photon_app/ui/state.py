"""What the page needs of the server beside prices: what a typed text names, and company names.

Never prices: those go from ``/ws`` into the live parts. Nor choices and edits of lists: they take
effect in the page (``ui/live/choices.js``, ``ui/live/watchlist.js``), so that they work while the
server is away. The watchlist is in the browser's storage, since a tab can get a new, empty state,
on which no event is handled (``ui/hydration.py``); it is read here for the names of its symbols.
Any client can call any handler with anything, so each handler is short and passes its argument to
a total rule of ``ui/watchlist.py``.
"""

# mypy: disable-error-code="misc, no-any-return"
# Reflex types a background handler as something not callable.

import contextlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import reflex as rx

from photon_app import clock, listings, services, settings
from photon_app.errors import NotServingError
from photon_app.ui import names, watchlist

BUSY: Final = "Still looking up the last one: try again"
SHOW_S: Final = 0.25
"""The shortest time between two updates of the names that are shown."""
MOST_ASKED: Final = 500
"""Symbols outside the watchlist whose names a tab may ask for; the oldest are forgotten."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a typed text names, as the page's search box waits for it."""

    id: str = ""
    symbols: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    notice: str = ""
    """Why nothing was found, if only one thing was looked for."""


def default_symbols() -> tuple[str, ...]:
    """The symbols that a new visitor sees: the running process's, or the built-in ones."""
    try:
        return services.current().default_symbols
    except NotServingError:
        return settings.DEFAULT_SYMBOLS


def max_symbols() -> int:
    """The longest list: what a connection may subscribe, and what fits into the stored text."""
    try:
        allowed = services.current().settings.max_symbols
    except NotServingError:
        allowed = settings.DEFAULTS.max_symbols
    return min(allowed, watchlist.MOST)


def tell_spelling(typed: str) -> None:
    """Pass on a visitor's spelling: upstream may know a symbol by it, and not in capitals."""
    with contextlib.suppress(NotServingError):
        for text in watchlist.pieces(typed):
            services.current().demand.spelled(text)


def known_here() -> Callable[[str], str]:
    """Finds the symbol that a text names, as far as this process knows by itself; or an empty
    text.
    """
    followed = frozenset(default_symbols())

    def known(text: str) -> str:
        own = (form for form in listings.forms(text) if form in followed)
        return next(own, "") or names.listed(text)

    return known


class Dashboard(rx.State):
    """What one tab needs of the server."""

    stored: str = rx.LocalStorage("", name="photon.watchlist", sync=True)
    """The watchlist as the browser stores it; may be any text. Never assigned here."""
    reply: Reply = Reply()
    """What the text that was typed last names."""
    _finding: bool = False
    """Whether upstream is asked for the symbols of a text: of one text at a time."""
    _named: tuple[str, ...] = ()
    """Symbols outside the watchlist whose names the page asked for, the oldest first."""
    _fetched: dict[str, str] = {}  # noqa: RUF012 - Reflex gives each tab its own
    """Names from upstream of symbols that are shown."""
    _to_learn: tuple[str, ...] = ()
    """Symbols whose names are still to be fetched."""
    _learning: bool = False
    """Whether names are being fetched: one at a time, however often that is requested."""
    _has_storage: bool = False
    """Whether this state has the browser's storage (``ui/hydration.py``)."""
    _asked: bool = False
    """Whether the browser was asked for its storage."""
    _deferred: list[Any] = []  # noqa: RUF012
    """Events that wait for that storage."""

    def __setattr__(self, name: str, value: Any) -> None:
        """Sanitise what comes from the browser's storage: it may be anything."""
        if name == "stored":
            value = watchlist.kept_text(value)
        super().__setattr__(name, value)

    def _symbols(self) -> tuple[str, ...]:
        """The watchlist."""
        return watchlist.read(self.stored, default_symbols(), max_symbols())

    def _shown(self) -> tuple[str, ...]:
        """The symbols whose names the page needs."""
        return tuple(dict.fromkeys((*self._symbols(), *self._named)))

    @rx.var
    def ready(self) -> bool:
        """Whether a browser's storage has arrived: ``defaults`` and ``limit`` are known then."""
        return bool(self.router.session.client_token)

    @rx.var
    def defaults(self) -> list[str]:
        """The symbols that a new visitor sees."""
        return list(default_symbols()[: max_symbols()])

    @rx.var
    def limit(self) -> int:
        """The longest list."""
        return max_symbols()

    @rx.var
    def names(self) -> dict[str, str]:
        """The companies of the symbols in the watchlist, and of those that the page asked for."""
        shown = {symbol: names.known(symbol, self._fetched) for symbol in self._shown()}
        return {symbol: name for symbol, name in shown.items() if name}

    @rx.event
    def find_symbols(self, typed: str) -> Any:
        """Tell the page which symbols a text names, after asking upstream for those that this
        process does not know.
        """
        found = watchlist.find(typed, known_here())
        if found.unknown:
            return Dashboard.ask_upstream(typed)
        self._answer(found)
        return None

    @rx.event
    def take_as_typed(self, typed: str) -> None:
        """Tell the page the symbols that a text consists of, known or not."""
        self._answer(watchlist.find(typed))
        if isinstance(typed, str):
            tell_spelling(typed)

    @rx.event(background=True)
    async def ask_upstream(self, typed: str) -> None:
        """Answer ``find_symbols`` with what upstream knows, without blocking the page."""
        known = known_here()
        unknown = watchlist.find(typed, known).unknown
        async with self:
            if self._finding:
                self._answer(watchlist.Found(notice=BUSY))
                return
            self._finding = True
            address = self.router.session.client_ip or None
        upstream: dict[str, str] = {}
        try:
            with contextlib.suppress(NotServingError):
                upstream = await names.find(services.current().reference, unknown, address)
        finally:
            async with self:
                self._finding = False
        found = watchlist.find(typed, lambda text: known(text) or upstream.get(text, ""))
        async with self:
            self._answer(found)

    def _answer(self, found: watchlist.Found) -> None:
        self.reply = Reply(
            id=uuid.uuid4().hex,
            symbols=found.symbols,
            unknown=found.unknown,
            notice=found.notice,
        )

    @rx.event
    def arrive(self) -> Any:
        """The page has loaded: fetch the names of the symbols in the visitor's list."""
        return Dashboard.learn_names(list(self._symbols()))

    @rx.event
    def want_names(self, symbols: list[str]) -> Any:
        """The page shows symbols of another list: fetch their names."""
        wanted = dict.fromkeys(watchlist.symbols_in(symbols, MOST_ASKED))
        kept = (symbol for symbol in self._named if symbol not in wanted)
        self._named = (*kept, *wanted)[-MOST_ASKED:]
        return Dashboard.learn_names(list(wanted))

    @rx.event(background=True)
    async def learn_names(self, symbols: list[str]) -> None:
        """Fetch the names of symbols in the list that have none, without blocking the page."""
        async with self:
            asked = watchlist.symbols_in(symbols, watchlist.MOST)
            wanted = frozenset((*self._to_learn, *asked))
            self._to_learn = tuple(symbol for symbol in self._shown() if symbol in wanted)
            if self._learning:
                return
            self._learning = True
        with contextlib.suppress(NotServingError):
            try:
                while batch := await self._next_batch():
                    await self._learn(batch)
            except BaseException:
                async with self:
                    self._learning = False
                raise

    async def _next_batch(self) -> tuple[str, ...]:
        """The symbols whose names to ask for now. If there are none, the same step ends this run,
        so that what comes next begins another.
        """
        async with self:
            batch, self._to_learn = self._to_learn, ()
            batch = tuple(s for s in batch if not names.known(s, self._fetched))
            self._learning = bool(batch)
            return batch

    async def _learn(self, batch: tuple[str, ...]) -> None:
        """Fetch names and show them now and then: each update sends the whole list."""
        found: dict[str, str] = {}
        shown_s = -SHOW_S
        for symbol in batch:
            name = await names.ask(services.current().reference, symbol)
            if name:
                found[symbol] = name
            if found and clock.monotonic() - shown_s >= SHOW_S:
                await self._show(found)
                found, shown_s = {}, clock.monotonic()
        if found:
            await self._show(found)

    async def _show(self, found: dict[str, str]) -> None:
        async with self:
            fetched, still = {**self._fetched, **found}, frozenset(self._shown())
            self._fetched = {s: name for s, name in fetched.items() if s in still}
