"""Whoever reads from the database: two threads, and a queue before them.

``ask`` is called on the event loop. A question that finds the queue full is refused at once, and
one that is not answered in time is given up; a server that hangs holds up two threads and nobody
else. The threads are daemons: a read that hangs does not keep the process from ending.

When a question is given up and no other was answered meanwhile, the database is ``silent``: all who
wait are told so, and whoever asks from then on is told at once. One small question at a time is
asked on, seldomer and seldomer, until it is answered; then all is as before.
"""

import asyncio
import logging
import queue
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from photon_app.errors import BusyError, StorageError
from photon_app.storage.engines import READERS
from photon_app.storage.health import USUAL_PACE

T = TypeVar("T")
WAITING = 512
"""Questions that may wait."""
SLOW_S = 1.0
_log = logging.getLogger(__name__)


class _Question(Generic[T]):
    """Work for a thread, and where its answer goes."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._loop = asyncio.get_running_loop()
        self.answer: asyncio.Future[T] = self._loop.create_future()

    def run(self) -> None:
        """Answer it, in a thread."""
        if self.answer.done():  # given up
            return
        try:
            found = self._work()
        except Exception as error:  # noqa: BLE001 - it is raised where the question was asked
            self._tell(self._fail, error)
        else:
            self._tell(self._give, found)

    def _tell(self, how: Callable[..., None], what: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(how, what)
        except RuntimeError:
            return  # the loop is closed: nobody waits

    def _give(self, found: T) -> None:
        if not self.answer.done():
            self.answer.set_result(found)

    def _fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class Readers:
    """The threads."""

    def __init__(
        self,
        *,
        wait_s: float,
        probe: Callable[[], object] = lambda: None,
        retry_s: float = USUAL_PACE.retry_s,
        retry_most_s: float = USUAL_PACE.retry_most_s,
        slow_s: float = SLOW_S,
        shown: str = "the database",
    ) -> None:
        """Make them; they start with the first question.

        Args:
            wait_s: how long a question may take, its waiting included.
            probe: the small question, in a thread.
            retry_s: how long a silent database is left alone first; twice as long each time after.
            retry_most_s: the longest that it is.
            slow_s: an error that takes longer to come is as bad as none.
            shown: its address, for people.
        """
        self._wait_s = wait_s
        self._slow_s = slow_s
        self._work = probe
        self._retry_s = self._pause_s = retry_s
        self._retry_most_s = retry_most_s
        self._shown = shown
        self._questions: queue.Queue[_Question[Any] | None] = queue.Queue(WAITING)
        self._asked: set[_Question[Any]] = set()
        self._answered_s = -1.0
        """When a question was last answered, by the event loop's time."""
        self._silent_s = 0.0
        self._threads: list[threading.Thread] = []
        self._closed = False
        self._timer: asyncio.TimerHandle | None = None
        self.silent = ""
        """One sentence while the database does not answer; else empty."""

    async def ask(self, work: Callable[[], T]) -> T:
        """What the work returns, or raises, in a thread.

        Raises:
            BusyError: too many are waiting.
            StorageError: it took too long, or the last one did and none was answered since.
        """
        if self._closed:
            raise StorageError("the database is closed")
        if self.silent:
            raise StorageError(self.silent)
        question, asked_s = self._put(work), _now_s()
        self._asked.add(question)
        try:
            async with asyncio.timeout(self._wait_s):
                answer = await question.answer
        except TimeoutError:
            message = f"the database did not answer within {self._wait_s:g} s"
            self._missed(asked_s, message)
            raise StorageError(message) from None
        except Exception:
            if not self.silent and (took_s := _now_s() - asked_s) >= self._slow_s:
                self._missed(asked_s, f"the database refused after {took_s:.1f} s")
            raise
        finally:
            self._asked.discard(question)
        self._answered_s, self._pause_s = _now_s(), self._retry_s
        return answer

    def close(self) -> None:
        """Let the threads end when they are done; nothing more is answered."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        for question in self._drained():
            question._fail(StorageError("the database is closed"))  # noqa: SLF001
        for _ in self._threads:
            self._questions.put_nowait(None)

    def join(self, timeout_s: float) -> None:
        """Wait for them, in a thread."""
        for thread in self._threads:
            thread.join(timeout_s)

    def _put(self, work: Callable[[], T]) -> _Question[T]:
        question = _Question(work)
        try:
            self._questions.put_nowait(question)
        except queue.Full:
            raise BusyError("too many questions are waiting for the database") from None
        self._start()
        return question

    def _drained(self) -> list[_Question[Any]]:
        """What waits, taken out of the queue."""
        found = []
        try:
            while True:
                question = self._questions.get_nowait()
                if question is not None:
                    found.append(question)
        except queue.Empty:
            return found

    # A database that does not answer

    def _missed(self, asked_s: float, why: str) -> None:
        """A question was given up. When others were answered meanwhile it was a hard one, or there
        are many.
        """
        if self.silent or self._closed or self._answered_s > asked_s:
            return
        self.silent, self._silent_s = f"{why}; it is asked again and again", _now_s()
        _log.warning(
            "%s: %s; questions for bars are answered from memory until it does", self._shown, why
        )
        self._drained()
        for question in list(self._asked):
            question._fail(StorageError(self.silent))  # noqa: SLF001
        self._probe_later()

    def _probe_later(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._pause_s, self._probe)
        self._pause_s = min(2 * self._pause_s, self._retry_most_s)

    def _probe(self) -> None:
        self._put(self._work).answer.add_done_callback(self._probed)

    def _probed(self, answer: "asyncio.Future[object]") -> None:
        failed = answer.cancelled() or answer.exception() is not None
        if self._closed:
            return
        if failed:
            self._probe_later()
            return
        self.silent = ""
        _log.warning("%s answers again, after %.0f s", self._shown, _now_s() - self._silent_s)

    def _start(self) -> None:
        if len(self._threads) < READERS:
            name = f"photon storage reader {len(self._threads) + 1}"
            self._threads.append(threading.Thread(target=self._serve, name=name, daemon=True))
            self._threads[-1].start()

    def _serve(self) -> None:
        while (question := self._questions.get()) is not None:
            question.run()


def _now_s() -> float:
    return asyncio.get_running_loop().time()
