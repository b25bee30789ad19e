"""What became of a print that is not a plain new last price, in words for people.

Pure constants: the book gives a print one of these, and time and sales shows it.
docs/protocol.md lists the words; a test holds the two together.
"""

from photon_app.model import Verdict

SIMPLE = Verdict(counted=True, why="")
"""A new last price that counts in all figures. The book never gives it: most prints are so."""
LATE = Verdict(counted=True, why="late")
"""Older than the last price: in volume, high and low."""
RANGE_ONLY = Verdict(counted=True, why="range only")
"""By its conditions no last price: in volume, high and low."""
VOLUME_ONLY = Verdict(counted=True, why="volume only")
"""By its conditions in the volume only."""
CORRECTED = Verdict(counted=True, why="corrected")
"""By its conditions the correction of a price: a last price, its volume was counted before."""
REPEAT = Verdict(counted=False, why="repeat")
"""By its conditions a repetition of an earlier print."""
HELD = Verdict(counted=False, why="held")
"""Far from the last price: it waits for a second print."""
CONFIRMED = Verdict(counted=True, why="confirmed")
"""It was held, and a second print confirmed it: in volume, high and low."""
OUTLIER = Verdict(counted=False, why="outlier")
"""Far from the last price, and nothing confirmed it."""
EARLIER_DAY = Verdict(counted=False, why="earlier day")
"""Its day is over: it is in no figure of today."""
OUTSIDE = Verdict(counted=True, why="outside the sessions")
"""A last price only: it was made outside the sessions of its market."""
OUTSIDE_NOTHING = Verdict(counted=False, why="outside the sessions")
"""As ``OUTSIDE``, but not the last price either."""
BAD_PRICE = Verdict(counted=False, why="bad price")
BAD_VOLUME = Verdict(counted=False, why="bad volume")
BAD_TIME = Verdict(counted=False, why="bad time")

ALL = (
    *(SIMPLE, LATE, RANGE_ONLY, VOLUME_ONLY, CORRECTED, REPEAT, HELD, CONFIRMED, OUTLIER),
    *(EARLIER_DAY, OUTSIDE, OUTSIDE_NOTHING, BAD_PRICE, BAD_VOLUME, BAD_TIME),
)
