"""axe-core, which finds what stands in the way of people who use the page by other means.

Its npm package is installed once, beside this file; nothing of it is given to visitors.
"""

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

PACKAGE = "axe-core@4.14.1"
_PLACE = Path(__file__).with_name(".npm")
COLOURS = ("color-contrast", "link-in-text-block")
"""The rules whose outcome a theme may change."""
_RUN = """async (rules) => {
  const options = { resultTypes: ["violations"], ...(rules && { runOnly: rules }) };
  const { violations } = await axe.run(document, options);
  const placesOf = (nodes) => nodes.map(({ target }) => target.join(" "));
  return violations.map(({ id, help, nodes }) => [id, help, placesOf(nodes)]);
}"""
_SHOWN = 3


def violations(page: Page, rules: tuple[str, ...] = ()) -> list[str]:
    """What it finds in the page as it stands, a sentence for each rule; by all rules if none is
    named.
    """
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(f"{_source()}; undefined")
    found: list[Any] = page.evaluate(_RUN, list(rules) or None)
    return [
        f"{rule}: {help_} ({len(places)}: {', '.join(places[:_SHOWN])})"
        for rule, help_, places in found
    ]


@functools.cache
def _source() -> str:
    file = _PLACE / "node_modules" / "axe-core" / "axe.min.js"
    version = file.with_name("package.json")
    wanted = PACKAGE.rpartition("@")[2]
    if not version.is_file() or f'"version": "{wanted}"' not in version.read_text("utf-8"):
        _install()
    return file.read_text("utf-8")


def _install() -> None:
    beside = Path(sys.executable).parent
    npm = shutil.which("npm", path=str(beside)) or "npm"
    _PLACE.mkdir(exist_ok=True)
    options = ("--prefix", str(_PLACE), "--no-audit", "--no-fund", "--ignore-scripts")
    done = subprocess.run(
        [npm, "install", *options, PACKAGE],
        env={**os.environ, "PATH": f"{beside}{os.pathsep}{os.environ.get('PATH', '')}"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"npm could not install {PACKAGE}: {done.stderr}"
