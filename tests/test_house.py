"""The house rules that a linter does not know: sizes, docstrings, one type per event."""

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

import fibrix.events
from fibrix.events.base import Event

ROOT = Path(__file__).parent.parent
MODULE_LINES = 400
FUNCTION_LINES = 50

Definition: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def modules(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", modules("fibrix", "tests", "benchmarks"), ids=named)
def test_modules_and_functions_are_small(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= MODULE_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            assert lines <= FUNCTION_LINES, f"{node.name} has {lines} lines"


def public(body: list[ast.stmt]) -> Iterator[Definition]:
    """The classes and functions that others may use, with their methods; not what is inside of functions."""
    for node in body:
        if isinstance(node, Definition) and not node.name.startswith("_"):
            yield node
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from public(node.body)


@pytest.mark.parametrize("path", modules("fibrix"), ids=named)
def test_what_is_public_says_what_it_is_for(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree) or not tree.body
    assert [node.name for node in public(tree.body) if not ast.get_docstring(node)] == []


def event_classes(kind: type[Event] = Event) -> Iterator[type[Event]]:
    for derived in kind.__subclasses__():
        if derived.__module__.startswith("fibrix."):
            yield derived
        yield from event_classes(derived)


def test_every_event_has_a_type_of_its_own() -> None:
    for module in pkgutil.iter_modules(fibrix.events.__path__, "fibrix.events."):
        importlib.import_module(module.name)
    kinds = [kind for kind in event_classes() if "TYPE" in vars(kind)]
    types = [kind.TYPE for kind in kinds]
    assert len(types) > 20
    assert sorted(types) == sorted(set(types))
    leaves = {kind for kind in event_classes() if not kind.__subclasses__()}
    assert {kind for kind in leaves if "TYPE" not in vars(kind)} == set()
