"""A helper process that reads commands as lines of JSON, and answers each with one.

The harness owns it: it ends with the block that started it, and by itself when its standard input
closes. Every answer has a time limit.
"""

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from bench import machine

Answer = dict[str, Any]


class WorkerError(RuntimeError):
    """A helper process ended, or did not answer in time."""


class Worker:
    """One helper process."""

    def __init__(self, module: str) -> None:
        with machine.on_core(machine.LOAD_CORE):
            self._popen = subprocess.Popen(
                [sys.executable, "-m", module],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,  # the harness handles Ctrl-C
            )
        self._module = module
        self._read = b""
        self.pid = self._popen.pid

    def ask(self, command: str, timeout_s: float = 10, **arguments: object) -> Answer:
        """Send a command and return the answer.

        Raises:
            WorkerError: no answer came in time.
        """
        assert self._popen.stdin is not None
        line = json.dumps({"do": command, **arguments}) + "\n"
        self._popen.stdin.write(line.encode())
        self._popen.stdin.flush()
        return self.answer(timeout_s, command)

    def answer(self, timeout_s: float, command: str = "start") -> Answer:
        """The next answer, one line of JSON."""
        until = time.monotonic() + timeout_s
        while b"\n" not in self._read:
            self._more(until - time.monotonic(), command)
        line, _, self._read = self._read.partition(b"\n")
        answer: Answer = json.loads(line)
        return answer

    def _more(self, left_s: float, command: str) -> None:
        assert self._popen.stdout is not None
        if left_s <= 0 or not select.select([self._popen.stdout], [], [], left_s)[0]:
            raise WorkerError(f"{self._module} did not answer {command!r} in time")
        part = os.read(self._popen.stdout.fileno(), 65536)
        if not part:
            raise WorkerError(f"{self._module} ended during {command!r}")
        self._read += part

    def stop(self) -> None:
        """Kill the process."""
        self._popen.kill()
        self._popen.wait()
        for pipe in (self._popen.stdin, self._popen.stdout):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):
                pipe.close()


@contextlib.contextmanager
def worker(module: str) -> Iterator[Worker]:
    """A running helper process."""
    made = Worker(module)
    try:
        yield made
    finally:
        made.stop()
