"""The page's JavaScript: its tests beside this file, its types, and what a linter finds."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import javascript

HERE = Path(__file__).parent
NODE = shutil.which("node", path=str(Path(sys.executable).parent)) or shutil.which("node")


@pytest.mark.parametrize("name", sorted(path.name for path in HERE.glob("*.test.mjs")))
def test_javascript(name: str) -> None:
    assert NODE is not None, "node not found: pip install -r requirements.txt brings it"
    run = subprocess.run(
        [NODE, "--no-warnings", "--test", "--test-reporter=tap", str(HERE / name)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "LC_ALL": "en_US.UTF-8"},  # node's language: texts follow it
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_types_and_linter_find_nothing() -> None:
    """As ``make lint`` does."""
    javascript.install()
    assert javascript.problems() == []
