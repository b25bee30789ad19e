"""The real process under load: Photon as it is launched, fed by ``bench.tape``, read by
``bench.load``, each a process of its own.
"""

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import machine
from tests.fakes.process import Process, photon

SETTLE_S = 2.0


@contextlib.contextmanager
def _tape(rate: int) -> Iterator[str]:
    """The address of a running tape."""
    with tempfile.TemporaryDirectory() as folder:
        port_file = Path(folder) / "port"
        command = [sys.executable, "-m", "bench.tape", str(rate), str(port_file)]
        with subprocess.Popen(command) as tape:
            try:
                while not port_file.exists() or not port_file.read_text():
                    time.sleep(0.02)
                yield f"ws://127.0.0.1:{port_file.read_text()}"
            finally:
                tape.kill()


def _load(process: Process, clients: int, symbols: int, seconds: float) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "bench.load"]
    numbers = [str(process.port), str(clients), str(symbols), str(seconds)]
    return subprocess.Popen([*command, *numbers], stdout=subprocess.PIPE, text=True)


def fan_out(clients: int, symbols: int, rate: int, seconds: float) -> dict[str, Any]:
    """Updates, latency from the trade's time to the client's receipt, and the server's CPU."""
    with (
        _tape(rate) as upstream,
        photon(
            FINNHUB_API_KEY="bench",
            FINNHUB_WS_URL=upstream,
            PHOTON_SYMBOLS=",".join(f"S{n}" for n in range(symbols)),
        ) as process,
        _load(process, clients, symbols, seconds) as load,
    ):
        assert load.stdout is not None
        assert load.stdout.readline() == "ready\n"
        time.sleep(SETTLE_S)
        begun, cpu = time.monotonic(), machine.cpu_s(process.popen.pid)
        stolen = machine.stolen_s()
        result: dict[str, Any] = json.loads(load.stdout.readline())
        wall = time.monotonic() - begun
        result["server_cores"] = (machine.cpu_s(process.popen.pid) - cpu) / wall
        result["stolen_cores"] = (machine.stolen_s() - stolen) / wall
        return result


def idle_memory(clients: int) -> float:
    """KiB of resident memory for each connected client that subscribes to nothing."""
    with photon() as process:
        time.sleep(SETTLE_S)
        before = machine.rss_kib(process.popen.pid)
        with _load(process, clients, 0, 1) as load:
            assert load.stdout is not None
            assert load.stdout.readline() == "ready\n"
            time.sleep(1)
            after = machine.rss_kib(process.popen.pid)
            load.stdout.readline()
        return (after - before) / clients
