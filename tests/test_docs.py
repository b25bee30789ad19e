"""What the documents say is so: names of settings, messages, modules, layers, tests and files."""

import ast
import json
import re
import tokenize
import tomllib
import typing
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from photon_app import ROOT, errors, model
from photon_app.gateway.protocol import ACTIONS
from photon_app.hub import messages

DOCS = ROOT / "docs"
PROTOCOL = (DOCS / "protocol.md").read_text()
ARCHITECTURE = (DOCS / "architecture.md").read_text()
GLOSSARY = ARCHITECTURE.split("\n## Glossary\n")[1].split("\n## ")[0]
PRIVATE = re.compile(
    r"\b(whoever|whomever|the begin of|(gone|goes|go|going) on with|wish(es)?|of late"
    r"|turns? of the (event )?loop|(is|are|was|were) told|told by)\b",
    re.IGNORECASE,
)
TABLES = {"limits.md": ("what", "bound", "at the bound"), "faults.md": ("fault", "what happens")}
ENV_EXAMPLE = (ROOT / ".env.example").read_text()
PAGES = [
    path for path in (*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))) if path.is_file()
]
DECISIONS = sorted((DOCS / "decisions").glob("[0-9]*.md"))
MODULES = sorted(
    path
    for folder in (ROOT / "photon_app", ROOT / "tests")
    for path in folder.rglob("*")
    if path.suffix in {".py", ".js", ".jsx", ".mjs"} and path != Path(__file__)
)
PARTS = (
    r"\*\*Status:\*\* (accepted|replaced by .+)\n",
    r"## Decision\n",
    r"## The cost we accept\n",
    r"## The test that guards it\n",
)


def settings_read() -> set[str]:
    """The names that ``settings.py`` asks its values for."""
    tree = ast.parse((ROOT / "photon_app" / "settings.py").read_text())
    return {
        call.args[0].value
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in {"_get", "_count", "get"}
        and call.args
        and isinstance(call.args[0], ast.Constant)
        and isinstance(call.args[0].value, str)
    }


def section(title: str) -> str:
    """One chapter of the protocol."""
    return PROTOCOL.split(f"\n## {title}\n")[1].split("\n## ")[0]


def spoken() -> dict[str, set[str]]:
    """The fields of every message that the server sends, by type."""
    fields: dict[str, set[str]] = {}
    for kind in messages.MESSAGES:
        tag = kind.__struct_config__.tag
        assert isinstance(tag, str)
        fields.setdefault(tag, {"type"}).update(f.encode_name for f in msgspec.structs.fields(kind))
    return fields


def examples() -> Iterator[dict[str, typing.Any]]:
    """Every message of the server that the protocol shows."""
    for block in re.findall(r"```json\n(.*?)\n```", PROTOCOL, re.DOTALL):
        message = json.loads(block)
        if isinstance(message, dict) and "type" in message:
            yield message


def test_every_setting_is_documented_and_nothing_else() -> None:
    """In the protocol's table and in the template, in the same order."""
    rows = re.findall(r"^\| `([A-Z_]+)` \|", section("Environment"), re.MULTILINE)
    template = re.findall(r"^# ([A-Z_]+)=", ENV_EXAMPLE, re.MULTILINE)
    assert settings_read() == set(rows)
    assert rows == template


def test_the_template_sets_nothing() -> None:
    """Copied as it is, it changes nothing."""
    lines = ENV_EXAMPLE.splitlines()
    assert all(not line or line.startswith("# ") for line in lines)


def test_the_template_shows_the_documented_defaults() -> None:
    """One value in two places."""
    rows = re.findall(r"^\| `([A-Z_]+)` \| ([^|]+) \|", section("Environment"), re.MULTILINE)
    shown = dict(re.findall(r"^# ([A-Z_]+)=(.*)$", ENV_EXAMPLE, re.MULTILINE))
    for name, default in rows:
        stated = default.split(";")[0].strip().strip("`").replace(", ", ",")
        assert shown[name] == ("" if stated == "none" else stated), name


def test_every_message_is_documented() -> None:
    """What clients say, what the server says, and every code of an error."""
    for action in ACTIONS:
        assert f'"action":"{action}"' in PROTOCOL
    for tag in spoken():
        assert f'"type":"{tag}"' in PROTOCOL
    for code in typing.get_args(errors.ErrorCode):
        assert re.search(rf"^\| `{code}` \|", section("Errors and codes"), re.MULTILINE)


def test_every_word_of_status_is_documented() -> None:
    """Feed states, sessions, and the states of a symbol."""
    said = section("What the server says")
    for vocabulary in (model.FeedState, model.MarketSession, model.SymbolState):
        for word in typing.get_args(vocabulary):
            assert f"`{word}`" in said


def test_every_example_has_the_fields_of_its_message() -> None:
    """No more; and each field of each message is shown in one example or named in the text."""
    fields, shown = spoken(), set[str]()
    for message in examples():
        assert set(message) <= fields[message["type"]]
        shown |= {f"{message['type']}.{name}" for name in message}
    for tag, names in fields.items():
        for name in names:
            assert f"{tag}.{name}" in shown or f"`{name}`" in section("What the server says")


def test_an_update_shows_exactly_its_figures() -> None:
    """In both forms."""
    short, whole = (set(m["data"]) for m in examples() if m["type"] == "price_update")
    updates = [one for one in messages.MESSAGES if one.__struct_config__.tag == "price_update"]
    bodies = [typing.get_type_hints(update)["data"].__struct_fields__ for update in updates]
    assert short < whole
    assert {frozenset(body) for body in bodies} == {frozenset(short), frozenset(whole)}


def test_every_module_stands_in_the_architecture() -> None:
    """By its path; packages by their folder."""
    package = ROOT / "photon_app"
    for path in package.rglob("*.py"):
        name = path.relative_to(package).as_posix()
        if path.name != "__init__.py":
            assert f"| `{name}` |" in ARCHITECTURE, name
    for path in (package / "ui" / "live").glob("*.js*"):
        assert f"`{path.name}`" in ARCHITECTURE, path.name


def test_the_architecture_names_no_module_that_is_not_there() -> None:
    """A table of rooms is only as good as its last row."""
    for name in re.findall(r"^\| `([\w/]+\.py)` \|", ARCHITECTURE, re.MULTILINE):
        assert (ROOT / "photon_app" / name).is_file(), name


def test_the_layers_are_those_of_the_contract() -> None:
    """The one that ``make lint`` checks."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = project["tool"]["importlinter"]["contracts"]
    [layers] = [c["layers"] for c in contracts if c.get("containers") == ["photon_app"]]
    [block] = re.findall(r"```layers\n(.*?)\n```", ARCHITECTURE, re.DOTALL)
    assert block.splitlines() == layers


def test_the_glossary_has_twenty_words() -> None:
    """In alphabetical order, each once."""
    words = re.findall(r"^\| \*\*([a-z ]+)\*\* \| .+ \|$", GLOSSARY, re.MULTILINE)
    assert len(words) == 20
    assert words == sorted(set(words))


@pytest.mark.parametrize("name", TABLES)
def test_bounds_and_faults_are_listed_once_and_whole(name: str) -> None:
    """Each row of the tables has every cell, and no row begins as another one does."""
    head = TABLES[name]
    lines = re.findall(r"^\| .*\|$", (DOCS / name).read_text(), re.MULTILINE)
    rows = [tuple(cell.strip() for cell in line[1:-1].split(" | ")) for line in lines]
    listed = [row for row in rows if row != head]
    assert len(listed) > 40
    assert {len(row) for row in listed} == {len(head)}
    assert all(all(row) for row in listed)
    assert len({row[0].lower() for row in listed}) == len(listed)


def test_the_makefile_installs_without_compiling() -> None:
    """Every time (decision 13)."""
    makefile = (ROOT / "Makefile").read_text()
    assigned = dict(re.findall(r"^(\w+) :?= (.*)$", makefile, re.MULTILINE))
    installs = re.findall(r"^\t@\$\((\w+)\) -r ", makefile, re.MULTILINE)
    assert len(installs) == 3
    assert all("--no-compile" in assigned[command] for command in installs)


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_has_its_parts_and_tests_that_exist(path: Path) -> None:
    """Status, decision, cost, and at least one test by file and name."""
    text = path.read_text()
    assert text.startswith(f"# {int(path.stem[:4])}. ")
    assert [len(re.findall(part, text)) for part in PARTS] == [1, 1, 1, 1]
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text.split("## The test that guards it")[1])
    assert named
    for file, name in named:
        assert re.search(rf"^(async )?def {name}\(", (ROOT / file).read_text(), re.MULTILINE), name


def test_every_decision_stands_in_the_index() -> None:
    """In order."""
    index = (DOCS / "decisions" / "README.md").read_text()
    assert re.findall(r"\((\d{4}-[\w-]+\.md)\)", index) == [path.name for path in DECISIONS]


def test_the_index_has_the_titles_of_the_decisions() -> None:
    """Word for word."""
    index = (DOCS / "decisions" / "README.md").read_text()
    for path in DECISIONS:
        title = path.read_text().partition("\n")[0].split(". ", 1)[1]
        assert f"[{path.stem[:4]}]({path.name}) | {title} |" in index, title


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path: Path) -> None:
    """Files that exist, and headings in them."""
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        there = (path.parent / file).resolve() if file else path
        assert there.exists(), target
        if anchor:
            assert anchor in anchors(there), target


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_tests_and_files_named_in_documents_exist(path: Path) -> None:
    """So that a rename is noticed."""
    text = path.read_text()
    for file, name in re.findall(r"`(tests/[\w/]+\.(?:py|mjs))(?:::(\w+))?`", text):
        assert (ROOT / file).is_file(), file
        if name:
            assert f"def {name}(" in (ROOT / file).read_text(), name


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_prose_is_for_strangers(path: Path) -> None:
    """No page has a phrase of our own, outside code and the names of files."""
    text = re.sub(r"```.*?```|`[^`\n]*`|\]\([^)]*\)", "", path.read_text(), flags=re.DOTALL)
    assert [found[0] for found in PRIVATE.finditer(text)] == []


def prose(module: Path) -> str:
    """Names, comments and texts without double backticks; of JavaScript the whole module."""
    if module.suffix != ".py":
        return module.read_text()
    with module.open("rb") as source:
        tokens = tokenize.tokenize(source.readline)
        kinds = {tokenize.COMMENT, tokenize.STRING, tokenize.NAME}
        text = "\n".join(token.string for token in tokens if token.type in kinds)
    return re.sub(r"``[^`]*``", "", text).replace("_", " ")


def test_the_code_is_in_plain_english() -> None:
    """Names, docstrings, comments and messages avoid the words that the documents avoid."""
    found = {
        str(module.relative_to(ROOT)): [one[0] for one in PRIVATE.finditer(prose(module))]
        for module in MODULES
    }
    assert {module: words for module, words in found.items() if words} == {}


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}
