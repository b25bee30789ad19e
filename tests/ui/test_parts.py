"""The live parts as Reflex components."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import reflex as rx

from photon_app.ui.components.developers import developers
from photon_app.ui.components.market import market
from photon_app.ui.live import parts
from photon_app.ui.pages import broken, index, missing


def test_each_file_is_one_module_of_the_page() -> None:
    """A version in its path would make it another one than the files beside it import."""
    kinds = [kind for kind in vars(parts).values() if isinstance(kind, type)]
    paths = {str(kind().library) for kind in kinds if issubclass(kind, rx.Component)}
    assert len(paths) > 10
    assert [path for path in paths if not path.endswith(".jsx")] == []


@pytest.mark.parametrize("page", [index, market, developers, missing, broken])
def test_a_link_to_another_page_loads_the_document(page: Callable[[], rx.Component]) -> None:
    """The address is the page's own: Reflex's router does not know of it."""
    links = [one for one in _within(page()) if getattr(one, "to", None) is not None]
    assert links
    for link in links:
        loads = link.reload_document is not None and str(link.reload_document) == "true"
        assert loads or str(link.target) == '"_blank"', str(link)


def _within(whole: Any) -> Iterator[Any]:
    """A component and all in it."""
    yield whole
    for child in whole.children:
        yield from _within(child)
