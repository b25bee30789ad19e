"""Photon's plugin for Reflex's build: style sheet, font, few files, and one build for any address.

Before the build, ``PhotonPlugin`` edits two of the files that Reflex generates: the scripts that
several entries of the page share become one file, and the libraries that Reflex keeps whole for
components made while running are left out, since Photon has none of those.

Reflex bakes the address of the backend, ``http://localhost:PORT``, into the built page, so that a
page built for one port does not work on another or behind a proxy. After the build, and before its
files are compressed, those addresses are replaced by the page's own. The licences of the packages
that draw the chart are served with them, as they require. Used by ``rxconfig.py`` only; does
nothing while serving. Where Reflex's output is not what this expects, the build fails.
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
INTER_LATIN = f"{INTER}/files/inter-latin-wght-normal.woff2"
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

VITE_CONFIG = "vite.config.js"
APP_ROOT = "app/root.jsx"
"""Both in ``.web``."""
ELEMENT = Path("utils") / "element.js"
"""Makes elements instead of Emotion, whose only use would be rules within components."""
_ELEMENT = 'export { createElement as jsx } from "react";\n'

_GROUPS = re.compile(r'groups: \[\s*\{\s*test: /env\.json/,\s*name: "reflex-env",\s*\},\s*\]')
_SHARED = 'groups: [{ name: "shared", minShareCount: 2 }]'
_ALIAS = re.compile(r"alias: \[")
_PLAIN = f"""alias: [
      {{
        find: "@emotion/react",
        replacement: fileURLToPath(new URL("./{ELEMENT.as_posix()}", import.meta.url)),
      }},"""
_KEEPS_WHOLE = re.compile(
    r"useEffect\(\(\) => \{\s*//[^\n]*\n\s*window\.__reflex = \{[^}]*\};\s*\}, \[\]\);"
)
_WHOLE = re.compile(r'^import \* as \w+ from "[^"]+";\n', re.MULTILINE)
_BAKED = re.compile(
    r"""(["'`])(http|ws)s?://(?:localhost|127\.0\.0\.1|0\.0\.0\.0)(?::\d+)?"""
    r"""(/(?:ping|_event|_upload|auth-codespace|_health|_all_routes))\1"""
)
"""Addresses of Reflex's own endpoints; others, such as those of an example, stand as they are."""
_EVENTS = "/_event"
_OWN_ORIGIN = {"http": "${location.origin}", "ws": "${location.origin.replace(/^http/,`ws`)}"}


class PhotonPlugin(Plugin):
    """Adds Photon's style sheet and Inter, keeps the build small, and makes it portable."""

    def get_frontend_development_dependencies(self, **_context: Any) -> list[str]:
        """Inter as an npm package, so that no visitor's browser contacts a font service. As a
        package of the build: one of the page's would be imported by its scripts, too.
        """
        return [f"{INTER}@{INTER_VERSION}"]

    def get_stylesheet_paths(self, **_context: Any) -> Sequence[str]:
        """Inter's faces, then Photon's own sheet."""
        return (f"{INTER}/index.css", f"./{STYLESHEET}")

    def get_static_assets(self, **_context: Any) -> Sequence[tuple[Path, str | bytes]]:
        """The style sheet, generated from ``theme``, and what makes elements."""
        return ((Path("styles") / STYLESHEET, theme.stylesheet()), (ELEMENT, _ELEMENT))

    def pre_compile(self, **context: Any) -> None:
        """Edit Vite's configuration and the page's root when Reflex has made them.

        Raises:
            StartError: one differs from what this expects; raised when they are edited.
        """
        context["add_modify_task"](VITE_CONFIG, with_small_scripts)
        context["add_modify_task"](APP_ROOT, without_whole_libraries)

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


def with_small_scripts(vite_config: str) -> str:
    """Vite's configuration with one file for all modules that several entries of the page share,
    and with React's own elements in the place of Emotion's.

    Each entry keeps what only it needs, so a part that is imported when it is opened stays apart.

    Raises:
        StartError: the configuration is not Reflex 0.10.1's.
    """
    edited, count = _GROUPS.subn(_SHARED, vite_config)
    if count != 1:
        raise StartError(_differs(VITE_CONFIG, "the group of chunks named reflex-env"))
    edited, count = _ALIAS.subn(_PLAIN, edited)
    if count != 1:
        raise StartError(_differs(VITE_CONFIG, "the list of aliases"))
    return edited


def without_whole_libraries(root: str) -> str:
    """The page's root without the libraries that it imports whole for components which a server
    sends as source text. Photon sends none, and what is imported whole cannot be made smaller.

    Raises:
        StartError: the root is not Reflex 0.10.1's.
    """
    edited, count = _KEEPS_WHOLE.subn("", root)
    if count != 1:
        raise StartError(_differs(APP_ROOT, "the effect that sets window.__reflex"))
    return _WHOLE.sub("", edited)


def _differs(file: str, expected: str) -> str:
    return (
        f"{WEB}/{file} differs from what Reflex 0.10.1 writes: {expected} was not found once; "
        "photon_app/ui/build.py has to follow Reflex's change"
    )


def portable(script: str) -> tuple[str, int]:
    """A script with all baked addresses replaced by the page's, and their number."""
    return _BAKED.subn(lambda match: f"`{_OWN_ORIGIN[match[2]]}{match[3]}`", script)


def make_portable(static_dir: Path) -> int:
    """Rewrite the addresses in a build's scripts; returns how many were replaced.

    Raises:
        StartError: the address of the page's events was not among them.
    """
    replaced, found = 0, False
    for chunk in sorted((static_dir / "assets").glob("*.js")):
        before = chunk.read_text(encoding="utf-8")
        script, count = portable(before)
        if count:
            chunk.write_text(script, encoding="utf-8")
            replaced += count
            found = found or any(match[3] == _EVENTS for match in _BAKED.finditer(before))
    if not found:
        message = (
            f"no address of the page's events was found in {static_dir / 'assets'}: this build "
            "would work on one port only; expected the addresses that Reflex 0.10.1 bakes in"
        )
        raise StartError(message)
    return replaced
