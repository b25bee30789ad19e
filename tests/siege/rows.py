"""Every attack there is, by name."""

from tests.siege import sockets, text, wishes
from tests.siege.row import Row

ROWS: dict[str, Row] = {
    row.name: row for rows in (sockets.ROWS, wishes.ROWS, text.ROWS) for row in rows
}
