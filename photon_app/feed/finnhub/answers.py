"""Answers to earlier questions, which need not be asked again.

Owns a bounded cache of answers. Pure and synchronous; the clock is an argument. When it is full,
the least recently used answer makes room. Each answer has its own time to live, because a price
ages in seconds and a name in days.
"""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
A = TypeVar("A")


class Answers(Generic[K, A]):
    """Answers by question.

    Args:
        capacity: most answers that are kept.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._kept: OrderedDict[K, tuple[float, A]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, question: K, now_s: float) -> A | None:
        """The answer, or ``None`` when there is none or it has expired."""
        kept = self._kept.get(question)
        if kept is None:
            return None
        until_s, answer = kept
        if now_s >= until_s:
            del self._kept[question]
            return None
        self._kept.move_to_end(question)
        return answer

    def keep(self, question: K, answer: A, until_s: float) -> None:
        """Remember an answer, replacing an older one."""
        self._kept[question] = (until_s, answer)
        self._kept.move_to_end(question)
        if len(self._kept) > self._capacity:
            self._kept.popitem(last=False)
