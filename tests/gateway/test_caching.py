"""How long a browser may keep what it is given."""

import pytest

from photon_app.gateway.caching import ASK_AGAIN, FOREVER, NEVER, of_file


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/assets/root-xKv10YAh.css", FOREVER),
        ("/assets/entry.client-BcBPaK_9.js", FOREVER),
        ("/assets/inter-greek-wght-normal-CkhJZR-_.woff2", FOREVER),
        ("/assets/manifest-a21474de.js", FOREVER),
        ("/assets/fonts/inter-Dx4kXJAl.woff2", FOREVER),
        ("/assets/root.css", ASK_AGAIN),
        ("/assets/root-short.css", ASK_AGAIN),
        ("/assets/", ASK_AGAIN),
        ("/root-xKv10YAh.css", ASK_AGAIN),
        ("/", ASK_AGAIN),
        ("/index.html", ASK_AGAIN),
        ("/favicon.svg", ASK_AGAIN),
        ("/assets/../index-xKv10YAh.html\n", ASK_AGAIN),
    ],
)
def test_only_a_file_with_a_digest_in_its_name_is_kept_for_good(path: str, kept: str) -> None:
    """Every other one is asked for again, so that an upgrade is seen at the next look."""
    assert of_file(path, 200) == kept
    assert of_file(path, 304) == kept


@pytest.mark.parametrize("status", [403, 404, 405, 500, 503])
def test_what_went_wrong_is_never_kept(status: int) -> None:
    """Above all not for a year: a file that is missing now is there after the next build."""
    assert of_file("/assets/root-xKv10YAh.css", status) == NEVER
