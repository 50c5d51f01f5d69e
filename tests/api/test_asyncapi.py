"""The AsyncAPI document: of the form that AsyncAPI 3.0.0 asks for, and true for what is really sent."""

import gzip
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import jsonschema  # type: ignore[import-untyped]
import msgspec
import pytest

from fibrix.api.asyncapi import document
from fibrix.domain.state import State
from fibrix.events.catalogue import catalogue
from fibrix.events.machine import PowerActed, ScriptEnded, StateChanged
from fibrix.store.entry import Entry
from fibrix.types import MachineId, RunId
from tests.support.site import Site
from tests.support.streams import key_added, updated

DOCS = Path(__file__).parents[2] / "docs" / "events.md"
SCHEMA = Path(__file__).with_name("asyncapi-3.0.0.json.gz")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(document())
    return found


def test_the_document_is_asyncapi_as_its_own_schema_says(described: dict[str, Any]) -> None:
    schema = json.loads(gzip.decompress(SCHEMA.read_bytes()))
    jsonschema.Draft7Validator(schema).validate(described)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft7Validator(schema).validate(described | {"channels": []})


def references(value: Any) -> list[str]:
    """All that the document refers to."""
    if isinstance(value, dict):
        own = [value["$ref"]] if "$ref" in value else []
        return own + [found for part in value.values() for found in references(part)]
    return [found for part in value for found in references(part)] if isinstance(value, list) else []


def payload(described: dict[str, Any], name: str) -> dict[str, Any]:
    """The schema of a message, able to find what it refers to."""
    schema: dict[str, Any] = described["components"]["messages"][name]["payload"]
    return schema | {"components": described["components"]}


def test_the_document_has_the_form_of_asyncapi_3(described: dict[str, Any]) -> None:
    """AsyncAPI 3.0.0: the fixed fields of each object, and the required ones."""
    assert described["asyncapi"] == "3.0.0"
    allowed = {"asyncapi", "id", "info", "servers", "defaultContentType", "channels", "operations", "components"}
    assert described.keys() <= allowed
    assert {"title", "version"} <= described["info"].keys()
    for server in described["servers"].values():
        assert {"host", "protocol"} <= server.keys()
        assert set(re.findall(r"\{(\w+)\}", server["host"])) == server["variables"].keys()
    for channel in described["channels"].values():
        assert channel.keys() <= {"address", "title", "messages", "bindings", "summary", "parameters"}
        assert channel["bindings"]["ws"].keys() == {"method", "query", "headers", "bindingVersion"}
    for operation in described["operations"].values():
        assert operation["action"] in {"send", "receive"}
        assert operation["channel"]["$ref"] == "#/channels/stream"
    names = re.compile(r"^[a-zA-Z0-9.\-_]+$")
    for part in described["components"].values():
        assert all(names.match(name) for name in part)
    for message in described["components"]["messages"].values():
        assert message.keys() <= {"name", "title", "summary", "description", "payload", "contentType"}


def test_all_that_it_refers_to_is_there(described: dict[str, Any]) -> None:
    assert references(described)
    for reference in references(described):
        at = described
        for name in reference.removeprefix("#/").split("/"):
            at = at[name]


def test_every_schema_is_one(described: dict[str, Any]) -> None:
    for name in described["components"]["messages"]:
        jsonschema.Draft7Validator.check_schema(payload(described, name))
    query = described["channels"]["stream"]["bindings"]["ws"]["query"]
    assert {"since", "type", "subject", "machine", "tenant", "heartbeat"} == query["properties"].keys()


def test_every_type_of_event_is_in_it_and_said_in_words(described: dict[str, Any]) -> None:
    messages = described["components"]["messages"]
    assert {d.name for d in catalogue()} | {"gap", "heartbeat"} == messages.keys()
    assert {f"machine.{state.value.lower().replace(' ', '_')}" for state in State} <= messages.keys()
    assert not [name for name in messages if name.startswith("rack.")]
    assert all(message["summary"] for message in messages.values())


@pytest.mark.parametrize(
    "event",
    [
        key_added("ann", "t1"),
        updated(),
        StateChanged(
            at=NOON,
            machine=MachineId("m1"),
            name="web",
            before=State.NEW,
            after=State.COMMISSIONING,
            trigger="commission",
            reason="asked",
            deadline=NOON,
        ),
        ScriptEnded(
            at=NOON,
            machine=MachineId("m1"),
            name="web",
            run=RunId("r1"),
            script="x",
            status="passed",
            exit_status=None,
            reason="",
        ),
        PowerActed(at=NOON, machine=MachineId("m1"), name="web", action="on", why="", cause=3, request="r", seq=9),
    ],
    ids=lambda event: event.type,
)
def test_what_is_sent_fits_its_schema(described: dict[str, Any], event: Any) -> None:
    sent = msgspec.json.decode(Entry.of(event).cloudevent())
    jsonschema.validate(sent, payload(described, event.type), jsonschema.Draft7Validator)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(sent | {"data": {}}, payload(described, event.type), jsonschema.Draft7Validator)


async def test_notices_fit_their_schema(site: Site, http: aiohttp.ClientSession, described: dict[str, Any]) -> None:
    async with http.ws_connect("/api/v1/stream?since=77&heartbeat=1") as stream:
        for name in ("gap", "heartbeat"):
            sent = await stream.receive_json(timeout=3)
            jsonschema.validate(sent, payload(described, name), jsonschema.Draft7Validator)


async def test_it_is_served_to_everybody(site: Site, described: dict[str, Any]) -> None:
    async with site.client("nobody") as nobody, nobody.get("/api/v1/asyncapi.json") as response:
        assert response.status == 200
        assert await response.json() == described


def test_the_table_of_types_in_the_docs_is_the_catalogue() -> None:
    told = dict(
        re.findall(r"^\| `fibrix\.([a-z_.]+)` \| ([^|]*) \|", DOCS.read_text().partition("## Types")[2], re.MULTILINE)
    )
    wanted = {d.name: ", ".join(f"`{name}`" for name in d.fields) for d in catalogue()}
    assert {name: fields.strip() for name, fields in told.items()} == wanted
