"""What the OpenAPI document says of lists: with `fields` an item has some of its fields only, and that is no lie."""

from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any, Final

from fibrix.api.listing import ListQuery
from fibrix.api.route import Route

Json = dict[str, Any]

LINK: Final[Json] = {
    "Link": {
        "description": 'Where the next page is (RFC 8288), with rel="next"; not there: this is the last one',
        "schema": {"type": "string"},
    }
}
"""The header of a page."""

_REF: Final = "#/components/schemas/"
_PART: Final = "Part"


def is_list(route: Route) -> bool:
    """Tell whether a route gives a list whose fields can be chosen."""
    return issubclass(route.types.query, ListQuery)


def loosen(components: Json, pages: Iterable[Mapping[str, Any]]) -> None:
    """Let the items of these pages (references to their schemas) be whole or in parts."""
    for name in {_name(page["$ref"]) for page in pages}:
        items = components[name]["properties"]["items"]
        whole = items["items"]
        if "$ref" in whole:
            items["items"] = {"anyOf": [whole, {"$ref": whole["$ref"] + _PART}]}
            _add_parts(components, _name(whole["$ref"]))


def _add_parts(components: Json, name: str) -> None:
    """Add the schema of a part of a component, and of parts of all objects that it refers to."""
    objects = {each for each, schema in components.items() if "properties" in schema}
    waiting = [name]
    while waiting:
        found = waiting.pop()
        if found + _PART not in components:
            components[found + _PART] = _partly(components[found], objects)
            waiting += objects.intersection(_references(components[found]))


def _partly(node: Any, objects: Container[str]) -> Any:
    """Copy a schema so that nothing is required in it, nor in the objects that it refers to."""
    if isinstance(node, list):
        return [_partly(each, objects) for each in node]
    if isinstance(node, str) and node.startswith(_REF):
        return node + _PART if _name(node) in objects else node
    if not isinstance(node, dict):
        return node
    copied = {name: _partly(value, objects) for name, value in node.items() if not _requires(name, value)}
    if "title" in copied and "properties" in copied:
        copied["title"] += _PART
    return copied


def _requires(name: str, value: Any) -> bool:
    """Tell the keyword from a property of that name."""
    return name == "required" and isinstance(value, list)


def _references(node: Any) -> Iterator[str]:
    """Find the names of the components that a schema refers to."""
    if isinstance(node, str) and node.startswith(_REF):
        yield _name(node)
    elif isinstance(node, dict | list):
        for each in node.values() if isinstance(node, dict) else node:
            yield from _references(each)


def _name(reference: str) -> str:
    return reference.removeprefix(_REF)
