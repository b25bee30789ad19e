"""A seeded tape: everything that a tape does to its readers.

Trades of all sessions and outside them, some in one millisecond; late by seconds, by minutes, and
too late; closing crosses, volume without a price; and all of it crowded around each moment at which
a session or day turns.
"""

import random
from collections.abc import Iterator

from tests.reference.prints import Print
from tests.week.hours import COIN, MINUTE, PAIR, STOCK, SYMBOLS, Hours

EVERY = {"pre": 12, "regular": 6, "post": 12, "closed": 90}
"""Minutes between two moments of trading, about, in each session."""
START_PRICES = {STOCK: 180.0, COIN: 64_000.0, PAIR: 1.085}
DECIMALS = {STOCK: 2, COIN: 2, PAIR: 5}
FRAME_MS = 100
"""Upstream sends a frame at most so often."""
AROUND_MS = (-150_000, -40_000, -2_500, -900, -1, 0, 250, 1_400, 25_000, 61_000, 170_000)
"""When trades are made around a turn."""
DELAYS = ((0.90, 20, 400), (0.05, 500, 1_900), (0.03, 8_000, 240_000), (0.02, 400_000, 900_000))
"""The share of trades that come so late, in ms; no market's tape is this bad. Around turns more do,
so that the order in which they come is another than that in which they were made.
"""


def tape(
    hours: Hours, begin: int, end: int, seed: int, *, busy: tuple[int, ...] = ()
) -> list[Print]:
    """All prints between two times, in the order in which they come.

    Args:
        hours: when there are any.
        begin: they are made then or later,
        end: and come before that.
        seed: of chance.
        busy: moments at which every symbol is traded.
    """
    draw = random.Random(seed)
    made = [p for s in SYMBOLS for p in _prints(hours, s, (begin, end), draw, busy)]
    whole = (p._replace(arrives_ms=p.arrives_ms + -p.arrives_ms % FRAME_MS) for p in made)
    return sorted((p for p in whole if p.arrives_ms < end), key=lambda p: (p.arrives_ms, p))


def _prints(
    hours: Hours,
    symbol: str,
    within: tuple[int, int],
    draw: random.Random,
    busy: tuple[int, ...],
) -> Iterator[Print]:
    begin, end = within
    price, first = START_PRICES[symbol], begin + 5_000
    yield Print(symbol, price, 10, first, (), first + 50)
    closes = [at for at, session in hours.changes(begin, end) if session == "post"]
    crosses = {at + draw.randrange(300, 59_000) for at in closes if symbol == STOCK}
    turns = hours.turns(symbol, begin, end)
    crowded = {turn + away for turn in turns for away in AROUND_MS if turn + away > first}
    crowded.update(busy)
    for at in sorted(crosses | crowded | _moments(hours, symbol, first, end, draw)):
        for _ in range(draw.choice((1, 1, 1, 2, 3))):
            price = round(price * draw.gauss(1, 0.0008), DECIMALS[symbol])
            conditions = _conditions(hours.session(symbol, at), symbol, draw)
            delay = draw.choice((50, 1_700, 3_000)) if at in crowded else _delay(draw)
            volume = _volume(symbol, draw)
            yield Print(symbol, price, volume, at, conditions, at + delay)
        if at in crosses:  # the closing auction, printed on time or behind later trades
            code, late = draw.choice(("35", "36")), draw.choice((100, 100, 45_000))
            yield Print(symbol, round(price * 1.01, 2), 25_000, at, (code,), at + late)


def _moments(hours: Hours, symbol: str, begin: int, end: int, draw: random.Random) -> set[int]:
    moments, at = set(), begin
    while at < end:
        mean = EVERY[hours.session(symbol, at)] * MINUTE
        at += draw.randrange(mean // 3, mean * 5 // 3)
        moments.add(at)
    return moments


def _volume(symbol: str, draw: random.Random) -> float:
    if symbol == PAIR:
        return 0
    return round(draw.random(), 4) if symbol == COIN else draw.randrange(1, 500)


def _conditions(session: str, symbol: str, draw: random.Random) -> tuple[str, ...]:
    if symbol != STOCK:
        return ()
    odd = draw.choice(((), ("1",), ("12",), ("1", "8")))
    average = ("3",) if draw.random() < 0.06 else ()
    return (*odd, *average, *(() if session == "regular" else ("24",)))


def _delay(draw: random.Random) -> int:
    share = draw.random()
    for part, least, most in DELAYS:
        share -= part
        if share < 0:
            return draw.randrange(least, most)
    return DELAYS[0][1]
