"""Random scripts for the fake Finnhub: how lines are refused, live and end."""

import random
from collections.abc import Callable

from tests.chaos.exchange import Exchange
from tests.fakes.finnhub_script import Close, Cut, Freeze, HangUp, Refuse, Step, Tell, Times, Visit
from tests.fakes.finnhub_script import Wait as Pause

Mood = tuple[str, Visit]
"""A name and what is played."""

_CODES = (1000, 1001, 1008, 1011, 1012, 4001)


def moods(rng: random.Random, exchange: Exchange, count: int) -> list[Mood]:
    """So many at least, in the order in which they are played: the key is refused once at most, and
    a line that is soon ended is ended so several times.
    """
    drawn: list[Mood] = []
    while len(drawn) < count:
        mood = _mood(rng, exchange)
        drawn += [mood] * (rng.randint(3, 9) if mood[0].startswith("accept") else 1)
    if rng.random() < 0.5:
        drawn[rng.randint(1, 4)] = ("refused key", (Refuse(401),))
    return drawn


def calm(exchange: Exchange) -> Visit:
    """A line that lives, and on which everything trades."""
    return (Times(10**9, (Tell(exchange.ordinary), Pause(1))),)


def _mood(rng: random.Random, exchange: Exchange) -> Mood:
    kinds: list[tuple[int, Callable[[random.Random, Exchange], Mood]]] = [
        (3, _refused),
        (1, _dropped),
        (7, _living),
    ]
    (draw,) = rng.choices([kind for _, kind in kinds], [weight for weight, _ in kinds])
    return draw(rng, exchange)


def _refused(rng: random.Random, _: Exchange) -> Mood:
    status = rng.choice((200, 403, 429, 500, 503, 0))
    if status == 0:
        return ("hang up", (HangUp(),))
    headers = {}
    if status in {429, 503} and rng.random() < 0.5:
        headers["Retry-After"] = str(rng.randint(0, 120))
    return (f"HTTP {status}", (Refuse(status, headers),))


def _dropped(rng: random.Random, exchange: Exchange) -> Mood:
    """Accepted, and soon ended."""
    wait = Pause(rng.uniform(0, 3))
    steps: tuple[Step, ...] = (wait, Tell(exchange.ordinary)) if rng.random() < 0.5 else (wait,)
    name, end = _ending(rng)
    return (f"accept, then {name}", (*steps, end))


def _living(rng: random.Random, exchange: Exchange) -> Mood:
    """A line of some minutes, of one to four tempers."""
    steps: list[Step] = [Pause(rng.uniform(0, 3))]
    names = []
    for _ in range(rng.randint(1, 4)):
        name, step = _temper(rng, exchange)
        names.append(name)
        steps.append(step)
    name, end = _ending(rng)
    return (f"{names[-1]}, then {name}", (*steps, end))


def _temper(rng: random.Random, exchange: Exchange) -> tuple[str, Step]:
    turns = rng.randint(10, 120)
    kinds: list[tuple[str, Step]] = [
        ("ordinary", Times(turns, (Tell(exchange.ordinary), Pause(rng.uniform(0.2, 2))))),
        ("wild", Times(turns, (Tell(exchange.wild), Pause(rng.uniform(0.1, 2))))),
        ("wild", Times(turns, (Tell(exchange.wild), Pause(rng.uniform(0.1, 2))))),
        ("bursts", Times(rng.randint(1, 4), (Tell(exchange.burst), Pause(rng.uniform(1, 9))))),
        ("pings", Times(rng.randint(1, 4), (Pause(60), Tell(exchange.ping)))),
        ("huge", Times(1, (Tell(exchange.huge), Pause(5)))),
    ]
    return rng.choice(kinds)


def _ending(rng: random.Random) -> tuple[str, Step]:
    code, mid = rng.choice(_CODES), rng.random() < 0.4
    ends: list[tuple[str, Step]] = [
        *[(f"close {code}{' mid-message' * mid}", Close(code, "", mid_message=mid))] * 4,
        *[(f"cut{' mid-message' * mid}", Cut(mid_message=mid))] * 3,
        ("silence", Freeze()),
    ]
    return rng.choice(ends)
