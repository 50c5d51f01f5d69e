"""The OpenAPI 3.1 document, made from the route table: nothing in it is written twice."""

import re
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from types import NoneType
from typing import Any, Final

import msgspec

import fibrix
from fibrix.api import openapi_lists
from fibrix.api.auth import COOKIE, CSRF_HEADER
from fibrix.api.change import IDEMPOTENCY_KEY, REPLAYED
from fibrix.api.preview import Preview
from fibrix.api.problems import MEDIA_TYPE, Problem, kind_of
from fibrix.api.route import JSON, Nothing, Route, SocketRoute
from fibrix.domain.access import Permission
from fibrix.errors import (
    FibrixError,
    ForbiddenError,
    InvalidError,
    PreconditionError,
    ThrottledError,
    UnauthorizedError,
    UnconditionalError,
    UnderWayError,
)

Json = dict[str, Any]

_PARAMETER: Final = re.compile(r"\{(\w+)\}")
_REF: Final = "#/components/schemas/{name}"
_LICENSE: Final = {"name": "MIT", "identifier": "MIT"}
_WORDS: Final = {
    "machine": "Its id, its name or one of its MACs",
    "run": "The id of a script run",
    "name": "Its name",
    "subnet": "The subnet's name",
    "mac": "A MAC address",
    "zone": "The zone's name",
    "record": "The id of a record that was added",
    "seq": "Its number",
}
_SECURITY: Final = {
    "key": {"type": "http", "scheme": "bearer", "description": "An API key"},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": f"A browser's session; its changing requests show its token in {CSRF_HEADER} too",
    },
}
_DRY_RUN: Final = {
    "name": "dry_run",
    "in": "query",
    "description": "Say what would change, or why it would be refused; change nothing",
    "schema": {"type": "boolean", "default": False},
}
_ONCE: Final = {
    "name": IDEMPOTENCY_KEY,
    "in": "header",
    "description": "Your own word for this request: sent again within a day it gives the same answer, and is done once",
    "schema": {"type": "string", "maxLength": 255, "pattern": "^[ -~]*$"},
}


def document(routes: Sequence[Route], sockets: Sequence[SocketRoute]) -> bytes:
    """Describe all routes."""
    schemas, components = _schemas(routes)
    paths: dict[str, Json] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    text = {
        "openapi": "3.1.0",
        "info": {
            "title": "Fibrix",
            "version": fibrix.__version__,
            "summary": "Metal as a service",
            "license": _LICENSE,
        },
        "servers": [{"url": "/"}],
        "security": [{"key": []}, {"session": []}],
        "paths": paths | {socket.path: {"get": _upgrade(socket)} for socket in sockets},
        "components": {"schemas": components, "securitySchemes": _SECURITY},
    }
    return msgspec.json.encode(text)


def parameters(query: type[msgspec.Struct]) -> list[Json]:
    """Describe the fields of a query."""
    definitions = msgspec.json.schema_components([query])[1]
    schema = definitions[query.__name__]
    return [
        {"name": name, "in": "query", "required": name in schema["required"], "schema": _inlined(kind, definitions)}
        for name, kind in schema["properties"].items()
    ]


def _inlined(node: Any, definitions: Json) -> Any:
    """Put what is referred to in the place of the reference: the enums of a query are small."""
    match node:
        case {"$ref": str(place), **rest}:
            return {**definitions[place.rpartition("/")[2]], **rest}
        case {"format": "date-time"}:  # a query has no types of its own: seconds since 1970 are read as a time too
            return {"anyOf": [node, {"type": "number"}]}
        case dict():
            return {name: _inlined(value, definitions) for name, value in node.items()}
        case list():
            return [_inlined(value, definitions) for value in node]
        case _:
            return node


def _schemas(routes: Sequence[Route]) -> tuple[Mapping[Any, Json], Json]:
    """Make the schema of every type that goes in or out, and the components that they refer to."""
    kinds: list[Any] = [Problem, Preview]
    for route in routes:
        kinds += [kind for kind in (route.types.body, route.types.gives) if kind not in {Nothing, NoneType, bytes}]
    made, components = msgspec.json.schema_components(kinds, ref_template=_REF)
    schemas = dict(zip(kinds, made, strict=True))
    openapi_lists.loosen(components, [schemas[r.types.gives] for r in routes if openapi_lists.is_list(r)])
    return schemas, components


def _operation(route: Route, schemas: Mapping[Any, Json]) -> Json:
    """Describe one route."""
    types = route.types
    operation: Json = {
        "operationId": route.action,
        "tags": [route.tag],
        "summary": route.summary,
        "description": f"Permission: {route.may.value}.",
        "parameters": [*_path_parameters(route.path), *parameters(types.query), *_common_parameters(route)],
        "responses": _successes(route, schemas) | _failures(route),
    }
    if types.body is not Nothing:
        required = any(f.required for f in msgspec.structs.fields(types.body))
        content: Json = {"schema": schemas[types.body]}
        if route.example is not None:
            content["example"] = msgspec.to_builtins(route.example)
        operation["requestBody"] = {"required": required, "content": {JSON: content}}
    if not route.needs_key:
        operation["security"] = []
    return operation


def _common_parameters(route: Route) -> list[Json]:
    """Describe what all routes of a kind take."""
    found: list[Json] = []
    if route.changes and route.rehearsable:
        found.append(_DRY_RUN)
    if route.method == "POST":
        found.append(_ONCE)
    if route.method in {"PUT", "PATCH", "DELETE"}:
        found.append(
            {
                "name": "If-Match",
                "in": "header",
                "required": route.method != "DELETE",
                "description": "The ETag of what you read, or `*`",
                "schema": {"type": "string"},
            }
        )
    return found


def _upgrade(socket: SocketRoute) -> Json:
    """Describe a websocket."""
    switching = {"description": f"A websocket of the subprotocol {socket.subprotocol}"}
    kinds = (InvalidError, UnauthorizedError, ForbiddenError)
    return {
        "operationId": socket.path.rpartition("/")[2],
        "tags": ["events"],
        "summary": socket.summary,
        "description": f"Permission: {socket.may.value}.",
        "parameters": parameters(socket.query),
        "responses": {str(int(HTTPStatus.SWITCHING_PROTOCOLS)): switching} | _problems(kinds),
    }


def _path_parameters(path: str) -> list[Json]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": _WORDS.get(name, f"The {name.replace('_', ' ')}'s id or name"),
            "schema": {"type": "string"},
        }
        for name in _PARAMETER.findall(path)
    ]


def _successes(route: Route, schemas: Mapping[Any, Json]) -> Json:
    """Describe the good answers: the route's own, and that of a dry run."""
    made: Json = {"description": HTTPStatus(route.status).phrase}
    gives = route.types.gives
    schema: Json | None = None
    if gives is bytes or route.types.flows:  # no schema: OpenAPI 3.1 §4.8.14.3, a body that is not JSON
        made["content"] = {route.media: {}}
    elif gives is not NoneType:
        schema = schemas[gives]
        made["content"] = {route.media: {"schema": schema}}
    made["headers"] = _headers(route)
    found = {str(route.status): made}
    if route.changes and route.rehearsable:
        found |= _dry_run(route, made, schema, schemas[Preview])
    if not route.changes:
        found[str(int(HTTPStatus.NOT_MODIFIED))] = {"description": "You have this version already (If-None-Match)"}
    return found


def _dry_run(route: Route, made: Json, schema: Json | None, preview: Json) -> Json:
    """Describe the answer to `dry_run=true`, which shares its status with the answer of some routes."""
    if route.status != HTTPStatus.OK:
        return {"200": {"description": "What would change (dry_run)", "content": {JSON: {"schema": preview}}}}
    both = [preview] if schema is None else [schema, preview]
    return {"200": made | {"content": {route.media: {"schema": {"anyOf": both}}}}}


def _headers(route: Route) -> Json:
    """Describe the headers of the good answer."""
    text = {"schema": {"type": "string"}}
    found: Json = {"X-Request-Id": {"description": "As in the log, the events and the audit"} | text}
    if not route.changes and not route.types.flows:
        found["ETag"] = {"description": "This version"} | text
    if openapi_lists.is_list(route):
        found |= openapi_lists.LINK
    if route.method == "POST":
        found[REPLAYED] = {"description": f"`true`: the answer to an earlier request of this {IDEMPOTENCY_KEY}"} | text
    return found


def _failures(route: Route) -> Json:
    """Describe the answers that refuse."""
    keyed = route.method == "POST" and route.may is not Permission.PUBLIC
    by_key: list[type[FibrixError]] = [UnderWayError, ThrottledError] if keyed else []  # Idempotency-Key
    kinds = [*by_key, *route.errors, InvalidError]
    if route.may is not Permission.PUBLIC:
        kinds += [UnauthorizedError, ForbiddenError]
    if route.method in {"PUT", "PATCH"}:
        kinds.append(UnconditionalError)
    if route.changes:
        kinds.append(PreconditionError)
    return _problems(kinds)


def _problems(kinds: Iterable[type[FibrixError]]) -> Json:
    """Describe refusals by their kinds, and all others (RFC 9457)."""
    content = {MEDIA_TYPE: {"schema": {"$ref": _REF.format(name="Problem")}}}
    found = {str(int(kind_of(k).status)): {"description": kind_of(k).title, "content": content} for k in kinds}
    return found | {"default": {"description": "Refused for a reason that any route may have", "content": content}}
