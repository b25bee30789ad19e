"""Names on the page: from the list at once, from upstream as far as they can be shown."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app.model import Listing
from photon_app.ui import names


class Upstream:
    """A reference that says one thing."""

    def __init__(self, said: Any) -> None:
        self.said = said

    async def name(self, symbol: str) -> Any:
        """That thing."""
        del symbol
        return self.said


def asked(said: Any) -> str:
    return asyncio.run(names.ask(Upstream(said), "X"))  # type: ignore[arg-type]


def test_the_lists_name_comes_before_a_fetched_one() -> None:
    """The list is what the search shows too."""
    assert names.known("AAPL", {"AAPL": "Other"}) == "Apple"
    assert names.known("NEWCO", {"NEWCO": "New Company"}) == "New Company"
    assert names.known("NEWCO", {}) == ""


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("New  Company\n Inc ", "New Company Inc"),
        ("Evil\u202eeman\x00", "Evileman"),
        ("N" * 1000, "N" * 79 + "…"),
        ("", ""),
        (None, ""),
        (7, ""),
        (["x"], ""),
    ],
)
def test_what_upstream_says_is_cut_to_what_can_be_shown(said: Any, shown: str) -> None:
    """One printable line, or nothing."""
    assert asked(said) == shown


@given(st.text())
def test_a_shown_name_is_one_printable_line(said: str) -> None:
    """Whatever it was."""
    shown = asked(said)
    assert len(shown) <= names.MAX_CHARS
    assert shown == "" or shown.isprintable()


class Searched:
    """A reference that finds some symbols, by any query; it remembers what it was asked."""

    def __init__(self, *symbols: str) -> None:
        self.found = tuple(Listing(symbol=symbol, name="New", type="") for symbol in symbols)
        self.asked: list[str] = []

    async def search(self, query: str, *, address: str | None) -> tuple[Listing, ...]:
        """All of them."""
        assert address == "1.2.3.4"
        self.asked.append(query)
        return self.found


def looked_up(reference: Searched, entries: Sequence[str]) -> dict[str, str]:
    return asyncio.run(names.find(reference, entries, "1.2.3.4"))  # type: ignore[arg-type]


def test_a_symbol_that_only_upstream_knows_is_found() -> None:
    """By its words, in any case; what upstream finds besides is not taken for it."""
    upstream = Searched("OTHER", "NEWCO")
    assert looked_up(upstream, ["newco", "$NEWCO", "unknown newco"]) == {
        "newco": "NEWCO",
        "$NEWCO": "NEWCO",
    }
    assert upstream.asked == ["NEWCO", "NEWCO", "UNKNOWN"]


def test_upstream_is_asked_a_few_times_at_most() -> None:
    """And never for what cannot be a symbol, or is in the list."""
    upstream = Searched()
    assert looked_up(upstream, ["AAPL", "<b>", "é", *(f"N{n}" for n in range(99))]) == {}
    assert upstream.asked == [f"N{n}" for n in range(names.MOST_LOOKUPS)]
