"""Photon's settings: read once from the process environment and ``.env``, typed, bounded, frozen.

The environment wins over ``.env``, which is read with python-dotenv and never copied into the
environment, so child processes do not inherit a key from a file. An empty value counts as unset.
A value that cannot be used raises ``SettingsError`` with one line: the variable, what was given,
what is allowed. The API key is a ``Secret``, which always prints as ``Secret(***)``.
"""

import dataclasses
import datetime as dt
import io
import ipaddress
import math
import os
import re
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, TypeVar
from urllib.parse import urlsplit

from dotenv import dotenv_values

from photon_app import HOME, foreign
from photon_app.errors import RequestError, SettingsError
from photon_app.model import parse_symbol

DOTENV = HOME / ".env"
DEFAULT_DATABASE = "sqlite:///photon.db"
DEFAULT_SYMBOLS = ("AAPL", "MSFT", "NVDA", "GOOGL", "AMZN", "META", "TSLA", "AMD", "JPM", "NFLX")

T = TypeVar("T")
FeedKind = Literal["finnhub", "simulated", "replay"]
LogLevel = Literal["debug", "info", "warning", "error"]
SymbolList = tuple[tuple[str, ...] | None, dict[str, float], tuple[str, ...]]
FeedChoice = tuple[Literal["auto"] | FeedKind, Path | None]
ReplayStart = float | dt.time | dt.datetime
"""Seconds after a recording's first frame, a time of day in New York, or a moment, which is in New
York time if it has no zone."""
_NO_SYMBOLS: SymbolList = (None, {}, ())
_DOTENV_BYTES = 2**20
_AUTO_FEED: FeedChoice = ("auto", None)
_LOOKED_AT = 1_000
_LOOKS_SECRET = re.compile(r"(?=[A-Z+=]*\d)(?=[\d+=]*[A-Z])[A-Z\d+=]{16,}", re.IGNORECASE)
"""A key in the wrong place looks like one long word of letters and digits."""
_WILDCARD = re.compile(r"https?://\*\.[^*]+", re.IGNORECASE)
_HOST_NAME = re.compile(r"(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?|[0-9a-f:.]+")

_ALLOWED_HOST = re.compile(r"(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*|\[?[0-9a-f]*:[0-9a-f:.]+\]?")


class Secret:
    """A string that no ``repr``, ``str``, f-string or traceback shows."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself; for the one place that sends it."""
        return self._value

    def scrub(self, text: str) -> str:
        """``text`` with every occurrence of the secret replaced, for foreign error texts."""
        return text.replace(self._value, "***")

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """One process's settings. Names, defaults and meanings are those of ``docs/protocol.md``."""

    finnhub_api_key: Secret | None = None
    finnhub_ws_url: str = "wss://ws.finnhub.io"
    finnhub_api_url: str = "https://finnhub.io/api/v1"
    host: str = "127.0.0.1"
    port: int = 8000
    frontend_url: tuple[str, ...] = (
        *("http://localhost:3000", "http://127.0.0.1:3000"),  # Reflex, and most others
        *("http://localhost:5173", "http://127.0.0.1:5173"),  # Vite
    )
    """Further origins that may use the server, as browsers write them; in ``https://*.example.com``
    the ``*`` stands for one label."""
    allowed_hosts: tuple[str, ...] = ()
    """Host names by which clients may address the server, in lower case; in ``*.example.com`` the
    ``*`` stands for one label. If empty: any name, or loopback's if it listens on loopback."""
    feed: FeedKind = "simulated"
    replay_path: Path | None = None
    replay_speed: float = 1.0
    replay_loop: bool = True
    replay_start: ReplayStart | None = None
    symbols: tuple[str, ...] | None = None
    """The default symbols, or ``None`` when not set: ``DEFAULT_SYMBOLS``, or a recording's own."""
    start_prices: Mapping[str, float] = dataclasses.field(default_factory=dict)
    spellings: tuple[str, ...] = ()
    """Symbols that were not written in capitals, as they were written."""
    symbol_limit: int = 50
    max_symbols: int = 100
    max_symbols_total: int = 2000
    linger_s: float = 30.0
    sim_interval_ms: int = 250
    sim_seed: int | None = None
    flush_ms: int = 20
    ws_format: Literal["events", "array"] = "events"
    max_connections: int = 10_000
    max_per_ip: int = 500
    handshakes_per_s: int | None = None
    """Sockets opened in a second; ``None``: by load."""
    requests_per_s: int = 200
    messages_per_s: int = 20
    questions_per_min: int = 20
    """Requests of one address that cost something upstream."""
    slow_s: float = 10.0
    proxy_hops: int = 0
    database_url: Secret | None = dataclasses.field(
        default_factory=lambda: Secret(DEFAULT_DATABASE)
    )
    """Where bars are stored, as it was written: ``storage.address`` parses it. ``None``: in memory
    only. A ``Secret``, since it may contain a password."""
    retention_days: int = 730
    """How long bars are stored; 0 is for ever."""
    retention_force: dt.date | None = None
    """Bars before that date may be deleted because of their age however many they are."""
    log_level: LogLevel = "info"

    @property
    def loopback(self) -> bool:
        """Whether the server listens on this machine only."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine (RFC 6761 for ``localhost``)."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def load(environ: Mapping[str, str] | None = None, dotenv: Path | str | None = DOTENV) -> Settings:
    """Read the settings.

    Args:
        environ: the environment; ``os.environ`` if not given.
        dotenv: a file with further values; skipped if absent or ``None``.

    Raises:
        SettingsError: a value cannot be used.
    """
    merged = {**in_file(dotenv), **(os.environ if environ is None else environ)}
    values = {name: value.strip() for name, value in merged.items() if value and value.strip()}
    return _Reader(values).settings()


def in_file(dotenv: Path | str | None = DOTENV) -> dict[str, str | None]:
    """The values in a file; none if there is no file. It must be a small regular file: reading a
    pipe would block, and a device may never end.

    Raises:
        SettingsError: the file cannot be read.
    """
    if dotenv is None:
        return {}
    path = Path(dotenv)
    expected = f"{path.name} cannot be read: expected lines of UTF-8 text"
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise SettingsError(f"{expected}, and it is not a file")
            found = os.read(descriptor, _DOTENV_BYTES + 1)
        finally:
            os.close(descriptor)
        if len(found) > _DOTENV_BYTES:
            raise SettingsError(f"{expected}, at most {_DOTENV_BYTES:,} bytes of it")
        return dotenv_values(stream=io.StringIO(found.decode()))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{expected}, {error}") from None


def names() -> tuple[str, ...]:
    """The name of every setting, found by reading empty values."""
    asked = _Asked()
    _Reader(asked).settings()
    return tuple(dict.fromkeys(asked.names))


class _Asked(dict[str, str]):
    """An empty mapping that records the names that are read from it."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def get(self, name: str, default: object = None) -> None:  # type: ignore[override]
        assert default is None
        self.names.append(name)


class _Reader:
    """Parses a mapping of names to texts into ``Settings``."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def settings(self) -> Settings:
        key = self._values.get("FINNHUB_API_KEY")
        feed, replay_path = self._feed(has_key=key is not None)
        symbols, start_prices, spellings = self._get("PHOTON_SYMBOLS", _symbols, _NO_SYMBOLS)
        self._workers()
        host = self._get("HOST", _host, DEFAULTS.host)
        total = self._count("PHOTON_MAX_SYMBOLS_TOTAL", DEFAULTS.max_symbols_total)
        if symbols is not None and len(symbols) > total:
            message = (
                f"PHOTON_SYMBOLS has {len(symbols)} symbols, which cannot be used: expected at "
                f"most PHOTON_MAX_SYMBOLS_TOTAL={total}"
            )
            raise SettingsError(message)
        return Settings(
            finnhub_api_key=Secret(key) if key else None,
            finnhub_ws_url=self._get("FINNHUB_WS_URL", _ws_url, DEFAULTS.finnhub_ws_url),
            finnhub_api_url=self._get("FINNHUB_API_URL", _http_url, DEFAULTS.finnhub_api_url),
            host=host,
            port=self._get("PORT", _integer(0, 65535), DEFAULTS.port),
            frontend_url=self._origins(host),
            allowed_hosts=self._get("PHOTON_ALLOWED_HOSTS", _hosts, DEFAULTS.allowed_hosts),
            feed=feed,
            replay_path=replay_path,
            replay_speed=self._get(
                "PHOTON_REPLAY_SPEED", _number(0, 1_000_000), DEFAULTS.replay_speed
            ),
            replay_loop=self._get("PHOTON_REPLAY_LOOP", _switch, DEFAULTS.replay_loop),
            replay_start=self._get("PHOTON_REPLAY_START", _replay_start, None),
            symbols=symbols,
            start_prices=start_prices,
            spellings=spellings,
            symbol_limit=self._count("PHOTON_SYMBOL_LIMIT", DEFAULTS.symbol_limit),
            max_symbols=self._count("PHOTON_MAX_SYMBOLS", DEFAULTS.max_symbols),
            max_symbols_total=total,
            linger_s=self._get("PHOTON_LINGER_S", _number(0, 86_400), DEFAULTS.linger_s),
            sim_interval_ms=self._get(
                "PHOTON_SIM_INTERVAL_MS", _integer(1, 60_000), DEFAULTS.sim_interval_ms
            ),
            sim_seed=self._get("PHOTON_SIM_SEED", _integer(0, 2**63 - 1), None),
            flush_ms=self._get("PHOTON_FLUSH_MS", _integer(1, 10_000), DEFAULTS.flush_ms),
            ws_format=self._get("PHOTON_WS_FORMAT", _one_of("events", "array"), DEFAULTS.ws_format),
            max_connections=self._count("PHOTON_MAX_CONNECTIONS", DEFAULTS.max_connections),
            max_per_ip=self._count("PHOTON_MAX_PER_IP", DEFAULTS.max_per_ip),
            handshakes_per_s=self._get("PHOTON_HANDSHAKES_PER_S", _integer(1, 1_000_000), None),
            requests_per_s=self._count("PHOTON_REQUESTS_PER_S", DEFAULTS.requests_per_s),
            messages_per_s=self._count("PHOTON_MESSAGES_PER_S", DEFAULTS.messages_per_s),
            questions_per_min=self._count("PHOTON_QUESTIONS_PER_MIN", DEFAULTS.questions_per_min),
            slow_s=self._get("PHOTON_SLOW_S", _number(0.1, 3600), DEFAULTS.slow_s),
            database_url=self._get("DATABASE_URL", Secret, DEFAULTS.database_url),
            retention_days=self._get(
                "PHOTON_RETENTION_DAYS", _integer(0, 36_500), DEFAULTS.retention_days
            ),
            retention_force=self._get("PHOTON_RETENTION_FORCE", _date, None),
            proxy_hops=self._get("PHOTON_PROXY_HOPS", _integer(0, 10), DEFAULTS.proxy_hops),
            log_level=self._get("LOG_LEVEL", _log_level, DEFAULTS.log_level),
        )

    def _get(self, name: str, parse: "Callable[[str], T]", default: T) -> T:
        given = self._values.get(name)
        if given is None:
            return default
        try:
            return parse(given)
        except ValueError as error:
            key = self._values.get("FINNHUB_API_KEY")
            shown = _shown(Secret(key).scrub(given) if key else given)
            expected = _LOOKS_SECRET.sub(
                "***", Secret(key).scrub(str(error)) if key else str(error)
            )
            message = f"{name}={shown} cannot be used: expected {expected}"
            raise SettingsError(message) from None

    def _count(self, name: str, default: int) -> int:
        return self._get(name, _integer(1, 1_000_000), default)

    def _origins(self, host: str) -> tuple[str, ...]:
        """The given origins, and on loopback those of development servers too."""
        given = self._get("FRONTEND_URL", _origins, DEFAULTS.frontend_url)
        return (
            tuple(dict.fromkeys((*DEFAULTS.frontend_url, *given))) if is_loopback(host) else given
        )

    def _feed(self, *, has_key: bool) -> tuple[FeedKind, Path | None]:
        choice, path = self._get("PHOTON_FEED", _feed_choice, _AUTO_FEED)
        if choice == "auto":
            return ("finnhub" if has_key else "simulated"), None
        if choice == "finnhub" and not has_key:
            message = (
                "FINNHUB_API_KEY not found: PHOTON_FEED=finnhub needs a key in the environment or "
                "in .env (a free one: https://finnhub.io/register); without a key use "
                "PHOTON_FEED=simulated"
            )
            raise SettingsError(message)
        return choice, path

    def _workers(self) -> None:
        workers = self._count("PHOTON_WORKERS", 1)
        if workers > 1:
            message = (
                f"PHOTON_WORKERS={workers} cannot be used: more than one worker needs Redis, which "
                "this version does not have yet; expected 1"
            )
            raise SettingsError(message)


DEFAULTS = Settings()


def _shown(given: str) -> str:
    given = _LOOKS_SECRET.sub("***", foreign.without_secrets(given[:_LOOKED_AT]))
    address, query, _ = given.partition("?")  # a query may hold a token
    shown = address if len(address) <= 60 else address[:60] + "…"
    return repr(shown + "?…" if query else shown)


def _integer(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        allowed = f"a whole number from {low} to {high}"
        if not (text.isascii() and text.isdigit() and len(text) <= 20):
            raise ValueError(allowed)
        value = int(text)
        if not low <= value <= high:
            raise ValueError(allowed)
        return value

    return parse


def _number(low: float, high: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        allowed = f"a number from {low:g} to {high:g}"
        try:
            value = float(text)
        except ValueError:
            raise ValueError(allowed) from None
        if not (math.isfinite(value) and low <= value <= high):
            raise ValueError(allowed)
        return value

    return parse


C = TypeVar("C", bound=str)


def _one_of(*choices: C) -> Callable[[str], C]:
    def parse(text: str) -> C:
        for choice in choices:
            if text.lower() == choice:
                return choice
        raise ValueError("one of " + ", ".join(choices))

    return parse


_LEVELS: tuple[LogLevel, ...] = ("debug", "info", "warning", "error")
_log_level: Callable[[str], LogLevel] = _one_of(*_LEVELS)


def _switch(text: str) -> bool:
    if text not in {"0", "1"}:
        raise ValueError("0 or 1")
    return text == "1"


def _replay_start(text: str) -> ReplayStart:
    try:
        if "-" in text:
            moment = dt.datetime.fromisoformat(text)
            moment.timestamp()  # some cannot be converted to seconds
            return moment
        if ":" in text and (time := dt.time.fromisoformat(text)).tzinfo is None:
            return time
        return _number(0, 1e9)(text)
    except (ValueError, OverflowError, OSError):
        allowed = (
            "seconds after the first frame such as 600, a time of day in New York such as 09:45, "
            "or a moment such as 2013-10-07T13:45Z"
        )
        raise ValueError(allowed) from None


def _date(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise ValueError(
            "a date such as 2026-11-24: stored bars before it that are older than "
            "PHOTON_RETENTION_DAYS are deleted, however many they are"
        ) from None


def _host(text: str) -> str:
    if not text.isascii() or any(c in text for c in "/ ,@?#"):
        raise ValueError("a host name or address, such as 127.0.0.1 or 0.0.0.0")
    return text.strip("[]")


def _hosts(text: str) -> tuple[str, ...]:
    parts = [part.strip().lower() for part in text.split(",")]
    hosts = dict.fromkeys(part.removesuffix(".") for part in parts if part)
    if not hosts or not all(map(_ALLOWED_HOST.fullmatch, hosts)):
        raise ValueError(
            "a comma list of host names without a port, such as prices.example.com; a * stands for "
            "one whole label, as in *.example.com"
        )
    return tuple(hosts)


def _ws_url(text: str) -> str:
    if not _is_address(text, {"ws", "wss"}):
        raise ValueError("a ws:// or wss:// address, such as wss://ws.finnhub.io")
    return text


def _http_url(text: str) -> str:
    if not _is_address(text, {"http", "https"}) or any(c in text for c in "@?# "):
        raise ValueError("an http:// or https:// address, such as https://finnhub.io/api/v1")
    return text


def _is_address(text: str, schemes: set[str]) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:  # invalid brackets or port
        return False


def _origins(text: str) -> tuple[str, ...]:
    return tuple(_origin(part.strip()) for part in text.split(",") if part.strip())


def _origin(text: str) -> str:
    """An origin as a browser sends it: without a path, a user, or the default port. What no browser
    ever sends is refused, since it would never match.
    """
    allowed = "a comma list of origins, such as https://prices.example.com,http://localhost:3000"
    if "*" in text and not _WILDCARD.fullmatch(text):
        raise ValueError(f"{allowed}; a * stands for one whole label, as in https://*.example.com")
    try:
        parts = urlsplit(text.lower())
        host, port = parts.hostname or "", parts.port
        ours = ipaddress.ip_address(host).compressed if ":" in host else host
    except ValueError:  # invalid brackets, port or address
        raise ValueError(allowed) from None
    default = {"http": 80, "https": 443}.get(parts.scheme)
    spare = (parts.path.strip("/"), parts.query, parts.fragment, parts.username)
    if default is None or port == 0 or any(spare) or not _HOST_NAME.fullmatch(ours):
        raise ValueError(allowed)
    shown = f"[{ours}]" if ":" in ours else ours
    return f"{parts.scheme}://{shown}" + ("" if port in {None, default} else f":{port}")


def _symbols(text: str) -> SymbolList:
    symbols: dict[str, None] = {}
    prices: dict[str, float] = {}
    spellings: list[str] = []
    for part in (p.strip() for p in text.split(",")):
        if not part:
            continue
        name, price = _start_price(part)
        try:
            symbol = parse_symbol(name)
        except RequestError as error:
            raise ValueError(f"a comma list of symbols; {error.message}") from None
        symbols[symbol] = None
        if name != symbol:
            spellings.append(name)
        if price is not None:
            try:
                prices[symbol] = _number(1e-9, 1e9)(price)
            except ValueError as error:
                raise ValueError(f"SYMBOL=PRICE with {error}, not {part[:40]!r}") from None
    return (tuple(symbols) or None), prices, tuple(spellings)


def _start_price(part: str) -> tuple[str, str | None]:
    """A name and the price after its last ``=``. A single letter there is no price but part of the
    name, as Yahoo writes futures and currencies: ``GC=F``, ``EURUSD=X``, ``GC=F=2650.5``.
    """
    name, equals, price = (piece.strip() for piece in part.rpartition("="))
    ends = len(price) == 1 and price.isalpha()
    return (name, price) if equals and not ends else (part, None)


def _feed_choice(text: str) -> FeedChoice:
    kind, colon, path = text.partition(":")
    if kind == "replay" and path:
        file = Path(path).expanduser()
        if not file.is_file():
            raise ValueError("replay:PATH with PATH an existing recording")
        return "replay", file
    if not colon:
        simple = text.lower()
        if simple == "auto":
            return "auto", None
        if simple == "finnhub":
            return "finnhub", None
        if simple == "simulated":
            return "simulated", None
    raise ValueError("auto, finnhub, simulated or replay:PATH")
