"""One build serves every address, and a browser loads little of it."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from photon_app.errors import StartError
from photon_app.ui.build import (
    APP_ROOT,
    CHART_LICENSES,
    CHART_NOTICE,
    ELEMENT,
    PACKAGES,
    VITE_CONFIG,
    PhotonPlugin,
    add_licenses,
    make_portable,
    portable,
    settle,
    with_small_scripts,
    without_whole_libraries,
)
from tests.fakes.process import ROOT, environment

BUILT = (
    "var e={PING:`http://localhost:8000/ping`,EVENT:`ws://localhost:8000/_event`,"
    "UPLOAD:`http://localhost:8000/_upload`,TRANSPORT:`websocket`,TEST_MODE:!1};export{e as t};"
)


def test_every_baked_address_becomes_the_pages_own() -> None:
    script, count = portable(BUILT)
    assert count == 3
    assert "localhost" not in script
    assert "PING:`${location.origin}/ping`" in script
    assert "EVENT:`${location.origin.replace(/^http/,`ws`)}/_event`" in script
    assert script.endswith("TRANSPORT:`websocket`,TEST_MODE:!1};export{e as t};")


@pytest.mark.parametrize("quote", ['"', "'", "`"])
def test_any_quote_and_port_is_understood(quote: str) -> None:
    script, count = portable(f"x={quote}http://127.0.0.1:9/ping{quote}")
    assert (script, count) == ("x=`${location.origin}/ping`", 1)


@pytest.mark.parametrize("address", ["https://prices.example.com/ping", "ws://localhost:8000/ws"])
def test_other_hosts_and_other_paths_are_left_alone(address: str) -> None:
    """An example of how to connect stands as it was written."""
    assert portable(f"x=`{address}`") == (f"x=`{address}`", 0)


def test_a_build_is_rewritten_in_place(tmp_path: Path) -> None:
    assets = tmp_path / "assets"
    assets.mkdir()
    (assets / "shared-abc.js").write_text(BUILT)
    (assets / "other.js").write_text("x=`ws://localhost:8000/ws`")
    assert make_portable(tmp_path) == 3
    assert "localhost" not in (assets / "shared-abc.js").read_text()
    assert "localhost" in (assets / "other.js").read_text()


@pytest.mark.parametrize("script", ["", "x=`http://localhost:8000/ping`"])
def test_a_build_without_the_events_address_fails_loudly(tmp_path: Path, script: str) -> None:
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "shared-abc.js").write_text(script)
    with pytest.raises(StartError, match="no address of the page's events was found"):
        make_portable(tmp_path)


ROOT_JSX = """
import {Fragment,StrictMode,useEffect} from "react"
import * as React from "react";
import * as emotion_react from "@emotion/react";

function ReflexProviders({children}) {
  useEffect(() => {
    // Make contexts and state objects available globally for dynamic eval'd components
    window.__reflex = {
          "react": React,
    "@emotion/react": emotion_react,
    };
  }, []);

  return jsx(ThemeProvider, {});
}
"""
VITE = """
        codeSplitting: {
          groups: [
            {
              test: /env.json/,
              name: "reflex-env",
            },
          ],
        },
  resolve: {
    alias: [
      {
"""


def test_scripts_that_entries_share_become_one_file() -> None:
    edited = with_small_scripts(VITE)
    assert 'groups: [{ name: "shared", minShareCount: 2 }],' in edited
    assert "reflex-env" not in edited


def test_elements_are_reacts_own() -> None:
    """Reflex makes them by Emotion, which nothing here needs."""
    edited = with_small_scripts(VITE)
    assert 'find: "@emotion/react"' in edited
    assert f"./{ELEMENT.as_posix()}" in edited
    assert "createElement as jsx" in str(dict(PhotonPlugin().get_static_assets())[ELEMENT])


def test_no_library_is_loaded_whole() -> None:
    edited = without_whole_libraries(ROOT_JSX)
    assert "import *" not in edited
    assert "__reflex" not in edited
    assert 'import {Fragment,StrictMode,useEffect} from "react"' in edited
    assert "return jsx(ThemeProvider, {});" in edited


@pytest.mark.parametrize("edit", [with_small_scripts, without_whole_libraries])
@pytest.mark.parametrize(
    "text", ["", "export default {};", VITE.replace("env.json", "x"), VITE.replace("alias", "x")]
)
def test_another_output_of_reflex_stops_the_build(edit: Callable[[str], str], text: str) -> None:
    with pytest.raises(StartError, match=r"differs from what Reflex 0\.10\.1 writes"):
        edit(text)


def test_the_plugin_edits_reflexs_own_files() -> None:
    edits: dict[str, Callable[[str], str]] = {}
    PhotonPlugin().pre_compile(add_modify_task=edits.__setitem__)
    assert edits == {VITE_CONFIG: with_small_scripts, APP_ROOT: without_whole_libraries}


def test_a_package_list_is_left_in_one_order(tmp_path: Path) -> None:
    """Whatever order Reflex and npm wrote it in, and only its order changes."""
    lists = ['{"b": {"y": "2", "x": "1"}, "a": 1}', '{"a": 1, "b": {"x": "1", "y": "2"}}']
    settled = set()
    for text in lists:
        file = tmp_path / "package.json"
        file.write_text(text)
        settle(file)
        assert json.loads(file.read_text()) == json.loads(text)
        settled.add(file.read_text())
    assert len(settled) == 1


def test_a_development_server_puts_the_package_list_in_order_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And serves where it cannot."""
    monkeypatch.chdir(tmp_path)
    PhotonPlugin().post_compile()
    PACKAGES.parent.mkdir()
    for text, settled in (('{"b": 1, "a": 2}', '{\n  "a": 2,\n  "b": 1\n}\n'), ("{torn", "{torn")):
        PACKAGES.write_text(text)
        PhotonPlugin().post_compile()
        assert PACKAGES.read_text() == settled


RELOADS = """
import rxconfig
from reflex.utils.exec import get_reload_paths
print(*get_reload_paths(), sep="\\n")
"""


def test_a_development_server_watches_code_only() -> None:
    """A Photon in the same folder writes databases, recordings and logs beside it."""
    done = subprocess.run(
        [sys.executable, "-c", RELOADS],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert set(done.stdout.split()) == {str(ROOT / "photon_app"), str(ROOT / "rxconfig.py")}


def test_visitors_get_the_charts_notice_and_licence(tmp_path: Path) -> None:
    package = tmp_path / "modules" / "lightweight-charts"
    package.mkdir(parents=True)
    (package / "LICENSE").write_text("Apache License, Version 2.0")
    add_licenses(tmp_path / "page", tmp_path / "modules")
    given = (tmp_path / "page" / CHART_LICENSES).read_text()
    assert given.startswith(CHART_NOTICE)
    assert given.endswith("Apache License, Version 2.0")


def test_a_chart_without_its_licence_is_not_built(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="LICENSE is missing"):
        add_licenses(tmp_path, tmp_path)
