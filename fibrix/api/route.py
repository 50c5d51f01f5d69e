"""A route as data: from one `Route` come its decoding, its checks, its answer and its part of the OpenAPI document.

The types of a route are read from its handler's annotations, `async def add(self, call: Call[MachineSpec, Nothing]) ->
Reply[MachineView]`: body in, query in, body out. What mypy checks is what the document says and what the wire carries.
"""

import typing
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import msgspec
from aiohttp import web

from fibrix.domain.access import NOBODY, Caller, Permission
from fibrix.errors import FibrixError

JSON: Final = "application/json"
BODY_BYTES: Final = 1 << 20
"""A request body may be this long."""
READING: Final = frozenset({"GET", "HEAD"})
"""Methods that change nothing (RFC 9110 §9.2.1)."""

B_co = TypeVar("B_co", covariant=True)
Q_co = TypeVar("Q_co", covariant=True)
R = TypeVar("R")


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No fields: the body or the query of a route that takes none."""


class Call(msgspec.Struct, Generic[B_co, Q_co], frozen=True):
    """One request, decoded and checked. What of the region the handler shows and touches depends on the caller."""

    path: Mapping[str, str]  # the values of the path's {names}
    query: Q_co
    body: B_co
    caller: Caller = NOBODY
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)  # of a reading request; names in any case


class Reply(msgspec.Struct, Generic[R], frozen=True):
    """What a handler answers: a value to encode. Bytes are sent as they are, None is no body."""

    value: R
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    status: int = 0  # 0: the route's own
    media: str = ""  # empty: the route's own


class Encoded(msgspec.Struct, Generic[R], frozen=True):
    """A value that is JSON already, for what is kept encoded; the type says what is in it."""

    data: bytes
    etag: str = ""  # where there is a quicker way to know it than to hash the data


@dataclass(frozen=True, slots=True)
class Flow(Generic[R]):
    """A body that is made while it is sent: events as they come, a backup."""

    chunks: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class Route:
    """One method on one path. `may` is the permission that it asks for: there is no route without that decision."""

    method: str
    path: str  # whole, with {names}
    handler: Callable[[Call[Any, Any]], Coroutine[Any, Any, Reply[Any]]]
    may: Permission
    summary: str
    errors: tuple[type[FibrixError], ...] = ()  # besides those that any route may raise
    status: int = 200
    media: str = JSON
    example: msgspec.Struct | None = None  # of a body, for the document
    confidential: bool = False  # its answer holds a secret, or its body does: neither goes on record
    outward: bool = False  # it acts on the world before it changes the store: its attempt is stored before that
    rehearsable: bool = True  # a changing route takes `dry_run=true`; False only where there is nothing to foresee

    @property
    def changes(self) -> bool:
        """Whether it is meant to change something."""
        return self.method not in READING

    @property
    def needs_key(self) -> bool:
        """Whether a caller must say who they are."""
        return self.may is not Permission.PUBLIC

    @property
    def action(self) -> str:
        """Its name, for generated clients and for the audit: noun and verb, `machines_commission`."""
        owner = type(getattr(self.handler, "__self__", None)).__name__.removesuffix("Routes")
        return f"{owner[:1].lower()}{owner[1:]}_{self.handler.__name__}"

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
        flows = typing.get_origin(gives) is Flow
        if typing.get_origin(gives) in {Encoded, Flow}:
            (gives,) = typing.get_args(gives)
        return Types(body=body, query=query, gives=gives, flows=flows)


@dataclass(frozen=True, slots=True)
class Types:
    """What goes in and comes out of a route."""

    body: type[msgspec.Struct]
    query: type[msgspec.Struct]
    gives: Any  # what msgspec encodes; bytes; or NoneType
    flows: bool = False  # it comes bit by bit


@dataclass(frozen=True, slots=True)
class SocketRoute:
    """A websocket: a path that is asked for by GET and then is no longer HTTP."""

    path: str
    serve: Callable[[web.Request, Caller, Any], Awaitable[web.StreamResponse]]
    query: type[msgspec.Struct]
    may: Permission
    summary: str
    subprotocol: str
