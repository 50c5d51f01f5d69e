"""The AsyncAPI 3.0 document of the stream, made from the catalogue of events: nothing in it is written twice."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

import fibrix
from fibrix.api.stream import StreamQuery
from fibrix.domain.selection import PREFIX
from fibrix.events.base import Event
from fibrix.events.catalogue import Described, catalogue
from fibrix.runtime.api_stream import SUBPROTOCOL

Json = dict[str, Any]

_REF: Final = "#/components/schemas/{name}"
_WORDS: Final = {
    "id": "The sequence number in the journal; of a notice: no number",
    "type": "What happened",
    "subject": "What it is about, as a path below /api/v1/; left out where that is the controller",
    "time": "When it happened, in UTC",
    "cause": "The sequence number of the event that led to this one, where one is known",
    "tenant": "The id of the tenant whose thing it is about; left out where that is the region",
    "request": "The id of the API request that it comes from, where it does",
}

ENVELOPE: Final[Json] = {
    "type": "object",
    "description": "A CloudEvents 1.0 event. `id` is the sequence number in the journal.",
    "required": ["specversion", "id", "source", "type"],
    "properties": {
        "specversion": {"type": "string", "const": "1.0"},
        "source": {"type": "string", "const": "/fibrix"},
        "datacontenttype": {"type": "string", "const": "application/json"},
        **{name: {"type": "string", "description": words} for name, words in _WORDS.items()},
        "data": {"type": "object"},
    },
}
"""What all events have in common."""

_NOTICES: Final[Mapping[str, tuple[str, Json]]] = {
    "gap": (
        "What was asked for is no longer kept, or was never here: the events go on from `oldest`.",
        {"oldest": {"type": "integer", "description": "The oldest sequence number that is kept"}},
    ),
    "heartbeat": (
        "Nothing that was asked for has happened up to `position`. Sent where `heartbeat` was asked for.",
        {"position": {"type": "integer", "description": "The number to resume after"}},
    ),
}


def document() -> bytes:
    """Describe the stream and all that may come on it."""
    described = catalogue()
    data, schemas = _data(described)
    messages = {d.name: _message(d.name, d.words, data[d.kind]) for d in described}
    for name, (words, fields) in _NOTICES.items():
        kind = {"type": "object", "properties": fields, "required": [*fields]}
        messages[name] = _message(name, words, kind)
    text: Json = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Fibrix",
            "version": fibrix.__version__,
            "description": "What happens to the machines of a region, as CloudEvents 1.0 JSON: one event a message,"
            " each once and in order of its sequence number. The same come by GET /api/v1/events and its /sse.",
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/cloudevents+json",
        "servers": {"controller": _SERVER},
        "channels": {"stream": _channel(messages)},
        "operations": {"events": _operation(messages)},
        "components": {
            "messages": messages,
            "schemas": {"CloudEvent": ENVELOPE, **schemas},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "An API key"}},
        },
    }
    return msgspec.json.encode(text)


_SERVER: Final[Json] = {
    "host": "{host}",
    "protocol": "wss",
    "description": "The controller; plain `ws` on its own machine",
    "variables": {"host": {"default": "localhost:5240", "description": "Name and port of the controller's API"}},
    "security": [{"$ref": "#/components/securitySchemes/key"}],
}


def _channel(messages: Mapping[str, Json]) -> Json:
    """Describe the websocket."""
    query = msgspec.json.schema_components([StreamQuery])[1][StreamQuery.__name__]
    headers = {"Sec-WebSocket-Protocol": {"type": "string", "const": SUBPROTOCOL}}
    return {
        "address": "/api/v1/stream",
        "title": "The stream of events",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
        "bindings": {
            "ws": {
                "method": "GET",
                "query": {"type": "object", "properties": query["properties"]},
                "headers": {"type": "object", "properties": headers},
                "bindingVersion": "0.1.0",
            }
        },
    }


def _operation(messages: Mapping[str, Json]) -> Json:
    """Describe what goes on there."""
    return {
        "action": "send",
        "channel": {"$ref": "#/channels/stream"},
        "summary": "Tell what happened",
        "messages": [{"$ref": f"#/channels/stream/messages/{name}"} for name in messages],
    }


def _message(name: str, words: str, data: Json) -> Json:
    """Describe one type of message."""
    kind = {"type": {"const": PREFIX + name}, "data": data}
    own = {"type": "object", "properties": kind, "required": ["data"]}
    return {
        "name": PREFIX + name,
        "title": PREFIX + name,
        "summary": words,
        "payload": {"allOf": [{"$ref": _REF.format(name="CloudEvent")}, own]},
    }


def _data(described: Sequence[Described]) -> tuple[Mapping[type[Event], Json], Json]:
    """Make the schema of each event's own fields, and the schemas that those refer to."""
    kinds = list(dict.fromkeys(d.kind for d in described))
    _, schemas = msgspec.json.schema_components(kinds, ref_template=_REF)
    fields = {d.kind: d.fields for d in described}
    return {kind: _own(schemas.pop(kind.__name__), fields[kind]) for kind in kinds}, schemas


def _own(schema: Json, fields: Sequence[str]) -> Json:
    """Keep of an event's schema what is its `data`."""
    found: Json = {"type": "object", "properties": {name: schema["properties"][name] for name in fields}}
    return found | {"required": [*fields]}  # those with a default are sent too
