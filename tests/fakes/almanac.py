"""The exchange's days without the process that computes them."""

import datetime as dt

from photon_app.market.calendar import Table, ordinary_day


async def weekdays(first: dt.date, last: dt.date) -> Table:
    """A table in which every Monday to Friday is an ordinary day."""
    dates = (first + dt.timedelta(days=n) for n in range((last - first).days + 1))
    days = tuple(ordinary_day(date) for date in dates if date.weekday() < 5)
    return Table(first=first, last=last, days=days)
