"""Questions: requests whose answers cost something upstream, and the limits on them.

One ``Questions`` for each process, for every route that may query Finnhub or follow a symbol. On
the event loop, synchronous; the clock is an argument. Known answers cost nothing and are not
counted: the routes take a token only if upstream would have to be queried.

A page of another site can make any browser send such requests, even with an ``<img>``, which has no
``Origin``. So a request that the browser marks as ``cross-site`` (``Sec-Fetch-Site``) passes only
if its ``Origin`` or ``Referer`` is allowed by the Origin rule. Programs do not send that header.

Bounds: a bucket for each of ``ADDRESSES`` addresses and a time for each of ``ASKED`` questions; the
least recently used are forgotten.
"""

import math
from urllib.parse import urlsplit

import msgspec
from starlette.requests import Request

from photon_app.clock import SYSTEM, Time
from photon_app.feed.finnhub.answers import Answers
from photon_app.gateway.address import client_address
from photon_app.gateway.origin import OriginRule
from photon_app.gateway.quota import Quota
from photon_app.settings import Settings

ADDRESSES, ASKED = 4096, 4096
REPEAT_S = 300.0
"""The same question of an address within this time counts as a repetition."""
MINUTE_S = 60.0


class QuestionRefusal(msgspec.Struct, frozen=True):
    """Why a question is not answered, as sent to the client."""

    status: int
    sentence: str
    retry_after_s: int | None = None
    """The value of ``Retry-After``."""

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the answer."""
        return {} if self.retry_after_s is None else {"Retry-After": str(self.retry_after_s)}


class Questions:
    """The limits on questions, and the recent ones.

    Args:
        per_minute: how many questions that cost something an address may ask per minute; also the
            burst.
        rule: which pages may ask.
        proxy_hops: how many trusted proxies are in front of this server.
        time: of this process.
    """

    def __init__(
        self, *, per_minute: int, rule: OriginRule, proxy_hops: int, time: Time = SYSTEM
    ) -> None:
        self._per_minute = per_minute
        self._quota = Quota(per_minute / MINUTE_S, per_minute, ADDRESSES)
        self._rule = rule
        self._proxy_hops = proxy_hops
        self._now_s = time.monotonic
        self._asked: Answers[tuple[str | None, str], bool] = Answers(ASKED)
        self.refused = {"cross_site": 0, "per_ip": 0}
        """How many questions were refused since the start, by reason."""

    @classmethod
    def of(cls, settings: Settings, time: Time = SYSTEM) -> "Questions":
        """The limits of these settings."""
        return cls(
            per_minute=settings.questions_per_min,
            rule=OriginRule.of(settings),
            proxy_hops=settings.proxy_hops,
            time=time,
        )

    def address(self, request: Request) -> str | None:
        """The key of a request's client address."""
        return client_address(request.scope, self._proxy_hops)

    def cross_site(self, request: Request) -> QuestionRefusal | None:
        """Why the page that sent a request may not ask, or ``None`` if it may."""
        headers = request.headers
        if headers.get("sec-fetch-site", "").strip().lower() != "cross-site":
            return None
        page = headers.get("origin") or _origin(headers.get("referer", ""))
        if page is not None and self._rule.refusal(page, headers.get("host")) is None:
            return None
        self.refused["cross_site"] += 1
        return QuestionRefusal(
            403,
            "a page of another site may not ask what can cost a question upstream: add its Origin "
            "to FRONTEND_URL",
        )

    def take(self, address: str | None) -> QuestionRefusal | None:
        """Count a question; returns why it may not be asked now, or ``None`` if it may."""
        if self.spend(address):
            return None
        self.refused["per_ip"] += 1
        wait_s = math.ceil(self._quota.retry_after_s(address))
        return QuestionRefusal(
            429,
            f"your address may ask {self._per_minute} questions a minute that cost something "
            f"upstream (PHOTON_QUESTIONS_PER_MIN): try again in {wait_s} s",
            wait_s,
        )

    def spend(self, address: str | None) -> bool:
        """Count something else that costs as much; returns false if it may not be done now."""
        return self._quota.take(address, self._now_s())

    def repeats(self, address: str | None, question: str) -> bool:
        """Whether this address asked the same question recently; remembers that it does now."""
        now_s, key = self._now_s(), (address, question)
        before = self._asked.get(key, now_s) is not None
        self._asked.keep(key, True, now_s + REPEAT_S)
        return before


def _origin(referer: str) -> str | None:
    """The origin of the page in a ``Referer``."""
    scheme, _, rest = referer.partition("://")
    try:
        host = urlsplit(referer).netloc
    except ValueError:
        return None
    return f"{scheme}://{host}".lower() if rest and host and "@" not in host else None
