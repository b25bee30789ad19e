"""What one process runs, and how its parts are wired."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from photon_app import runtime, services
from photon_app.calendar.loader import CalendarLoader
from photon_app.model import Crowd
from photon_app.services import Services
from photon_app.settings import Settings
from photon_app.upstream import Upstream
from tests.fakes.loader import weekdays
from tests.fakes.process import ROOT, environment, photon
from tests.fakes.server import HandFeed


class CountingFeed(HandFeed):
    """Keeps every set that was wanted."""

    def __init__(self) -> None:
        super().__init__()
        self.wants: list[frozenset[str]] = []

    def want(
        self,
        symbols: frozenset[str],
        viewers: Mapping[str, int] | None = None,
        crowd: Crowd | None = None,
    ) -> None:
        """Keep it."""
        super().want(symbols, viewers, crowd)
        self.wants.append(symbols)


def running(settings: Settings, feed: HandFeed) -> AbstractAsyncContextManager[Services]:
    """With a calendar that needs no process of its own."""
    return runtime.running(settings, Upstream(feed=feed), CalendarLoader(weekdays))


def test_the_feed_gets_the_whole_set_once_for_all_changes_of_an_iteration() -> None:
    """However many symbols a request names."""

    async def scenario() -> None:
        feed = CountingFeed()
        async with running(Settings(symbols=("A",), database_url=None), feed) as live:
            await feed.ready()
            feed.wants.clear()
            for symbol in ("B", "C", "D"):
                live.demand.hold(symbol)
            await asyncio.sleep(0)
            assert feed.wants == [frozenset("ABCD")]

    asyncio.run(scenario())


def test_a_symbol_dropped_and_wanted_again_in_one_iteration_is_new_to_the_feed() -> None:
    """Its book is new as well, and the feed must report what it knows of it again."""

    async def scenario() -> None:
        feed = CountingFeed()
        settings = Settings(symbols=("A",), max_symbols_total=2, database_url=None)
        async with running(settings, feed) as live:
            await feed.ready()
            live.demand.hold("B")
            live.demand.release("B")
            await asyncio.sleep(0)
            feed.wants.clear()
            live.demand.hold("C")
            live.demand.release("C")
            live.demand.hold("B")
            await asyncio.sleep(0)
            assert feed.wants == [frozenset("A"), frozenset("AB")]

    asyncio.run(scenario())


class BrokenFeed(HandFeed):
    """Fails by a fault of its own."""

    async def run(self, market: object) -> None:
        """Fail."""
        del market
        raise ZeroDivisionError


def test_a_feed_that_fails_is_shown_and_the_process_goes_on() -> None:
    """Clients know that prices are not new."""

    async def scenario() -> None:
        async with running(Settings(database_url=None), BrokenFeed()) as live:
            await asyncio.sleep(0)
            assert live.hub.feed.state == "reconnecting"
            assert "fault of Photon" in live.hub.feed.detail
            assert services.current() is live

    asyncio.run(scenario())


FAILS = """
import runpy
from photon_app.history.history import History
async def run(self):
    raise ZeroDivisionError("history is over")
History.run = run
runpy.run_module("photon_app", run_name="__main__")
"""


def test_a_task_that_fails_is_logged_and_ends_the_process() -> None:
    """With exit code 1, so that a supervisor restarts it; nothing keeps running half alive."""
    ended = subprocess.run(
        [sys.executable, "-c", FAILS],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    said = ended.stdout + ended.stderr
    assert ended.returncode == 1, said
    assert said.count("photon history failed by a fault of Photon's own; the process ends") == 1
    assert "history is over" in said


def test_a_task_that_fails_while_it_is_stopped_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The process is ending already, as it was asked to."""

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ZeroDivisionError

    async def scenario() -> None:
        async with runtime._owning({"work": work()}):
            await asyncio.sleep(0)

    asyncio.run(scenario())
    assert "photon work failed while it was stopped" in caplog.text
    assert runtime.failed == []


def test_a_process_that_is_asked_to_end_says_nothing_of_its_calendar() -> None:
    """Nor waits for it: a service manager tells the child that computes it too."""
    with photon() as process:
        children = Path(f"/proc/{process.popen.pid}/task/{process.popen.pid}/children")
        for pid in children.read_text().split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGTERM)
        assert process.stop() == 0
        assert "calendar" not in process.output
        assert process.output.count("\n") == 1
