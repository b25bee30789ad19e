"""Fixtures of the hub's tests."""

import pytest

from photon_app.hub import registry


@pytest.fixture
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few clients already make several groups, so that a flush may end between them."""
    monkeypatch.setattr(registry, "MOST_MEMBERS", 2)
