"""The live objects of this process, and the one way to reach them.

``runtime`` installs them when the process starts to serve and removes them when it ends; gateway
and ui ask ``current()``, and answer its error as their protocol does. Nothing here starts, stops or
owns anything.
"""

import dataclasses
from collections.abc import Callable
from contextvars import Context, ContextVar, copy_context

from photon_app.calendar.hours import Hours
from photon_app.clock import Time
from photon_app.errors import NotServingError
from photon_app.feed.protocol import Feed
from photon_app.history.history import History
from photon_app.hub.channels.arrays import ArraysChannel
from photon_app.hub.channels.prints import PrintsChannel
from photon_app.hub.clients import Clients
from photon_app.hub.demand import Demand
from photon_app.hub.hub import Hub
from photon_app.hub.stalls import Stalls
from photon_app.market.book import Book
from photon_app.market.market import Market
from photon_app.model import Reference
from photon_app.settings import Settings
from photon_app.storage.store import Store


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Services:
    """What one running process holds."""

    settings: Settings
    market: Market
    clients: Clients
    hub: Hub
    arrays: ArraysChannel
    prints: PrintsChannel
    demand: Demand
    history: History
    store: Store | None
    """What writes bars to disk; ``None`` when nothing is stored."""
    hours: Hours
    """The market's clock and session, and what is known of the exchange's days."""
    time: Time
    """Of this process."""
    stalls: Stalls
    """For how long this process stood still."""
    started_s: float
    """Since when the process has been serving, on the clock that nobody sets: a machine's sleep
    does not count."""
    default_symbols: tuple[str, ...]
    feed: Feed
    """When upstream last said anything, what it has seen, what it is asked for."""
    reference: Reference
    """Names, search, and the day of symbols that nobody follows."""
    asked: Callable[[], dict[str, int]]
    """What was asked of upstream over REST since the start, by kind."""

    @property
    def book(self) -> Book:
        """The market's."""
        return self.market.book


_installed: ContextVar[list[Services]] = ContextVar("services", default=[])  # noqa: B039 - shared


def install(services: Services) -> None:
    """Make these the current services."""
    _installed.get().append(services)


def remove(services: Services) -> None:
    """Undo ``install``."""
    _installed.get().remove(services)


def current() -> Services:
    """The services of this process.

    Raises:
        NotServingError: the process does not serve (yet, or any more).
    """
    installed = _installed.get()
    if not installed:
        raise NotServingError
    return installed[-1]


def apart() -> Context:
    """A context with services of its own, for a second server in the same process: what is
    installed there is current for its tasks and for no others.
    """
    context = copy_context()
    context.run(_installed.set, [])
    return context
