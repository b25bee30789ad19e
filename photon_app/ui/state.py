"""What the page needs of the server beside prices: adding symbols, and the names of companies.

Never prices: those go from ``/ws`` into the live parts. Nor choices: what is selected, sorted and
shown takes effect in the page (``ui/live/choices.js``), so that it works while the server is away.
The watchlist is in the browser's storage, since a tab can get a new, empty state, on which no event
is handled (``ui/hydration.py``). It is never written from here: all tabs share it, so what is added
is an edit that the browser applies to what it has stored by then. Any client can call any handler
with anything, so each handler is short and passes its argument to a total rule of
``ui/watchlist.py``.
"""

# mypy: disable-error-code="misc, no-any-return"
# Reflex types a background handler as something not callable.

import contextlib
import uuid
from typing import Any, Final

import reflex as rx

from photon_app import clock, services, settings
from photon_app.errors import NotServingError
from photon_app.ui import names, watchlist

ADD_FIELD: Final = "add-symbol"
MOST_EDITS: Final = 256
"""Edits that the browser has not applied yet; more are refused until it has."""
MOST_NAMES: Final = 10_000
"""Names in those edits, each of which contains the list that it starts with."""
SHOW_S: Final = 0.25
"""The shortest time between two updates of the names that are shown."""
MOST_ASKED: Final = 500
"""Symbols outside the watchlist whose names a tab may ask for; the oldest are forgotten."""


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
        for text in typed.split(","):
            services.current().demand.spelled(text.strip())


class Dashboard(rx.State):
    """What one tab needs of the server."""

    stored: str = rx.LocalStorage("", name="photon.watchlist", sync=True)
    """The watchlist as the browser stores it; may be any text. Never assigned here."""
    edits: list[watchlist.Edit] = []  # noqa: RUF012 - Reflex gives each tab its own
    """Edits that the browser has to apply to it, the oldest first."""
    notice: str = ""
    """Why the last symbol was not added."""
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

    def _all(self) -> tuple[str, ...]:
        defaults = default_symbols()
        return watchlist.edited(watchlist.read_all(self.stored, defaults), self.edits, defaults)

    def _symbols(self) -> tuple[str, ...]:
        return self._all()[: max_symbols()]

    def _shown(self) -> tuple[str, ...]:
        """The symbols whose names the page needs."""
        return tuple(dict.fromkeys((*self._symbols(), *self._named)))

    def _edit(self, **what: Any) -> bool:
        """Queue an edit for the browser; returns false if too many wait."""
        names = sum(len(edit.instead) for edit in self.edits)
        if len(self.edits) >= MOST_EDITS or names > MOST_NAMES:
            return False
        edit = watchlist.Edit(id=uuid.uuid4().hex, instead=self._all(), **what)
        self.edits = [*self.edits, edit]
        return True

    @rx.var
    def ready(self) -> bool:
        """Whether a browser's choices have arrived; the prerendered page shows no list before."""
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
    def add_symbol(self, form: dict[str, Any]) -> list[Any] | None:
        """Add what was typed, show it, and empty the field; or say why not."""
        typed = form.get(ADD_FIELD) if isinstance(form, dict) else None
        addition = watchlist.add(self._symbols(), typed, max_symbols())
        self.notice = addition.notice
        if addition.added and not self._edit(added=addition.added):
            return None
        if not addition.added:
            return None
        tell_spelling(str(typed))
        return [rx.set_value(ADD_FIELD, ""), Dashboard.learn_names(list(addition.added))]

    @rx.event
    def arrive(self) -> Any:
        """The page has loaded: fetch the names of the symbols in the visitor's list."""
        return Dashboard.learn_names(list(self._symbols()))

    @rx.event
    def want_names(self, symbols: list[str]) -> Any:
        """The page shows symbols of another list: fetch their names."""
        wanted = watchlist.symbols_in(symbols, MOST_ASKED)
        kept = [symbol for symbol in self._named if symbol not in wanted]
        self._named = (*kept, *wanted)[-MOST_ASKED:]
        return Dashboard.learn_names(list(wanted))

    @rx.event(background=True)
    async def learn_names(self, symbols: list[str]) -> None:
        """Fetch the names of symbols in the list that have none, without blocking the page."""
        async with self:
            shown = self._shown()
            wanted = [*self._to_learn, *(symbols if isinstance(symbols, list) else ())]
            self._to_learn = tuple(symbol for symbol in shown if symbol in wanted)
            if self._learning:
                return
            self._learning = True
        try:
            await self._learn()
        finally:
            async with self:
                self._learning = False

    async def _learn(self) -> None:
        """Fetch names and show them in batches: each update sends the whole list."""
        while True:
            async with self:
                batch, self._to_learn = self._to_learn, ()
                batch = tuple(s for s in batch if not names.known(s, self._fetched))
            if not batch:
                return
            found: dict[str, str] = {}
            shown_s = -SHOW_S
            for symbol in batch:
                try:
                    name = await names.ask(services.current().reference, symbol)
                except NotServingError:
                    return
                if name:
                    found[symbol] = name
                if found and clock.monotonic() - shown_s >= SHOW_S:
                    await self._show(found)
                    found, shown_s = {}, clock.monotonic()
            if found:
                await self._show(found)

    async def _show(self, found: dict[str, str]) -> None:
        async with self:
            fetched = {**self._fetched, **found}
            still = self._shown()
            self._fetched = {s: name for s, name in fetched.items() if s in still}

    @rx.event
    def kept(self, ids: list[str]) -> None:
        """The browser has applied these edits, and has sent its new list."""
        if isinstance(ids, list):
            self.edits = [edit for edit in self.edits if edit.id not in ids]

    @rx.event
    def clear_notice(self) -> None:
        """The visitor left the field."""
        self.notice = ""
