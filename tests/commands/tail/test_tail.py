"""``python -m photon_app tail`` as a user runs it: in a pipe, in a terminal, and ended."""

import asyncio
import contextlib
import fcntl
import functools
import json
import os
import pty
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Self

import pytest

from tests.fakes.process import ROOT, environment, run
from tests.fakes.server import HandFeed, serving
from tests.fakes.waiting import wait_for

COMMAND = [sys.executable, "-m", "photon_app", "tail"]


class Market(threading.Thread):
    """A Photon in a thread of its own, with a trade every 20 ms while it is ``open``."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.port = 0
        self.open = True
        self._up = threading.Event()
        self._down = False

    def run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        feed = HandFeed()
        async with serving(feed) as server:
            self.port = server.port
            feed.seed("AAPL", 100)
            feed.trade("AAPL", 101)
            self._up.set()
            cents = 0
            while not self._down:
                await asyncio.sleep(0.02)
                if self.open:
                    cents += 1
                    feed.trade("AAPL", 101 + cents / 100)
                    feed.trade("NVDA", 202 - cents / 100)

    def __enter__(self) -> Self:
        self.start()
        assert self._up.wait(20)
        return self

    def __exit__(self, *_: object) -> None:
        self._down = True
        self.join(20)


@pytest.fixture
def market() -> Iterator[Market]:
    with Market() as made:
        yield made


@contextlib.contextmanager
def tail(
    *arguments: str, stdout: int = subprocess.PIPE, stderr: int = subprocess.PIPE
) -> Iterator["subprocess.Popen[str]"]:
    """One that runs."""
    with subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def lines_of(stream: IO[str] | None, count: int) -> list[str]:
    assert stream is not None
    return [stream.readline() for _ in range(count)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_json_goes_into_a_pipe_until_a_signal(market: Market, number: int) -> None:
    """A snapshot, then every trade; each line at once; and no more words than one."""
    with tail("AAPL", "--json", "--url", f"127.0.0.1:{market.port}") as process:
        updates = [json.loads(line) for line in lines_of(process.stdout, 20)]
        process.send_signal(number)
        _, said = process.communicate(timeout=10)
    assert process.returncode == 0
    assert updates[0]["snapshot"] is True
    seqs = [update["seq"] for update in updates]
    assert seqs == list(range(seqs[0], seqs[0] + 20))
    assert said.startswith(f"photon: connected to 127.0.0.1:{market.port}: SIMULATED, market ")
    assert said.count("\n") == 1


def test_a_reader_that_has_enough_ends_it(market: Market) -> None:
    """Quietly, also when no further price comes."""
    market.open = False
    with tail("AAPL", "--url", f"127.0.0.1:{market.port}") as process:
        [first] = lines_of(process.stdout, 1)
        assert first.split("\t")[1] == "AAPL"
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(10) == 0
        assert process.stderr is not None
        assert process.stderr.read().count("\n") == 1


def test_a_signal_ends_it_while_nobody_reads(market: Market) -> None:
    """The pipe is full, and the write waits."""
    with tail("--json", "--url", f"127.0.0.1:{market.port}") as process:
        lines_of(process.stdout, 1)
        assert process.stdout is not None
        fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, 4096)
        wait_for(functools.partial(_sleeps_in_a_write, process.pid), 20)
        process.terminate()
        assert process.wait(10) == 0


def _sleeps_in_a_write(pid: int) -> bool:
    return "pipe" in Path(f"/proc/{pid}/wchan").read_text()


def test_it_ends_after_so_many_prices(market: Market) -> None:
    """Of the default symbols of the server that the settings name, when nothing is named."""
    done = run("tail", "--count", "7", PORT=market.port, FORCE_COLOR=1)
    assert done.returncode == 0
    symbols = [line.split("\t")[1] for line in done.stdout.splitlines()]
    assert len(symbols) == 7
    assert set(symbols) == {"AAPL", "NVDA"}


def test_a_server_that_is_not_there_is_one_line_and_tried_again() -> None:
    """Until it is asked to stop."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(20)
        address = f"127.0.0.1:{server.getsockname()[1]}"
        with tail("AAPL", "--url", address) as process:
            [said] = lines_of(process.stderr, 1)
            server.listen()
            with server.accept()[0]:
                process.send_signal(signal.SIGINT)
                out, more = process.communicate(timeout=10)
    assert said == f"photon: {address}: no connection (Connection refused); trying again\n"
    assert (process.returncode, out, more) == (0, "", "")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["é"], "is not a symbol"),
        (["--url", "ftp://x"], "--url 'ftp://x' cannot be used"),
        ([], "PORT=0"),
        (["--interval", "20"], "expected 0, or 50 to 10000"),
        (["--count", "0"], "expected a whole number from 1"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_one_line(arguments: list[str], says: str) -> None:
    """With code 2."""
    done = run("tail", *arguments)
    assert done.returncode == 2
    assert says in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_a_full_disk_is_one_line() -> None:
    """Said, with code 1."""
    with (
        Market() as market,
        Path("/dev/full").open("w") as full,
        tail("--url", f"127.0.0.1:{market.port}", stdout=full.fileno()) as process,
    ):
        _, said = process.communicate(timeout=20)
    assert process.returncode == 1
    assert said.splitlines()[-1] == "photon: nothing can be written: No space left on device"


def test_a_terminal_gets_a_table_and_is_given_back(market: Market) -> None:
    """Ctrl-C ends it: the cursor is there again, the last picture stays, nothing else does."""
    main, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 90, 0, 0))
    seen = bytearray()

    def shows(text: str) -> bool:
        if select.select([main], [], [], 0.1)[0]:
            seen.extend(os.read(main, 65536))
        return text.encode() in seen

    with tail("--url", f"127.0.0.1:{market.port}", stdout=side, stderr=side) as process:
        for part in ("SIMULATED", "AAPL", "NVDA", "▲", "Connected to"):
            wait_for(functools.partial(shows, part), 20)
        process.send_signal(signal.SIGINT)
        wait_for(functools.partial(shows, "Ended"), 10)
        assert process.wait(10) == 0
    os.close(side)
    os.close(main)
    drawn, _, left = seen.partition(b"\x1b[?1049l")
    assert drawn.startswith(b"\x1b[?1049h")
    assert b"\x1b[?25l" in drawn
    assert b"\x1b[?25h" in drawn[-20:]
    assert b"SIMULATED" in left
    assert b"Traceback" not in seen


def test_it_loads_neither_the_server_nor_the_page() -> None:
    """And so starts at once; the server does not load what draws tables."""
    code = (
        "import sys; from photon_app import __main__; "
        "before = set(sys.modules); from photon_app.commands.tail import command; "
        "print({'rich', 'websockets', 'httpx', 'photon_app.launcher'} & before, "
        "{'reflex', 'fastapi', 'uvicorn', 'starlette', 'httpx'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "set() set()\n"
