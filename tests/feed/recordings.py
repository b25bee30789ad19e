"""The recordings that the tests read, and small ones that they write."""

import functools
import gzip
import json
import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from photon_app import ROOT
from tests.reference.prints import Print

SHARED = Path(os.environ.get("PHOTON_RECORDINGS", ROOT.parent / "shared" / "data"))
DAY = SHARED / "ibm-bac-20131007.jsonl.gz"
PREMARKET = SHARED / "ibm-premarket-20131007.jsonl.gz"

needs_recordings = pytest.mark.skipif(
    not DAY.is_file(), reason=f"no recordings in {SHARED}; set PHOTON_RECORDINGS"
)

START_MS = 1_381_152_300_000


@functools.cache
def prints_of(path: Path) -> list[Print]:
    """Every print of a recording as its file has it, read with nothing of Photon's."""
    prints = []
    for text in gzip.decompress(path.read_bytes()).splitlines():
        message = json.loads(json.loads(text)["frame"])
        if message["type"] == "trade":
            prints += [
                Print(one["s"], one["p"], one["v"], one["t"], tuple(one.get("c") or ()))
                for one in message["data"]
            ]
    return prints


def frame(symbol: str, price: float, time_ms: int = START_MS, volume: float = 100) -> str:
    """A frame of one trade, as Finnhub writes it."""
    trade = {"c": ["1"], "p": price, "s": symbol, "t": time_ms, "v": volume}
    return json.dumps({"data": [trade], "type": "trade"})


def line(at: int, text: str) -> str:
    """One line of a recording."""
    return json.dumps({"at": at, "frame": text}) + "\n"


def write(path: Path, lines: Iterable[str], *, zipped: bool = False) -> Path:
    """Write a recording, whatever the lines are."""
    text = "".join(lines).encode()
    path.write_bytes(gzip.compress(text) if zipped else text)
    return path


def ladder(path: Path, count: int, step_ms: int = 1000, symbol: str = "IBM") -> Path:
    """Frames of one trade each, evenly in time, prices 1, 2, 3, ..."""
    times = [START_MS + i * step_ms for i in range(count)]
    return write(path, (line(at, frame(symbol, i + 1, at)) for i, at in enumerate(times)))
