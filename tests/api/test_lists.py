"""Lists over HTTP: what is chosen, in what order, which fields, and that the document tells the truth of them."""

from typing import Any

import aiohttp
import jsonschema  # type: ignore[import-untyped]
import pytest

from fibrix.domain.machine import Hardware
from fibrix.domain.power import PowerKind, PowerSettings
from fibrix.domain.state import State
from tests.support.site import ACME, Site


async def names(http: aiohttp.ClientSession, **query: str) -> list[str]:
    """The names of the machines that a query finds, page after page by their links."""
    found: list[str] = []
    url = http._base_url / "api/v1/machines" % query  # type: ignore[operator]
    while True:
        async with http.get(url) as response:
            assert response.status == 200, await response.text()
            page = await response.json()
            found += [machine["name"] for machine in page["items"]]
            assert bool(page["next"]) == ("next" in response.links)
            if "next" not in response.links:
                return found
            url = response.links["next"]["url"]


async def test_machines_are_chosen_and_put_in_order(site: Site, http: aiohttp.ClientSession) -> None:
    for number, state in enumerate((State.READY, State.BROKEN, State.READY, State.NEW)):
        await site.put(f"n{number}", state, hardware=Hardware(memory_bytes=number << 30), tags=("ssd",) * (number % 2))
    assert await names(http, filter="state=ready|new,hardware.memory_bytes>=2GiB") == ["n2", "n3"]
    assert await names(http, filter="tags=ssd", sort="-hardware.memory_bytes") == ["n3", "n1"]
    assert await names(http, sort="state,-name", limit="1") == ["n1", "n3", "n2", "n0"]
    assert await names(http, state="Ready", filter="name!=n0", limit="1") == ["n2"]
    assert await names(http, filter="created_at>+5m") == []


async def test_a_tenant_cannot_ask_for_what_it_does_not_see(site: Site) -> None:
    power = PowerSettings(kind=PowerKind.IPMI, address="192.0.2.9", username="root")
    await site.put("theirs", State.DEPLOYED, tenant=ACME, allocated_at=site.rig.clock(), power=power)
    await site.put("spare", power=power)
    async with site.client("acme") as http:
        assert await names(http) == ["theirs"]
        assert await names(http, filter="power.address~192.0.2") == []
        assert await names(http, sort="power.address") == ["theirs"]
        assert await names(http, filter="name~spare|theirs") == ["theirs"]
    async with site.client("operator") as http:
        assert await names(http, filter="power.address~192.0.2") == ["theirs", "spare"]


async def test_the_tag_of_a_page_is_good_until_something_on_it_changes(site: Site, http: aiohttp.ClientSession) -> None:
    machine = await site.put("web-1")
    async with http.get("/api/v1/machines") as response:
        known = {"If-None-Match": response.headers["ETag"]}
    async with http.get("/api/v1/machines", headers=known) as response:
        assert response.status == 304
    await site.change(machine.id, reason="another")
    async with http.get("/api/v1/machines", headers=known) as response:
        assert (await response.json())["items"][0]["reason"] == "another"


async def test_a_machine_has_the_same_tag_alone_as_ever(site: Site, http: aiohttp.ClientSession) -> None:
    await site.put("web-1")
    async with http.get("/api/v1/machines/web-1") as response:
        version = {"If-Match": response.headers["ETag"]}
    async with http.patch("/api/v1/machines/web-1", json={"name": "web-2"}, headers=version) as response:
        assert response.status == 200
    async with http.patch("/api/v1/machines/web-2", json={"name": "web-3"}, headers=version) as response:
        assert response.status == 412


async def test_large_lists_are_compressed_for_who_takes_it(site: Site, http: aiohttp.ClientSession) -> None:
    for number in range(5):
        await site.put(f"n{number}")
    plain = {"Accept-Encoding": "identity"}
    async with http.get("/api/v1/machines") as packed, http.get("/api/v1/machines", headers=plain) as response:
        assert packed.headers["Content-Encoding"] == "gzip"
        assert "Content-Encoding" not in response.headers
        assert await packed.json() == await response.json()


LISTS = (
    "machines",
    "discoveries",
    "hidden-networks",
    "operations",
    "images",
    "ssh-keys",
    "subnets",
    "users",
    "tenants",
    "webhooks",
    "me/keys",
)


@pytest.mark.parametrize("noun", LISTS)
async def test_every_list_takes_the_same_query(site: Site, http: aiohttp.ClientSession, noun: str) -> None:
    async with http.get(f"/api/v1/{noun}?limit=1&sort=&filter=&fields=") as response:
        page = await response.json()
        assert (response.status, set(page)) == (200, {"items", "next"})
    async with http.get(f"/api/v1/{noun}?filter=nothing=1") as response:
        assert response.status == 422
        assert "the fields are" in (await response.json(content_type=None))["detail"]


@pytest.mark.parametrize("fields", ["", "name", "id,hardware.disks.name", "power.kind,boot.id"])
async def test_the_document_is_true_of_items_in_part(site: Site, http: aiohttp.ClientSession, fields: str) -> None:
    await site.put("web-1")
    async with http.get("/api/v1/openapi.json") as response:
        document: dict[str, Any] = await response.json()
    answers = document["paths"]["/api/v1/machines"]["get"]["responses"]["200"]
    schema = answers["content"]["application/json"]["schema"] | {"components": document["components"]}
    async with http.get("/api/v1/machines", params={"fields": fields}) as response:
        jsonschema.validate(await response.json(), schema)
    assert "Link" in answers["headers"]
