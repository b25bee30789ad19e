"""Misspelled settings: names that are not read, because they are only nearly right.

Called once, at the start. The prefix ``PHOTON_`` belongs to Photon: each such name that is not a
setting is reported. Of all other names, only those are reported that hardly mean anything but one
of the settings. In ``.env``, which is Photon's own, less similarity is enough than in an
environment, which all programs share. Only names are reported, never a value, nor anything that
looks like a value in place of a name.

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


def warnings(
    environ: Mapping[str, str] | None = None, dotenv: Path | str | None = settings.DOTENV
) -> tuple[str, ...]:
    """A sentence for each name that is not a setting but seems to be meant as one.

    Args:
        environ: the environment; ``os.environ`` if not given.
        dotenv: as for ``settings.load``, which reports a file that cannot be read.
    """
    try:
        file = settings.in_file(dotenv)
    except SettingsError:
        file = {}
    known = settings.names()
    found = [
        *_warnings(os.environ if environ is None else environ, "the environment", known, own=False),
        *_warnings(file, ".env", known, own=True),
    ]
    if len(found) > MOST:
        found[MOST:] = [
            f"{len(found) - MOST} more names are no settings of Photon: they are not read"
        ]
    return tuple(found)


def likely(name: str, known: Iterable[str], *, own: bool) -> str | None:
    """The setting that a name probably means, if one is similar enough.

    Args:
        name: a name that is not a setting.
        known: the names of the settings.
        own: whether it was found in a place that only has Photon's settings.
    """
    plain = _plain(name[:_LONGEST])
    first = _plain(re.split(r"[_\W]", name, maxsplit=1)[0])
    if first.startswith(_FINNHUB) or _distance(first, _FINNHUB, 2) <= 2:
        if plain == first or any(word in plain for word in _KEY_WORDS):
            return _KEY
        known = [one for one in known if one.startswith(_FINNHUB)]
        return min(known, key=lambda one: _distance(plain, _plain(one), _LONGEST))
    ours = name.upper().startswith(_OURS)
    if ours and "APIKEY" in plain:
        return _KEY
    near: dict[str, int] = {}
    for one in known:
        other = _plain(one)
        most = _tolerance(other, own=own or ours)
        near[one] = _distance(plain, other, most)
        if ours:
            near[one] = min(near[one], _distance(plain[len(_OURS) - 1 :], other, most))
            if other.startswith(plain) and len(plain) > len(_OURS) + 2:
                near[one] = min(near[one], most)
        if near[one] > most:
            del near[one]
    return min(near, key=lambda one: near[one], default=None)


def _warnings(
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
    """The part of a name that may be shown: a value can be glued to it."""
    word = re.match(r"\w*", name, re.ASCII)
    shown = word[0] if word else ""
    if meant and shown.upper().startswith(meant) and len(shown) > len(meant) + 2:
        shown = meant
    shown = _LOOKS_SECRET.sub("…", shown[:_LONGEST])
    return shown if len(shown) == len(name) else shown.rstrip("…") + "…"


def _plain(name: str) -> str:
    return re.sub(r"[_\W]", "", name.upper(), flags=re.ASCII)


def _tolerance(name: str, *, own: bool) -> int:
    """How many typos a name may differ by from a setting. Short names in an environment (``HOST``,
    ``PORT``) may belong to any program.
    """
    if len(name) >= 10:
        return 2
    if len(name) >= 8:
        return 2 if own else 1
    return 1 if own else 0


def _distance(one: str, other: str, most: int) -> int:
    """The edit distance of two names: letters that are missing, added, changed or swapped. A result
    above ``most`` only means that it is larger.
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
