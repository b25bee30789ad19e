"""An address is read as it is written, and its password is shown nowhere."""

from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app.storage.address import ROOT, parse


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
    assert address.shown == "postgresql+psycopg://me:***@db.example:5433/bars?sslmode=require"


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


@given(passwords)
def test_no_form_of_an_address_shows_its_password(password: str) -> None:
    """Whatever is in it, in the user's part or in the query."""
    quoted = quote(password, safe="")
    for text in (f"postgresql://me:{quoted}@host/bars", f"postgresql://h/b?password={quoted}"):
        address = parse(text)
        for shown in (repr(address), str(address), f"{address}", address.shown):
            assert "S3cr3t" not in shown


@given(passwords)
def test_the_password_is_scrubbed_from_foreign_text(password: str) -> None:
    """As it is, and as addresses hold it."""
    address = parse(f"postgresql://me:{quote(password, safe='')}@host/bars")
    rendered = address.url.render_as_string(hide_password=False)
    for form in (password, quote(password), quote_plus(password), rendered):
        assert "S3cr3t" not in address.scrub(f"no connection with {form}: refused")
