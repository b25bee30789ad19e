"""The laws of a chaos run, and who watches over them.

A ``Judge`` collects complaints by law while the app runs, and at the end judges the histories: of
the feed's attempts and lines (``Door``), and of what the fake saw. Its times are the fast clock's,
unless they say otherwise; ``slack_s`` is how late the machine can make something.
"""

import dataclasses
import logging
from collections import Counter, deque
from collections.abc import Callable
from itertools import pairwise

from photon_app.feed.finnhub_wire import Subscribe
from tests.chaos.door import Attempt, Door
from tests.fakes.finnhub import FakeFinnhub

SHORT_S = 10.0
SILENCE_S = 150.0

KEPT = 12
"""Complaints of one law that are printed."""

LAWS = {
    "book": "last price, volume and day of every symbol are what the frames received amount to",
    "bars": "every second and minute is what its trades amount to",
    "delivery": "a line receives what was sent on it, in order, all of it when closed in order",
    "clients": "each client sees its protocol kept: order, seq, times, prices, states",
    "lines": "never two at once; each is sent each symbol once, ten a second, within the limit",
    "policy": "delays between attempts by reason, and no more than eight attempts a minute",
    "rest": "60 requests a minute, never the key in a query",
    "secret": "the key is in no output",
    "health": "every question is answered, and nothing of ours fails",
    "recovery": "once Finnhub is well all is live or polled, and says so",
    "leaks": "nothing stays behind: tasks, sockets, lines, memory",
}


class Judge:
    """Complaints by law.

    Args:
        secret: what no output may hold.
    """

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self.complaints: dict[str, list[str]] = {law: [] for law in LAWS}
        self.counts: Counter[str] = Counter()

    def complain(self, law: str, what: str) -> None:
        """A law was broken."""
        self.counts[law] += 1
        if len(self.complaints[law]) < KEPT:
            self.complaints[law].append(what[:600])

    def check(self, law: str, holds: bool, what: str) -> None:
        """A law is broken unless this holds."""
        if not holds:
            self.complain(law, what)

    def look_at(self, output: str, where: str) -> None:
        """Some output of the app."""
        if self._secret in output:
            self.complain("secret", f"the key is in {where}: {output[:200]}")

    @property
    def broken(self) -> list[str]:
        """The laws that were broken."""
        return [law for law in LAWS if self.counts[law]]


class Listener(logging.Handler):
    """Reads every log line of every logger, as it would be written, with its traceback."""

    def __init__(self, judge: Judge) -> None:
        super().__init__(logging.DEBUG)
        self._judge = judge
        self.newest: deque[str] = deque(maxlen=25)
        self.lines = 0
        self.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """One line."""
        if record.name == "websockets.server":
            return  # the fake's own, which may know the key
        text = self.format(record)
        self.lines += 1
        self._judge.look_at(text, "a log line")
        if record.name.startswith("photon_app"):
            self.newest.append(text)
        if record.levelno >= logging.ERROR:
            self._judge.complain("health", f"logged: {text}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bounds:
    """What holds for one run."""

    limit: int
    slack_s: float
    late_s: Callable[[float, float], float]
    """Seconds that the machine lost between two moments."""

    def slack(self, first_s: float, last_s: float) -> float:
        """How much later than it should something may be that began and ended then."""
        return self.slack_s + self.late_s(first_s, last_s)


def judge_lines(judge: Judge, fake: FakeFinnhub, door: Door, bounds: Bounds) -> None:
    """What the fake saw of each line."""
    judge.check("lines", fake.most_open <= 1, f"{fake.most_open} lines were open at once")
    for line in fake.connections:
        judge.check(
            "lines",
            line.most_subscribed <= bounds.limit,
            f"{line.most_subscribed} symbols were subscribed at once",
        )
        known: set[str] = set()
        for command in line.commands:
            symbol = getattr(command, "symbol", "")
            if isinstance(command, Subscribe):
                again = symbol in known and symbol not in line.refused
                judge.check("lines", not again, f"{symbol} was subscribed twice on one line")
                known.add(symbol)
            else:
                judge.check("lines", symbol in known, f"{symbol} was let go and never asked for")
                known.discard(symbol)
    for attempt in door.attempts:
        for first, second in pairwise(attempt.sent_s):
            judge.check("lines", second - first >= 0.1, f"two messages in {second - first:.3f} s")


def judge_delivery(judge: Judge, sent: dict[int, list[bytes]], door: Door) -> int:
    """What was received of what was sent. Returns how many frames were lost with their lines."""
    lost = 0
    for attempt in door.attempts:
        if attempt.opened_s is None:
            continue
        frames, got = sent.get(attempt.port, []), attempt.received
        prefix = frames[: len(got)] == got
        judge.check("delivery", prefix, f"line {attempt.port} received {_differ(frames, got)}")
        missing = len(frames) - len(got)
        lost += missing
        in_order = attempt.close_code is None or missing == 0
        judge.check(
            "delivery",
            in_order,
            f"line {attempt.port}: {missing} of {len(frames)} frames were lost before a closing "
            f"frame {attempt.close_code}",
        )
    return lost


def judge_policy(judge: Judge, door: Door, bounds: Bounds) -> None:
    """When the next attempt came after each."""
    attempts = door.attempts
    surely = maybe = 0
    for attempt, following in pairwise(attempts):
        gap_s = following.began_s - attempt.ended_s
        slack_s = bounds.slack(attempt.ended_s, following.began_s)
        surely = surely + 1 if _is_short(attempt, SHORT_S) else 0
        lived_slack_s = bounds.slack(attempt.began_s, attempt.ended_s)
        maybe = maybe + 1 if _is_short(attempt, SHORT_S + lived_slack_s) else 0
        least_s, most_s = _bounds_of(attempt, surely, maybe, lived_slack_s - bounds.slack_s)
        judge.check(
            "policy",
            least_s - 0.01 <= gap_s <= most_s + slack_s,
            f"{gap_s:.1f} s after {_words(attempt)}, short {surely} to {maybe} times: "
            f"expected {least_s:.0f} to {most_s:.0f}",
        )
    for attempt in attempts:
        silent_s = attempt.ended_s - attempt.heard_s
        judge.check(
            "policy",
            silent_s <= SILENCE_S + bounds.slack(attempt.heard_s, attempt.ended_s),
            f"a line was kept for {silent_s:.0f} s of silence",
        )
    for first, ninth in zip(attempts, attempts[8:], strict=False):
        span_s = ninth.began_s - first.began_s
        judge.check("policy", span_s > 60, f"nine attempts in {span_s:.1f} s")


def judge_rest(judge: Judge, fake: FakeFinnhub, asked_s: list[float], bounds: Bounds) -> None:
    """How often REST was asked, and how."""
    for first, later in zip(asked_s, asked_s[60:], strict=False):
        # The first may have been let go before the machine stood still, and left only after.
        slack_s = bounds.slack_s / 6 + bounds.late_s(first - 10.0, later)
        judge.check("rest", later - first >= 60 - slack_s, f"61 requests in {later - first:.1f} s")
    for fault in fake.rest.faults[:1]:
        judge.complain("rest", fault)


def _bounds_of(attempt: Attempt, surely: int, maybe: int, late_s: float) -> tuple[float, float]:
    """The least and most delay that docs/finnhub.md allows after this attempt, which ends a row of
    so many short lines: at least ``surely``, at most ``maybe``. The machine lost ``late_s`` in it.
    """
    asked_s = min(attempt.retry_after_s, 900.0)
    if attempt.status == 401:
        return 900.0, 900.0
    if attempt.status == 429:
        return max(61.0, asked_s), max(120.0, asked_s)
    if attempt.opened_s is not None and attempt.alive_s - attempt.opened_s >= 31 + late_s:
        return 1.0, 2.0
    if attempt.opened_s is not None and attempt.alive_s - attempt.opened_s >= 29 - late_s:
        return 1.0, 120.0  # too close to the edge to say
    kicked = attempt.close_code in {1008, 4001} or surely >= 2
    if kicked:
        return 61.0, 120.0
    return max(1.0, asked_s), max(120.0 if maybe >= 2 else 60.0, asked_s)


def _is_short(attempt: Attempt, within_s: float) -> bool:
    """Whether a line ended right after it opened, with no code of the server's."""
    if attempt.opened_s is None or attempt.close_code in {1001, 1011, 1012}:
        return False
    return attempt.ended_s - attempt.opened_s < within_s


def _words(attempt: Attempt) -> str:
    if attempt.opened_s is None:
        return f"HTTP {attempt.status}" if attempt.status else "no line"
    lived_s = attempt.ended_s - attempt.opened_s
    alive_s = attempt.alive_s - attempt.opened_s
    return f"a line of {lived_s:.1f} s, alive {alive_s:.1f} s, closed with {attempt.close_code}"


def _differ(sent: list[bytes], got: list[bytes]) -> str:
    for place, frame in enumerate(got):
        if place >= len(sent) or sent[place] != frame:
            meant = sent[place][:80] if place < len(sent) else None
            return f"{frame[:80]!r} as number {place} instead of {meant!r}"
    return "nothing else"
