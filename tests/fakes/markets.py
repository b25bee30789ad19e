"""The hours of markets as a test wants them."""

from photon_app.feed.finnhub.poll_schedule import Hours


class FakeMarkets:
    """Each symbol is a market of its own; all have the same day and hours.

    Args:
        day: what the day is now.
        opened: whether they trade in regular hours now.
    """

    def __init__(self, day: object = None, *, opened: bool = True) -> None:
        self.day = day
        self.opened = opened

    def market_of(self, symbol: str) -> str:
        """The symbol's own."""
        return symbol

    def hours_of(self, _symbol: str) -> Hours:
        """What the test says."""
        return Hours(day=self.day, open=self.opened)
