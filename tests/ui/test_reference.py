"""What the developers' page says of the wire is what there is."""

import re

import pytest

from photon_app import ROOT, disconnect
from photon_app.gateway.admission import Admission
from photon_app.gateway.http import create_api
from photon_app.gateway.protocol import ACTIONS
from photon_app.hub import messages
from photon_app.settings import DEFAULTS
from photon_app.ui import reference
from photon_app.ui.components.developers import WORDS
from photon_app.ui.reference import CLOSE_CODES, ENDPOINTS, EXAMPLES, MESSAGES

PROTOCOL = (ROOT / "docs" / "protocol.md").read_text()
CLIENT_JS = ROOT / "photon_app" / "ui" / "live" / "photon-client.js"


def named(sender: str) -> list[str]:
    """The names of one side's messages."""
    return [one.name for one in MESSAGES if one.sender == sender]


def test_every_message_stands_in_the_table_once() -> None:
    """What clients say, and what the server says."""
    tags = {kind.__struct_config__.tag for kind in messages.MESSAGES}
    assert sorted(named("client")) == sorted(ACTIONS)
    assert sorted(named("server")) == sorted(str(tag) for tag in tags)


def test_every_route_stands_in_the_table() -> None:
    """Those of the API's own description, and nothing that is not there."""
    api = create_api(CLIENT_JS, Admission.of(DEFAULTS))
    listed = {one.path for one in ENDPOINTS if not one.socket}
    assert listed == {*api.openapi()["paths"], "/docs", "/openapi.json"}


@pytest.mark.parametrize("path", [one.path for one in ENDPOINTS])
def test_every_route_is_documented(path: str) -> None:
    """By its path."""
    assert re.search(rf"`(GET )?{re.escape(path)}[`?]", PROTOCOL)


def test_every_close_code_is_explained() -> None:
    """With what to do then, in the table and in the console."""
    assert set(disconnect.CODES) | {disconnect.ABNORMAL_CLOSURE} <= set(CLOSE_CODES)
    never = {code for code, close in CLOSE_CODES.items() if close.then == "Do not reconnect."}
    assert never == disconnect.FINAL_CODES
    codes = WORDS["codes"]
    assert isinstance(codes, dict)
    assert set(codes) == {str(code) for code in CLOSE_CODES}


def test_no_example_names_another_host() -> None:
    """Every address in them is the default one, which the page replaces."""
    for one in EXAMPLES:
        for address in re.findall(r"\w+://[^/\"'\s]+", one.code + one.before):
            assert address in {"http://127.0.0.1:8000", "ws://127.0.0.1:8000"}


def test_examples_are_short() -> None:
    """Short enough to be read before they are pasted."""
    for one in EXAMPLES:
        assert len([line for line in one.code.splitlines() if line.strip()]) <= 14


def test_the_python_example_is_the_readmes() -> None:
    """Word for word, so that there is one to keep."""
    assert reference.PYTHON in (ROOT / "README.md").read_text()
