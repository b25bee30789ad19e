"""Rate limits per address: a token bucket for each. Pure; the clock is an argument.

Used for requests (``gateway.handshake``) and for questions that cost something upstream
(``gateway.questions``). Memory: the ``most`` addresses that asked most recently. An address that
was forgotten starts with a full bucket, so this does not limit a client with very many addresses.
"""

from collections import OrderedDict

from photon_app.gateway.limits import TokenBucket

MOST_ADDRESSES = 10_000


class Quota:
    """The buckets of all addresses.

    Args:
        rate_per_s: the sustained rate of an address.
        burst: what it may ask for at once.
        most: addresses that are remembered.
    """

    def __init__(self, rate_per_s: float, burst: float, most: int = MOST_ADDRESSES) -> None:
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._most = most
        self._buckets: OrderedDict[str | None, TokenBucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, address: str | None, now_s: float) -> bool:
        """Take a token of an address, if there is one."""
        bucket = self._buckets.get(address)
        if bucket is None:
            bucket = self._buckets[address] = TokenBucket(self._rate_per_s, self._burst, now_s)
            if len(self._buckets) > self._most:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(address)
        return bucket.take(now_s)

    def retry_after_s(self, address: str | None) -> float:
        """Seconds until an address that was refused may ask again."""
        return self._buckets[address].retry_after_s()
