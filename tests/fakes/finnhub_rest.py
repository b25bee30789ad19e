"""Finnhub's REST interface, answered by the fake on its own port.

``FakeRest`` answers ``/api/v1/quote``, ``/search`` and ``/stock/profile2`` from what a test puts
into ``quotes``, ``listings`` and ``profiles``, or with the next of ``answers``, whatever it is. It
writes down all that is asked in ``asked``, and in ``faults`` what Finnhub would let pass and Photon
must not do: the key in the query.

To extend it: a new path is a method in ``_PATHS``. Never make it kinder than Finnhub.
"""

import dataclasses
import http
import json
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.datastructures import Headers
from websockets.http11 import Request, Response

PREFIX = "/api/v1"
NOTHING = {"c": 0, "d": None, "dp": None, "h": 0, "l": 0, "o": 0, "pc": 0, "t": 0}
"""What Finnhub says of a symbol that it does not know."""
LIMIT = {"error": "API limit reached. Please try again later. Remaining Limit: 0"}
BAD_KEY = {"error": "Invalid API key."}


@dataclasses.dataclass(frozen=True)
class Answer:
    """One HTTP answer; a body that is no text becomes JSON."""

    status: int = 200
    body: Any = dataclasses.field(default_factory=dict)
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)


OVER = Answer(429, LIMIT)
OVER_WITH_200 = Answer(200, LIMIT)
"""Finnhub was seen to say so."""


@dataclasses.dataclass(frozen=True)
class Asked:
    """One request."""

    at_s: float
    path: str
    params: Mapping[str, str]


def quote(price: float, time_s: int, prev_close: float | None = None) -> dict[str, Any]:
    """An answer to ``/quote``."""
    close = price if prev_close is None else prev_close
    return {
        "c": price,
        "d": round(price - close, 4),
        "dp": round((price - close) / close * 100, 4),
        "h": price,
        "l": price,
        "o": price,
        "pc": close,
        "t": time_s,
    }


class FakeRest:
    """Answers plain HTTP requests.

    Args:
        now_s: the fake's clock.
        key: the only good key; any but none is good when not given.
        per_minute: above it the answer is 429; no limit when not given.
    """

    def __init__(
        self, now_s: Callable[[], float], key: str | None = None, per_minute: int | None = None
    ) -> None:
        self._now_s = now_s
        self._key = key
        self._per_minute = per_minute
        self.quotes: dict[str, Any] = {}
        """What ``/quote`` says, by symbol; the others are unknown."""
        self.listings: list[dict[str, str]] = []
        """What ``/search`` finds in, in Finnhub's shape."""
        self.profiles: dict[str, dict[str, str]] = {}
        self.answers: deque[Answer] = deque()
        """What the next requests are answered with, before anything else is looked at."""
        self.asked: list[Asked] = []
        self.delay_s = 0.0
        """How long a request waits for its answer."""
        self.over = 0
        """How many requests came above ``per_minute``."""
        self.faults: list[str] = []
        self.on_quote: Callable[[str], Any] = lambda symbol: self.quotes.get(symbol, NOTHING)

    def answer(self, request: Request) -> Response:
        """Answer one request, whose path begins with ``PREFIX``."""
        parts = urlsplit(request.path)
        params = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if "token" in params:
            self.faults.append("the key is in the query")
            params.pop("token")
        path = parts.path.removeprefix(PREFIX)
        self.asked.append(Asked(self._now_s(), path, params))
        return _response(self._choose(path, params, request.headers))

    def times(self, symbol: str) -> list[float]:
        """When ``/quote`` was asked for a symbol."""
        return [a.at_s for a in self.asked if a.path == "/quote" and a.params["symbol"] == symbol]

    def _choose(self, path: str, params: Mapping[str, str], headers: Headers) -> Answer:
        if self._is_over():
            self.over += 1
            return OVER
        if self.answers:
            return self.answers.popleft()
        token = headers.get("X-Finnhub-Token")
        if not token or self._key not in {None, token}:
            return Answer(401, BAD_KEY)
        found = _PATHS.get(path)
        return Answer(404, "not found") if found is None else found(self, params)

    def _is_over(self) -> bool:
        if self._per_minute is None:
            return False
        since = self._now_s() - 60
        return sum(asked.at_s > since for asked in self.asked) > self._per_minute

    def _quote(self, params: Mapping[str, str]) -> Answer:
        if "symbol" not in params:
            return Answer(422, {"error": "Missing parameters"})
        return Answer(200, self.on_quote(params["symbol"]))

    def _search(self, params: Mapping[str, str]) -> Answer:
        wanted = params.get("q", "").casefold()
        result = [
            listing
            for listing in self.listings
            if wanted in listing["symbol"].casefold() or wanted in listing["description"].casefold()
        ]
        return Answer(200, {"count": len(result), "result": result})

    def _profile(self, params: Mapping[str, str]) -> Answer:
        return Answer(200, self.profiles.get(params.get("symbol", ""), {}))


_PATHS: dict[str, Callable[[FakeRest, Mapping[str, str]], Answer]] = {
    "/quote": FakeRest._quote,
    "/search": FakeRest._search,
    "/stock/profile2": FakeRest._profile,
}


def _response(answer: Answer) -> Response:
    body = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
    data = body.encode()
    status = http.HTTPStatus(answer.status)
    headers = Headers(
        {
            "Content-Type": "application/json; charset=utf-8",
            "Content-Length": str(len(data)),
            "Connection": "close",
            **answer.headers,
        }
    )
    return Response(status.value, status.phrase, headers, data)
