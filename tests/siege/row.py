"""What one attack is, and what may come of it.

An attack is a coroutine function of a ``Target``: it does what a rude client does until it is
cancelled, in a process of its own, from an address of its own (``127.0.0.2``). It swallows what the
server does to it (a reset, a refusal), and counts what the row's ``check`` wants to know.
"""

import asyncio
import contextlib
import dataclasses
import socket
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from typing import Any

RUDE = "127.0.0.2"
"""Where attacks come from; honest clients are at 127.0.0.1."""
_BIND_ADDRESS_NO_PORT = 24
"""Of Linux: the port is chosen when it connects. Else it must be one that no connection of the last
minute had, to whatever server, and after some ten thousand attacks look for one in vain."""
GONE = (OSError, EOFError, asyncio.IncompleteReadError)
"""How a server that ends a connection is met."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Target:
    """The server under attack, as the attacker sees it."""

    port: int
    address: str = RUDE
    """What to connect from."""
    counts: Counter[str] = dataclasses.field(default_factory=Counter)
    """What the attack saw, for the row's check: connections, refusals, codes."""

    async def connect(
        self, address: str | None = None, **options: Any
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A TCP connection."""
        sock = socket.socket()
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_IP, _BIND_ADDRESS_NO_PORT, 1)
            sock.bind((address or self.address, 0))
            await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self.port))
            return await asyncio.open_connection(sock=sock, **options)
        except BaseException:
            sock.close()
            raise


@dataclasses.dataclass(frozen=True, kw_only=True)
class Seen:
    """What was seen of a row, for its ``check``."""

    counts: Mapping[str, int]
    """What the attack counted."""
    health: Mapping[str, Any]
    """``/health`` at the end of the attack."""
    output: str
    """What the server logged during it."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Row:
    """One attack and its bounds.

    Args:
        name: a few words, unique; also for ``--only``.
        attack: what the rude client does.
        seconds: how long the long form takes.
        settings: of the server, as environment variables. Rows that agree share a server.
        files: the most that the server may have open.
        upstream: a stand-in for Finnhub that runs meanwhile; gives further settings.
        memory_mib: by how much the server's memory may have grown when the attack ends.
        log_per_s: how many bytes the server may log in a second.
        check: raises ``AssertionError`` when something else is not as it must be.
        feeds_stop: whether the attack is on the feed itself, so that prices may not be judged.
    """

    name: str
    attack: Callable[[Target], Coroutine[Any, Any, None]]
    seconds: float = 5.0
    settings: Mapping[str, object] = dataclasses.field(default_factory=dict)
    files: int | None = None
    upstream: Callable[[], contextlib.AbstractAsyncContextManager[Mapping[str, object]]] | None = (
        None
    )
    memory_mib: float = 40.0
    log_per_s: float = 1_000.0
    check: Callable[[Seen], None] = lambda _: None
    feeds_stop: bool = False


@contextlib.asynccontextmanager
async def no_upstream() -> AsyncIterator[Mapping[str, object]]:
    """Nothing but the simulator."""
    yield {}


async def together(*attacks: Awaitable[None]) -> None:
    """Several at once; one that ends early does not end the others."""
    await asyncio.gather(*attacks)
    await asyncio.Event().wait()
