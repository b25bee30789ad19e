"""Whose a request is: behind no proxy, behind some, and whatever a client writes."""

import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app.gateway.address import address_key, client_address

PEER = "10.0.0.9"

lines = st.lists(st.binary(max_size=60), max_size=6)
appended = st.lists(
    st.tuples(st.ip_addresses(v=4).map(str), st.booleans()), min_size=1, max_size=10
)


def scope(*forwarded: bytes, client: Any = (PEER, 1234)) -> dict[str, Any]:
    headers = [(b"host", b"x"), *((b"x-forwarded-for", line) for line in forwarded)]
    return {"type": "websocket", "client": client, "headers": headers}


@pytest.mark.parametrize(
    ("hops", "forwarded", "address"),
    [
        (0, (), PEER),
        (0, (b"1.1.1.1",), PEER),
        (1, (), PEER),
        (1, (b"1.1.1.1",), "1.1.1.1"),
        (1, (b"6.6.6.6, 1.1.1.1",), "1.1.1.1"),
        (1, (b"6.6.6.6", b"1.1.1.1"), "1.1.1.1"),
        (2, (b"6.6.6.6, 1.1.1.1 , 2.2.2.2",), "1.1.1.1"),
        (2, (b"6.6.6.6,1.1.1.1", b"2.2.2.2"), "1.1.1.1"),
        (2, (b"6.6.6.6", b"1.1.1.1", b"2.2.2.2"), "1.1.1.1"),
        (3, (b"1.1.1.1", b"2.2.2.2"), "1.1.1.1"),
        (1, (b"1.1.1.1, unknown",), PEER),
        (1, (b"1.1.1.1,",), PEER),
        (2, (b"1.1.1.1,,2.2.2.2",), PEER),
        (1, (b"",), PEER),
        (1, (b"1.1.1.1" + b" " * 100_000,), PEER),
    ],
)
def test_the_address_is_the_entry_of_the_outermost_trusted_proxy(
    hops: int, forwarded: tuple[bytes, ...], address: str
) -> None:
    """The n-th from the right over all lines, the left-most when there are fewer, and the peer
    itself when there is none or it is no address.
    """
    assert client_address(scope(*forwarded), hops) == address


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("1.2.3.4", "1.2.3.4"),
        (" 1.2.3.4\t", "1.2.3.4"),
        ("1.2.3.4:5678", "1.2.3.4"),
        ("::ffff:1.2.3.4", "1.2.3.4"),
        ("[::ffff:1.2.3.4]:443", "1.2.3.4"),
        ("::1", "::/64"),
        ("[::1]", "::/64"),
        ("[::1]:443", "::/64"),
        ("2001:DB8:0:1::1", "2001:db8:0:1::/64"),
        ("2001:db8:0:1:ffff:ffff:ffff:ffff", "2001:db8:0:1::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", None),
        ("", None),
        ("1.2.3", None),
        ("1.2.3.4.5", None),
        ("٣.2.3.4", None),
        ("[1.2.3.4", "1.2.3.4"),
        ("_hidden", None),
    ],
)
def test_one_client_has_one_key_however_it_is_written(text: str, key: str | None) -> None:
    """With a port, in brackets, mapped; an IPv6 address is its /64."""
    assert address_key(text) == key


def test_a_client_without_an_address_has_none() -> None:
    """A Unix socket; behind a proxy the header still says who it is."""
    assert client_address(scope(b"1.1.1.1", client=None), 0) is None
    assert client_address(scope(client=None), 1) is None
    assert client_address(scope(b"1.1.1.1", client=None), 1) == "1.1.1.1"


@given(lines, st.integers(0, 10), st.none() | st.tuples(st.text(max_size=20), st.integers()))
def test_whatever_is_sent_gives_a_key_or_none(
    forwarded: list[bytes], hops: int, client: tuple[str, int] | None
) -> None:
    """It never raises, and a key is an address or a network."""
    key = client_address(scope(*forwarded, client=client), hops)
    assert key is None or ipaddress.ip_network(key)


@given(lines, appended)
def test_nothing_that_a_client_writes_changes_its_address(
    written: list[bytes], appended: list[tuple[str, bool]]
) -> None:
    """Each of n proxies appends to the last line or adds one; what they wrote decides alone."""
    headers = list(written)
    for address, joins in appended:
        if headers and joins:
            headers[-1] += b", " + address.encode()
        else:
            headers.append(address.encode())
    assert client_address(scope(*headers), len(appended)) == appended[0][0]
