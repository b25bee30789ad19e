"""Reads from the database: two threads with a queue in front of them.

``ask`` is called on the event loop. A query that finds the queue full is refused at once, and one
that takes too long is given up: a server that hangs blocks two threads and nothing else. The
threads are daemons, so that a read that hangs does not keep the process alive.

When a query is given up and no other was answered meanwhile, the database is ``silent``: all
waiting queries fail, and new ones fail at once. One small query at a time is still tried, with
growing pauses, until it is answered; then queries are accepted again.
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
"""The length of the queue."""
SLOW_S = 1.0
_log = logging.getLogger(__name__)


class _Query(Generic[T]):
    """Work for a thread, and the future of its answer."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._loop = asyncio.get_running_loop()
        self.answer: asyncio.Future[T] = self._loop.create_future()

    def run(self) -> None:
        """Do the work, in a thread."""
        if self.answer.done():  # given up
            return
        try:
            found = self._work()
        except Exception as error:  # noqa: BLE001 - it is raised by ``ask``
            self._deliver(self._fail, error)
        else:
            self._deliver(self._succeed, found)

    def _deliver(self, how: Callable[..., None], what: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(how, what)
        except RuntimeError:
            return  # the event loop is closed: no task waits

    def _succeed(self, found: T) -> None:
        if not self.answer.done():
            self.answer.set_result(found)

    def _fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class Readers:
    """The reading threads and their queue."""

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
        """Make the queue; threads start with the first queries.

        Args:
            wait_s: how long a query may take, its time in the queue included.
            probe: the small query for a silent database; called in a thread.
            retry_s: the pause before the first probe; doubled before each further one.
            retry_most_s: the longest pause.
            slow_s: an error that takes longer than this counts as no answer.
            shown: the address of the database, for people.
        """
        self._wait_s = wait_s
        self._slow_s = slow_s
        self._work = probe
        self._retry_s = self._pause_s = retry_s
        self._retry_most_s = retry_most_s
        self._shown = shown
        self._queries: queue.Queue[_Query[Any] | None] = queue.Queue(WAITING)
        self._asked: set[_Query[Any]] = set()
        self._answered_s = -1.0
        """When a query was last answered, by the event loop's clock."""
        self._silent_s = 0.0
        self._threads: list[threading.Thread] = []
        self._closed = False
        self._timer: asyncio.TimerHandle | None = None
        self.silent = ""
        """One sentence while the database does not answer; else empty."""

    async def ask(self, work: Callable[[], T]) -> T:
        """Call ``work`` in a thread, and return or raise what it does.

        Raises:
            BusyError: the queue is full.
            StorageError: the query took too long, or the database is silent or closed.
        """
        if self._closed:
            raise StorageError("the database is closed")
        if self.silent:
            raise StorageError(self.silent)
        query, asked_s = self._put(work), _now_s()
        self._asked.add(query)
        try:
            async with asyncio.timeout(self._wait_s):
                answer = await query.answer
        except TimeoutError:
            message = f"the database did not answer within {self._wait_s:g} s"
            self._missed(asked_s, message)
            raise StorageError(message) from None
        except Exception:
            if not self.silent and (took_s := _now_s() - asked_s) >= self._slow_s:
                self._missed(asked_s, f"the database refused after {took_s:.1f} s")
            raise
        finally:
            self._asked.discard(query)
        self._answered_s, self._pause_s = _now_s(), self._retry_s
        return answer

    def close(self) -> None:
        """Let the threads end after their current work; waiting queries fail."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        for query in self._drained():
            query._fail(StorageError("the database is closed"))  # noqa: SLF001
        for _ in self._threads:
            self._queries.put_nowait(None)

    def join(self, timeout_s: float) -> None:
        """Wait for the threads to end; called in another thread."""
        for thread in self._threads:
            thread.join(timeout_s)

    def _put(self, work: Callable[[], T]) -> _Query[T]:
        query = _Query(work)
        try:
            self._queries.put_nowait(query)
        except queue.Full:
            raise BusyError("too many questions are waiting for the database") from None
        self._start()
        return query

    def _drained(self) -> list[_Query[Any]]:
        """Empty the queue, and return its queries."""
        found = []
        try:
            while True:
                query = self._queries.get_nowait()
                if query is not None:
                    found.append(query)
        except queue.Empty:
            return found

    # A database that does not answer

    def _missed(self, asked_s: float, why: str) -> None:
        """A query was given up. If others were answered meanwhile, it was an expensive one or the
        queue was long, and the database is not silent.
        """
        if self.silent or self._closed or self._answered_s > asked_s:
            return
        self.silent, self._silent_s = f"{why}; it is asked again and again", _now_s()
        _log.warning(
            "%s: %s; questions for bars are answered from memory until it does", self._shown, why
        )
        self._drained()
        for query in list(self._asked):
            query._fail(StorageError(self.silent))  # noqa: SLF001
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
        while (query := self._queries.get()) is not None:
            query.run()


def _now_s() -> float:
    return asyncio.get_running_loop().time()
