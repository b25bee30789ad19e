"""``python -m photon_app.calendar.nyse FIRST LAST CODE…``: prints exchanges' days as JSON.

The only module that imports ``pandas_market_calendars``, and with it pandas: some 70 MB and most of
a second, and a process that serves would keep that memory for ever. So ``loader`` runs it as a
child process, and no module imports it. It prints one ``calendar.Table`` and reads only its
arguments: two dates, and the codes of further exchanges, of which it prints the dates on which they
trade. A code that the package does not have is left out. It never outlives the process that started
it: it ends when the pipe at its standard input closes.

Holidays, early closes, pre-market and post-market are the package's. Its early closes are at 13:00
with the late session to 17:00, as the exchange announces them:
https://mondovisione.com/media-and-resources/news/nyse-group-announces-2026-2027-and-2028-holiday-and-early-closings-calendar-20251223/
"""

import os
import stat
import sys
import threading


def _live_no_longer_than_stdin() -> None:
    os.read(0, 1)
    os._exit(1)


if __name__ == "__main__" and stat.S_ISFIFO(os.fstat(0).st_mode):  # before the slow imports
    threading.Thread(target=_live_no_longer_than_stdin, daemon=True).start()

import datetime as dt
from collections.abc import Iterable

import msgspec
import pandas_market_calendars

from photon_app.calendar.calendar import Table, TradingDay


def table(first: dt.date, last: dt.date, codes: Iterable[str] = ()) -> Table:
    """All trading days from one date to another, both included."""
    exchange = pandas_market_calendars.get_calendar("NYSE")
    schedule = exchange.schedule(first, last, start="pre", end="post")
    columns = schedule[["pre", "market_open", "market_close", "post"]]
    days = [
        TradingDay(day.date(), *(round(moment.timestamp() * 1000) for moment in moments))
        for day, *moments in columns.itertuples()
    ]
    others = {code: dates for code in codes if (dates := _dates(code, first, last)) is not None}
    return Table(first=first, last=last, days=tuple(days), exchanges=others)


def _dates(code: str, first: dt.date, last: dt.date) -> frozenset[dt.date] | None:
    """The dates on which an exchange trades; ``None`` if its calendar fails, others unaffected."""
    try:
        days = pandas_market_calendars.get_calendar(code).valid_days(first, last)
    except Exception as error:  # noqa: BLE001 - whatever a calendar of the package runs into
        sys.stderr.write(f"{code} is left out: {error!r}\n")
        return None
    return frozenset(day.date() for day in days)


def main(first: str, last: str, *codes: str) -> None:
    """Print the table."""
    made = table(dt.date.fromisoformat(first), dt.date.fromisoformat(last), codes)
    sys.stdout.buffer.write(msgspec.json.encode(made))


if __name__ == "__main__":
    main(*sys.argv[1:])
