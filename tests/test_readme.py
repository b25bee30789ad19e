"""What the README says can be pasted, and works."""

import os
import re
import subprocess
import sys

from tests.fakes.process import ROOT, photon

README = (ROOT / "README.md").read_text()


def examples(language: str) -> list[str]:
    """The fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def test_the_python_example_prints_live_prices() -> None:
    """Pasted as it is, but for the port."""
    [example] = examples("python")
    with photon() as process:
        pasted = example.replace(":8000", f":{process.port}")
        with subprocess.Popen(
            [sys.executable, "-u", "-c", pasted], stdout=subprocess.PIPE, text=True
        ) as program:
            assert program.stdout is not None
            lines = [program.stdout.readline() for _ in range(5)]
            program.kill()
    assert all(re.fullmatch(r"(AAPL|NVDA) \d+\.\d+\n", line) for line in lines)


def test_the_python_example_survives_a_restart() -> None:
    """It reconnects by itself, and continues printing."""
    [example] = examples("python")
    with photon() as process:
        port = process.port
        pasted = example.replace(":8000", f":{port}")
        quick = {
            "WEBSOCKETS_BACKOFF_INITIAL_DELAY": "0.2",
            "WEBSOCKETS_BACKOFF_MIN_DELAY": "0.2",
            "WEBSOCKETS_BACKOFF_MAX_DELAY": "1",
        }
        with subprocess.Popen(
            [sys.executable, "-u", "-c", pasted],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **quick},
        ) as program:
            assert program.stdout is not None
            assert program.stdout.readline()
            process.stop()
            with photon(PORT=port, PHOTON_SIM_INTERVAL_MS=20):
                lines = [program.stdout.readline() for _ in range(60)]  # more than were under way
            program.kill()
    assert all(re.fullmatch(r"(AAPL|NVDA) \d+\.\d+\n", line) for line in lines)


def test_the_examples_are_ten_lines() -> None:
    """Short enough to be read before they are pasted."""
    for example in [*examples("python"), *examples("html")]:
        assert len([line for line in example.splitlines() if line.strip()]) <= 10


def test_the_two_commands_are_targets() -> None:
    """Of the Makefile."""
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", README, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)
