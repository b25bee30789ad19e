"""The databases that tests of storage run on."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from photon_app.storage.address import Address, parse
from photon_app.storage.database import Database
from tests.storage.server import Postgres


@pytest.fixture
def server(postgres_server: Postgres) -> Postgres:
    """The one server of all tests."""
    return postgres_server


@pytest.fixture
def sqlite_address(tmp_path: Path) -> Address:
    """A file that is not there yet."""
    return parse(f"sqlite:///{tmp_path / 'photon.db'}")


@pytest.fixture
def postgres_address(server: Postgres) -> Address:
    """An empty database."""
    server.empty()
    return parse(server.url)


@pytest.fixture(params=["sqlite", "postgres"])
def address(request: pytest.FixtureRequest) -> Address:
    """One after the other; the server is not started for SQLite's sake."""
    found = request.getfixturevalue(f"{request.param}_address")
    assert isinstance(found, Address)
    return found


@pytest.fixture
def database(address: Address) -> Iterator[Database]:
    """An open one."""
    with contextlib.closing(Database(address)) as opened:
        opened.open()
        yield opened
