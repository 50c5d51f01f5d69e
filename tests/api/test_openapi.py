"""The OpenAPI document says what the server does."""

from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from fibrix.api.route import Nothing, Route
from tests.support.routes import ROUTES, SOCKETS, name_of, path_to
from tests.support.site import Site


@pytest.fixture
async def document(site: Site) -> dict[str, Any]:
    """The document, as anyone may fetch it."""
    async with aiohttp.request("GET", f"{site.url}/api/v1/openapi.json") as response:
        assert response.status == 200
        read: dict[str, Any] = await response.json()
        return read


async def test_every_route_is_described_and_nothing_else_but_the_stream(document: dict[str, Any]) -> None:
    described = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    assert described == {(route.method, route.path) for route in ROUTES} | {("GET", socket.path) for socket in SOCKETS}


async def test_the_document_is_openapi_as_its_specification_says(document: dict[str, Any]) -> None:
    OpenAPIV31SpecValidator(document).validate()


async def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    for reference in references(document):
        node: Any = document
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]
        assert node


async def test_operation_ids_are_unique(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for item in document["paths"].values() for operation in item.values()]
    assert len(ids) == len(set(ids))


async def test_the_document_asks_for_a_key_where_the_server_does(document: dict[str, Any]) -> None:
    assert document["security"] == [{"key": []}, {"session": []}]
    assert document["paths"]["/healthz"]["get"]["security"] == []
    assert "401" in document["paths"]["/api/v1/machines"]["get"]["responses"]
    assert "401" not in document["paths"]["/healthz"]["get"]["responses"]


@pytest.mark.parametrize("route", ROUTES, ids=name_of)
async def test_every_route_answers_what_is_documented(
    route: Route, site: Site, http: aiohttp.ClientSession, document: dict[str, Any]
) -> None:
    """Called for things that are not there, each route gives a status that its description names."""
    async with http.request(route.method, path_to(route), json={}) as got:
        documented = document["paths"][route.path][route.method.lower()]["responses"]
        takes_nothing = route.types.body is Nothing
        assert str(got.status) in documented or (got.status == 422 and not takes_nothing)


def references(node: Any) -> Iterator[str]:
    """All values of `$ref`."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)
