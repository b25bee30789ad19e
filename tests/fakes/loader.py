"""The exchange's days without the process that computes them."""

import datetime as dt

from photon_app.calendar.calendar import Calendar, Table, ordinary_day


async def weekdays(first: dt.date, last: dt.date, *_codes: object) -> Table:
    """A table in which every Monday to Friday is an ordinary day."""
    dates = (first + dt.timedelta(days=n) for n in range((last - first).days + 1))
    days = tuple(ordinary_day(date) for date in dates if date.weekday() < 5)
    return Table(first=first, last=last, days=days)


async def shipped(first: dt.date, last: dt.date, *_codes: object) -> Table:
    """The days that are part of Photon, as the process would compute them."""
    dates = (first + dt.timedelta(days=n) for n in range((last - first).days + 1))
    days = tuple(day for date in dates if (day := Calendar().day(date)) is not None)
    return Table(first=first, last=last, days=days)
