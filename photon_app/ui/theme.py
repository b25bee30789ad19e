"""Every token of the page's look, in one place.

Colours, type, space and sizes are values here; ``stylesheet`` writes them as CSS custom properties
before the rules in ``styles/``, which have no colours of their own. Pure: no Reflex. The build
plugin (``ui/build.py``) puts the result into the page; a test computes the contrast of every pair
of text and ground in ``TEXT_ON_GROUND``.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Palette:
    """The colours of one theme."""

    bg: str
    panel: str
    raised: str
    line: str
    edge: str
    """The border of whatever floats, in the place of a shadow."""
    text: str
    muted: str
    faint: str
    up: str
    down: str
    up_alternative: str
    """Up and down for visitors who cannot distinguish green from red."""
    down_alternative: str
    good: str
    """The colour of health, which stays green whatever pair is chosen for prices."""
    bad: str
    brand: str
    focus: str
    study_1: str
    """The two colours of lines that indicators draw over the prices."""
    study_2: str
    tint_percent: int
    """How much of a colour its tint mixes into the background, in percent."""
    heat_percent: int
    """The same of a tile of the heat map that has its whole tint."""


DARK = Palette(
    bg="#0a0d12",
    panel="#10141b",
    raised="#161c25",
    line="#1f2732",
    edge="#3a4657",
    text="#e8ebf0",
    muted="#a3adbb",
    faint="#818c9c",
    up="#2fbf8a",
    down="#ff5c70",
    up_alternative="#6cb2ff",
    down_alternative="#ff9a4d",
    good="#2fbf8a",
    bad="#ff5c70",
    brand="#ffb224",
    focus="#6ea8fe",
    study_1="#6ea8fe",
    study_2="#c792ea",
    tint_percent=16,
    heat_percent=46,
)

LIGHT = Palette(
    bg="#f4f5f7",
    panel="#ffffff",
    raised="#f7f8fa",
    line="#e3e6eb",
    edge="#b6bfcc",
    text="#0f1520",
    muted="#4b5565",
    faint="#667085",
    up="#07734f",
    down="#c01f38",
    up_alternative="#0b5cad",
    down_alternative="#9c3f00",
    good="#07734f",
    bad="#c01f38",
    brand="#9a5b00",
    focus="#1d5fd1",
    study_1="#1d5fd1",
    study_2="#7a3fb0",
    tint_percent=12,
    heat_percent=40,
)

SIZES = {
    "font": "'Inter Variable', 'Inter Fallback', system-ui, 'Segoe UI', Roboto, Arial, sans-serif",
    "radius": "10px",
    "radius-control": "8px",
    "radius-small": "6px",
    "header": "44px",
    "footer": "28px",
    "list": "480px",
    "gap": "8px",
}

TEXT_ON_GROUND: tuple[tuple[str, str], ...] = tuple(
    (text, ground)
    for text in ("text", "muted", "faint", "up", "down", "up_alternative", "down_alternative")
    for ground in ("bg", "panel", "raised")
) + tuple(
    (text, ground)
    for text in ("good", "bad", "brand", "study_1", "study_2")
    for ground in ("panel", "raised")
)
"""Which colours are used as text on which ground; each needs a contrast of 4.5."""

THEME_COLORS = {"dark": DARK.panel, "light": LIGHT.panel}
"""The colour of a phone's browser around the page, by theme."""

RULES = tuple(
    Path(__file__).parent / "styles" / f"{name}.css"
    for name in (
        "base",
        "header",
        "list",
        "quotes",
        "detail",
        "chart",
        "rail",
        "footer",
        "popovers",
        "phone",
        "market",
        "developers",
        "modes",
    )
)
"""The rules, by part of the page, in the order in which they apply."""


_TINTED = ("up", "down", "good", "bad", "brand", "muted")


def properties(palette: Palette) -> dict[str, str]:
    """A palette as CSS custom properties."""
    values = asdict(palette)
    share, heat = values.pop("tint_percent"), values.pop("heat_percent")
    colors = {f"--{name.replace('_', '-')}": value for name, value in values.items()}
    return colors | {"--tint-share": f"{share}%", "--heat-most": f"{heat}%"}


def stylesheet() -> str:
    """The whole style sheet: tokens, then rules."""
    sizes = {f"--{name}": value for name, value in SIZES.items()}
    light = {"color-scheme": "light"} | properties(LIGHT)
    other_pair = {f"--{name}": f"var(--{name}-alternative)" for name in ("up", "down")}
    blocks = (
        _block(":root", sizes | light),
        _block(":root.dark", {"color-scheme": "dark"} | properties(DARK)),
        f"@media print {{\n{_block(':root.dark', light)}}}\n",
        _block(":root[data-pair='blue-orange']", other_pair),
        _block(":root", {f"--{name}-tint": _tint(name) for name in _TINTED}),
        _block(":root", {"--chosen": "color-mix(in srgb, var(--line) 50%, var(--panel))"}),
    )
    return "\n".join((*blocks, rules()))


def rules() -> str:
    """All rules, without the tokens."""
    return "\n".join(path.read_text(encoding="utf-8") for path in RULES)


def _tint(name: str) -> str:
    return f"color-mix(in srgb, var(--{name}) var(--tint-share), transparent)"


def _block(selector: str, values: Mapping[str, str]) -> str:
    lines = "".join(f"  {name}: {value};\n" for name, value in values.items())
    return f"{selector} {{\n{lines}}}\n"
