"""What is known of symbols besides prices when there is a key: Finnhub's data and the bundled list.

Owns the order in which the two are asked, and how long users wait for Finnhub. Runs on the event
loop. It never raises for upstream trouble: then it returns what the list has. A late answer is
still kept in ``FinnhubRest``'s cache for the next caller.
"""

from photon_app import listings
from photon_app.clock import SYSTEM, Time
from photon_app.feed.finnhub.deadline import within
from photon_app.feed.finnhub.rest import PAGE, FinnhubRest
from photon_app.feed.finnhub.rest_wire import Failed
from photon_app.listings import BundledReference
from photon_app.model import UNKNOWN_ADDRESS, USUAL_RESULTS, Listing, Seed

SEARCH_S = 2.0
"""How long a user who types waits for more than the bundled list."""
LOOKUP_S = 5.0

_NO_PROFILES = {"plan", "garbage"}
"""Upstream may have no profiles at all, for example another Photon; its search still helps then."""


class FinnhubReference:
    """Finnhub's reference data on top of the bundled list.

    Args:
        rest: one key's REST calls.
        bundled: what is known without asking.
        time: what waits.
    """

    def __init__(
        self, rest: FinnhubRest, bundled: BundledReference, *, time: Time = SYSTEM
    ) -> None:
        self._rest = rest
        self._bundled = bundled
        self._time = time

    def knows_search(self, query: str) -> bool:
        """Whether Finnhub's answer is in the cache, or is not needed."""
        return bool(listings.several(query)) or self._rest.knows_search(query)

    def knows_quote(self, symbol: str) -> bool:
        """Whether Finnhub's answer is in the cache."""
        return self._rest.knows_quote(symbol)

    async def search(
        self, query: str, limit: int = USUAL_RESULTS, *, address: str | None = None
    ) -> tuple[Listing, ...]:
        """The best results of the list and of what Finnhub finds within 2 s. A name from the list
        is preferred, because Finnhub writes names in capitals. For several symbols of the list it
        is those, and Finnhub is not asked.
        """
        if named_symbols := listings.several(query):
            return named_symbols[:limit]
        asking = self._rest.search(query, _whose(address))
        found = await within(self._time, SEARCH_S, asking)
        upstream = found if isinstance(found, tuple) else ()
        named = tuple(self._bundled.listing(one.symbol) or one for one in upstream)
        best = listings.rank(query, (*self._bundled.all, *named))
        # What Finnhub found by other means, such as a former name, comes last.
        return tuple(dict.fromkeys((*best, *named)))[:limit]

    async def name(self, symbol: str) -> str | None:
        """From the list, else Finnhub's company profile, else its search, which also has funds."""
        known = await self._bundled.name(symbol)
        return known or await within(self._time, LOOKUP_S, self._asked_name(symbol))

    async def quote(self, symbol: str, *, address: str | None = None) -> Seed | None:
        """A symbol's day, at most a minute old, or ``None``."""
        asking = self._rest.quote(symbol, addresses=_whose(address))
        answer = await within(self._time, LOOKUP_S, asking)
        return answer if isinstance(answer, Seed) else None

    async def _asked_name(self, symbol: str) -> str | None:
        profile = await self._rest.profile(symbol)
        if isinstance(profile, Listing):
            return profile.name
        if isinstance(profile, Failed) and profile.reason not in _NO_PROFILES:
            return None
        found = await self._rest.search(symbol, PAGE)
        listed = found if isinstance(found, tuple) else ()
        return next((one.name for one in listed if one.symbol == symbol), None)


def _whose(address: str | None) -> tuple[str, ...]:
    return (address or UNKNOWN_ADDRESS,)
