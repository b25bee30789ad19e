"""Photon as a user starts it: a process of its own, on a free port.

``with photon() as process`` waits for the line that says what runs where. Environment variables
are given by name; nothing of the surrounding environment that is Photon's gets in.
"""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import photon_app

ROOT = photon_app.ROOT
START_S = 300
"""A first start builds the page."""
_FOREIGN = re.compile(
    r"^(PHOTON_|FINNHUB_|REFLEX_|__REFLEX|HOST$|PORT$|FRONTEND_URL$|DATABASE_URL$|LOG_LEVEL$)"
)


class Process:
    """One running Photon."""

    def __init__(self, popen: "subprocess.Popen[str]") -> None:
        self.popen = popen
        self.port = 0
        self.banner = ""
        self.lines: list[str] = []
        self._ready = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def http(self) -> str:
        """The address of page and HTTP."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws(self) -> str:
        """The address of ``/ws``."""
        return f"ws://127.0.0.1:{self.port}/ws"

    @property
    def output(self) -> str:
        """Everything printed so far."""
        return "".join(self.lines)

    @property
    def rss_kib(self) -> int:
        """Resident memory."""
        status = Path(f"/proc/{self.popen.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0])

    def wait_ready(self) -> None:
        """Return when it serves."""
        if not self._ready.wait(START_S) or not self.banner:
            raise AssertionError(f"Photon did not start:\n{self.output}")

    def stop(self, number: int = signal.SIGTERM, within_s: float = 10) -> int:
        """Send a signal; returns the exit code."""
        self.popen.send_signal(number)
        code = self.popen.wait(within_s)
        self._reader.join(5)
        return code

    def kill(self) -> None:
        """End it without a word."""
        self.popen.kill()
        self.popen.wait(10)

    def _read(self) -> None:
        assert self.popen.stdout is not None
        for line in self.popen.stdout:
            self.lines.append(line)
            found = re.search(r"dashboard http://[^:]+:(\d+)", line)
            if found:
                self.port = int(found[1])
                self.banner = line
                self._ready.set()
        self._ready.set()


def environment(**settings: object) -> dict[str, str]:
    """The surrounding environment without Photon's own, and with these settings."""
    kept = {name: value for name, value in os.environ.items() if not _FOREIGN.match(name)}
    ours = {"PORT": "0", "DATABASE_URL": "none"}
    return {**kept, **ours, **{name: str(value) for name, value in settings.items()}}


def start(*arguments: str, **settings: object) -> Process:
    """Start Photon and do not wait."""
    return _start([sys.executable, "-m", "photon_app", *arguments], settings)


def _start(command: list[str], settings: Mapping[str, object]) -> Process:
    return Process(
        subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment(**settings),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    )


@contextlib.contextmanager
def starting(
    *before: str, at: int | None = None, module: str = "photon_app", **settings: object
) -> Iterator[Process]:
    """A Photon that was just started, ended with the block. ``before`` comes before its command;
    ``at`` is as in ``photon``.
    """
    run_as = [module] if at is None else ["tests.fakes.dates", str(at)]
    process = _start([*before, sys.executable, "-m", *run_as], settings)
    try:
        yield process
    finally:
        if process.popen.poll() is None:
            process.kill()
        if process.popen.stdout is not None:
            process._reader.join(5)
            process.popen.stdout.close()


@contextlib.contextmanager
def photon(
    files: int | None = None,
    at: int | None = None,
    module: str = "photon_app",
    /,
    **settings: object,
) -> Iterator[Process]:
    """A running Photon, ended with the block.

    Args:
        files: the most that it may have open.
        at: the moment at which it starts, UNIX ms; now, when not given.
        module: what Python runs in place of the package.
        settings: environment variables.
    """
    limited = [] if files is None else ["sh", "-c", f'ulimit -n {files} && exec "$@"', "sh"]
    with starting(*limited, at=at, module=module, **settings) as process:
        process.wait_ready()
        yield process


def run(*arguments: str, **settings: object) -> "subprocess.CompletedProcess[str]":
    """Run Photon to its end."""
    return subprocess.run(
        [sys.executable, "-m", "photon_app", *arguments],
        cwd=ROOT,
        env=environment(**settings),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
