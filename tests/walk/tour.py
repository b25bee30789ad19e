"""The pictures of ``docs/tour.md``: which steps they show, and how they are kept small."""

import base64
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page

from photon_app import ROOT
from tests.walk.sizes import DARK, DESK, LAPTOP, LIGHT, SMALL, Look, Size
from tests.walk.steps import STEPS
from tests.walk.walk import Ground, walk

FOLDER = ROOT / "docs" / "tour"
MOST_BYTES = 80_000
MOST = 8
_QUALITIES = (90, 80, 70, 60, 45, 30)


@dataclass(frozen=True)
class Picture:
    """One picture of the tour."""

    name: str
    step: str
    size: Size
    look: Look

    @property
    def file(self) -> Path:
        """Where it is kept."""
        return FOLDER / f"{self.name}.webp"

    def take(self, page: Page, _look: Look) -> None:
        """Make it."""
        self.file.write_bytes(small(page))


PICTURES = (
    Picture("desk", "live", DESK, DARK),
    Picture("laptop", "another selected", LAPTOP, LIGHT),
    Picture("search", "search open", LAPTOP, DARK),
    Picture("compare", "compare", LAPTOP, DARK),
    Picture("trouble", "trouble", LAPTOP, DARK),
    Picture("market", "market", LAPTOP, DARK),
    Picture("phone", "live", SMALL, DARK),
    Picture("phone-symbol", "phone symbol", SMALL, LIGHT),
)


def make(ground: Ground) -> None:
    """Make those whose states the page has; others are named and left as they are."""
    steps = {step.name: step for step in STEPS}
    FOLDER.mkdir(exist_ok=True)
    for picture in PICTURES:
        walked = walk(ground, steps[picture.step], picture.size, [picture.look], picture.take)
        size = picture.file.stat().st_size if picture.file.is_file() else 0
        said = walked.skipped and f"not yet: {walked.skipped}"
        print(f"{picture.file.relative_to(ROOT)}: {said or f'{size:,} bytes'}", flush=True)


def small(page: Page) -> bytes:
    """The page as WebP, of the best quality that is small enough."""
    devtools = page.context.new_cdp_session(page)
    for quality in _QUALITIES:
        options = {"format": "webp", "quality": quality}
        made = base64.b64decode(devtools.send("Page.captureScreenshot", options)["data"])
        if len(made) <= MOST_BYTES:
            return made
    raise AssertionError(f"no quality makes this picture smaller than {MOST_BYTES} bytes")
