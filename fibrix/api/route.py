"""A route as data: from one `Route` come its decoding, its checks, its answer and its part of the OpenAPI document.

The types of a route are read from its handler's annotations, `async def add(self, call: Call[MachineSpec, Nothing]) ->
Reply[MachineView]`: body in, query in, body out. What mypy checks is what the document says and what the wire carries.
"""

import typing
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

import msgspec

from fibrix.errors import FibrixError

JSON: Final = "application/json"
BODY_BYTES: Final = 1 << 20
"""A request body may be this long."""

B_co = TypeVar("B_co", covariant=True)
Q_co = TypeVar("Q_co", covariant=True)
R = TypeVar("R")


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No fields: the body or the query of a route that takes none."""


@dataclass(frozen=True, slots=True)
class Call(Generic[B_co, Q_co]):
    """One request, decoded and checked."""

    path: Mapping[str, str]  # the values of the path's {names}
    query: Q_co
    body: B_co


@dataclass(frozen=True, slots=True)
class Reply(Generic[R]):
    """What a handler answers: a value to encode; bytes are sent as they are, None is no body."""

    value: R
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 0  # 0: the route's own
    media: str = ""  # empty: the route's own


@dataclass(frozen=True, slots=True)
class Route:
    """One method on one path."""

    method: str
    path: str  # whole, with {names}
    handler: Callable[[Call[Any, Any]], Awaitable[Reply[Any]]]
    summary: str
    errors: tuple[type[FibrixError], ...] = ()  # besides those that any route may raise
    status: int = 200
    media: str = JSON
    needs_key: bool = True

    @property
    def tag(self) -> str:
        """The noun it is about, to group routes by."""
        parts = [part for part in self.path.split("/") if part not in {"", "api", "v1"}]
        return parts[0].removesuffix(".json")

    @property
    def types(self) -> "Types":
        """The types of its body in, query and body out, from the handler's annotations."""
        hints = typing.get_type_hints(self.handler)
        (gives,) = typing.get_args(hints.pop("return"))
        (call,) = hints.values()
        body, query = typing.get_args(call)
        return Types(body=body, query=query, gives=gives)


@dataclass(frozen=True, slots=True)
class Types:
    """What goes in and comes out of a route."""

    body: type[msgspec.Struct]
    query: type[msgspec.Struct]
    gives: Any  # what msgspec encodes; bytes; or NoneType
