"""Operations over HTTP: watched, awaited, cancelled, and another tenant's not there."""

import asyncio
from typing import Any

import aiohttp
import pytest

from fibrix.domain.state import State
from fibrix.domain.trigger import Trigger
from tests.support.site import ACME, Site


async def begun(http: aiohttp.ClientSession, machine: str, action: str = "commission", **body: Any) -> dict[str, Any]:
    """Ask for long work; gives the operation."""
    async with http.post(f"/api/v1/machines/{machine}/{action}", json=body) as response:
        assert response.status == 202
        made: dict[str, Any] = await response.json()
        assert response.headers["Location"] == f"/api/v1/operations/{made['id']}"
        return made


async def test_an_accepted_request_says_where_to_watch_it(site: Site, http: aiohttp.ClientSession) -> None:
    machine = await site.put("web-1", State.NEW)
    async with http.post("/api/v1/machines/web-1/commission", headers={"X-Request-Id": "mine-1"}) as response:
        location = response.headers["Location"]
    async with http.get(location) as response:
        shown = await response.json()
    assert (shown["kind"], shown["machine"], shown["machine_name"]) == ("commission", machine.id, "web-1")
    assert (shown["state"], shown["request"], shown["user"]) == ("running", "mine-1", "u000000001")
    assert (shown["machine_state"], shown["stage"], shown["ended_at"]) == ("Commissioning", "asked", None)
    assert shown["progress"] == {"ended": 0, "count": 1, "script": ""}
    assert shown["deadline"] == "2026-03-01T12:30:00Z"


async def test_its_end_is_awaited(site: Site, http: aiohttp.ClientSession) -> None:
    machine = await site.put("web-1", State.NEW)
    made = await begun(http, machine.id)
    path = f"/api/v1/operations/{made['id']}"
    async with http.get(path, params={"wait": "0.05"}) as response:
        assert (await response.json())["state"] == "running"
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        waiting = group.create_task(shown(http, path + "?wait=30"))
        await asyncio.sleep(0.05)
        await site.rig.core.lifecycle.fire(machine.id, Trigger.FAILED, "the disk is dead")
    ended = waiting.result()
    assert (ended["state"], ended["detail"]) == ("failed", "the disk is dead")
    assert (ended["machine_state"], ended["progress"], ended["ended_at"]) == (None, None, "2026-03-01T12:00:00Z")
    async with http.get(path, params={"wait": "31"}) as response:
        assert response.status == 422


async def shown(http: aiohttp.ClientSession, path: str) -> dict[str, Any]:
    async with http.get(path) as response:
        assert response.status == 200
        read: dict[str, Any] = await response.json()
        return read


async def test_it_is_cancelled_once(site: Site, http: aiohttp.ClientSession) -> None:
    await site.put("web-1", State.NEW)
    path = f"/api/v1/operations/{(await begun(http, 'web-1'))['id']}/cancel"
    async with http.post(path, json={"reason": "wrong rack"}) as response:
        assert response.status == 200
        told = await response.json()
    assert (told["state"], told["detail"]) == ("cancelled", "abort: wrong rack")
    assert (await shown(http, "/api/v1/machines/web-1"))["state"] == "New"
    async with http.post(path) as response:
        assert response.status == 409
        assert "has ended already" in (await response.json(content_type=None))["detail"]


async def test_they_are_listed_whole_and_by_machine(site: Site, http: aiohttp.ClientSession) -> None:
    for name in ("web-1", "web-2"):
        await site.put(name, State.NEW)
        await begun(http, name)
        site.rig.clock.pass_(1)
    async with http.post("/api/v1/machines/web-1/abort") as response:
        assert response.status == 200
    names = [o["machine_name"] for o in (await shown(http, "/api/v1/operations"))["items"]]
    assert names == ["web-1", "web-2"]
    running = await shown(http, "/api/v1/operations?filter=state=running&fields=machine_name,machine_state")
    assert running["items"] == [{"machine_name": "web-2", "machine_state": "Commissioning"}]
    assert len((await shown(http, "/api/v1/machines/web-1/operations"))["items"]) == 1


@pytest.mark.parametrize("path", ["", "/cancel"])
async def test_another_tenants_is_not_there(site: Site, path: str) -> None:
    machine = await site.deployable("web-1", State.ALLOCATED, tenant=ACME, allocated_at=site.rig.clock())
    async with site.client("acme") as acme, site.client("globex") as globex:
        made = await begun(acme, machine.id, "deploy", image="debian-12")
        assert made["tenant"] == ACME
        assert (await shown(globex, "/api/v1/operations"))["items"] == []
        method = "POST" if path else "GET"
        told = []
        for key in (made["id"], "o999999999"):
            async with globex.request(method, f"/api/v1/operations/{key}{path}") as response:
                assert response.status == 404
                told.append((await response.json(content_type=None))["detail"].replace(key, "it"))
        assert told[0] == told[1]
        assert len((await shown(acme, "/api/v1/operations"))["items"]) == 1
        async with acme.post(f"/api/v1/operations/{made['id']}/cancel") as response:
            assert response.status == 200


async def test_the_events_of_an_operation_are_its_tenants_and_carry_the_request(site: Site) -> None:
    machine = await site.deployable("web-1", State.ALLOCATED, tenant=ACME, allocated_at=site.rig.clock())
    async with site.client("acme") as acme:
        headers = {"X-Request-Id": "theirs"}
        spec = {"image": "debian-12"}
        async with acme.post(f"/api/v1/machines/{machine.id}/deploy", json=spec, headers=headers) as response:
            made = await response.json()
    entries = [e for e in await site.rig.region.journal.since(0) if e.type == "operation.started"]
    assert [(e.subject, e.tenant, e.request) for e in entries] == [(f"operations/{made['id']}", ACME, "theirs")]
