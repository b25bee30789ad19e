"""What is installed is the whole project, with one version and one set of pins, and its rooms are
closed to each other unless a contract says otherwise.
"""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

from photon_app import __version__
from tests.fakes.process import ROOT, environment
from tests.feed.recordings import ladder

PACKAGE = ROOT / "photon_app"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
INSTALLED = "from photon_app import command; command()"
"""What the script does that pip writes."""


def run(*command: str) -> tuple[int, str, str]:
    """The exit code and the output of a process of this Python."""
    done = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("argument", ["--help", "--version", "--nonsense"])
def test_the_command_is_the_module(argument: str) -> None:
    """The same words and the same exit code, whatever the arguments."""
    assert run("-c", INSTALLED, argument) == run("-m", "photon_app", argument)


def test_the_root_is_known_in_one_place() -> None:
    """No other module counts folders up from its own file, nor does a test or a benchmark."""
    counts = re.compile(r"__file__\)[.\w()]*\.(parents\[|parent\.parent)")
    modules = [
        path for name in ("photon_app", "tests", "bench") for path in (ROOT / name).rglob("*.py")
    ]
    assert [path for path in modules if counts.search(path.read_text())] == [
        PACKAGE / "__init__.py"
    ]


def test_a_wheel_by_itself_writes_where_it_is_started(tmp_path: Path) -> None:
    """It takes ``.env`` from there too, and nothing gets in between the installed packages."""
    site, work = tmp_path / "site", tmp_path / "work"
    shutil.copytree(PACKAGE, site / "photon_app", ignore=shutil.ignore_patterns("__pycache__"))
    work.mkdir()
    ladder(work / "r.jsonl", 3)
    (work / ".env").write_text("DATABASE_URL=sqlite:///here.db\n")
    kept = {name: text for name, text in environment().items() if name != "DATABASE_URL"}
    done = subprocess.run(
        [sys.executable, "-m", "photon_app", "import", "r.jsonl"],
        cwd=work,
        env=kept | {"PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"sqlite:///{work.resolve() / 'here.db'}" in done.stdout + done.stderr
    assert (work / "here.db").is_file()
    assert [path.name for path in site.iterdir()] == ["photon_app"]


def test_every_file_of_the_package_is_installed() -> None:
    """Modules are, by themselves; all else by a pattern."""
    patterns = PROJECT["tool"]["setuptools"]["package-data"]["*"]
    folders = {path.parent for path in PACKAGE.rglob("__init__.py")}
    for path in PACKAGE.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            assert path.parent in folders, f"{path.parent} has no __init__.py"
            assert path.suffix == ".py" or any(fnmatch(path.name, each) for each in patterns), path


def test_pins_and_version_are_read_from_their_one_place() -> None:
    """Requirement files that exist, and the version of the package."""
    dynamic = PROJECT["tool"]["setuptools"]["dynamic"]
    assert dynamic["version"] == {"attr": "photon_app.__version__"}
    files = [*dynamic["dependencies"]["file"]]
    for extra in dynamic["optional-dependencies"].values():
        files += extra["file"]
    for name in files:
        pins = [line for line in (ROOT / name).read_text().splitlines() if line[0] != "#"]
        assert pins and all(re.match(r"[\w.\[\]-]+==\S+( +#.*)?$", pin) for pin in pins), name
    assert "==" not in (ROOT / "pyproject.toml").read_text()


def test_documents_tell_the_version() -> None:
    """The changelog's newest release, with its date, and the answers that the protocol shows."""
    changelog = (ROOT / "CHANGELOG.md").read_text()
    releases = re.findall(r"^## \[?(\d+\.\d+\.\d+)\]? – \d{4}-\d\d-\d\d$", changelog, re.MULTILINE)
    assert releases[0] == __version__
    shown = re.findall(r'"version":"([^"]+)"', (ROOT / "docs" / "protocol.md").read_text())
    assert shown and set(shown) == {__version__}


def test_the_package_says_that_it_is_typed() -> None:
    """A program that imports it is checked against its annotations."""
    assert (PACKAGE / "py.typed").read_text() == ""


def test_a_new_room_may_import_nothing_that_is_contracted() -> None:
    """Contracts name who may; a list of who may not would leave out the next room."""
    for contract in PROJECT["tool"]["importlinter"]["contracts"]:
        whole = contract.get("source_modules") == ["photon_app"]
        everything = contract.get("forbidden_modules") == ["photon_app.*"]
        closed = contract["type"] == "protected" or contract.get("exhaustive")
        assert closed or whole or everything, contract["name"]


def test_every_library_has_a_contract() -> None:
    """But for msgspec, which every room uses, and ``_typeshed``, which is for mypy only."""
    trees = [ast.parse(path.read_text()) for path in PACKAGE.rglob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    names = [one.name for node in nodes if isinstance(node, ast.Import) for one in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    libraries = {name.split(".")[0] for name in names} - sys.stdlib_module_names
    contracts = PROJECT["tool"]["importlinter"]["contracts"]
    protected = {name for one in contracts for name in one.get("protected_modules", ())}
    assert libraries - {"photon_app", "msgspec", "_typeshed"} == {
        name for name in protected if not name.startswith("photon_app")
    }


def test_the_walks_of_a_contributor_name_files_that_exist() -> None:
    """So that a rename is noticed."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    named = re.findall(r"`((?:photon_app|tests|docs)/[\w/.-]*|[\w.-]+\.(?:md|toml|example))`", text)
    assert len(named) > 30
    for name in named:
        assert (ROOT / name).exists(), name


def test_hooks_use_the_tools_of_the_project() -> None:
    """Their versions are in the requirement files only."""
    hooks = (ROOT / ".pre-commit-config.yaml").read_text()
    assert re.findall(r"repo: (.*)", hooks) == ["local"]
    assert all(entry.startswith(".venv/bin/") for entry in re.findall(r"entry: (.*)", hooks))
