"""Foreign text at its one door."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app import foreign

SECRET = "S3cr3tvalue"
texts = st.text(st.characters(codec=None))
"""With control characters, those that reverse the direction of a line, and halves of pairs."""


@given(texts, st.integers(4, 600))
def test_what_is_shown_is_one_printable_line_and_not_long(text: str, most: int) -> None:
    """Any text, and nothing is missing where it is not cut."""
    shown = foreign.printable(text, most)
    assert shown.isprintable()
    assert len(shown) <= most
    if text.isprintable() and len(text) <= most:
        assert shown == text


@given(texts, st.integers(4, 200))
def test_a_name_is_one_printable_line_and_not_long(text: str, most: int) -> None:
    """What cannot be shown is left out."""
    shown = foreign.plain(text, most)
    assert shown.isprintable()
    assert len(shown) <= most
    assert not any(unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for c in shown)


def test_odd_characters_are_shown_as_escapes() -> None:
    """So that a person sees that they were there."""
    assert foreign.printable("a\x1b[2J\n\x9b\u202e\u2028\ud800é") == (
        r"a\x1b[2J\n\x9b\u202e\u2028\ud800é"
    )


@given(texts)
def test_json_stays_the_same_value_in_print(text: str) -> None:
    """With what drives a terminal as escapes."""
    written = json.dumps({"a": text}, ensure_ascii=False, indent=1)
    line = foreign.in_json(written)
    assert line.isprintable()
    assert json.loads(line) == {"a": text}


def test_what_is_no_text_is_shown_too() -> None:
    """Also an object that fails to say what it is."""

    class Sulking:
        def __str__(self) -> str:
            raise RuntimeError

    assert foreign.printable(None) == "None"
    assert foreign.printable(Sulking()) == "<Sulking>"
    assert foreign.plain(7) == ""


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {SECRET}",
        f"authorization:{SECRET}\r\nnext",
        f"Proxy-Authorization: Basic {SECRET}",
        f"Cookie: theme=dark; session={SECRET}; a=b {SECRET}",
        f"Set-Cookie: id={SECRET}; Secure",
        f"X-Finnhub-Token: {SECRET}",
        f"X-Api-Key: {SECRET}",
        repr({"cookie": f"a={SECRET}", "x": 1}),
        repr({"cookie": f"a='{SECRET}'", "x": 1}),
        repr([(b"authorization", f"Bearer {SECRET}".encode())]),
        repr({"HTTP_COOKIE": f'a="{SECRET}"', "HTTP_AUTHORIZATION": SECRET}),
        json.dumps({"headers": {"Cookie": f'a="{SECRET}"'}}),
        repr(json.dumps({"token": SECRET, "headers": {"Cookie": f'a="{SECRET}" {SECRET}'}})),
        json.dumps(json.dumps({"cookie": f"{SECRET} {SECRET}"})),
        repr(f"GET / HTTP/1.1\r\nCookie: a={SECRET}\r\n\r\n"),
        f"GET /ws?symbol=A&token={SECRET}&x=1 HTTP/1.1",
        f"/ws?access_token={SECRET}",
        f"%3Ftoken%3D{SECRET}",
        f"postgresql://me:{SECRET}@host/bars",
        f"postgresql://me:a/b@{SECRET}@host/bars",
        f"redis://:{SECRET}@host",
        f"postgresql://host/bars?sslpassword={SECRET}",
        f"host=h password={SECRET} dbname=b",
        f"host=h password='{SECRET} {SECRET}' dbname=b",
        f"FINNHUB_API_KEY={SECRET}",
        f"sent with bearer {SECRET}",
    ],
)
def test_values_of_headers_and_parameters_are_dropped(text: str) -> None:
    """In each form in which libraries write them."""
    clean = foreign.without_secrets(text)
    assert SECRET not in clean
    assert "***" in clean


@pytest.mark.parametrize(
    "text",
    [
        "FINNHUB_API_KEY not found: PHOTON_FEED=finnhub needs a key",
        "No token provided in connection for session 5",
        "refused /ws from Origin https://a.example to Host b: add it to FRONTEND_URL",
        "http://127.0.0.1:8000/ws?format=events",
        "photon.db cannot be opened (disk I/O error)",
    ],
)
def test_other_words_stay(text: str) -> None:
    """A log is there to be read."""
    assert foreign.without_secrets(text) == text


@given(texts, texts, st.text(min_size=foreign.LEAST_SECRET))
def test_a_known_secret_is_dropped_wherever_it_stands(before: str, after: str, secret: str) -> None:
    """In each of its forms."""
    for form in foreign.forms(secret):
        shown = foreign.without_secrets(f"{before} {form} {after}", foreign.forms(secret))
        if not any(form in text for text in (f"{before} ***", f"*** {after}", "***")):
            assert form not in shown or form in before + after


def test_a_secret_too_short_to_be_known_again_has_no_forms() -> None:
    """Else every other word of the log would be stars."""
    assert foreign.forms("abc") == ()
    assert "a b" in foreign.forms("a b/c")[0] or "a%20b" in foreign.forms("a b/c")[0]


@pytest.mark.parametrize(
    "text",
    ["'token':'" + "\\" * 4000, "'token'" * 600, "a://" * 1000, "token=" * 700, "-" * 4000],
)
def test_no_text_takes_long(text: str) -> None:
    """The search for secrets goes back and forth over nothing: this test would not end."""
    assert len(foreign.without_secrets(text)) <= len(text)
