"""Photon: a self-hosted, real-time stock ticker in one Reflex app.

Owns the facts about the project that every room may read, its version and its folders, and the
entry point of the installed command. The packaging reads the version from here.
"""

import runpy
from pathlib import Path

__version__ = "0.2.0"

ROOT = Path(__file__).resolve().parents[1]
"""The project's folder, with ``rxconfig.py`` and the built page; where a wheel is installed by
itself, the folder of all packages.
"""
HOME = ROOT if (ROOT / "rxconfig.py").is_file() else Path.cwd()
"""Where ``.env`` and SQLite's file are: the project's folder, or, where a wheel is installed by
itself, the working directory.
"""


def command() -> None:
    """Run the command ``photon``, which is ``python -m photon_app`` under another name.

    Raises:
        SystemExit: always, with the exit code.
    """
    runpy.run_module(__name__, run_name="__main__", alter_sys=True)
