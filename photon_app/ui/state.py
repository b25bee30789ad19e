"""One visitor's choices: watchlist, selected symbol, its chart.

Choices only, never prices: those go from ``/ws`` into the live parts. Everything that should
outlive a session is in the browser's storage, since a tab can get a new, empty state, on which no
event is handled (``ui/hydration.py``); the lists shown are computed from it. The watchlist is never
written from here: all tabs share it, so each change is an edit that the browser applies to what it
has stored by then, and that takes effect here at once. Any client can call any handler with
anything, so each handler is short and passes its argument to a total rule of ``ui/watchlist.py``.
"""

# mypy: disable-error-code="misc, no-any-return"
# Reflex types a background handler as something not callable.

import contextlib
import uuid
from dataclasses import dataclass
from typing import Any, Final

import reflex as rx

from photon_app import clock, services, settings
from photon_app.errors import NotServingError
from photon_app.model import TIMEFRAMES
from photon_app.ui import names, watchlist

TIMEFRAME: Final = "1m"
"""The timeframe of a new visitor's chart."""
STYLES: Final = ("candles", "area", "line")
ADD_FIELD: Final = "add-symbol"
MOST_EDITS: Final = 256
"""Edits that the browser has not applied yet; more are refused until it has."""
MOST_NAMES: Final = 10_000
"""Names in those edits, each of which contains the list that it starts with."""
SHOW_S: Final = 0.25
"""The shortest time between two updates of the names that are shown."""
CHOICES: Final = frozenset({"chosen", "timeframe", "style_of_chart"})


@dataclass(frozen=True)
class Row:
    """One row of the watchlist."""

    symbol: str
    name: str


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
    """The choices of one tab."""

    stored: str = rx.LocalStorage("", name="photon.watchlist", sync=True)
    """The watchlist as the browser stores it; may be any text. Never assigned here."""
    edits: list[watchlist.Edit] = []  # noqa: RUF012 - Reflex gives each tab its own
    """Edits that the browser has to apply to it, the oldest first."""
    chosen: str = rx.SessionStorage("", name="photon.selected")
    timeframe: str = rx.LocalStorage(TIMEFRAME, name="photon.timeframe", sync=True)
    style_of_chart: str = rx.LocalStorage(STYLES[0], name="photon.chart", sync=True)
    notice: str = ""
    """Why the last symbol was not added."""
    _fetched: dict[str, str] = {}  # noqa: RUF012 - Reflex gives each tab its own
    """Names from upstream of symbols in the list."""
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
        """Sanitise values from the browser's storage: they may be anything."""
        if name == "stored":
            value = watchlist.kept_text(value)
        elif name in CHOICES:
            value = watchlist.kept_choice(value)
        super().__setattr__(name, value)

    def _all(self) -> tuple[str, ...]:
        defaults = default_symbols()
        return watchlist.edited(watchlist.read_all(self.stored, defaults), self.edits, defaults)

    def _symbols(self) -> tuple[str, ...]:
        return self._all()[: max_symbols()]

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
    def rows(self) -> list[Row]:
        """The watchlist, in order."""
        return [Row(symbol, names.known(symbol, self._fetched)) for symbol in self._symbols()]

    @rx.var
    def symbols(self) -> list[str]:
        """The watchlist's symbols, in order."""
        return list(self._symbols())

    @rx.var
    def summary(self) -> str:
        """The length of the list, and how many stored symbols are not shown for want of room."""
        count, kept = len(self._symbols()), len(self._all())
        more = f", {kept - count} more kept" if kept > count else ""
        return f"{count} of {max_symbols()} symbols{more}"

    @rx.var
    def selected(self) -> str:
        """The symbol that the right side shows; empty when the list is."""
        return watchlist.selected(self._symbols(), self.chosen)

    @rx.var
    def selected_name(self) -> str:
        """Its company, or an empty text."""
        return names.known(watchlist.selected(self._symbols(), self.chosen), self._fetched)

    @rx.var
    def chart_timeframe(self) -> str:
        """How long a bar of the chart is, one of ``TIMEFRAMES``."""
        return self.timeframe if self.timeframe in TIMEFRAMES else TIMEFRAME

    @rx.var
    def chart_style(self) -> str:
        """How the chart is drawn, one of ``STYLES``."""
        return self.style_of_chart if self.style_of_chart in STYLES else STYLES[0]

    @rx.event
    def add_symbol(self, form: dict[str, Any]) -> list[Any] | None:
        """Add what was typed, show it, and empty the field; or say why not."""
        typed = form.get(ADD_FIELD) if isinstance(form, dict) else None
        addition = watchlist.add(self._symbols(), typed, max_symbols())
        self.notice = addition.notice
        if addition.added and not self._edit(added=addition.added):
            return None
        if addition.chosen:
            self.chosen = addition.chosen
        if not addition.added:
            return None
        tell_spelling(str(typed))
        return [rx.set_value(ADD_FIELD, ""), Dashboard.learn_names(list(addition.added))]

    @rx.event
    def arrive(self) -> Any:
        """The page has loaded: fetch the names of the symbols in the visitor's list."""
        return Dashboard.learn_names(list(self._symbols()))

    @rx.event(background=True)
    async def learn_names(self, symbols: list[str]) -> None:
        """Fetch the names of symbols in the list that have none, without blocking the page."""
        async with self:
            shown = self._symbols()
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
            still = self._symbols()
            self._fetched = {s: name for s, name in fetched.items() if s in still}

    def _remove(self, symbol: object) -> None:
        before = self._symbols()
        current = watchlist.selected(before, self.chosen)
        if symbol not in before or not self._edit(removed=(symbol,)):
            return
        self.chosen = watchlist.after_removal(before, current, symbol)

    @rx.event
    def remove(self, symbol: str) -> None:
        """Remove a symbol from the list; unknown ones are ignored."""
        self._remove(symbol)

    @rx.event
    def remove_selected(self) -> None:
        """Remove the symbol that is selected once all earlier events are handled: keys can come
        faster than the page is updated.
        """
        self._remove(watchlist.selected(self._symbols(), self.chosen))

    @rx.event
    def restore_defaults(self) -> None:
        """Go back to the list that a new visitor sees."""
        self._edit(anew=True)
        self.notice = ""

    @rx.event
    def kept(self, ids: list[str]) -> None:
        """The browser has applied these edits, and has sent its new list."""
        if isinstance(ids, list):
            self.edits = [edit for edit in self.edits if edit.id not in ids]

    @rx.event
    def select(self, symbol: str) -> None:
        """Show a symbol of the list; others are ignored."""
        if symbol in self._symbols():
            self.chosen = symbol

    @rx.event
    def move(self, step: int) -> None:
        """Show the next symbol below (1) or above (-1)."""
        symbols = self._symbols()
        self.chosen = watchlist.moved(symbols, watchlist.selected(symbols, self.chosen), step)

    @rx.event
    def choose_timeframe(self, timeframe: str) -> None:
        """Choose how long a bar of the chart is; anything but one of ``TIMEFRAMES`` is ignored."""
        if isinstance(timeframe, str) and timeframe in TIMEFRAMES:
            self.timeframe = timeframe

    @rx.event
    def choose_style(self, style: str) -> None:
        """Choose how the chart is drawn; anything but one of ``STYLES`` is ignored."""
        if isinstance(style, str) and style in STYLES:
            self.style_of_chart = style

    @rx.event
    def clear_notice(self) -> None:
        """The visitor left the field."""
        self.notice = ""
