"""Names that are nearly a setting's are reported, and no others."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon_app import misnamed, settings
from photon_app.misnamed import warnings
from tests.fakes.process import run
from tests.test_docs import settings_read

CANARY = "canary8f03c1d2"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("FINHUB_API_KEY", "FINNHUB_API_KEY"),
        ("FINNHUB_KEY", "FINNHUB_API_KEY"),
        ("FINNHUB_APIKEY", "FINNHUB_API_KEY"),
        ("FINNHUB_TOKEN", "FINNHUB_API_KEY"),
        ("PHOTON_API_KEY", "FINNHUB_API_KEY"),
        ("FRONTEND_URLS", "FRONTEND_URL"),
        ("FRONT_END_URL", "FRONTEND_URL"),
        ("DATABSE_URL", "DATABASE_URL"),
        ("DATABASE_URI", "DATABASE_URL"),
        ("LOGLEVEL", "LOG_LEVEL"),
        ("PHOTN_SYMBOLS", "PHOTON_SYMBOLS"),
        ("PHOTON_SYMBOL", "PHOTON_SYMBOLS"),
        ("PHOTON_SIM_INTERVAL", "PHOTON_SIM_INTERVAL_MS"),
        ("PHOTON_FEDE", "PHOTON_FEED"),
        ("photon_feed", "PHOTON_FEED"),
        ("PHOTON_PORT", "PORT"),
        ("PHOTON_LOG_LEVEL", "LOG_LEVEL"),
    ],
)
def test_a_name_that_is_nearly_right_is_reported_with_the_right_one(name: str, meant: str) -> None:
    """In one line without its value, from the environment and from a file."""
    (said,) = warnings({name: CANARY}, dotenv=None)
    assert said.startswith(f"{name} in the environment is no setting")
    assert said.endswith(f"did you mean {meant}?")
    assert CANARY not in said


def test_a_name_of_ours_that_is_like_none_is_reported_too() -> None:
    """It is not read."""
    (said,) = warnings({"PHOTON_WARP": CANARY}, dotenv=None)
    assert said.startswith("PHOTON_WARP in the environment is no setting")
    assert CANARY not in said


def test_names_of_others_are_nobodys_affair() -> None:
    """Of this machine's environment, and those that a setting's name is like by chance."""
    others = (
        *("HOSTNAME", "HOSTS", "PORTS", "PATH", "POST", "REDIS_URL", "DATABASE_USER"),
        *("TEST_DATABASE_URL", "RUST_LOG_LEVEL", "FRONTEND_HOST", "PHOTO_DIR", "API_KEY", "_"),
    )
    assert warnings(dict.fromkeys(others, CANARY), dotenv=None) == ()
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PHOTON_")}
    assert warnings(ours, dotenv=None) == ()


def test_every_setting_is_known() -> None:
    """Its own name is not reported."""
    assert set(settings.names()) == settings_read()
    assert warnings(dict.fromkeys(settings.names(), CANARY), dotenv=None) == ()


def test_a_file_of_photons_own_needs_less_likeness(tmp_path: Path) -> None:
    """What stands there is meant for Photon; a key without its ``=`` is not shown."""
    file = tmp_path / ".env"
    file.write_text(
        f"PROT={CANARY}\nHSOT={CANARY}\nSUPABASE_URL={CANARY}\n"
        f"FINNHUB_API_KEY:{CANARY}\nFINNHUB_API_KEY{CANARY}=\nPHOTON_{CANARY}=1\nPORT=1\n"
    )
    said = warnings({}, dotenv=file)
    assert len(said) == 5
    assert said[0] == "PROT in .env is no setting of Photon and is not read: did you mean PORT?"
    assert CANARY not in "".join(said)


def test_a_file_that_cannot_be_read_is_reported_by_its_reader(tmp_path: Path) -> None:
    """Once is enough."""
    file = tmp_path / ".env"
    file.write_bytes(b"\xff\xfe")
    assert warnings({}, dotenv=file) == ()


@given(
    st.dictionaries(st.text(max_size=80) | st.text(max_size=70).map("PHOTON_".__add__), st.none())
)
def test_any_names_are_reported_in_a_few_printable_lines(names: dict[str, None]) -> None:
    """Whatever they are."""
    told = list(misnamed._warnings(names, ".env", settings.names(), own=True))
    for line in told:
        assert line.isprintable()
        assert len(line) < 250
    assert len(warnings(dict.fromkeys(names, ""), dotenv=None)) <= misnamed.MOST + 1


def test_many_are_counted() -> None:
    """The first of them are named."""
    said = warnings({f"PHOTON_WARP_{n}": "1" for n in range(100)}, dotenv=None)
    assert len(said) == misnamed.MOST + 1
    assert said[-1].startswith("80 more names")


def test_a_command_tells_them_before_it_fails() -> None:
    """For that can be why."""
    done = run(PHOTON_FEED="finnhub", FINHUB_API_KEY=CANARY)
    doubt, why = done.stderr.splitlines()
    assert doubt.startswith("photon: FINHUB_API_KEY in the environment")
    assert "FINNHUB_API_KEY not found" in why
    assert CANARY not in done.stderr
