"""Finnhub's REST interface as the poller sees it, without HTTP: answers by symbol, at once."""

from photon_app.clock import Time
from photon_app.feed.finnhub.rest_wire import Failed, Unknown
from photon_app.model import Seed


class FakeQuotes:
    """Knows every symbol at a price of 100 unless a test says otherwise.

    Args:
        time: stamps what is asked.
    """

    def __init__(self, time: Time) -> None:
        self._time = time
        self.asked: list[tuple[float, str, bool]] = []
        """When, what, and whether it was polling."""
        self.answers: dict[str, Seed | Unknown | Failed] = {}
        self.down: Failed | None = None
        """What everything is answered with, while it is set."""
        self.fast_ms: int | None = None
        """How fast this machine's clock is, by the answers."""

    def wait_s(self, addresses: tuple[str, ...], *, polling: bool = False) -> float:
        """Nobody ever waits."""
        del addresses, polling
        return 0.0

    async def quote(
        self, symbol: str, *, polling: bool = False, addresses: tuple[str, ...] = ()
    ) -> Seed | Unknown | Failed:
        """Answer."""
        del addresses
        self.asked.append((self._time.monotonic(), symbol, polling))
        await self._time.sleep(0)
        if self.down is not None:
            return self.down
        return self.answers.get(symbol) or seed(symbol)

    def times(self, symbol: str) -> list[float]:
        """When a symbol was asked for."""
        return [at_s for at_s, asked, _ in self.asked if asked == symbol]

    def unknown(self, *symbols: str) -> None:
        """There are no such symbols."""
        self.answers.update({symbol: Unknown(symbol=symbol) for symbol in symbols})


def seed(symbol: str, price: float = 100.0, time_ms: int = 1) -> Seed:
    """A day."""
    return Seed(symbol=symbol, prev_close=99.0, price=price, time_ms=time_ms)


def failed(reason: str = "network", retry_s: float = 0.0) -> Failed:
    """No answer."""
    return Failed(reason=reason, detail="no answer", retry_s=retry_s)  # type: ignore[arg-type]
