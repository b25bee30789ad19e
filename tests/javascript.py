"""Checks of the page's JavaScript: types by ``tsc``, everything else by ``oxlint``.

``python tests/javascript.py`` (a step of ``make lint``) checks ``photon_app/ui/live/`` and prints
what it found; ``tests/ui/test_javascript.py`` checks the same. Both tools come from npm, pinned
here, into a folder of their own, with the node of the virtual environment; no page needs them.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
TOOLS = HERE.parent / ".cache" / "javascript"
PACKAGES = (
    "typescript@7.0.2",
    "oxlint@1.94.0",
    "@types/react@19.3.3",
    "lightweight-charts@5.2.1",
)
TYPES = HERE / "ui" / "types" / "tsconfig.json"
RULES = HERE / "ui" / "types" / "oxlint.json"
LIVE = HERE.with_name("photon_app") / "ui" / "live"
ASSETS = HERE.with_name("assets")
UNTYPED = frozenset(
    {
        "chart.jsx",
        "photon-client.js",
        "picture.js",
        "quotes.jsx",
        "spark.jsx",
        "sparks.js",
        "tape.jsx",
    }
)
"""Files whose JSDoc does not yet say enough; one that does is taken off this list."""

_FINDING = re.compile(r"^(\S+?)\((\d+),(\d+)\): (.*)$", re.MULTILINE)


def install() -> None:
    """Install the tools when they are not there in these versions.

    Raises:
        RuntimeError: npm could not; its own words say why.
    """
    stamp = TOOLS / "installed"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == "\n".join(PACKAGES):
        return
    TOOLS.mkdir(parents=True, exist_ok=True)
    command = ("install", "--prefix", str(TOOLS), "--no-audit", "--no-fund", "--ignore-scripts")
    done = _run("npm", *command, "--save-exact", *PACKAGES)
    if done.returncode != 0:
        raise RuntimeError(f"npm could not install the tools:\n{done.stdout}{done.stderr}")
    stamp.write_text("\n".join(PACKAGES), encoding="utf-8")


def types() -> dict[str, list[str]]:
    """The findings of ``tsc`` by the name of the file."""
    done = _run("node", str(TOOLS / "node_modules/typescript/bin/tsc"), "-p", str(TYPES))
    found: dict[str, list[str]] = {}
    for path, line, column, text in _FINDING.findall(done.stdout):
        name = Path(path).name
        found.setdefault(name, []).append(f"{name}:{line}:{column}: {text}")
    if done.returncode != 0 and not found:
        raise RuntimeError(f"tsc did not run:\n{done.stdout}{done.stderr}")
    return found


def lint() -> str:
    """The findings of ``oxlint``; nothing when there are none."""
    done = _run(
        "node",
        str(TOOLS / "node_modules/oxlint/bin/oxlint"),
        *("--config", str(RULES), "--deny-warnings", "--format", "unix"),
        *(str(LIVE), str(ASSETS / "sw.js")),
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def problems() -> list[str]:
    """Everything that is wrong, a line each."""
    found = types()
    wrong = [line for name in sorted(found) if name not in UNTYPED for line in found[name]]
    done = sorted(UNTYPED - set(found))
    wrong += [f"{name} has its types: take it off UNTYPED in tests/javascript.py" for name in done]
    return wrong + lint().splitlines()


def _run(program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run what the virtual environment has beside its Python."""
    scripts = str(Path(sys.executable).parent)
    path = f"{scripts}{os.pathsep}{os.environ.get('PATH', '')}"
    return subprocess.run(
        [shutil.which(program, path=path) or program, *arguments],
        env={**os.environ, "PATH": path},
        cwd=HERE.parent,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def main() -> int:
    """Print what is wrong; returns the exit code."""
    install()
    found = problems()
    print("\n".join(found) if found else "JavaScript: no findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
