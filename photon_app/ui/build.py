"""Photon's plugin for Reflex's build: style sheet, font, licences, and one build for every address.

Reflex bakes the address of the backend, ``http://localhost:PORT``, into one small chunk of the
built page, so that a page built for one port does not work on another or behind a proxy. After the
build, and before its files are compressed, ``PhotonPlugin`` replaces those addresses by the page's
own. The licences of the packages that draw the chart are served with them, as they require. Used by
``rxconfig.py`` only; does nothing while serving.
"""

import contextlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reflex.plugins import Plugin

from photon_app.errors import StartError
from photon_app.ui import theme

INTER = "@fontsource-variable/inter"
INTER_VERSION = "5.3.0"
WEB = ".web"
PACKAGES = Path("reflex.lock/package.json")
CHART_NOTICE = """TradingView Lightweight Charts™
Copyright (c) 2026 TradingView, Inc. https://www.tradingview.com/
"""
"""The notice that the chart library's licence requires; the help dialog shows it too."""
CHART_LICENSES = Path("licenses") / "lightweight-charts.txt"
_CHART_LICENSE = Path("lightweight-charts") / "LICENSE"
_DRAWS_WITH = "It draws with fancy-canvas, https://github.com/tradingview/fancy-canvas (MIT).\n"
STYLESHEET = "photon-tokens-and-rules.css"

_ENVIRONMENT_CHUNK = "*env*.js"
_BAKED = re.compile(
    r"""(["'`])(http|ws)s?://(?:localhost|127\.0\.0\.1|0\.0\.0\.0)(?::\d+)?(/[^"'`\s]*)\1"""
)
_OWN_ORIGIN = {"http": "${location.origin}", "ws": "${location.origin.replace(/^http/,`ws`)}"}


class PhotonPlugin(Plugin):
    """Adds Photon's style sheet and Inter, and makes the finished build portable."""

    def get_frontend_dependencies(self, **_context: Any) -> list[str]:
        """Inter as an npm package, so that no visitor's browser contacts a font service."""
        return [f"{INTER}@{INTER_VERSION}"]

    def get_stylesheet_paths(self, **_context: Any) -> Sequence[str]:
        """Inter's faces, then Photon's own sheet, after Radix's."""
        return (f"{INTER}/index.css", f"./{STYLESHEET}")

    def get_static_assets(self, **_context: Any) -> Sequence[tuple[Path, str | bytes]]:
        """The style sheet, generated from ``theme``."""
        return ((Path("styles") / STYLESHEET, theme.stylesheet()),)

    def post_compile(self, **_context: Any) -> None:
        """Keep the committed package list sorted under ``reflex run`` too. Each serving process
        runs this, and serves even if the list cannot be read or written.
        """
        with contextlib.suppress(OSError, ValueError):
            settle(PACKAGES)

    def post_build(self, **context: Any) -> None:
        """Replace the baked addresses, add the chart's licence, and keep the committed package list
        sorted.

        Raises:
            StartError: no address was found: Reflex's output differs from what this expects.
        """
        make_portable(context["static_dir"])
        add_licenses(context["static_dir"], Path(WEB) / "node_modules")
        settle(PACKAGES)


def add_licenses(static_dir: Path, node_modules: Path) -> None:
    """Put the chart library's notice and licence beside the page, which distributes the library.

    Raises:
        StartError: the package came without its licence.
    """
    file = node_modules / _CHART_LICENSE
    if not file.is_file():
        raise StartError(f"{file} is missing: the chart's library cannot be given to visitors")
    target = static_dir / CHART_LICENSES
    target.parent.mkdir(parents=True, exist_ok=True)
    texts = (CHART_NOTICE, _DRAWS_WITH, file.read_text(encoding="utf-8"))
    target.write_text("\n".join(texts), encoding="utf-8")


def settle(packages: Path) -> None:
    """Write a package list with its names sorted: Reflex and npm each use an order of their own, so
    that a build would modify a committed file without changing its content.
    """
    if packages.is_file():
        text = json.dumps(json.loads(packages.read_text()), indent=2, sort_keys=True) + "\n"
        if text != packages.read_text():
            packages.write_text(text)


def portable(script: str) -> tuple[str, int]:
    """The environment chunk with all baked addresses replaced by the page's, and their number."""
    return _BAKED.subn(lambda match: f"`{_OWN_ORIGIN[match[2]]}{match[3]}`", script)


def make_portable(static_dir: Path) -> int:
    """Rewrite the environment chunk of a build; returns how many addresses were replaced.

    Raises:
        StartError: none was found.
    """
    replaced = 0
    for chunk in sorted((static_dir / "assets").glob(_ENVIRONMENT_CHUNK)):
        script, count = portable(chunk.read_text(encoding="utf-8"))
        if count:
            chunk.write_text(script, encoding="utf-8")
            replaced += count
    if not replaced:
        message = (
            f"no address of the backend was found in {static_dir / 'assets' / _ENVIRONMENT_CHUNK}: "
            "this build would work on one port only; expected Reflex 0.10.1's reflex-env chunk"
        )
        raise StartError(message)
    return replaced
