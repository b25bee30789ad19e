"""Constructors take objects with names, and few bare callables."""

import ast
from collections.abc import Iterator
from pathlib import Path

import photon_app

PACKAGE = Path(photon_app.__file__).parent
MOST = 30


def callables(tree: ast.AST) -> Iterator[str]:
    """Parameters of constructors, and fields of dataclasses and structs, that are callables."""
    for one in (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)):
        keeps = one.decorator_list or any("Struct" in ast.unparse(base) for base in one.bases)
        for node in one.body:
            given: list[ast.arg] = []
            if isinstance(node, ast.FunctionDef) and node.name == "__init__":
                given = [*node.args.args, *node.args.kwonlyargs]
            elif isinstance(node, ast.AnnAssign) and keeps:
                given = [ast.arg(ast.unparse(node.target), node.annotation)]
            for arg in given:
                if arg.annotation is not None and "Callable" in ast.unparse(arg.annotation):
                    yield f"{one.name}.{arg.arg}"


def test_few_callables_stand_in_constructors() -> None:
    """Facts go to a listener, and time is a ``clock.Time`` or a ``model.Clock``."""
    found = [
        f"{path.relative_to(PACKAGE)}: {name}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for name in callables(ast.parse(path.read_text()))
    ]
    assert len(found) <= MOST, "\n".join(found)
