"""Tests check public behaviour, and wait for facts: rules about the tests themselves."""

import ast
from collections.abc import Iterator
from pathlib import Path

from photon_app import ROOT

TESTS = ROOT / "tests"
HUB = ROOT / "photon_app" / "hub"

SHARED = {
    ("tests/fakes/finnhub_rest.py", "_quote"): "the fake's own handler",
    ("tests/fakes/raw.py", "_loop"): "the fake's own event loop",
    ("tests/fakes/time.py", "_ready"): "what asyncio's loop runs next",
    ("tests/feed/finnhub/test_polling.py", "_hours"): "a poll schedule's",
    ("tests/gateway/test_admission.py", "_frames"): "the table of admission",
    ("tests/gateway/test_slots.py", "_ready"): "a kitchen of the test",
    ("tests/commands/test_importer.py", "_market"): "an importer's",
    ("tests/ui/test_visitors.py", "_timer"): "a watcher of tabs",
}
"""Where a private name that the hub has too belongs to something else, and to what."""

SLEEPS = {
    "tests/commands/tail/test_tail.py": (
        1,
        "a market that trades at a pace until it is stopped",
    ),
    "tests/test_drop_in.py": (1, "a reader that is slower than a replay at full speed"),
    "tests/test_launcher.py": (
        1,
        "nothing tells when a process took a signal; two at once are one",
    ),
}
"""How many sleeps on the wall clock a file may have, and why."""
PACED = ("chaos", "fakes", "siege")
"""Loads and attacks are paced by sleeping, and ``fakes.waiting`` looks again and again."""


def trees() -> Iterator[tuple[Path, ast.Module]]:
    """Every module of the tests."""
    for path in sorted(TESTS.rglob("*.py")):
        yield path.relative_to(ROOT), ast.parse(path.read_text())


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def private_names() -> set[str]:
    """What the hub keeps to itself."""
    names: set[str] = set()
    for path in sorted(HUB.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Attribute(value=ast.Name("self"), attr=name):
                    names.add(name)
                case (
                    ast.FunctionDef(name=name)
                    | ast.AsyncFunctionDef(name=name)
                    | ast.ClassDef(name=name)
                ):
                    names.add(name)
                case ast.Name(id=name, ctx=ast.Store()):
                    names.add(name)
    return set(filter(is_private, names))


def reached(tree: ast.Module) -> list[str]:
    """The private attributes of others that a module takes or names."""
    found = []
    for node in ast.walk(tree):
        match node:
            case (
                ast.Attribute(value=ast.Name("self" | "cls"))
                | ast.Attribute(value=ast.Call(func=ast.Name("super")))
            ):
                continue
            case ast.Attribute(attr=name) if is_private(name):
                found.append(name)
            case ast.Call(
                func=ast.Name("getattr" | "setattr") | ast.Attribute(attr="setattr"),
                args=[_, ast.Constant(value=str(name)), *_],
            ) if is_private(name):
                found.append(name)
            case ast.Call(func=ast.Name("vars")):
                found.append("vars()")
    return found


def sleeps(tree: ast.Module) -> int:
    """How often a module sleeps on the wall clock; yielding to the event loop is no sleep."""
    modules, functions = set(), set()
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                modules |= {n.asname or n.name for n in names if n.name in {"time", "asyncio"}}
            case ast.ImportFrom(module="time" | "asyncio", names=names):
                functions |= {n.asname or n.name for n in names if n.name == "sleep"}
    count = 0
    for node in ast.walk(tree):
        match node:
            case ast.Call(args=[ast.Constant(value=0)]):
                pass
            case ast.Call(func=ast.Attribute(value=ast.Name(module), attr="sleep")):
                count += module in modules
            case ast.Call(func=ast.Name(function)):
                count += function in functions
    return count


def test_no_test_reaches_into_the_hub() -> None:
    """Its own tests reach into nothing at all; no other takes what the hub keeps to itself."""
    private = private_names()
    assert {"_registry", "_clients", "_loop", "_Message"} <= private
    for path, tree in trees():
        found = set(reached(tree))
        if Path("tests/hub") not in path.parents:
            found &= private
        assert {name for name in found if (str(path), name) not in SHARED} == set(), path


def test_no_test_sleeps_on_the_wall_clock() -> None:
    """It waits for a fact, or puts a clock forward; what cannot says why."""
    found = {
        str(path): count
        for path, tree in trees()
        if path.parts[1] not in PACED and (count := sleeps(tree))
    }
    assert found == {path: count for path, (count, _) in SLEEPS.items()}
