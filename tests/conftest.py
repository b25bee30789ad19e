"""How hard properties are tried, everywhere, and the one PostgreSQL of all tests."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.storage.server import Postgres, postgres

# No deadline: how long one example takes says more about the machine than about the law.
settings.register_profile("photon", deadline=None, max_examples=60)
settings.load_profile("photon")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """A server that is started for the first test that asks for it."""
    with postgres() as running:
        yield running
