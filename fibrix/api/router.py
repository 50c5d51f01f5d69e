"""Finds the route of a request by its path, segment by segment, in a table that is made once."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

NAMES: Final = web.RequestKey("names", Mapping[str, str])
"""The values of the {names} in a route's path."""

_KNOWN: Final = 4096


@dataclass(slots=True)
class _Node:
    """What follows a segment."""

    fixed: dict[str, "_Node"] = field(default_factory=dict)
    named: dict[str, "_Node"] = field(default_factory=dict)  # by the name in braces
    handlers: dict[str, Handler] = field(default_factory=dict)  # by method: the path ends here


class Router:
    """Routes by path and method. A segment that is written out goes before one that is a name."""

    def __init__(self) -> None:
        self._root = _Node()
        self._known: dict[str, tuple[_Node, dict[str, str]]] = {}  # paths that were found before

    def add(self, method: str, path: str, handler: Handler) -> None:
        """Add a route."""
        node = self._root
        for segment in path.split("/"):
            if segment.startswith("{"):
                node = node.named.setdefault(segment[1:-1], _Node())
            else:
                node = node.fixed.setdefault(segment, _Node())
        node.handlers[method] = handler

    def find(self, method: str, path: str) -> tuple[Handler, Mapping[str, str]]:
        """Find the handler, and the values of the path's names. `path` is as it was sent, percent signs and all.

        Raises HTTPNotFound, HTTPMethodNotAllowed.
        """
        node, names = self._known.get(path) or self._search(path)
        handler = node.handlers.get(method)
        if handler is None:
            raise web.HTTPMethodNotAllowed(method, node.handlers)
        return handler, names

    def _search(self, path: str) -> tuple[_Node, dict[str, str]]:
        """Walk through the table. Raises HTTPNotFound."""
        names: dict[str, str] = {}
        node = _walk(self._root, path.split("/"), 0, names)
        if node is None:
            raise web.HTTPNotFound
        if len(self._known) >= _KNOWN:
            self._known.clear()
        self._known[path] = node, names
        return node, names


def _walk(node: _Node, segments: list[str], at: int, names: dict[str, str]) -> _Node | None:
    """Go down from a node, as far as the path goes; None: there is no such path."""
    if at == len(segments):
        return node if node.handlers else None
    segment = segments[at]
    below = node.fixed.get(segment)
    found = None if below is None else _walk(below, segments, at + 1, names)
    if found is not None or not segment:
        return found
    for name, below in node.named.items():
        found = _walk(below, segments, at + 1, names)
        if found is not None:
            names[name] = unquote(segment) if "%" in segment else segment
            return found
    return None
