"""One visitor's choices: watchlist, selected symbol, its chart, the colours of up and down.

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

from photon_app import clock, listings, services, settings
from photon_app.errors import NotServingError
from photon_app.model import TIMEFRAMES
from photon_app.ui import names, watchlist

PAIRS: Final = ("green-red", "blue-orange")
TIMEFRAME: Final = "1m"
"""The timeframe of a new visitor's chart."""
STYLES: Final = ("candles", "area", "line")
MOST_EDITS: Final = 256
"""Edits that the browser has not applied yet; more are refused until it has."""
MOST_NAMES: Final = 10_000
"""Names in those edits, each of which contains the list that it starts with."""
BUSY: Final = "Still looking up the last one: try again"
SHOW_S: Final = 0.25
"""The shortest time between two updates of the names that are shown."""
CHOICES: Final = frozenset({"chosen", "pair", "timeframe", "style_of_chart"})


@dataclass(frozen=True)
class Row:
    """One row of the watchlist."""

    symbol: str
    name: str


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


def known_symbol(text: str) -> str:
    """The symbol that a text names, as far as this process knows by itself, or an empty text."""
    followed = default_symbols()
    own = (form for form in listings.forms(text) if form in followed)
    return next(own, "") or names.listed(text)


class Dashboard(rx.State):
    """The choices of one tab."""

    stored: str = rx.LocalStorage("", name="photon.watchlist", sync=True)
    """The watchlist as the browser stores it; may be any text. Never assigned here."""
    edits: list[watchlist.Edit] = []  # noqa: RUF012 - Reflex gives each tab its own
    """Edits that the browser has to apply to it, the oldest first."""
    chosen: str = rx.SessionStorage("", name="photon.selected")
    pair: str = rx.LocalStorage(PAIRS[0], name="photon.pair", sync=True)
    timeframe: str = rx.LocalStorage(TIMEFRAME, name="photon.timeframe", sync=True)
    style_of_chart: str = rx.LocalStorage(STYLES[0], name="photon.chart", sync=True)
    reply: Reply = Reply()
    """What the text that was typed last names."""
    _finding: bool = False
    """Whether upstream is asked for the symbols of a text: of one text at a time."""
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
    def names(self) -> dict[str, str]:
        """The companies of the symbols in the list, as far as they are known."""
        known = {symbol: names.known(symbol, self._fetched) for symbol in self._symbols()}
        return {symbol: name for symbol, name in known.items() if name}

    @rx.var
    def limit(self) -> int:
        """The most symbols of the list."""
        return max_symbols()

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
    def color_pair(self) -> str:
        """The colours of up and down, one of ``PAIRS``."""
        return self.pair if self.pair in PAIRS else PAIRS[0]

    @rx.var
    def chart_timeframe(self) -> str:
        """How long a bar of the chart is, one of ``TIMEFRAMES``."""
        return self.timeframe if self.timeframe in TIMEFRAMES else TIMEFRAME

    @rx.var
    def chart_style(self) -> str:
        """How the chart is drawn, one of ``STYLES``."""
        return self.style_of_chart if self.style_of_chart in STYLES else STYLES[0]

    @rx.event
    def find_symbols(self, typed: str) -> Any:
        """Tell the page which symbols a text names, after asking upstream for those that this
        process does not know.
        """
        found = watchlist.find(typed, known_symbol)
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
        unknown = watchlist.find(typed, known_symbol).unknown
        async with self:
            if self._finding:
                self._answer(watchlist.Found(notice=BUSY))
                return
            self._finding = True
        upstream: dict[str, str] = {}
        try:
            with contextlib.suppress(NotServingError):
                upstream = await names.find(services.current().reference, unknown)
        finally:
            async with self:
                self._finding = False
        found = watchlist.find(typed, lambda text: known_symbol(text) or upstream.get(text, ""))
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
    def add_symbols(self, symbols: list[str]) -> Any:
        """Add symbols to the list, as far as there is room, and fetch their names."""
        added = watchlist.joining(self._symbols(), symbols, max_symbols())
        if not added or not self._edit(added=added):
            return None
        return Dashboard.learn_names(list(added))

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
    def choose_pair(self, pair: str | list[str]) -> None:
        """Choose the colours of up and down; anything but one of ``PAIRS`` is ignored."""
        if isinstance(pair, str) and pair in PAIRS:
            self.pair = pair

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
