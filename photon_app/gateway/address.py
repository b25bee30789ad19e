"""The client address of a request: the key for all limits per address. Pure and total.

Without trusted proxies (``PHOTON_PROXY_HOPS=0``) it is the peer's address, and
``X-Forwarded-For`` is ignored, since any client can set it. With n proxies it is the n-th entry of
that header from the right: each proxy appends the address that it saw, so the last n entries come
from the proxies, and anything a client wrote itself is to the left of them.

uvicorn's ``proxy_headers`` is not used. If it trusts every proxy (``*``), it takes the left-most
entry, which the client can forge; otherwise it needs a list of every proxy's address. It would also
change ``scope["scheme"]``.

An IPv6 address is counted by its /64 network: that is one subnet (RFC 4291, 2.5.1), and a host in
it may use any of the 2^64 addresses (with RFC 8981, a new one every day).
"""

import functools
import ipaddress
from collections.abc import Iterable
from typing import Any

from photon_app.gateway.origin import Scope

FORWARDED_FOR = b"x-forwarded-for"
REMEMBERED = 4_096
"""Addresses whose keys are cached: each connection needs its own three times."""
LONGEST_ENTRY = 80
"""Characters of an address with brackets, zone and port. A longer text is not an address."""


def client_address(scope: Scope, hops: int) -> str | None:
    """The key of the client's address: an IPv4 address, or an IPv6 network.

    Args:
        scope: of an ASGI request.
        hops: how many trusted proxies are in front of this server.

    Returns:
        ``None`` if there is no address (a Unix socket): such a client has no limits per address. If
        the header's entry is not an address, the peer's own is used.
    """
    if hops > 0 and (entry := _entry(scope["headers"], hops)) is not None:
        forwarded = address_key(entry)
        if forwarded is not None:
            return forwarded
    peer: Any = scope.get("client")
    return address_key(str(peer[0])) if peer else None


def address_key(text: str) -> str | None:
    """The key of one address, with or without a port; ``None`` if it is not an address.

    ``1.2.3.4``, ``1.2.3.4:5678``, ``2001:db8::1``, ``[2001:db8::1]:443``. An IPv4 address that is
    mapped into IPv6 (RFC 4291, 2.5.5.2) is the IPv4 address.
    """
    return None if len(text) > LONGEST_ENTRY else _key(text)


@functools.lru_cache(maxsize=REMEMBERED)
def _key(text: str) -> str | None:
    try:
        address = ipaddress.ip_address(_host(text.strip(" \t")))
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(address) >> 64 << 64, 64)))


def _entry(headers: Iterable[tuple[bytes, bytes]], hops: int) -> str | None:
    """The entry ``hops`` from the right, or the left-most one if there are fewer; ``None`` without
    the header. Repeated headers form one list, in order (RFC 9110, 5.3). Empty entries count:
    skipping one would reach an entry to the left of those that the proxies wrote.
    """
    entry = None
    for line in reversed([value for name, value in headers if name == FORWARDED_FOR]):
        parts = line.rsplit(b",", hops)[-hops:]
        entry = parts[0]
        hops -= len(parts)
        if hops == 0:
            break
    return None if entry is None else entry.decode("latin-1")


def _host(text: str) -> str:
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text
