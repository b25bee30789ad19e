"""``python -m photon_app.market.nyse FIRST LAST``: the exchange's days as JSON, and the end.

The one module that imports ``pandas_market_calendars``, and with it pandas: some 70 MB and most of
a second, which a process that serves would keep for ever. So it is run, by ``almanac``, and
imported by nothing. Prints one ``calendar.Table`` and reads nothing but its two dates. It never
outlives who started it: a pipe as its standard input that ends, ends it.

Holidays, early closes and the hours before and after are the package's. Its early closes are at
13:00 with the late session to 17:00, as the exchange announces them:
https://mondovisione.com/media-and-resources/news/nyse-group-announces-2026-2027-and-2028-holiday-and-early-closings-calendar-20251223/
"""

import os
import stat
import sys
import threading


def _live_no_longer_than_stdin() -> None:
    os.read(0, 1)
    os._exit(1)


if __name__ == "__main__" and stat.S_ISFIFO(os.fstat(0).st_mode):  # before what takes its time
    threading.Thread(target=_live_no_longer_than_stdin, daemon=True).start()

import datetime as dt

import msgspec
import pandas_market_calendars

from photon_app.market.calendar import Table, TradingDay


def table(first: dt.date, last: dt.date) -> Table:
    """All trading days from one date to another, both included."""
    exchange = pandas_market_calendars.get_calendar("NYSE")
    schedule = exchange.schedule(first, last, start="pre", end="post")
    columns = schedule[["pre", "market_open", "market_close", "post"]]
    days = [
        TradingDay(day.date(), *(round(moment.timestamp() * 1000) for moment in moments))
        for day, *moments in columns.itertuples()
    ]
    return Table(first=first, last=last, days=tuple(days))


def main(first: str, last: str) -> None:
    """Print the table."""
    made = table(dt.date.fromisoformat(first), dt.date.fromisoformat(last))
    sys.stdout.buffer.write(msgspec.json.encode(made))


if __name__ == "__main__":
    main(*sys.argv[1:])
