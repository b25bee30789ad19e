"""What became of a print that is not simply a new last price, in words for people.

Pure constants: the book gives a print one of these, and time and sales shows it.
docs/protocol.md lists the words; a test holds the two together.
"""

from photon_app.model import Fate

SIMPLE = Fate(counted=True, why="")
"""A new last price that counts in all figures. No print is noted with it: most are so."""
LATE = Fate(counted=True, why="late")
"""Older than the last price: in volume, high and low."""
RANGE_ONLY = Fate(counted=True, why="range only")
"""By its conditions no last price: in volume, high and low."""
VOLUME_ONLY = Fate(counted=True, why="volume only")
"""By its conditions in the volume alone."""
NO_VOLUME = Fate(counted=True, why="no volume")
"""A last price whose volume was counted before, by its conditions."""
REPEAT = Fate(counted=False, why="repeat")
"""By its conditions a repetition of an earlier print."""
HELD = Fate(counted=False, why="held")
"""Far from the last price: it waits for a second print."""
CONFIRMED = Fate(counted=True, why="confirmed")
"""It was held, and a second print bore it out: in volume, high and low."""
OUTLIER = Fate(counted=False, why="outlier")
"""Far from the last price, and nothing bore it out."""
EARLIER_DAY = Fate(counted=False, why="earlier day")
"""Its day is over: in no figure of today's."""
OUTSIDE = Fate(counted=True, why="outside the sessions")
"""A last price and no more: it was made outside the sessions of its market."""
OUTSIDE_NOTHING = Fate(counted=False, why="outside the sessions")
"""As before, and no last price either."""
BAD_PRICE = Fate(counted=False, why="bad price")
BAD_VOLUME = Fate(counted=False, why="bad volume")
BAD_TIME = Fate(counted=False, why="bad time")

ALL = (
    *(SIMPLE, LATE, RANGE_ONLY, VOLUME_ONLY, NO_VOLUME, REPEAT, HELD, CONFIRMED, OUTLIER),
    *(EARLIER_DAY, OUTSIDE, OUTSIDE_NOTHING, BAD_PRICE, BAD_VOLUME, BAD_TIME),
)
