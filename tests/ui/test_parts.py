"""The live parts as Reflex components."""

import reflex as rx

from photon_app.ui.live import parts


def test_each_file_is_one_module_of_the_page() -> None:
    """A version in its path would make it another one than the files beside it import."""
    kinds = [kind for kind in vars(parts).values() if isinstance(kind, type)]
    paths = {str(kind().library) for kind in kinds if issubclass(kind, rx.Component)}
    assert len(paths) > 10
    assert [path for path in paths if not path.endswith(".jsx")] == []
