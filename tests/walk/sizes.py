"""The screens and looks that the page is walked in."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Size:
    """A screen in CSS pixels."""

    width: int
    height: int
    touch: bool = False

    @property
    def name(self) -> str:
        """For files and reports."""
        return f"{self.width}x{self.height}"

    @property
    def phone(self) -> bool:
        """Whether the page is a phone's here."""
        return self.width <= 820 or self.height <= 520

    @property
    def target(self) -> int:
        """The least size of what is pressed: of a finger, or of a pointer."""
        return 44 if self.phone else 24


@dataclass(frozen=True)
class Look:
    """A theme of the system."""

    name: str
    scheme: Literal["dark", "light"]
    forced: Literal["active", "none"] = "none"


SMALL = Size(360, 740, touch=True)
LANDSCAPE = Size(844, 390, touch=True)
TABLET = Size(768, 1024, touch=True)
LAPTOP = Size(1280, 800)
DESK = Size(1920, 1080)
WIDE = Size(2560, 1440)
SIZES = (SMALL, LANDSCAPE, TABLET, LAPTOP, DESK, WIDE)

LIGHT = Look("light", "light")
DARK = Look("dark", "dark")
FORCED = Look("forced", "dark", "active")
LOOKS = (LIGHT, DARK, FORCED)
