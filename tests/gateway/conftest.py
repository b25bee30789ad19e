"""What the tests of the gateway share."""

import contextlib
import logging
from collections.abc import Callable, Iterator

import pytest

from tests.fakes.bystander import Life


@pytest.fixture
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever clients send, nothing of it is an error of the server's."""
    yield
    records = caplog.get_records("call")
    assert [r.getMessage() for r in records if r.levelno >= logging.ERROR or r.exc_info] == []
    assert "Traceback" not in caplog.text


@pytest.fixture(scope="module")
def life() -> Iterator[Callable[[str], Life]]:
    """The server with one WebSocket protocol that lives through many tests.

    One at a time, since a process has one set of services; asking for another ends it.
    """
    with contextlib.ExitStack() as living:
        lives: dict[str, Life] = {}

        def of(ws: str) -> Life:
            if ws not in lives:
                lives.clear()
                living.close()
                lives[ws] = living.enter_context(Life(ws))
            return lives[ws]

        yield of
