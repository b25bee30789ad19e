"""Photon: a self-hosted, real-time stock ticker in one Reflex app.

Owns the two facts about the project that every room may read, its version and its folder, and the
entry point of the installed command. The packaging reads the version from here.
"""

import runpy
from pathlib import Path

__version__ = "0.2.0"

ROOT = Path(__file__).resolve().parents[1]
"""The project's folder: ``rxconfig.py``, ``.env``, the built page and SQLite's file are in it."""


def command() -> None:
    """Run the command ``photon``, which is ``python -m photon_app`` under another name.

    Raises:
        SystemExit: always, with the exit code.
    """
    runpy.run_module(__name__, run_name="__main__", alter_sys=True)
