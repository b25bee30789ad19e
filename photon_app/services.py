"""The live objects of this process, and the one way to reach them.

``runtime`` installs them when the process starts to serve and removes them when it ends. The
gateway and the UI call ``current()``, and report its error as their protocol requires. Nothing here
starts, stops or owns anything.
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
from photon_app.market.sales import Sales
from photon_app.model import Reference
from photon_app.settings import Settings
from photon_app.storage.store import Store


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Services:
    """The objects of one running process."""

    settings: Settings
    market: Market
    clients: Clients
    hub: Hub
    arrays: ArraysChannel
    prints: PrintsChannel
    demand: Demand
    history: History
    sales: Sales
    store: Store | None
    """Writes bars to disk; ``None`` if nothing is stored."""
    hours: Hours
    """The market's clock and session, and the calendar of the exchange as far as it is known."""
    time: Time
    """The clocks of this process."""
    stalls: Stalls
    """For how long this process stalled."""
    started_s: float
    """When the process started to serve, on the monotonic clock: time that the machine sleeps does
    not count."""
    default_symbols: tuple[str, ...]
    feed: Feed
    """The feed: the time of its last message, its counters, the symbols subscribed upstream."""
    reference: Reference
    """Names, search, and day figures of symbols that are not followed."""
    rest_requests: Callable[[], dict[str, int]]
    """Counts of REST requests to upstream since the start, by kind."""

    @property
    def book(self) -> Book:
        """The book of the market."""
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
        NotServingError: the process is not serving (yet, or any more).
    """
    installed = _installed.get()
    if not installed:
        raise NotServingError
    return installed[-1]


def isolated_context() -> Context:
    """A context with services of its own, for a second server in the same process: services that
    are installed in it are current only for its tasks.
    """
    context = copy_context()
    context.run(_installed.set, [])
    return context
