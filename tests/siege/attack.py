"""``python -m tests.siege.attack ROW PORT``: one row's attack, from the line ``begun`` on until its
standard input ends; then what it counted, as a line of JSON.
"""

import asyncio
import contextlib
import json
import os
import sys

from tests.siege.row import Target
from tests.siege.rows import ROWS


async def _run(name: str, port: int) -> None:
    target = Target(port=port)
    print("begun", flush=True)
    attack = asyncio.create_task(ROWS[name].attack(target))
    await asyncio.to_thread(sys.stdin.read)
    attack.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await attack
    print(json.dumps(target.counts), flush=True)
    os._exit(0)  # what is open need not be closed in order


if __name__ == "__main__":
    os.nice(10)  # the rude have machines of their own
    asyncio.run(_run(sys.argv[1], int(sys.argv[2])))
