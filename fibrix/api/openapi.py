"""The OpenAPI 3.1 document, made from the route table: nothing in it is written twice."""

import re
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from types import NoneType
from typing import Any, Final

import msgspec

import fibrix
from fibrix.api.problems import MEDIA_TYPE, Problem, kind_of
from fibrix.api.route import JSON, Nothing, Route, SocketRoute
from fibrix.errors import FibrixError, InvalidError, UnauthorizedError

Json = dict[str, Any]

_PARAMETER: Final = re.compile(r"\{(\w+)\}")
_REF: Final = "#/components/schemas/{name}"
_WORDS: Final = {
    "machine": "Its id, its name or one of its MACs",
    "run": "The id of a script run",
    "name": "Its name",
    "subnet": "The subnet's name",
    "mac": "A MAC address",
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
        "security": [{"key": []}],
        "paths": paths | {socket.path: {"get": _upgrade(socket)} for socket in sockets},
        "components": {
            "schemas": components,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "An API key"}},
        },
    }
    return msgspec.json.encode(text)


_LICENSE: Final = {"name": "MIT", "identifier": "MIT"}


def parameters(query: type[msgspec.Struct]) -> list[Json]:
    """Describe the fields of a query."""
    schema = msgspec.json.schema_components([query])[1][query.__name__]
    return [
        {"name": name, "in": "query", "required": name in schema["required"], "schema": kind}
        for name, kind in schema["properties"].items()
    ]


def _schemas(routes: Iterable[Route]) -> tuple[Mapping[Any, Json], Json]:
    """Make the schema of every type that goes in or out, and the components that they refer to."""
    kinds: list[Any] = [Problem]
    for route in routes:
        kinds += [kind for kind in (route.types.body, route.types.gives) if kind not in {Nothing, NoneType, bytes}]
    made, components = msgspec.json.schema_components(kinds, ref_template=_REF)
    return dict(zip(kinds, made, strict=True)), components


def _operation(route: Route, schemas: Mapping[Any, Json]) -> Json:
    """Describe one route."""
    types = route.types
    operation: Json = {
        "operationId": route.action,
        "tags": [route.tag],
        "summary": route.summary,
        "parameters": [*_path_parameters(route.path), *parameters(types.query)],
        "responses": {str(route.status): _success(route, schemas)} | _failures(route),
    }
    if types.body is not Nothing:
        required = any(f.required for f in msgspec.structs.fields(types.body))
        operation["requestBody"] = {"required": required, "content": {JSON: {"schema": schemas[types.body]}}}
    if not route.needs_key:
        operation["security"] = []
    return operation


def _upgrade(socket: SocketRoute) -> Json:
    """Describe a websocket."""
    switching = {"description": f"A websocket of the subprotocol {socket.subprotocol}"}
    return {
        "operationId": socket.path.rpartition("/")[2],
        "tags": ["events"],
        "summary": socket.summary,
        "parameters": parameters(socket.query),
        "responses": {str(int(HTTPStatus.SWITCHING_PROTOCOLS)): switching},
    }


def _path_parameters(path: str) -> list[Json]:
    return [
        {"name": name, "in": "path", "required": True, "description": _WORDS[name], "schema": {"type": "string"}}
        for name in _PARAMETER.findall(path)
    ]


def _success(route: Route, schemas: Mapping[Any, Json]) -> Json:
    """Describe the good answer."""
    answer: Json = {"description": HTTPStatus(route.status).phrase}
    gives = route.types.gives
    if gives is bytes:  # no schema: OpenAPI 3.1 §4.8.14.3, a body that is not JSON
        answer["content"] = {route.media: {}}
    elif gives is not NoneType:
        answer["content"] = {route.media: {"schema": schemas[gives]}}
    return answer


def _failures(route: Route) -> Json:
    """Describe the answers that refuse."""
    kinds: list[type[FibrixError]] = [*route.errors]
    if route.needs_key:
        kinds.append(UnauthorizedError)
    if route.types.body is not Nothing or route.types.query is not Nothing:
        kinds.append(InvalidError)
    content = {MEDIA_TYPE: {"schema": {"$ref": _REF.format(name="Problem")}}}
    return {str(int(kind_of(kind).status)): {"description": kind_of(kind).title, "content": content} for kind in kinds}
