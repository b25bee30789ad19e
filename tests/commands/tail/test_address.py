"""What people write as an address, and what becomes of it."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app.commands.tail import address, arguments
from photon_app.errors import RequestError, SettingsError
from photon_app.settings import Settings


@pytest.mark.parametrize(
    ("written", "ws", "shown"),
    [
        ("127.0.0.1:9000", "ws://127.0.0.1:9000/ws", "127.0.0.1:9000"),
        ("ticker", "ws://ticker:8000/ws", "ticker:8000"),
        ("::1", "ws://[::1]:8000/ws", "[::1]:8000"),
        ("[::1]:9000", "ws://[::1]:9000/ws", "[::1]:9000"),
        ("http://ticker", "ws://ticker/ws", "ticker"),
        ("https://ticker/", "wss://ticker/ws", "ticker"),
        ("https://ticker/photon", "wss://ticker/photon/ws", "ticker"),
        ("wss://ticker", "wss://ticker/ws", "ticker"),
        (" ws://ticker:81/a/ws ", "ws://ticker:81/a/ws", "ticker:81"),
    ],
)
def test_an_address_may_be_written_in_many_ways(written: str, ws: str, shown: str) -> None:
    """Host and port, or a URL of the page or of the socket; the quotes are beside the socket."""
    found = address.parse(written)
    assert (found.ws, found.shown) == (f"{ws}?format=events", shown)
    assert found.quotes == f"http{ws.removeprefix('ws').removesuffix('/ws')}/api/quotes"


def test_a_socket_may_be_anywhere() -> None:
    assert address.parse("ws://ticker/prices").ws == "ws://ticker/prices?format=events"


def test_a_query_is_kept_and_not_shown() -> None:
    """It may hold a token; the format is always ours."""
    found = address.parse("wss://me:pass@ticker/ws?token=a%20b&format=array")
    assert found.ws == "wss://me:pass@ticker/ws?token=a+b&format=events"
    assert found.quotes == "https://me:pass@ticker/api/quotes?token=a+b"
    assert found.shown == "ticker"


@pytest.mark.parametrize(
    "written",
    ["", "ftp://ticker", "ticker:99999", "ticker:x", "http://", "tick er", "[::x]", ":80"],
)
def test_what_is_no_address_is_refused_in_one_line(written: str) -> None:
    """Which says what is expected."""
    with pytest.raises(SettingsError, match="expected the address") as caught:
        address.parse(written)
    assert "\n" not in str(caught.value)


def test_a_refusal_shows_no_password_and_no_token() -> None:
    with pytest.raises(SettingsError) as caught:
        address.parse("ftp://me:canary@ticker?token=canary")
    assert "canary" not in str(caught.value)


@given(st.text())
def test_any_text_is_an_address_or_refused(written: str) -> None:
    """Nothing else is raised."""
    with contextlib.suppress(SettingsError):
        address.parse(written)


@pytest.mark.parametrize(
    ("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::", "[::1]")]
)
def test_the_settings_name_the_photon_that_they_would_start(host: str, shown: str) -> None:
    """One that listens everywhere is called here."""
    assert address.of_settings(Settings(host=host, port=81)).shown == f"{shown}:81"


def test_an_unknown_port_is_refused() -> None:
    with pytest.raises(SettingsError, match="--url"):
        address.of_settings(Settings(port=0))


def test_symbols_may_be_words_or_lists_in_any_case() -> None:
    """Once each, in their order; one that is none is refused."""
    assert arguments.symbols(["aapl,NVDA", "AAPL", "brk.b,"]) == ("AAPL", "NVDA", "BRK.B")
    with pytest.raises(RequestError, match="is not a symbol"):
        arguments.symbols(["AAPL", "é"])
