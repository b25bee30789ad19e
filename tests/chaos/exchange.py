"""What the fake Finnhub trades: every shape of frame, and what each of them means.

``Exchange`` invents frames for the symbols of a connection and writes down, when it makes one,
which trades a reader must find in it: so the judge needs no decoder. It also answers ``/quote``.
"""

import json
import random
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from tests.chaos.clock import FastTime
from tests.fakes import finnhub_rest as rest
from tests.fakes.finnhub_connection import FinnhubConnection
from tests.fakes.finnhub_script import PING, TOO_MANY
from tests.reference.prints import Print

STOCKS = (
    *("AAPL", "AMD", "AMZN", "GOOGL", "INTC", "META"),
    *("MSFT", "NFLX", "NVDA", "ORCL", "TSLA", "BRK.B"),
)
OTHERS = ("BINANCE:BTCUSDT", "BINANCE:ETHUSDT", "OANDA:EUR_USD", "IC MARKETS:1")
NONSENSE = ("NOPEA", "NOPEB", "NOPEC")
SYMBOLS = STOCKS + OTHERS

CONDITIONS: tuple[list[str] | None, ...] = (
    *((["1"], ["1", "8"], ["12"], ["24"], ["1", "24", "12"], [], None, ["99"]) * 3),
    *(["16"], ["3"], ["30"], ["39"], ["12", "37"]),
)
RUBBISH: tuple[str | bytes, ...] = (
    *("", "rubbish", "[]", "null", "7", '"x"', "{}", '{"type":7}', '{"data":[]}'),
    *('{"type":"news","data":[{"id":1}]}', '{"type":"pr"}', '{"type":"trade","data":{}}'),
    *('{"type":"trade","data":"x"}', '{"type":"error"}', '{"type":"error","msg":null}'),
    *('{"type":"trade","data":[{"p":1', "[" * 5_000, '{"type":"error","msg":"Invalid symbol ZZ"}'),
    *(b"\x00\xff\xfe", b"", b'{"type":"news"}', "\u0000", '{"type":"trade","data":[1e999999]'),
)
EMPTY: tuple[str, ...] = (
    *('{"type":"trade"}', '{"type":"trade","data":null}', '{"data":[],"type":"trade"}'),
    *('{"data":[null,7,"x",[],{}],"type":"trade"}',),
)
UNREADABLE: tuple[dict[str, Any], ...] = (
    *({"p": float("nan")}, {"p": float("inf")}, {"p": "12"}, {"p": None}, {"v": "1"}, {"v": None}),
    *(
        {"t": None},
        {"t": 1e300},
        {"t": 10**30},
        {"t": 1.5},
        {"s": "<aapl>"},
        {"s": ""},
        {"s": None},
    ),
    *({"s": "A" * 40}, {"c": "1"}, {"c": [1]}, {"v": float("-inf")}),
)
REFUSED: tuple[dict[str, Any], ...] = (
    *({"p": 0}, {"p": -1.5}, {"v": -1}, {"v": 1e16}, {"t": 0}, {"t": -5}, {"t": 4_102_444_800_001}),
    *({"t": 1_750_000_000}, {"s": "NOBODY"}),
)


class Meaning(NamedTuple):
    """What a frame is."""

    tape: bool
    """Whether it is a trade frame, which a repetition of is dropped."""
    prints: tuple[Print, ...] = ()


class Exchange:
    """Invents frames and answers, and remembers them.

    Args:
        rng: what is drawn from.
        time: when trades happen.
    """

    def __init__(self, rng: random.Random, time: FastTime) -> None:
        self._rng = rng
        self._time = time
        self._prices = {symbol: rng.uniform(5, 900) for symbol in SYMBOLS}
        self._last_ms = dict.fromkeys(SYMBOLS, time.now_ms())
        self._closes = {s: p * rng.uniform(0.97, 1.03) for s, p in self._prices.items()}
        self.meanings: dict[bytes, Meaning] = {}
        self.sent: dict[int, list[bytes]] = {}
        """What was sent on each connection but objections, by its client's port."""
        self.answered: dict[str, set[tuple[float, float]]] = {}
        """Prices and seconds that ``/quote`` answered, by symbol."""
        self.played: dict[str, int] = {}
        """Frames by kind."""
        self.resting = False
        self.well = False
        """Whether every answer of REST can be read."""

    def ordinary(self, connection: FinnhubConnection) -> list[str | bytes]:
        """Trades as on most days; none while it rests."""
        return [] if self.resting else self._some(connection, self._quiet_kinds)

    def wild(self, connection: FinnhubConnection) -> list[str | bytes]:
        """Anything at all."""
        return self._some(connection, self._kinds)

    def burst(self, connection: FinnhubConnection) -> list[str | bytes]:
        """Many trades at once, on one frame and on many."""
        symbols = self._symbols(connection)
        many = [self._prints(symbols, self._rng.randint(1, 30)) for _ in range(60)]
        many.append(self._prints(symbols, 3_000))
        frames: list[str | bytes] = [self._frame(prints) for prints in many]
        return self._note(connection, "burst", frames)

    def huge(self, connection: FinnhubConnection) -> list[str | bytes]:
        """A frame of five megabytes that says nothing, and one of a great many trades."""
        blank = '{"type":"news","data":"' + "x" * 5_000_000 + '"}'
        self._means(blank, Meaning(tape=False))
        long = self._frame(self._prints(self._symbols(connection), 12_000))
        return self._note(connection, "huge", [blank, long])

    def ping(self, connection: FinnhubConnection) -> list[str | bytes]:
        """A sign of life without data."""
        self._means(PING, Meaning(tape=False))
        return self._note(connection, "ping", [PING])

    def quote(self, symbol: str) -> Any:
        """What ``/quote`` says now."""
        if symbol not in self._prices:
            return rest.NOTHING
        if self._rng.random() < 0.3:
            self._walk(symbol)
        price, time_s = self._prices[symbol], self._last_ms[symbol] // 1000
        answer = rest.quote(price, time_s, self._closes[symbol])
        odd: list[dict[str, Any]] = [{}] * 12
        odd += [{"c": -1}, {"pc": 0}, {"o": 0}, {"t": 0}]
        odd += [{"t": time_s + 10**7}, {"t": time_s - 200_000}]
        if not self.well:
            odd += [{"c": None}, {"h": None, "l": None}, {"c": 0, "t": None}]
        answer |= self._rng.choice(odd)
        self.answered.setdefault(symbol, set()).add((answer["c"] or 0, answer["t"] or 0))
        return answer

    def _some(
        self, connection: FinnhubConnection, kinds: "Callable[[], Iterable[_Kind]]"
    ) -> list[str | bytes]:
        kind = self._rng.choice(tuple(kinds()))
        return self._note(connection, kind.__name__.strip("_"), kind(connection))

    def _quiet_kinds(self) -> "Iterable[_Kind]":
        return (*(self._trades,) * 8, self._equal, self._tripled, self._late)

    def _kinds(self) -> "Iterable[_Kind]":
        return (
            *(self._trades,) * 5,
            *(self._equal, self._tripled, self._late, self._late, self._outlier, self._jump),
            self._crash,
            *(self._spoilt, self._refused, self._rubbish, self._empty, self._too_many),
        )

    def _trades(self, connection: FinnhubConnection) -> list[str | bytes]:
        return [self._frame(self._prints(self._symbols(connection), self._rng.randint(1, 12)))]

    def _equal(self, connection: FinnhubConnection) -> list[str | bytes]:
        prints = self._prints(self._symbols(connection), 2)
        return [self._frame(prints + prints), self._frame([*prints, prints[0]])]

    def _tripled(self, connection: FinnhubConnection) -> list[str | bytes]:
        frame = self._frame(self._prints(self._symbols(connection), self._rng.randint(1, 5)))
        return [frame] * 3

    def _late(self, connection: FinnhubConnection) -> list[str | bytes]:
        now_ms = self._time.now_ms()
        prints = self._prints(self._symbols(connection), 5)
        late = [p | {"t": now_ms - self._rng.randint(0, 400_000)} for p in prints]
        self._rng.shuffle(late)
        return [self._frame(late)]

    def _outlier(self, connection: FinnhubConnection) -> list[str | bytes]:
        (lone,) = self._prints(self._symbols(connection), 1)
        lone["p"] = lone["p"] * self._rng.choice((0.3, 0.7, 1.4, 9.0))
        return [self._frame([lone])]

    def _jump(self, connection: FinnhubConnection) -> list[str | bytes]:
        """A true jump: prints that bear each other out."""
        symbol = self._rng.choice(self._symbols(connection))
        self._prices[symbol] *= self._rng.choice((0.6, 1.5))
        return [self._frame([self._print(symbol) for _ in range(3)])]

    def _crash(self, connection: FinnhubConnection) -> list[str | bytes]:
        """A jump in which no print bears out another."""
        made = [self._print(self._rng.choice(self._symbols(connection)))] * self._rng.randint(2, 6)
        factor = self._rng.choice((0.7, 1.4))
        return [self._frame([p | {"p": p["p"] * factor ** (n + 1)} for n, p in enumerate(made)])]

    def _spoilt(self, connection: FinnhubConnection) -> list[str | bytes]:
        """Good trades among some that cannot be read."""
        prints = self._prints(self._symbols(connection), 4)
        bad = [
            self._print(self._symbols(connection)[0]) | self._rng.choice(UNREADABLE) for _ in "ab"
        ]
        mixed = [bad[0], *prints, bad[1]]
        text = json.dumps({"data": mixed, "type": "trade"})
        self._means(text, Meaning(True, tuple(map(_meant, prints))))
        return [text]

    def _refused(self, connection: FinnhubConnection) -> list[str | bytes]:
        """Trades that can be read and cannot be."""
        prints = self._prints(self._symbols(connection), 3)
        return [self._frame([p | self._rng.choice(REFUSED) for p in prints] + prints[:1])]

    def _rubbish(self, _: FinnhubConnection) -> list[str | bytes]:
        frame = self._rng.choice(RUBBISH)
        self._means(frame, Meaning(tape=False))
        return [frame]

    def _empty(self, _: FinnhubConnection) -> list[str | bytes]:
        frame = self._rng.choice(EMPTY)
        self._means(frame, Meaning(tape=True))
        return [frame]

    def _too_many(self, _: FinnhubConnection) -> list[str | bytes]:
        """Said without a reason, so that the symbol of that moment is blamed."""
        self._means(TOO_MANY, Meaning(tape=False))
        return [TOO_MANY]

    def _symbols(self, connection: FinnhubConnection) -> list[str]:
        return sorted(connection.subscribed & self._prices.keys()) or ["NOBODY"]

    def _prints(self, symbols: list[str], count: int) -> list[dict[str, Any]]:
        return [self._print(self._rng.choice(symbols)) for _ in range(count)]

    def _print(self, symbol: str) -> dict[str, Any]:
        self._walk(symbol)
        made: dict[str, Any] = {"p": self._prices.get(symbol, 1.0), "s": symbol}
        made["t"] = self._last_ms.get(symbol, self._time.now_ms())
        made["v"] = self._rng.choice((0, 1, 7, 100, 250, 0.125, 3.5))
        if (conditions := self._rng.choice(CONDITIONS)) is not None or self._rng.random() < 0.5:
            made["c"] = conditions
        return made

    def _walk(self, symbol: str) -> None:
        if symbol in self._prices:
            moved = self._prices[symbol] * self._rng.uniform(0.998, 1.002)
            self._prices[symbol] = round(min(max(moved, 2.0), 5_000.0), 4)
            self._last_ms[symbol] = self._time.now_ms() - self._rng.randint(0, 40)

    def _frame(self, prints: list[dict[str, Any]]) -> str:
        text = json.dumps({"data": prints, "type": "trade"}, separators=(",", ":"))
        self._means(text, Meaning(True, tuple(map(_meant, prints))))
        return text

    def _means(self, frame: str | bytes, meaning: Meaning) -> None:
        self.meanings[as_bytes(frame)] = meaning

    def _note(
        self, connection: FinnhubConnection, kind: str, frames: list[str | bytes]
    ) -> list[str | bytes]:
        self.played[kind] = self.played.get(kind, 0) + len(frames)
        meant = [as_bytes(frame) for frame in frames if not is_objection(as_bytes(frame))]
        self.sent.setdefault(connection.port, []).extend(meant)
        return frames


_Kind = Callable[[FinnhubConnection], list[str | bytes]]


def as_bytes(frame: str | bytes) -> bytes:
    """A frame as it is received."""
    return frame if isinstance(frame, bytes) else frame.encode()


def is_objection(frame: bytes) -> bool:
    """Whether the fake can have said this by itself, to a subscription."""
    return frame.startswith(b'{"msg":')


def _meant(made: dict[str, Any]) -> Print:
    return Print(made["s"], made["p"], made["v"], made["t"], tuple(made.get("c") or ()))
