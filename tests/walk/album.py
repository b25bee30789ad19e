"""The pictures of a walk, in ``walk/``: one for each step, screen and look, and a page with all."""

import html
import re
import shutil
from collections.abc import Callable
from itertools import groupby

from playwright.sync_api import Page

from photon_app import ROOT
from tests.walk.sizes import Look, Size
from tests.walk.steps import Step

FOLDER = ROOT / "walk"
_STYLE = "img { height: 300px; margin: 4px; border: 1px solid #888 }"
_SHOWN = '<a href="{0}"><img loading=lazy src="{0}" title="{0}"></a>'


def clear() -> None:
    """Begin anew."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()


def taker(step: Step, size: Size) -> Callable[[Page, Look], object]:
    """Takes the pictures of a step on a screen."""
    name = re.sub(r"[^a-z0-9]+", "-", step.name)
    FOLDER.mkdir(exist_ok=True)
    return lambda page, look: page.screenshot(path=FOLDER / f"{name}_{size.name}_{look.name}.png")


def bind() -> None:
    """Write the page with all pictures, by step."""
    parts = [
        f"<!doctype html><meta charset=utf-8><title>Photon, walked</title><style>{_STYLE}</style>"
    ]
    names = sorted(path.name for path in FOLDER.glob("*.png"))
    for step, pictures in groupby(names, lambda name: name.partition("_")[0]):
        parts.append(f"<h2>{html.escape(step)}</h2>")
        parts += [
            f'<a href="{one}"><img loading=lazy src="{one}" title="{one}"></a>' for one in pictures
        ]
    (FOLDER / "index.html").write_text("\n".join(parts), encoding="utf-8")
