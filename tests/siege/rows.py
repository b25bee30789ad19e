"""Every attack there is, by name."""

from tests.siege import sockets, wishes
from tests.siege.row import Row

ROWS: dict[str, Row] = {row.name: row for rows in (sockets.ROWS, wishes.ROWS) for row in rows}
