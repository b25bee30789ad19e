"""When all tests are played, how hard properties are tried, the one PostgreSQL, and who runs what.

``make test`` has several workers. A file's tests stay together, for they share what is costly to
start, and so does each half of the page's: they share a browser and a Photon, and more than two
browsers at once would wait for the processor instead of for prices.

``make check`` plays only the files of unit laws: those that import nothing that starts a process,
a server, a browser or a database. A law in such a file that starts one all the same fails.
"""

import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from photon_app import clock
from tests.fakes.dates import OPEN_MS
from tests.storage.server import Postgres, postgres

# All tests are played on one open Wednesday, so that they pass on every day and at every hour.
clock.start_at(OPEN_MS)

# A signal that is ignored here is ignored by every child, as under ``nohup`` or behind a ``&``.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)

# No deadline: how long one example takes says more about the machine than about the law.
settings.register_profile("photon", deadline=None, max_examples=60)
settings.register_profile("unit", deadline=None, max_examples=20)
settings.load_profile("photon")

PAGE = "tests/page/"
WALK = "tests/walk/"
"""In the same share as the rest of the page's tests, for it has a browser too."""
HALF = ("test_chart.py", "test_states.py", "test_watchlist.py")
"""What takes about as long as the rest of the page's tests."""


STARTS = re.compile(
    r"^(from|import) (subprocess|sqlite3|playwright|photon_app\.storage\.(store|database|archive)"
    r"|tests\.(fakes\.(process|server)|storage|page|chaos|siege|walk))\b",
    re.MULTILINE,
)
"""What a file imports that is more than unit laws."""
STARTED = {"subprocess.Popen", "os.fork", "os.posix_spawn", "sqlite3.connect"}
"""How Python calls what they do not do (audit events)."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """What ``make check`` asks for."""
    text = "only unit laws: files that start no process, server, browser or database"
    parser.addoption("--unit", action="store_true", help=text)


def pytest_configure(config: pytest.Config) -> None:
    """Unit laws are tried with fewer examples."""
    if config.option.unit:
        settings.load_profile("unit")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Files that start something stay unread under ``--unit``."""
    if not config.option.unit or not collection_path.match("test_*.py"):
        return None
    return bool(STARTS.search(collection_path.read_text())) or None


def pytest_collection_finish(session: pytest.Session) -> None:
    """From here on unit laws start nothing; asked only where tests are played."""
    if session.config.option.unit:
        sys.addaudithook(_refuse)


def _refuse(event: str, _: tuple[object, ...]) -> None:
    if event in STARTED:
        raise AssertionError(f"a unit law calls {event}: say so by an import at the file's head")


class Shares(LoadFileScheduling):  # type: ignore[misc]  # has no types
    """Deals out files, and the page's in two parts."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        pages = file.startswith((PAGE, WALK))
        return f"{PAGE} {file.endswith(HALF)}" if pages else file


@pytest.hookimpl(optionalhook=True)  # ``-p no:xdist`` is for who debugs
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Shares:
    """Asked only where there are several workers."""
    return Shares(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The page's tests begin, for they are the longest shares."""
    items.sort(key=lambda item: not item.nodeid.startswith(PAGE))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """A server that is started for the first test that asks for it."""
    with postgres() as running:
        yield running


@pytest.fixture(autouse=True)
def no_background_task_fails(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process would end; a test fails."""
    runtime = sys.modules.get("photon_app.runtime")
    if runtime is None:
        yield
        return
    monkeypatch.setattr(runtime, "end_process", lambda: None)
    yield
    failed, runtime.failed[:] = list(runtime.failed), []
    assert not failed, f"failed by a fault of ours: {failed}"
