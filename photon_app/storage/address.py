"""Where bars are kept, read from one line of text.

Pure. The password, if there is one, stands in ``Address.url`` and nowhere else: no ``repr`` or
``str`` shows it, and ``scrub`` takes it out of what drivers say.
"""

from pathlib import Path
from urllib.parse import quote, quote_plus

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from photon_app.errors import SettingsError
from photon_app.settings import Secret, Settings

ROOT = Path(__file__).resolve().parents[2]
_POSTGRES = frozenset({"postgres", "postgresql", "postgresql+psycopg"})
_EXPECTED = (
    "sqlite:///photon.db, sqlite:////var/lib/photon/photon.db, "
    "postgresql://user:password@host/database, or none"
)


class Address:
    """A database, or that there is none. Made by ``parse``."""

    __slots__ = ("_url", "path", "shown", "stores")

    def __init__(self, url: URL | None) -> None:
        self._url = url
        self.stores = url is not None
        """Whether anything is stored."""
        self.path: Path | None = None
        """The file of SQLite; in Photon's own folder, unless it names another."""
        self.shown = "none" if url is None else _shown(url)
        """For people: with ``***`` for the password."""
        if url is not None and url.drivername == "sqlite":
            self.path = ROOT / (url.database or "")
            self._url = url.set(database=str(self.path))

    @property
    def url(self) -> URL:
        """What drivers are given, with the password; never to be printed as text."""
        assert self._url is not None, "nothing is stored"
        return self._url

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file of SQLite."""
        return self.path is not None

    def scrub(self, text: str) -> str:
        """Foreign text with the password made unreadable, in each form that it may have there."""
        for password in self._passwords():
            for safe in ("", "/", " +"):  # as libpq, as Python, and as SQLAlchemy quote it
                text = text.replace(quote(password, safe=safe), "***")
            text = text.replace(quote_plus(password), "***")
            text = Secret(password).scrub(text)
        return text

    def _passwords(self) -> list[str]:
        if self._url is None:
            return []
        given = (self._url.password, *_texts(self._url.query.get("password")))
        return [str(password) for password in given if password]

    def __repr__(self) -> str:
        return f"Address({self.shown})"

    __str__ = __repr__


def of(settings: Settings) -> Address:
    """Where the settings say.

    Raises:
        SettingsError: it is no address.
    """
    if settings.database_url is None:
        return Address(None)
    try:
        return parse(settings.database_url.reveal())
    except ValueError as error:
        raise SettingsError(f"DATABASE_URL cannot be used: expected {error}") from None


def parse(text: str) -> Address:
    """An address as a person writes it.

    Args:
        text: ``postgres://`` and ``postgresql://`` mean ``postgresql+psycopg://``; ``sqlite:///``
            and a path; ``none`` stores nothing.

    Raises:
        ValueError: saying what is allowed, and nothing of what was given.
    """
    if text.strip().lower() == "none":
        return Address(None)
    try:
        url = make_url(text.strip())
    except (ArgumentError, ValueError):
        raise ValueError(_EXPECTED) from None
    if url.drivername in _POSTGRES and url.database:
        return Address(url.set(drivername="postgresql+psycopg"))
    if url.drivername == "sqlite" and _is_file(url):
        return Address(url)
    raise ValueError(_EXPECTED)


def _is_file(url: URL) -> bool:
    path = url.database or ""
    plain = url.host is None and url.username is None and not url.query
    return plain and bool(path) and not path.startswith((":", "file:")) and "\0" not in path


def _shown(url: URL) -> str:
    if "password" in url.query:
        url = url.update_query_dict({"password": "***"})
    return url.render_as_string(hide_password=True)


def _texts(value: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return () if value is None else (value,) if isinstance(value, str) else tuple(value)
