"""Settings are typed and bounded, and a secret stays one."""

import datetime as dt
import os
import traceback
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app.errors import SettingsError
from photon_app.settings import DEFAULTS, Secret, is_loopback, load
from tests.feed.recording.test_file import NOT_FILES, not_a_file

CANARY = "canary-key-5f2c"


def test_nothing_given_is_the_simulator_on_loopback() -> None:
    """The defaults are those of the protocol."""
    settings = load({}, dotenv=None)
    assert settings == DEFAULTS
    assert (settings.host, settings.port, settings.feed) == ("127.0.0.1", 8000, "simulated")


def test_a_key_makes_auto_mean_finnhub() -> None:
    """And without one, the simulator."""
    assert load({"FINNHUB_API_KEY": CANARY}, dotenv=None).feed == "finnhub"
    settings = load({"FINNHUB_API_KEY": CANARY, "PHOTON_FEED": "simulated"}, dotenv=None)
    assert settings.feed == "simulated"


def test_the_environment_wins_over_dotenv_and_empty_means_unset(tmp_path: Path) -> None:
    """A file's values are not copied into the environment."""
    file = tmp_path / ".env"
    file.write_text("PORT=9001\nHOST=0.0.0.0\nFINNHUB_API_KEY=\n")
    settings = load({"PORT": "9002", "HOST": ""}, dotenv=file)
    assert settings.port == 9002
    assert settings.feed == "simulated"


def test_symbols_may_carry_start_prices() -> None:
    """Canonical, in order, once each."""
    settings = load({"PHOTON_SYMBOLS": " aapl=189.5, NVDA ,,AAPL, ic markets:1"}, dotenv=None)
    assert settings.symbols == ("AAPL", "NVDA", "IC MARKETS:1")
    assert settings.start_prices == {"AAPL": 189.5}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"),
        ("PORT", "-1"),
        ("PORT", "65536"),
        ("PORT", "٣"),
        ("HOST", "http://x"),
        ("PHOTON_FEED", "yahoo"),
        ("PHOTON_FEED", "replay:/no/such/file"),
        ("PHOTON_REPLAY_SPEED", "nan"),
        ("PHOTON_REPLAY_SPEED", "-1"),
        ("PHOTON_REPLAY_LOOP", "yes"),
        ("PHOTON_SYMBOLS", "AAPL,é"),
        ("PHOTON_SYMBOLS", "AAPL=free"),
        ("PHOTON_SYMBOL_LIMIT", "0"),
        ("PHOTON_MAX_SYMBOLS", "1000001"),
        ("PHOTON_FLUSH_MS", "0"),
        ("PHOTON_MAX_CONNECTIONS", "0"),
        ("PHOTON_MAX_PER_IP", "0"),
        ("PHOTON_ALLOWED_HOSTS", "https://prices.example.com"),
        ("PHOTON_ALLOWED_HOSTS", "prices.example.com:8000"),
        ("PHOTON_ALLOWED_HOSTS", "*"),
        ("PHOTON_ALLOWED_HOSTS", "a.*.example.com"),
        ("PHOTON_ALLOWED_HOSTS", "a.example.com b.example.com"),
        ("PHOTON_ALLOWED_HOSTS", ","),
        ("PHOTON_HANDSHAKES_PER_S", "0.5"),
        ("PHOTON_MESSAGES_PER_S", "many"),
        ("PHOTON_PROXY_HOPS", "-1"),
        ("PHOTON_PROXY_HOPS", "11"),
        ("PHOTON_WS_FORMAT", "xml"),
        ("PHOTON_RETENTION_FORCE", "1"),
        ("PHOTON_RETENTION_FORCE", "2026-13-01"),
        ("PHOTON_SIM_SEED", "1.5"),
        ("PHOTON_WORKERS", "2"),
        ("FRONTEND_URL", "localhost:3000"),
        ("FRONTEND_URL", "http://x/path"),
        ("FRONTEND_URL", "http://[::1"),
        ("FRONTEND_URL", "http://x:99999"),
        ("FRONTEND_URL", "http://me@x"),
        ("FRONTEND_URL", "http://x#y"),
        ("FRONTEND_URL", "http://bücher.example"),
        ("FRONTEND_URL", "http://two words"),
        ("FRONTEND_URL", "*"),
        ("FRONTEND_URL", "https://*"),
        ("FRONTEND_URL", "https://x.app,https://a.*.app"),
        ("FRONTEND_URL", "https://*.*.app"),
        ("FRONTEND_URL", "https://**.app"),
        ("FRONTEND_URL", "https://my*.app"),
        ("FRONTEND_URL", "http://localhost:*"),
        ("FRONTEND_URL", "*://x.app"),
        ("FINNHUB_WS_URL", "ws://[x"),
        ("FINNHUB_WS_URL", "https://finnhub.io"),
        ("FINNHUB_API_URL", "wss://finnhub.io"),
        ("FINNHUB_API_URL", "https://user@finnhub.io/api/v1"),
        ("FINNHUB_API_URL", "https://finnhub.io/api/v1?token=x"),
        ("LOG_LEVEL", "loud"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_in_one_line(name: str, value: str) -> None:
    """Naming the variable, what was given and what is allowed."""
    with pytest.raises(SettingsError) as refused:
        load({name: value}, dotenv=None)
    message = str(refused.value)
    assert message.startswith(f"{name}=")
    assert "expected" in message
    assert "\n" not in message


DEVELOPMENT = {
    f"http://{host}:{port}" for host in ("localhost", "127.0.0.1") for port in (3000, 5173)
}


@pytest.mark.parametrize("host", [None, "localhost", "127.0.0.9", "::1", "[::1]"])
def test_on_loopback_further_origins_are_added_to_those_of_development(host: str | None) -> None:
    """So that `reflex run` and Vite go on working."""
    given = {"FRONTEND_URL": "https://mine.example, http://localhost:3000"}
    settings = load(given if host is None else {**given, "HOST": host}, dotenv=None)
    assert set(settings.frontend_url) == DEVELOPMENT | {"https://mine.example"}
    assert len(settings.frontend_url) == 5


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.5", "prices.example.com"])
def test_to_other_machines_the_origins_given_are_all(host: str) -> None:
    """And those of development only where none are given."""
    settings = load({"FRONTEND_URL": "https://mine.example", "HOST": host}, dotenv=None)
    assert settings.frontend_url == ("https://mine.example",)
    assert set(load({"HOST": host}, dotenv=None).frontend_url) == DEVELOPMENT


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("HTTPS://Prices.Example.com/", "https://prices.example.com"),
        ("https://prices.example.com:443", "https://prices.example.com"),
        ("http://prices.example.com:80/", "http://prices.example.com"),
        ("http://prices.example.com:443", "http://prices.example.com:443"),
        ("http://[0:0:0:0:0:0:0:1]:3000", "http://[::1]:3000"),
        ("https://*.Vercel.app", "https://*.vercel.app"),
        ("http://*.localhost:8080/", "http://*.localhost:8080"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
    ],
)
def test_an_origin_is_read_as_browsers_write_it(given: str, read: str) -> None:
    """Else it would be taken and never match."""
    assert load({"FRONTEND_URL": given, "HOST": "0.0.0.0"}, dotenv=None).frontend_url == (read,)


def test_allowed_hosts_are_read_as_a_request_is_compared_with_them() -> None:
    """In lower case and without a last dot, once each; none is none."""
    given = " Prices.Example.com., *.Example.ORG,,prices.example.com "
    settings = load({"PHOTON_ALLOWED_HOSTS": given}, dotenv=None)
    assert settings.allowed_hosts == ("prices.example.com", "*.example.org")
    assert load({}, dotenv=None).allowed_hosts == ()


def test_the_limits_are_read() -> None:
    """Each from its own variable."""
    names = ("CONNECTIONS", "PER_IP", "SYMBOLS", "SYMBOLS_TOTAL")
    given = {f"PHOTON_MAX_{name}": str(n) for n, name in enumerate(names, 1)}
    more = {"PHOTON_HANDSHAKES_PER_S": "5", "PHOTON_MESSAGES_PER_S": "6", "PHOTON_PROXY_HOPS": "7"}
    settings = load({**given, **more, "PHOTON_REQUESTS_PER_S": "8"}, dotenv=None)
    assert (settings.max_connections, settings.max_per_ip) == (1, 2)
    assert (settings.max_symbols, settings.max_symbols_total) == (3, 4)
    assert (settings.handshakes_per_s, settings.messages_per_s) == (5, 6)
    assert (settings.proxy_hops, settings.requests_per_s) == (7, 8)


def test_what_retention_may_delete_is_read_as_a_date() -> None:
    """None unless it is given."""
    assert load({}, dotenv=None).retention_force is None
    given = {"PHOTON_RETENTION_FORCE": " 2026-11-24 "}
    assert load(given, dotenv=None).retention_force == dt.date(2026, 11, 24)


@pytest.mark.parametrize("name", ["PORT", "FINNHUB_WS_URL", "PHOTON_FEED", "HOST", "LOG_LEVEL"])
def test_a_key_in_the_wrong_place_is_not_shown(name: str) -> None:
    """A slip of the paste is no reason to print it."""
    with pytest.raises(SettingsError) as refused:
        load({"FINNHUB_API_KEY": CANARY, name: f"ftp://{CANARY}?TOKEN={CANARY}"}, dotenv=None)
    assert CANARY not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "c8q2aaiad3i9ibrc8b1g"),
        ("PHOTON_FEED", "C8Q2AAIAD3I9IBRC8B1GC8Q2AAIAD3I9IBRC8B20"),
        ("PHOTON_SYMBOLS", "AAPL,_c8q2aaiad3i9ibrc8b1g"),
        ("FINNHUB_WS_URL", "ftp://me:c8q2aaiad3@host"),
        ("FRONTEND_URL", "https://a.example?token=c8q2aaiad3"),
    ],
)
def test_what_looks_like_a_secret_is_not_shown(name: str, value: str) -> None:
    """Nor is who logs in."""
    with pytest.raises(SettingsError, match=f"^{name}=") as refused:
        load({name: value}, dotenv=None)
    assert "c8q2aaiad3" not in str(refused.value).lower()


def test_more_default_symbols_than_the_process_may_follow_are_refused() -> None:
    """None is left out silently."""
    with pytest.raises(SettingsError, match="PHOTON_SYMBOLS has 3 symbols"):
        load({"PHOTON_SYMBOLS": "A,B,C", "PHOTON_MAX_SYMBOLS_TOTAL": "2"}, dotenv=None)


def test_a_dotenv_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """In one line."""
    file = tmp_path / ".env"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match=r"\.env cannot be read"):
        load({}, dotenv=file)


@pytest.mark.parametrize("kind", NOT_FILES)
def test_a_dotenv_that_is_no_file_is_refused(tmp_path: Path, kind: str) -> None:
    """A pipe is not waited for, and a device not read."""
    with pytest.raises(SettingsError, match="thing cannot be read: expected lines"):
        load({}, dotenv=not_a_file(tmp_path, kind))


def test_a_dotenv_that_is_no_dotenv_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    """By its size."""
    file = tmp_path / ".env"
    file.write_text("PORT=1\n")
    os.truncate(file, 2**40)
    with pytest.raises(SettingsError, match="at most 1,048,576 bytes"):
        load({}, dotenv=file)


def test_finnhub_without_a_key_says_so() -> None:
    """In the words of the protocol."""
    with pytest.raises(SettingsError, match=r"^FINNHUB_API_KEY not found"):
        load({"PHOTON_FEED": "finnhub"}, dotenv=None)


def test_the_key_is_in_no_rendering() -> None:
    """Not of the settings, not of a refusal, not of its traceback."""
    settings = load({"FINNHUB_API_KEY": CANARY}, dotenv=None)
    assert settings.finnhub_api_key == Secret(CANARY)
    assert CANARY not in f"{settings} {settings!r} {settings.finnhub_api_key}"
    try:
        load({"FINNHUB_API_KEY": CANARY, "FINNHUB_WS_URL": f"http://x?token={CANARY}"}, dotenv=None)
    except SettingsError:
        assert CANARY not in traceback.format_exc()


@given(st.text(max_size=80))
def test_no_text_is_anything_but_accepted_or_refused(value: str) -> None:
    """Reading settings is total."""
    for name in ("PORT", "PHOTON_SYMBOLS", "FRONTEND_URL", "PHOTON_FEED", "PHOTON_REPLAY_SPEED"):
        message = ""
        try:
            load({name: value}, dotenv=None)
        except SettingsError as refused:
            message = str(refused)
        assert "\n" not in message


def test_loopback_is_this_machine_and_nothing_else() -> None:
    """By name and by address."""
    assert all(
        map(is_loopback, ["localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]", "a.localhost"])
    )
    assert not any(map(is_loopback, ["", "0.0.0.0", "localhost.evil.example", "10.0.0.1", "1"]))
