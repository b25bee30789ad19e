"""Every attack there is, by name."""

from tests.siege import files, http, invented, names, sockets, subscriptions, text
from tests.siege.row import Row

ROWS: dict[str, Row] = {
    row.name: row
    for module in (http, sockets, subscriptions, names, invented, text, files)
    for row in module.ROWS
}
