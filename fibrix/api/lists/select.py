"""Parts of items: `fields=name,hardware.cpu_count` gives these fields only, in objects as the whole has them."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from fibrix.api.lists.shape import Shape, Sort, find
from fibrix.api.lists.wrong import wrong

FIELDS: Final = 50

Tree = dict[str, "Tree | None"]
"""Fields by name; None: the whole of it."""


class Selection:
    """Which fields."""

    def __init__(self, text: str, shape: Shape) -> None:
        """Read the names. Raises InvalidError."""
        names = [word.strip() for word in text.split(",") if word.strip()]
        if len(names) > FIELDS:
            raise wrong("fields", f"it has {len(names)} names: {FIELDS} are the most")
        self._shape = shape
        self._tree: Tree = {}
        for name in names:
            find("fields", name, shape)
            _plant(self._tree, name.split("."))

    def take(self, item: object) -> Any:
        """Give the part of an item."""
        return _take(item, self._tree, self._shape)


def _plant(tree: Tree, steps: list[str]) -> None:
    """Put a name into the tree; the whole of something has all its parts."""
    for step in steps[:-1]:
        below = tree.setdefault(step, {})
        if below is None:
            return
        tree = below
    tree[steps[-1]] = None


def _take(value: Any, tree: Tree, shape: Shape) -> Any:
    """Take a part of a value, of each member of a list."""
    if value is None:
        return None
    if isinstance(value, list | tuple | set | frozenset):
        return [_take(each, tree, shape) for each in value]
    if shape.sort is not Sort.OBJECT:
        return value
    return {name: _below(value, name, below, shape) for name, below in tree.items() if _has(value, name, shape)}


def _has(value: Any, name: str, shape: Shape) -> bool:
    """Tell whether there is such a field: a struct of a union need not have them all, nor a map."""
    found = shape.step(name)
    assert found is not None  # noqa: S101 - the names were looked up
    if isinstance(value, Mapping):
        return name in value
    return getattr(value, found.attribute, msgspec.UNSET) is not msgspec.UNSET


def _below(value: Any, name: str, tree: Tree | None, shape: Shape) -> Any:
    """Take one field, or a part of it."""
    found = shape.step(name)
    assert found is not None  # noqa: S101 - see above
    inner = value[name] if isinstance(value, Mapping) else getattr(value, found.attribute)
    return inner if tree is None else _take(inner, tree, found.shape)
