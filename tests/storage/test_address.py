"""An address is read as it is written, and its password is shown nowhere."""

import ast
from urllib.parse import quote, quote_plus, unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from photon_app import ROOT, foreign
from photon_app.errors import SettingsError
from photon_app.settings import DEFAULTS, Settings, load
from photon_app.storage.address import needed, of, parse
from photon_app.storage.faults import fault_of


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("sqlite:///photon.db", "photon.db"),
        ("sqlite:///a folder/photon.db", "a folder/photon.db"),
        ("sqlite:////var/lib/photon.db", "/var/lib/photon.db"),
    ],
)
def test_a_file_is_relative_or_absolute(text: str, path: str) -> None:
    """Three slashes, or four."""
    address = parse(text)
    assert address.is_sqlite and address.stores
    assert address.path == ROOT / path
    assert address.shown == text


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_name_of_postgresql_means_psycopg(scheme: str) -> None:
    """Hosts hand out all of them."""
    address = parse(f"{scheme}://me:secret@db.example:5433/bars?sslmode=require")
    assert address.stores and not address.is_sqlite and address.path is None
    assert address.url.drivername == "postgresql+psycopg"
    assert address.url.password == "secret"
    assert address.shown == "postgresql+psycopg://***@db.example:5433/bars?sslmode=require"


def test_none_stores_nothing() -> None:
    """In any case of letters."""
    assert not parse("none").stores
    assert not parse("None").stores
    assert parse("none").shown == "none"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "photon.db",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///file:photon.db",
        "sqlite:///photon.db?mode=ro",
        "sqlite://host/photon.db",
        "postgresql://host",
        "mysql://me:secret@host/bars",
        "postgresql://me:secret@host:port/bars",
    ],
)
def test_anything_else_is_refused_with_what_is_allowed(text: str) -> None:
    """And with nothing of what was given, which may hold a password."""
    with pytest.raises(ValueError, match=r"sqlite:///photon\.db, ") as caught:
        parse(text)
    assert "secret" not in str(caught.value)


passwords = st.text(st.characters(codec="utf-8", exclude_characters="\0")).map("S3cr3t".__add__)
unescaped = (
    st.lists(st.sampled_from([*"@/:?#% []{}'\"\\+&=$!ß", "\n", "S3cr3t", "@host", "//", "x"]))
    .map("".join)
    .map(lambda text: f"S3cr3t{text}S3cr3t")
    .filter(lambda text: unquote(text) == text)
)
"""As people paste them."""


@given(passwords)
def test_no_form_of_an_address_shows_its_password(password: str) -> None:
    """Whatever is in it, in the user's part or in the query."""
    quoted = quote(password, safe="")
    for text in (
        f"postgresql://me:{quoted}@host/bars",
        f"postgresql://{quoted}@host/bars",
        f"postgresql://h/b?password={quoted}",
        f"postgresql://h/b?sslpassword={quoted}&sslpassword={quoted}",
    ):
        address = parse(text)
        for shown in (repr(address), str(address), f"{address}", address.shown):
            assert "S3cr3t" not in shown
        assert "S3cr3t" not in address.scrub(f"no connection with {password}: refused")


@given(passwords)
def test_the_password_is_scrubbed_from_foreign_text(password: str) -> None:
    """As it is, and as addresses hold it."""
    address = parse(f"postgresql://me:{quote(password, safe='')}@host/bars")
    rendered = address.url.render_as_string(hide_password=False)
    for form in (password, quote(password), quote_plus(password), rendered, repr(password)):
        assert "S3cr3t" not in address.scrub(f"no connection with {form}: refused")


@given(unescaped)
@example("p@ssTail")
@example("a/b")
@example("what?")
@example("a@b?c")
@example("[x]:1/#%")
def test_the_last_at_sign_ends_a_password(password: str) -> None:
    """What it is made of goes to the driver, and is shown nowhere; or the address is refused."""
    written = f"postgresql://ann:{password}@db.example:5433/bars"
    if "?" in password and "/" in password.partition("?")[0]:
        with pytest.raises(ValueError, match="write @ as %40"):
            parse(written)
        return
    address = parse(written)
    url = address.url
    assert (url.username, url.password) == ("ann", password)
    assert (url.host, url.port, url.database) == ("db.example", 5433, "bars")
    assert address.shown == "postgresql+psycopg://***@db.example:5433/bars"
    said = address.scrub(f'no {written}, no {password} of role "ann" (Joanna\'s): cannot')
    assert "S3cr3t" not in said
    assert said.endswith('of role "***" (Joanna\'s): cannot')
    logged = foreign.without_secrets(f"no {written}, no {password}", address.secrets)
    assert "S3cr3t" not in logged


def test_a_user_is_scrubbed_where_it_is_a_word() -> None:
    """With and without a password, as it is and as the address has it."""
    for login in ("me", "me:pw"):
        address = parse(f"postgresql://{login}@host/bars")
        assert address.scrub('timeout of role "me" (me@host)') == 'timeout of role "***" (***@host)'
    address = parse("postgresql://j%20doe@host/bars")
    assert address.scrub("no j doe, no j%20doe") == "no ***, no ***"


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://me:S3cr3t/x?y@host/bars",
        "postgresql://host/bars?password=S3cr3t@x",
        "postgresql://me:S3cr3t@host/bars?application_name=a@b",
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(text: str) -> None:
    """With what to write instead."""
    with pytest.raises(ValueError, match="write @ as %40") as caught:
        parse(text)
    assert "S3cr3t" not in str(caught.value)


def test_half_a_password_is_not_found_in_an_error() -> None:
    """An error is scrubbed before its first line is taken."""
    address = parse(f"postgresql://me:{quote('S3cr3t' + chr(10) + 'tail')}@host/bars")
    fault = fault_of(OSError("no S3cr3t\ntail here"), address)
    assert fault.detail == "the database refuses (no *** here)"


def test_a_setting_that_is_no_address_is_said_without_it() -> None:
    """The line names the setting, and what is allowed."""
    settings = load({"DATABASE_URL": "mysql://me:S3cr3t@host/bars"}, dotenv=None)
    with pytest.raises(SettingsError, match=r"^DATABASE_URL cannot be used: expected ") as caught:
        of(settings)
    assert "S3cr3t" not in f"{caught.value}{settings}"


@pytest.mark.parametrize("text", ["none", "None", "sqlite:///photon.db"])
def test_an_address_without_a_password_has_no_secret(text: str) -> None:
    """The log may name the file, and the word ``none`` is no secret."""
    assert of(load({"DATABASE_URL": text}, dotenv=None)).secrets == ()


def test_the_default_is_an_address() -> None:
    """Of a file in the project's folder."""
    assert of(DEFAULTS).path == ROOT / "photon.db"


@pytest.mark.parametrize(
    "settings", [Settings(database_url=None), load({"DATABASE_URL": "NONE"}, dotenv=None)]
)
def test_what_needs_a_database_says_what_for(settings: Settings) -> None:
    """However it was said that there is none."""
    assert not of(settings).stores
    with pytest.raises(SettingsError, match=r"^DATABASE_URL=none .* a database to do it, such as"):
        needed(settings, "to do it")


def test_nobody_else_reads_the_setting() -> None:
    """One parser: all others ask it."""
    package = ROOT / "photon_app"
    readers = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "database_url"
    }
    assert readers == {"settings.py", "storage/address.py"}
