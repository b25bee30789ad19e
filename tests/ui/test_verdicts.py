"""The tape has words for everything that can become of a trade."""

import re
from pathlib import Path

from photon_app.market.verdicts import ALL
from photon_app.ui.live import parts

TAPES = Path(parts.__file__).with_name("tapes.js").read_text(encoding="utf-8")


def test_the_tape_knows_every_verdict() -> None:
    """Its table has the words of ``market.verdicts``, and no others."""
    table = TAPES[TAPES.index("FATES = {") : TAPES.index("};", TAPES.index("FATES = {"))]
    known = {a or b for a, b in re.findall(r'^  (?:"([^"]+)"|(\w+)): \[', table, re.MULTILINE)}
    assert known == {verdict.why for verdict in ALL if verdict.why}
