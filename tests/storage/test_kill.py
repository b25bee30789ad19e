"""A process that is killed while it stores loses no more than it was set to wait for."""

import subprocess
import sys
import time

from photon_app import ROOT
from photon_app.storage.address import Address
from tests.storage.material import bar, on_disk

CHILD = """
import asyncio, sys, time
from photon_app.storage.address import parse
from tests.storage.material import bar, storing

async def main():
    async with storing(parse(sys.argv[1])) as store:
        minute = 0
        while True:
            store.put("A", [bar(minute)])
            print(minute, time.monotonic(), flush=True)
            minute += 1
            await asyncio.sleep(0.002)

asyncio.run(main())
"""
LOST_S = 0.3
"""Far more than the child's pause between two writes."""


def test_what_was_put_a_moment_before_a_kill_is_there(address: Address) -> None:
    """Whole, and nothing else."""
    url = address.url.render_as_string(hide_password=False)
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, url],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        first_s = float(child.stdout.readline().split()[1])
        while time.monotonic() < first_s + 2 * LOST_S:
            child.stdout.readline()
        child.kill()
        killed_s = time.monotonic()
        said = [line.split() for line in child.stdout.read().splitlines() if line.count(" ")]
    safe = [int(n) for n, at_s in said if float(at_s) < killed_s - LOST_S]
    found = on_disk(address)
    assert found == [bar(minute) for minute in range(len(found))]
    assert len(found) > max(safe, default=0)
    assert found
