"""Why there is no line, in words."""

from hypothesis import given
from hypothesis import strategies as st

from photon_app.feed import outage

UPTIME = outage.Uptime(open_s=60, delivered_s=50)


@given(st.text(st.characters(codec=None)))
def test_what_upstream_says_as_it_goes_is_one_printable_line(said: str) -> None:
    """It stands in the log, on `/ws`, in `/health` and on the page."""
    words = outage.closed(1008, said, UPTIME).words
    assert words.isprintable()
    assert len(words) < 300
