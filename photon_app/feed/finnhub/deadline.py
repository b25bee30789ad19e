"""Work that is given up after some time, on the injected clock.

Owns nothing that outlives a call: the work and its timer are cancelled and awaited before it
returns or raises.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from photon_app.clock import Time

T = TypeVar("T")


async def within(time: Time, seconds: float, work: Coroutine[Any, Any, T]) -> T | None:
    """The result of the work, or ``None`` when it takes longer; raises what the work raises."""
    task = asyncio.create_task(work)
    timer = asyncio.create_task(time.sleep(seconds))
    try:
        await asyncio.wait({task, timer}, return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else None
    finally:
        task.cancel()
        timer.cancel()
        await asyncio.gather(task, timer, return_exceptions=True)
