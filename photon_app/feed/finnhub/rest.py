"""Finnhub over REST: a symbol's day, names, and search.

Owns the HTTP client, the budget of the key, the cache of earlier answers, and the pauses that
Finnhub asks for. It measures this machine's clock by the ``Date`` of the answers. Runs on the event
loop. Its methods never raise for upstream trouble: they return facts. Equal questions in flight are
sent once, and continue when their caller gives up: the answer is kept for the next one. Waiting
calls are bounded by the budget's queues; an answer is at most 1 MiB and arrives within 10 s or not
at all.

The key is sent in a header to the configured address and nowhere else: redirects are not followed,
proxies of the environment are not used, and httpx's logging is off. A polling call always takes
time, even when no request is sent, so that a loop around it never blocks the event loop.
"""

import asyncio
import dataclasses
import datetime as dt
import functools
import logging
import random
import statistics
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import httpx
import msgspec
from tenacity import AsyncRetrying, RetryCallState, retry_if_result, stop_after_attempt

from photon_app.clock import SYSTEM, Time
from photon_app.feed.awake import Awake
from photon_app.feed.finnhub import rest_wire
from photon_app.feed.finnhub.answers import Answers
from photon_app.feed.finnhub.backoff import REFUSED_KEY_S
from photon_app.feed.finnhub.budget import Budget, Lane
from photon_app.feed.finnhub.deadline import within
from photon_app.feed.finnhub.offset import REPORTED_MS
from photon_app.feed.finnhub.poll_schedule import VERDICT_S
from photon_app.feed.finnhub.rest_wire import Failed, Unknown
from photon_app.feed.finnhub.spelling import Spellings
from photon_app.model import Listing, Seed
from photon_app.settings import Secret

MAX_ANSWER_BYTES = 2**20
ANSWER_S = 10.0
ATTEMPTS = 3
PATIENCE_S, SEARCH_PATIENCE_S = 75.0, 1.0
"""How long a call may wait for its turn; a search is soon replaced by the one for the next
letter."""
MINUTE_S = 60.0
HOUR_S = 3600.0
DAY_S = 86_400.0
DATES = 5
"""Number of recent answers by which this machine's clock is measured."""
LONGEST_PAUSE_S = 900.0
IDLE_POLL_S = 1.0
"""How long a polling call takes when no request is sent."""

PAGE = ("names for the page",)
"""All names together share the allowance of one address: which client's page wants one is not known
here."""
QUOTES = 4096
NAMES = 4096
SEARCHES = 256

_log = logging.getLogger(__name__)

A = TypeVar("A", Seed | Unknown, Listing | Unknown, tuple[Listing, ...])


class RestCounters(msgspec.Struct):
    """Requests since the start. Only ``FinnhubRest`` writes; ``/health`` reads."""

    requests: int = 0
    """Requests sent, retries included."""
    throttled: int = 0
    """Answers that said "too often", and calls that met an exhausted budget or a pause."""
    failed: int = 0
    """Requests without a usable answer, except throttled ones."""
    cached: int = 0
    """Calls answered without a request of their own."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Question(Generic[A]):
    """One request, and how to handle its answer."""

    path: str
    params: tuple[tuple[str, str], ...]
    lane: Lane
    patience_s: float
    decode: Callable[[bytes], A | Failed]
    memory: Answers[tuple[tuple[str, str], ...], Any]
    fresh: bool = False
    """Whether a cached answer will not do."""
    unknown_s: float = DAY_S
    """How long an ``Unknown`` is remembered."""
    addresses: tuple[str, ...] = ()
    """The addresses that want the answer."""


class FinnhubRest:
    """One key's REST calls.

    Args:
        url: such as ``https://finnhub.io/api/v1``.
        key: the API key.
        time: what waits and stamps.
        transport: httpx's, or a stand-in.
        rng: jitter of the retries.
        spellings: how upstream writes symbols.
    """

    def __init__(
        self,
        url: str,
        key: Secret,
        *,
        time: Time = SYSTEM,
        transport: httpx.AsyncBaseTransport | None = None,
        rng: random.Random | None = None,
        spellings: Spellings | None = None,
    ) -> None:
        self._spellings = spellings or Spellings()
        self._time = Awake.over(time)
        self._rng = rng or random.Random()
        self._budget = Budget(self._time)
        self._client = _client(url, key, transport)
        self._quotes: Answers[Any, Any] = Answers(QUOTES)
        self._names: Answers[Any, Any] = Answers(NAMES)
        self._searches: Answers[Any, Any] = Answers(SEARCHES)
        self._flights: dict[object, asyncio.Task[Any]] = {}
        self._paused: Failed | None = None
        self._paused_until_s = 0.0
        self._closed = False
        self._fast_ms: deque[int] = deque(maxlen=DATES)
        self._leaps: object = None
        self.counters = RestCounters()

    @property
    def paused_s(self) -> float:
        """Seconds for which no request will be sent, because Finnhub said so; else 0."""
        return max(0.0, self._paused_until_s - self._time.monotonic())

    async def quote(
        self, symbol: str, *, polling: bool = False, addresses: tuple[str, ...] = ()
    ) -> Seed | Unknown | Failed:
        """A symbol's day and last price.

        Args:
            symbol: canonical.
            polling: send a new request, in the lane of periodic callers, and only once.
            addresses: the addresses that want the answer, as far as they are known.
        """
        spelling = self._spellings.of(symbol)
        question = _Question[Seed | Unknown](
            path="/quote",
            params=(("symbol", spelling),),
            lane=Lane.POLL if polling else Lane.LOOKUP,
            patience_s=PATIENCE_S,
            decode=lambda body: rest_wire.decode_quote(symbol, body, self._server_ms()),
            memory=self._quotes,
            fresh=polling,
            unknown_s=VERDICT_S,
            addresses=addresses,
        )
        asked = self.counters.requests
        answer = await self._answer(question)
        if isinstance(answer, Failed) and answer.reason == "empty":
            self._spellings.unanswered(symbol)
        elif isinstance(answer, Seed) and self._spellings.of(symbol) == spelling:
            self._spellings.learn(spelling)
        if polling and self.counters.requests == asked:
            await self._time.sleep(IDLE_POLL_S)
        return answer

    def wait_s(self, addresses: tuple[str, ...], *, polling: bool = False) -> float:
        """Seconds for which ``quote`` would wait for its turn if no other caller asks."""
        return self._budget.wait_s(Lane.POLL if polling else Lane.LOOKUP, addresses)

    @property
    def fast_ms(self) -> int | None:
        """How fast this machine's clock is, by the last answers; negative when it is slow, ``None``
        before there are any.
        """
        self._look_at_clock()
        return round(statistics.median_low(self._fast_ms)) if self._fast_ms else None

    def knows_quote(self, symbol: str) -> bool:
        """Whether ``quote`` is answered from the cache, even if only with a failure."""
        params = (("symbol", self._spellings.of(symbol)),)
        return self._quotes.get(params, self._time.monotonic()) is not None

    def knows_search(self, query: str) -> bool:
        """Whether ``search`` is answered from the cache."""
        return self._searches.get(_searched(query), self._time.monotonic()) is not None

    async def search(
        self, query: str, addresses: tuple[str, ...] = ()
    ) -> tuple[Listing, ...] | Failed:
        """The listings that Finnhub finds, in its order, at most 50.

        Args:
            query: as it was typed.
            addresses: the addresses that want the answer, as far as they are known.
        """
        question = _Question[tuple[Listing, ...]](
            path="/search",
            params=_searched(query),
            lane=Lane.SEARCH,
            patience_s=SEARCH_PATIENCE_S,
            decode=rest_wire.decode_search,
            memory=self._searches,
            addresses=addresses,
        )
        answer = await self._answer(question)
        for one in answer if isinstance(answer, tuple) else ():
            if one.spelling:
                self._spellings.learn(one.spelling)
        return answer

    async def profile(self, symbol: str) -> Listing | Unknown | Failed:
        """The company behind a symbol; ``Unknown`` is not a verdict on the symbol."""
        question = _Question[Listing | Unknown](
            path="/stock/profile2",
            params=(("symbol", self._spellings.of(symbol)),),
            lane=Lane.LOOKUP,
            patience_s=PATIENCE_S,
            decode=functools.partial(rest_wire.decode_profile, symbol),
            memory=self._names,
            addresses=PAGE,
        )
        return await self._answer(question)

    async def aclose(self) -> None:
        """Cancel the requests in flight, which then fail, and close the connections."""
        self._closed = True
        flights = list(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)
        await self._client.aclose()

    async def _answer(self, question: _Question[A]) -> A | Failed:
        kept: A | Failed | None = question.memory.get(question.params, self._time.monotonic())
        if kept is not None and not (question.fresh and isinstance(kept, Seed | Unknown)):
            self.counters.cached += 1
            return kept
        key = (question.path, question.params, question.lane)
        flight: asyncio.Task[A | Failed] | None = self._flights.get(key)
        if flight is None:
            flight = asyncio.create_task(self._fly(question))
            self._flights[key] = flight
            flight.add_done_callback(lambda _: self._flights.pop(key))
        else:
            self.counters.cached += 1
        await asyncio.wait({flight})  # unlike awaiting it, this does not cancel it with the caller
        return _CLOSED if flight.cancelled() else flight.result()

    async def _fly(self, question: _Question[A]) -> A | Failed:
        """Ask until there is an answer, it is certain that there is none, or the attempts are used
        up.
        """
        retrying = AsyncRetrying(
            sleep=self._time.sleep,
            stop=stop_after_attempt(1 if question.lane is Lane.POLL else ATTEMPTS),
            wait=self._delay_s,
            retry=retry_if_result(_passing),
            retry_error_callback=_last_answer,
        )
        answer: A | Failed = await retrying(self._ask, question)
        lifetime_s = question.unknown_s if isinstance(answer, Unknown) else _lifetime_s(answer)
        if lifetime_s:
            question.memory.keep(question.params, answer, self._time.monotonic() + lifetime_s)
        return answer

    def _delay_s(self, state: RetryCallState) -> float:
        longest = float(2**state.attempt_number)
        return self._rng.uniform(longest / 4, longest / 2)

    async def _ask(self, question: _Question[A]) -> A | Failed:
        """Ask once, within the budget."""
        if (refusal := self._refusal()) is not None:
            return refusal
        if not await self._budget.take(question.lane, question.patience_s, question.addresses):
            self.counters.throttled += 1
            return _BUSY
        if (refusal := self._refusal()) is not None:  # a pause began during the wait
            return refusal
        self.counters.requests += 1
        answer = await within(self._time, ANSWER_S, self._get(question))
        if answer is None:
            answer = Failed(reason="network", detail="Finnhub did not answer in time")
        if isinstance(answer, Failed):
            self._note(answer)
        return answer

    def _refusal(self) -> Failed | None:
        if self._closed:
            return _CLOSED
        if self._paused is None or not (left_s := self.paused_s):
            return None
        self.counters.throttled += 1
        return msgspec.structs.replace(self._paused, retry_s=left_s)

    async def _get(self, question: _Question[A]) -> A | Failed:
        try:
            request = self._client.build_request(
                "GET", question.path.lstrip("/"), params=question.params
            )
            response = await self._client.send(request, stream=True)
            try:
                body = await _read(response)
            finally:
                await response.aclose()
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError):
            return _UNREACHABLE  # the error's text may contain the key, in a header it cannot send
        self._note_date(response.headers.get("date"))
        if body is None:
            return Failed(reason="garbage", detail="Finnhub's answer was too long or compressed")
        trouble = rest_wire.trouble(response.status_code, body)
        if trouble is None:
            return question.decode(body)
        if trouble.reason == "throttle":
            return self._quiet(trouble, response.headers.get("retry-after"))
        return trouble

    def _look_at_clock(self) -> None:
        """Forget what was measured before this machine's clock was set, or may have been."""
        self._time.monotonic()
        leaps = (self._time.slept_s, self._time.set_back_ms)
        if leaps != self._leaps:
            self._leaps = leaps
            self._fast_ms.clear()

    def _note_date(self, header: str | None) -> None:
        if (server_ms := rest_wire.date_ms(header)) is not None:
            self._look_at_clock()
            self._fast_ms.append(self._time.now_ms() - server_ms)

    def _server_ms(self) -> int:
        """The time by Finnhub's clock when this machine's clock is wrong, else by this
        machine's.
        """
        fast_ms = self.fast_ms or 0
        return self._time.now_ms() - (fast_ms if abs(fast_ms) >= REPORTED_MS else 0)

    def _quiet(self, trouble: Failed, header: str | None) -> Failed:
        """The failure with the wait that Finnhub asks for, or until the next minute if it asks for
        none.
        """
        now_ms = self._time.now_ms()
        asked_s = rest_wire.retry_after_s(header, now_ms)
        wait_s = MINUTE_S - now_ms / 1000 % MINUTE_S if asked_s is None else asked_s
        return msgspec.structs.replace(trouble, retry_s=min(max(wait_s, 1.0), LONGEST_PAUSE_S))

    def _note(self, failed: Failed) -> None:
        if failed.reason == "throttle":
            self.counters.throttled += 1
            self._pause(failed, failed.retry_s)
        else:
            self.counters.failed += 1
            if failed.reason == "auth":
                self._pause(failed, REFUSED_KEY_S)

    def _pause(self, why: Failed, seconds: float) -> None:
        until_s = self._time.monotonic() + seconds
        if until_s <= self._paused_until_s:
            return
        self._paused, self._paused_until_s = why, until_s
        at = dt.datetime.fromtimestamp(self._time.now_ms() / 1000 + seconds, dt.UTC)
        _log.warning("%s; nothing is asked over REST before %s UTC", why.detail, f"{at:%H:%M:%S}")


_CLOSED = Failed(reason="busy", detail="Photon is stopping", retry_s=MINUTE_S)
_BUSY = Failed(reason="busy", detail="too many calls wait for their turn", retry_s=1.0)
_UNREACHABLE = Failed(reason="network", detail="Finnhub could not be reached")


def _client(url: str, key: Secret, transport: httpx.AsyncBaseTransport | None) -> httpx.AsyncClient:
    for name in ("httpx", "httpcore"):  # they log every address that is requested
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    return httpx.AsyncClient(
        base_url=url.rstrip("/") + "/",
        headers=[
            (b"X-Finnhub-Token", key.reveal().encode()),
            (b"Accept", b"application/json"),
            (b"Accept-Encoding", b"identity"),  # so that a short answer cannot become a long one
        ],
        timeout=httpx.Timeout(ANSWER_S, connect=5.0),
        limits=httpx.Limits(max_connections=8, max_keepalive_connections=2),
        follow_redirects=False,
        trust_env=False,
        transport=transport,
    )


async def _read(response: httpx.Response) -> bytes | None:
    """The body, or ``None`` when it is too long or compressed."""
    if response.headers.get("content-encoding", "identity") != "identity":
        return None
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            return None
    return bytes(body)


def _searched(query: str) -> tuple[tuple[str, str], ...]:
    """A search as it is sent: the same for all ways to type it."""
    return (("q", " ".join(query.casefold().split())),)


def _passing(answer: object) -> bool:
    """Whether a retry soon may help."""
    return isinstance(answer, Failed) and answer.reason in {"network", "server"}


def _last_answer(state: RetryCallState) -> Any:
    assert state.outcome is not None, "an attempt has ended"
    return state.outcome.result()


def _lifetime_s(answer: object) -> float:
    """How long an answer stays valid."""
    match answer:
        case Seed() | Failed(reason="garbage"):
            return MINUTE_S
        case Listing():
            return DAY_S
        case Failed(reason="plan"):
            return HOUR_S
        case Failed(reason="empty"):
            return 10 * MINUTE_S
        case Failed():
            return 0.0
    return HOUR_S
