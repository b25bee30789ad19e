"""How many requests an address may make: a token bucket for each. Pure; the clock is an argument.

Memory: the ``MOST_ADDRESSES`` that asked last. One that is forgotten begins with a full bucket, so
that whoever has very many addresses is not held back by this.
"""

from collections import OrderedDict

from photon_app.gateway.limits import TokenBucket

BURST_S = 30
"""So many seconds' worth at once: sixty people behind one address who open the page at once, twice,
which takes 36 requests."""
MOST_ADDRESSES = 10_000


class Quota:
    """The requests of every address.

    Args:
        rate_per_s: that an address may go on with.
    """

    def __init__(self, rate_per_s: int) -> None:
        self._rate_per_s = rate_per_s
        self._buckets: OrderedDict[str | None, TokenBucket] = OrderedDict()

    def take(self, address: str | None, now_s: float) -> bool:
        """Whether an address may make one more."""
        bucket = self._buckets.get(address)
        if bucket is None:
            bucket = TokenBucket(self._rate_per_s, self._rate_per_s * BURST_S, now_s)
            self._buckets[address] = bucket
            if len(self._buckets) > MOST_ADDRESSES:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(address)
        return bucket.take(now_s)
