"""Where rows are played: one server after the other, each for all rows that can share it."""

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Self

from tests.siege.besieged import Besieged, Outcome, besieged
from tests.siege.row import Row, no_upstream


def server_of(row: Row) -> tuple[str, str, str]:
    """What is equal of rows that can share a server."""
    return repr(sorted(row.settings.items())), str(row.files), repr(row.upstream)


def by_server(rows: Iterable[Row]) -> list[Row]:
    """Those that can share a server one after the other; else the order they came in, which every
    process that collects them must find alike.
    """
    sharing: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        sharing.setdefault(server_of(row), []).append(row)
    return [row for together in sharing.values() for row in together]


class Field:
    """Holds the server of the row that was played last, with what it runs on."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._stack = contextlib.AsyncExitStack()
        self._server: tuple[str, str, str] | None = None
        self._beside: Besieged | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._stack.aclose())
        self._runner.close()

    def play(self, row: Row, seconds: float, *, calm_s: float, after_s: float) -> Outcome:
        """One row, beside the server that is there, or another where that is not its own. A server
        with an upstream of its own is for one row, and over when the row is judged.
        """

        async def play() -> Outcome:
            beside = await self._for(row)
            outcome = await beside.play(row, seconds, calm_s=calm_s, after_s=after_s)
            if row.upstream is not None:
                await self._stack.aclose()
                self._beside = None
            return outcome

        return self._runner.run(play())

    async def _for(self, row: Row) -> Besieged:
        if self._beside is None or server_of(row) != self._server:
            await self._stack.aclose()
            self._server = server_of(row)
            more = await self._stack.enter_async_context((row.upstream or no_upstream)())
            settings = {**row.settings, **more}
            self._beside = self._stack.enter_context(besieged(row.files, **settings))
        return self._beside
