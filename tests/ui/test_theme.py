"""Every text of the page can be read: WCAG 2.2 contrast of at least 4.5 in both themes.

The formulas are those of https://www.w3.org/TR/WCAG22/#dfn-relative-luminance.
"""

import re

import pytest

from photon_app.ui import theme

Rgb = tuple[float, float, float]


def rgb(color: str) -> Rgb:
    red, green, blue = (int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def luminance(color: Rgb) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: Rgb, other: Rgb) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def mixed(color: Rgb, ground: Rgb, percent: int) -> Rgb:
    red, green, blue = (
        c * percent / 100 + g * (1 - percent / 100) for c, g in zip(color, ground, strict=True)
    )
    return red, green, blue


PALETTES = pytest.mark.parametrize(
    "palette", [pytest.param(theme.DARK, id="dark"), pytest.param(theme.LIGHT, id="light")]
)


def test_the_formula_gives_the_standards_own_extreme() -> None:
    assert contrast(rgb("#000000"), rgb("#ffffff")) == pytest.approx(21)


@PALETTES
@pytest.mark.parametrize(("text", "ground"), theme.TEXT_ON_GROUND)
def test_text_stands_out_from_its_ground(palette: theme.Palette, text: str, ground: str) -> None:
    assert contrast(rgb(getattr(palette, text)), rgb(getattr(palette, ground))) >= 4.5


TEXT_ON_TINT = (
    ("text", "up"),
    ("text", "down"),
    ("text", "up_alternative"),
    ("text", "down_alternative"),
    ("brand", "brand"),
    ("good", "good"),
    ("bad", "bad"),
    ("muted", "muted"),
)
"""Text over the tint of a colour: flashing prices in any row, badges on the header's panel."""
ON_TINT = [(*pair, "panel") for pair in TEXT_ON_TINT] + [
    (*pair, "raised") for pair in TEXT_ON_TINT if pair[0] == "text"
]
"""Prices flash in the selected row too; badges stand on the header's panel only."""


@PALETTES
@pytest.mark.parametrize(("text", "tint", "ground"), ON_TINT)
def test_text_stands_out_from_a_tint(
    palette: theme.Palette, text: str, tint: str, ground: str
) -> None:
    tinted = mixed(rgb(getattr(palette, tint)), rgb(getattr(palette, ground)), palette.tint_percent)
    assert contrast(rgb(getattr(palette, text)), tinted) >= 4.5


@PALETTES
@pytest.mark.parametrize("tint", ["up", "down", "up_alternative", "down_alternative"])
def test_text_stands_out_from_the_fullest_tile(palette: theme.Palette, tint: str) -> None:
    """Of the heat map; and from the faintest, which has a tenth of the colour."""
    for percent in (10, palette.heat_percent):
        tinted = mixed(rgb(getattr(palette, tint)), rgb(palette.panel), percent)
        assert contrast(rgb(palette.text), tinted) >= 4.5


@PALETTES
@pytest.mark.parametrize("ground", ["bg", "panel", "raised"])
def test_the_focus_ring_stands_out(palette: theme.Palette, ground: str) -> None:
    assert contrast(rgb(palette.focus), rgb(getattr(palette, ground))) >= 3


def test_the_rules_hold_no_colour_of_their_own() -> None:
    rules = theme.rules()
    assert not re.findall(r"#[0-9a-fA-F]{3,8}\b|rgba?\(|hsla?\(", rules)


def test_every_property_used_by_the_rules_is_a_token() -> None:
    sheet = theme.stylesheet()
    defined = set(re.findall(r"(--[\w-]+)\s*:|@property (--[\w-]+)", sheet))
    defined = {name for names in defined for name in names}
    assert set(re.findall(r"var\((--[\w-]+)", sheet)) <= defined


def test_the_sheet_asks_nothing_of_another_host() -> None:
    assert "://" not in theme.stylesheet()
