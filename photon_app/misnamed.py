"""Settings that nobody reads, because their names are nearly right.

Called at the start, once. ``PHOTON_…`` is ours: each such name that is no setting is told. Of all
other names only those are told that can hardly mean anything but one of the settings. In ``.env``,
which is Photon's own, less likeness is enough than in an environment, which is everybody's. What is
told is a name and never a value, nor what looks like one that stands where a name should.

Bound: ``MOST`` sentences, and one that counts the others.
"""

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from photon_app import settings
from photon_app.errors import SettingsError

MOST = 20
_OURS = "PHOTON_"
_FINNHUB = "FINNHUB"
_KEY = "FINNHUB_API_KEY"
_KEY_WORDS = ("KEY", "TOKEN", "SECRET")
_LONGEST = 60
_LOOKS_SECRET = re.compile(r"(?=[^_]*\d)(?=[^_]*[A-Za-z])[^_]{12,}|[^_]{24,}")


def doubts(
    environ: Mapping[str, str] | None = None, dotenv: Path | str | None = settings.DOTENV
) -> tuple[str, ...]:
    """A sentence for each name that is no setting and seems meant as one.

    Args:
        environ: the environment, ``os.environ`` when not given.
        dotenv: as ``settings.load`` takes it; one that cannot be read is that one's affair.
    """
    try:
        file = settings.in_file(dotenv)
    except SettingsError:
        file = {}
    known = settings.names()
    told = [
        *_told(os.environ if environ is None else environ, "the environment", known, own=False),
        *_told(file, ".env", known, own=True),
    ]
    if len(told) > MOST:
        told[MOST:] = [
            f"{len(told) - MOST} more names are no settings of Photon: they are not read"
        ]
    return tuple(told)


def likely(name: str, known: Iterable[str], *, own: bool) -> str | None:
    """The setting that a name was meant for, if one is near enough.

    Args:
        name: what was given; no setting's.
        known: the settings' names.
        own: whether it stands where only Photon's stand.
    """
    plain = _plain(name[:_LONGEST])
    first = _plain(re.split(r"[_\W]", name, maxsplit=1)[0])
    if first.startswith(_FINNHUB) or _apart(first, _FINNHUB, 2) <= 2:
        if plain == first or any(word in plain for word in _KEY_WORDS):
            return _KEY
        known = [one for one in known if one.startswith(_FINNHUB)]
        return min(known, key=lambda one: _apart(plain, _plain(one), _LONGEST))
    ours = name.upper().startswith(_OURS)
    if ours and "APIKEY" in plain:
        return _KEY
    near: dict[str, int] = {}
    for one in known:
        other = _plain(one)
        most = _most(other, own=own or ours)
        near[one] = _apart(plain, other, most)
        if ours:
            near[one] = min(near[one], _apart(plain[len(_OURS) - 1 :], other, most))
            if other.startswith(plain) and len(plain) > len(_OURS) + 2:
                near[one] = min(near[one], most)
        if near[one] > most:
            del near[one]
    return min(near, key=lambda one: near[one], default=None)


def _told(
    given: Mapping[str, str | None], where: str, known: tuple[str, ...], *, own: bool
) -> Iterator[str]:
    for name in given:
        if name in known:
            continue
        meant = likely(name, known, own=own)
        if meant is not None:
            yield (
                f"{_shown(name, meant)} in {where} is no setting of Photon and is not read: "
                f"did you mean {meant}?"
            )
        elif name.upper().startswith(_OURS):
            yield (
                f"{_shown(name)} in {where} is no setting of this Photon and is not read: "
                "docs/protocol.md names them all"
            )


def _shown(name: str, meant: str = "") -> str:
    """A name as far as it is one: a value can be glued to it."""
    word = re.match(r"\w*", name, re.ASCII)
    shown = word[0] if word else ""
    if meant and shown.upper().startswith(meant) and len(shown) > len(meant) + 2:
        shown = meant
    shown = _LOOKS_SECRET.sub("…", shown[:_LONGEST])
    return shown if len(shown) == len(name) else shown.rstrip("…") + "…"


def _plain(name: str) -> str:
    return re.sub(r"[_\W]", "", name.upper(), flags=re.ASCII)


def _most(name: str, *, own: bool) -> int:
    """How many slips of the pen may lie between a name and what was meant. Short names of an
    environment (``HOST``, ``PORT``) are anybody's.
    """
    if len(name) >= 10:
        return 2
    if len(name) >= 8:
        return 2 if own else 1
    return 1 if own else 0


def _apart(one: str, other: str, most: int) -> int:
    """How many letters are left out, put in, changed or swapped; anything above ``most`` is more
    than that.
    """
    if abs(len(one) - len(other)) > most:
        return most + 1
    mine, theirs = Counter(one), Counter(other)
    if max((mine - theirs).total(), (theirs - mine).total()) > most:
        return most + 1
    before, above = [0] * (len(other) + 1), list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        row = [i]
        for j, against in enumerate(other, 1):
            least = min(above[j] + 1, row[-1] + 1, above[j - 1] + (letter != against))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == against:
                least = min(least, before[j - 2] + 1)
            row.append(least)
        before, above = above, row
    return above[-1]
