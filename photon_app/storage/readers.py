"""Whoever reads from the database: two threads, and a queue before them.

``ask`` is called on the event loop. A question that finds the queue full is refused at once, and
one that is not answered in time is given up; a server that hangs holds up two threads and nobody
else. The threads are daemons: a read that hangs does not keep the process from ending.
"""

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from photon_app.errors import BusyError, StorageError
from photon_app.storage.engines import READERS

T = TypeVar("T")
WAITING = 512
"""Questions that may wait."""


class _Question(Generic[T]):
    """Work for a thread, and where its answer goes."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._loop = asyncio.get_running_loop()
        self.answer: asyncio.Future[T] = self._loop.create_future()

    def run(self) -> None:
        """Answer it, in a thread."""
        if self.answer.cancelled():
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

    def __init__(self, *, wait_s: float) -> None:
        """Make them; they start with the first question.

        Args:
            wait_s: how long a question may take, its waiting included.
        """
        self._wait_s = wait_s
        self._questions: queue.Queue[_Question[Any] | None] = queue.Queue(WAITING)
        self._threads: list[threading.Thread] = []
        self._closed = False

    async def ask(self, work: Callable[[], T]) -> T:
        """What the work returns, or raises, in a thread.

        Raises:
            BusyError: too many are waiting.
            StorageError: it took too long.
        """
        if self._closed:
            raise StorageError("the database is closed")
        question = _Question(work)
        try:
            self._questions.put_nowait(question)
        except queue.Full:
            raise BusyError("too many questions are waiting for the database") from None
        self._start()
        try:
            async with asyncio.timeout(self._wait_s):
                return await question.answer
        except TimeoutError:
            message = f"the database did not answer within {self._wait_s:g} s"
            raise StorageError(message) from None

    def close(self) -> None:
        """Let the threads end when they are done; nothing more is answered."""
        self._closed = True
        try:
            while True:
                question = self._questions.get_nowait()
                if question is not None:
                    question._fail(StorageError("the database is closed"))  # noqa: SLF001
        except queue.Empty:
            pass
        for _ in self._threads:
            self._questions.put_nowait(None)

    def join(self, timeout_s: float) -> None:
        """Wait for them, in a thread."""
        for thread in self._threads:
            thread.join(timeout_s)

    def _start(self) -> None:
        if len(self._threads) < READERS:
            name = f"photon storage reader {len(self._threads) + 1}"
            self._threads.append(threading.Thread(target=self._serve, name=name, daemon=True))
            self._threads[-1].start()

    def _serve(self) -> None:
        while (question := self._questions.get()) is not None:
            question.run()
