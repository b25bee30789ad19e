"""Constructors take objects with names, and few bare callables."""

import ast
import contextlib
from collections.abc import Iterator
from pathlib import Path

import photon_app

PACKAGE = Path(photon_app.__file__).parent
MOST = 30
ASGI = {"ASGIApp", "Receive", "Send"}
"""Not counted: what an ASGI middleware takes is the interface of every ASGI server."""


def modules() -> dict[str, ast.Module]:
    """The syntax tree of every module, by its dotted name."""
    return {
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): ast.parse(
            path.read_text()
        )
        for path in sorted(PACKAGE.rglob("*.py"))
    }


def names(annotation: ast.AST) -> set[str]:
    """The names in an annotation: ``Tap``, ``intake.Tap``, also within a string."""
    found = set()
    for node in ast.walk(annotation):
        match node:
            case ast.Name(id=name):
                found.add(name)
            case ast.Attribute(value=ast.Name(id=module), attr=name):
                found.add(f"{module}.{name}")
            case ast.Constant(value=str(text)):
                with contextlib.suppress(SyntaxError):  # a word of a Literal
                    found |= names(ast.parse(text.strip(), mode="eval"))
    return found


def aliases(trees: dict[str, ast.Module]) -> dict[str, set[str]]:
    """The names that mean a callable in each module: ``Callable``, its own aliases, and those of
    other modules that it imports, also of aliases.
    """
    known = {module: {"Callable"} for module in trees}
    count = 0
    while count != (count := sum(map(len, known.values()))):
        for module, tree in trees.items():
            for node in tree.body:
                match node:
                    case ast.Assign(targets=[ast.Name(name)], value=ast.Subscript() | ast.BinOp()):
                        if name not in ASGI and names(node.value) & known[module]:
                            known[module].add(name)
                    case ast.ImportFrom(module=str(source)):
                        for one in node.names:
                            as_name = one.asname or one.name
                            if one.name in known.get(source, ()):
                                known[module].add(as_name)
                            inner = known.get(f"{source}.{one.name}", ())
                            known[module] |= {f"{as_name}.{name}" for name in inner}
    return known


def callables(tree: ast.AST, known: set[str]) -> Iterator[str]:
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
                if arg.annotation is not None and names(arg.annotation) & known:
                    yield f"{one.name}.{arg.arg}"


def test_an_alias_of_a_callable_is_one() -> None:
    """In its own module and where it is imported."""
    known = aliases(modules())
    assert "Tap" in known["photon_app.feed.intake"]
    assert "Tap" in known["photon_app.feed.finnhub.feed"]
    assert "Tap" not in known["photon_app.hub.sink"]


def test_few_callables_stand_in_constructors() -> None:
    """Facts go to a listener, and time is a ``clock.Time`` or a ``model.Clock``."""
    trees = modules()
    known = aliases(trees)
    found = [
        f"{module}: {name}"
        for module, tree in trees.items()
        for name in callables(tree, known[module])
    ]
    assert len(found) <= MOST, "\n".join(found)
