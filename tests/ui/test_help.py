"""The help says what every badge and tag of the page means."""

import re

from photon_app import ROOT
from photon_app.ui.components.help import WORDS

SCRIPT = (ROOT / "photon_app" / "ui" / "live" / "words.js").read_text()


def test_every_badge_and_tag_is_explained() -> None:
    """Those that ``words.js`` writes, by their first word."""
    written = re.findall(r'(?:\["|words: "|tag: "|[`}])([A-Z]{4,})\b', SCRIPT)
    assert {"LIVE", "BEHIND", "DELAYED", "DISCONNECTED", "POLLED", "REJECTED"} <= set(written)
    assert set(written) <= {word.split()[0] for word, _ in WORDS}
