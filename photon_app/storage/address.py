"""Where bars are stored: the one parser of ``DATABASE_URL``.

Callers get the database of some settings by ``of``, or by ``needed`` if they can do nothing without
one. Pure. User name and password are in ``Address.url`` and nowhere else: no ``repr`` or ``str``
shows them, ``scrub`` removes them from the texts of drivers, and ``secrets`` is for the log.
"""

import re
from pathlib import Path
from urllib.parse import quote, unquote

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from photon_app import HOME, ROOT, foreign
from photon_app.errors import SettingsError
from photon_app.settings import DEFAULT_DATABASE, Settings

_POSTGRES = frozenset({"postgres", "postgresql", "postgresql+psycopg"})
_EXPECTED = (
    f"{DEFAULT_DATABASE}, sqlite:////var/lib/photon/photon.db, "
    "postgresql://user:password@host/database (@ in a password may be written as %40), or none"
)
_AMBIGUOUS = (
    "an address that can be read in one way only: write @ as %40 and ? as %3F in user, password "
    "and options"
)


class Address:
    """The address of a database, or of none. Made by ``parse``."""

    __slots__ = ("_login", "_url", "path", "shown", "stores")

    def __init__(self, url: URL | None, login: str = "") -> None:
        self._url = url if url is None else _logging_in(url, login)
        self._login = login  # user and password before the host, as they were given
        self.stores = url is not None
        """Whether anything is stored."""
        self.path: Path | None = None
        """SQLite's file; relative paths are in ``HOME``."""
        self.shown = "none" if url is None else foreign.escaped(_shown(url, login))
        """The address for people: with ``***`` for user and password."""
        if url is not None and url.drivername == "sqlite":
            self.path = HOME / (url.database or "")
            self._url = url.set(database=str(self.path))
            if HOME != ROOT:  # else the folder is known
                self.shown = foreign.escaped(_shown(self._url, login))

    @property
    def url(self) -> URL:
        """The address for drivers, with the password; never to be printed."""
        assert self._url is not None, "nothing is stored"
        return self._url

    @property
    def is_sqlite(self) -> bool:
        """Whether it is an SQLite file."""
        return self.path is not None

    def scrub(self, text: str) -> str:
        """Foreign text with ``***`` for user and password, in each form in which they may occur. A
        user's name is replaced only where it is a whole word.
        """
        for form in self._forms(least=1):
            text = text.replace(form, "***")
        text = foreign.without_login(text)
        if self._url is not None and self._url.username:
            for user in {self._url.username, self._login.partition(":")[0]}:
                text = re.sub(rf"(?<!\w){re.escape(user)}(?!\w)", "***", text)
        return text

    def _secrets(self) -> list[str]:
        if self._url is None:
            return []
        query = [value for name in self._url.query if _is_secret(name) for value in self._all(name)]
        _, colon, password = self._login.partition(":")
        whole = self._login if colon else ""
        given = (self._url.password, whole, password, *query)
        return [str(secret) for secret in given if secret]

    def _all(self, name: str) -> tuple[str, ...]:
        assert self._url is not None
        value = self._url.query[name]
        return (value,) if isinstance(value, str) else value

    @property
    def secrets(self) -> tuple[str, ...]:
        """Its passwords, in each form in which they may occur in a text, the longest first."""
        return self._forms(least=foreign.LEAST_SECRET)

    def _forms(self, least: int) -> tuple[str, ...]:
        forms = {form for secret in self._secrets() for form in foreign.forms(secret, least)}
        return tuple(sorted(forms, key=len, reverse=True))

    def __repr__(self) -> str:
        return f"Address({self.shown})"

    __str__ = __repr__


def of(settings: Settings) -> Address:
    """The address in the settings.

    Raises:
        SettingsError: it is no address.
    """
    if settings.database_url is None:
        return Address(None)
    try:
        return parse(settings.database_url.reveal())
    except ValueError as error:
        raise SettingsError(f"DATABASE_URL cannot be used: expected {error}") from None


def needed(settings: Settings, purpose: str) -> Address:
    """The address in the settings, for callers that need a database.

    Args:
        settings: of this process.
        purpose: for the error, such as ``to export from``.

    Raises:
        SettingsError: it is no address, or nothing is stored.
    """
    where = of(settings)
    if not where.stores:
        raise SettingsError(
            f"DATABASE_URL=none stores nothing: expected a database {purpose}, such as "
            f"{DEFAULT_DATABASE}"
        )
    return where


def parse(text: str) -> Address:
    """Parse an address as a person writes it.

    Args:
        text: ``postgres://`` and ``postgresql://`` mean ``postgresql+psycopg://``; ``sqlite:///``
            and a path; ``none`` stores nothing.

    Raises:
        ValueError: its text says what is allowed, and repeats nothing of what was given.
    """
    if text.strip().lower() == "none":
        return Address(None)
    scheme, _, rest = text.strip().partition("://")
    if scheme in _POSTGRES:
        return _postgresql(rest)
    url = _made(text.strip())
    if url.drivername == "sqlite" and _is_file(url):
        return Address(url)
    raise ValueError(_EXPECTED)


def _postgresql(rest: str) -> Address:
    """Everything before the last ``@`` is user and password, whatever characters it has. With a
    ``?`` before it, the ``@`` could also belong to the options after a complete address.
    """
    login, _, place = rest.rpartition("@")
    if "/" in login.partition("?")[0] and "?" in login:
        raise ValueError(_AMBIGUOUS)
    url = _made(f"postgresql+psycopg://{place}")
    if not url.database or not place.isprintable():
        raise ValueError(_EXPECTED)
    return Address(url, login)


def _made(text: str) -> URL:
    try:
        return make_url(text)
    except (ArgumentError, ValueError):
        raise ValueError(_EXPECTED) from None


def _is_file(url: URL) -> bool:
    path = url.database or ""
    plain = url.host is None and url.username is None and not url.query
    return plain and bool(path) and not path.startswith((":", "file:")) and path.isprintable()


def _logging_in(url: URL, login: str) -> URL:
    user, _, password = login.partition(":")
    return url.set(username=unquote(user) or None, password=unquote(password) or None)


def _shown(url: URL, login: str) -> str:
    """With ``***`` for user and password."""
    hidden = {name: "***" for name in url.query if _is_secret(name)}
    shown = url.update_query_dict(hidden).render_as_string().replace(quote("***"), "***")
    scheme, _, place = shown.partition("://")
    return f"{scheme}://***@{place}" if login else shown


def _is_secret(option: str) -> bool:
    """Whether the name of an option after ``?`` suggests a secret, as ``password`` or
    ``sslpassword`` does.
    """
    return any(word in option.lower() for word in ("pass", "secret", "token"))
