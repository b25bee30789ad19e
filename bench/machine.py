"""What a figure was measured on."""

import importlib.metadata
import os
import platform
from pathlib import Path


def describe() -> list[tuple[str, str]]:
    """Machine and versions, as (name, value)."""
    packages = ("reflex", "uvicorn", "websockets", "msgspec")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)
    return [
        ("processor", f"{_cpu()}, {os.cpu_count()} cores"),
        ("system", f"{platform.system()} {platform.release()}"),
        ("python", platform.python_version()),
        ("packages", versions),
    ]


def rss_kib(pid: int) -> int:
    """Resident memory of a process."""
    return int(_status(pid).partition("VmRSS:")[2].split()[0])


def cpu_s(pid: int) -> float:
    """Processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def stolen_s() -> float:
    """Processor time that the host has given to others while this machine wanted it."""
    fields = Path("/proc/stat").read_text().split(maxsplit=10)
    return int(fields[8]) / os.sysconf("SC_CLK_TCK")


def _status(pid: int) -> str:
    return Path(f"/proc/{pid}/status").read_text()


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
