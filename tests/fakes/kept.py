"""How much an object keeps, whatever the names of its parts: for laws about what is left behind.

It sees containers, and objects of Photon's hub inside them. It looks into nothing else: not into
the market, an event loop, a function, or a fake; nor into the journal, which keeps the newest
updates for a minute, whichever client has left.
"""

import gc
from collections import deque

_ROOM = "photon_app.hub"
_JOURNAL = "photon_app.hub.journal"
_CONTAINERS = (dict, list, set, deque)


def kept(owner: object, *, apart_from: tuple[object, ...] = ()) -> int:
    """How many entries the containers of an object have, those of its parts included.

    Args:
        owner: what is looked into.
        apart_from: parts that are shared with others, and are not looked into.
    """
    seen = {id(owner), *map(id, apart_from)}
    looked_into, entries = [owner], 0
    while looked_into:
        one = looked_into.pop()
        if isinstance(one, _CONTAINERS):
            entries += len(one)
        for part in gc.get_referents(one):
            if id(part) not in seen and _is_looked_into(part):
                seen.add(id(part))
                looked_into.append(part)
    return entries


def _is_looked_into(part: object) -> bool:
    if isinstance(part, type):
        return False
    room = type(part).__module__
    return isinstance(part, (*_CONTAINERS, tuple)) or (room.startswith(_ROOM) and room != _JOURNAL)
