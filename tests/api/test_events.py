"""Events by HTTP: pages and Server-Sent Events give the same ones, in order, each once, or an explicit gap."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from fibrix.domain.account import ApiKey
from fibrix.errors import StoreError
from fibrix.types import ApiKeyId
from tests.support.site import ACME, GLOBEX, Site
from tests.support.streams import accepted, key_added, updated

Events = list[dict[str, Any]]


async def listed(http: aiohttp.ClientSession, **query: str | int) -> Events:
    """Ask for a page of events."""
    async with http.get("/api/v1/events", params=query) as response:
        assert response.status == 200, await response.text()
        assert response.content_type == "application/cloudevents-batch+json"
        events: Events = await response.json(content_type=None)
        return events


async def block(response: aiohttp.ClientResponse) -> dict[str, str]:
    """Take the next block of Server-Sent Events."""
    found: dict[str, str] = {}
    async with asyncio.timeout(3):
        while line := (await response.content.readline()).decode().removesuffix("\n"):
            name, _, value = line.partition(":")
            found[name] = value.strip()
    return found


def ids(events: Events) -> list[str]:
    return [event["id"] for event in events]


async def test_filters_go_together(site: Site, http: aiohttp.ClientSession) -> None:
    machine = await site.put("web-1", tenant=ACME)
    await site.say(updated(1, machine=machine.id), updated(2, machine="m2"), key_added("ann", ACME), key_added("bob"))
    assert ids(await listed(http, type="fibrix.machine.*,ssh_key.")) == ["1", "2", "3", "4"]
    assert ids(await listed(http, type="ssh_key.added", tenant="acme")) == ["3"]
    assert ids(await listed(http, tenant=ACME)) == ["1", "3"]
    assert ids(await listed(http, machine="web-1")) == ["1"]
    assert ids(await listed(http, machine="m2", type="machine.updated")) == ["2"]
    assert ids(await listed(http, subject="machines/")) == ["1", "2"]
    assert ids(await listed(http, subject="machines/m2")) == ["2"]
    assert await listed(http, machine="nobody") == []


@pytest.mark.parametrize("query", [{"type": "a b"}, {"subject": "\x00"}, {"since": "-1"}, {"since": str(1 << 64)}])
async def test_what_is_no_filter_is_told(http: aiohttp.ClientSession, query: dict[str, str]) -> None:
    async with http.get("/api/v1/events", params=query) as response:
        assert response.status == 422
        assert (await response.json(content_type=None))["detail"]


async def test_a_tenant_sees_its_own_events_only_whatever_it_asks_for(site: Site) -> None:
    theirs = await site.put("web-2", tenant=GLOBEX)
    await site.say(key_added("a", ACME), key_added("b", GLOBEX), updated(1, machine=theirs.id), key_added("c"))
    async with site.client("acme") as acme, site.client("globex") as globex, site.client("auditor") as auditor:
        assert ids(await listed(acme)) == ["1"]
        for query in (
            {"tenant": "globex"},
            {"tenant": GLOBEX},
            {"machine": "web-2"},
            {"subject": f"machines/{theirs.id}"},
        ):
            assert await listed(acme, **query) == []
        async with acme.get("/api/v1/machines/web-2/events") as hidden, acme.get("/api/v1/machines/x/events") as none:
            assert (hidden.status, none.status) == (404, 404)
        assert ids(await listed(globex)) == ["2", "3"]
        assert ids(await listed(auditor)) == ["1", "2", "3", "4"]


async def test_an_event_tells_whose_it_is_and_what_request_it_comes_from(site: Site) -> None:
    async with site.client("acme") as acme:
        key = {"name": "ann", "key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJpRJFfT6bpiWBPCQcc7xYZpGJuVzNgFGBG4pZ6QYQcD"}
        async with acme.post("/api/v1/ssh-keys", json=key, headers={"X-Request-Id": "my-request"}) as response:
            assert response.status == 201, await response.text()
        (event,) = await listed(acme)
    assert (event["tenant"], event["request"], event["subject"]) == (ACME, "my-request", "ssh-keys/ann")


async def test_events_that_are_gone_are_an_explicit_gap(site: Site, http: aiohttp.ClientSession) -> None:
    await site.say(*(updated(n) for n in range(10)))
    await site.rig.region.journal.prune(keep=3)
    gap, *events = await listed(http, since=3)
    assert (gap["type"], gap["data"]) == ("fibrix.gap", {"oldest": 8})
    assert ids(events) == ["8", "9", "10"]
    assert ids(await listed(http, since=7)) == ["8", "9", "10"]


async def test_a_number_of_another_journal_begins_anew_with_a_gap(site: Site, http: aiohttp.ClientSession) -> None:
    await site.say(accepted())
    assert [event["type"] for event in await listed(http, since=500)] == ["fibrix.gap", "fibrix.machine.accepted"]


async def test_pages_can_be_walked_even_where_nothing_fits(site: Site, http: aiohttp.ClientSession) -> None:
    await site.say(*(updated(n) if n % 2 else accepted() for n in range(10)))
    seen, position = [], 0
    while True:
        query: dict[str, str | int] = {"since": position, "limit": 2, "type": "machine.accepted"}
        async with http.get("/api/v1/events", params=query) as response:
            page = await response.json(content_type=None)
            position = int(response.headers["Fibrix-Next"])
            assert response.headers["Fibrix-Head"] == "10"
        if not page:
            break
        seen += ids(page)
    assert (seen, position) == (["1", "3", "5", "7", "9"], 10)


async def test_a_list_can_wait_for_the_next_event(site: Site, http: aiohttp.ClientSession) -> None:
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(listed(http, since=0, wait=5), name="long poll")
        await asyncio.sleep(0.05)
        await site.say(accepted())
    assert ids(waiting.result()) == ["1"]
    assert await listed(http, since=1, wait=0) == []


async def test_server_sent_events_resume_after_the_last_id(site: Site, http: aiohttp.ClientSession) -> None:
    await site.say(updated(1), key_added("ann"), updated(2))
    await site.rig.region.journal.prune(keep=2)
    from_list = await listed(http, since=1)
    query = {"since": "0", "type": "machine.*"}
    async with http.get("/api/v1/events/sse", params=query) as response:
        assert response.content_type == "text/event-stream"
        assert await block(response) == {"retry": "2000"}
        gap, first = await block(response), await block(response)
        assert (json.loads(gap["data"])["type"], "id" in gap) == ("fibrix.gap", False)
        assert (first["id"], json.loads(first["data"])) == ("3", from_list[1])
        await site.say(updated(3))
        assert (await block(response))["id"] == "4"
    async with http.get("/api/v1/events/sse?since=now", headers={"Last-Event-ID": "3"}) as response:
        assert [await block(response), (await block(response))["id"]] == [{"retry": "2000"}, "4"]
    async with http.get("/api/v1/events/sse", headers={"Last-Event-ID": "x"}) as response:
        assert response.status == 422
        assert "Last-Event-ID" in (await response.json(content_type=None))["detail"]


async def test_server_sent_events_beat_in_quiet_times(
    site: Site, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fibrix.api.sse._HEARTBEAT_S", 0.1)
    await site.say(updated(1))
    async with http.get("/api/v1/events/sse?since=0&type=ssh_key.*") as response:
        await block(response)
        assert await block(response) == {"": "nothing new", "id": "1"}


async def test_server_sent_events_end_with_a_word_when_the_key_is_revoked(site: Site) -> None:
    async with site.client("acme") as acme, acme.get("/api/v1/events/sse") as response:
        await block(response)
        await site.rig.region.change(lambda unit: unit.of(ApiKey).delete(ApiKeyId("k000000004")))
        async with asyncio.timeout(1):
            assert (await block(response))["event"] == "closed"
            assert await response.read() == b""


async def test_a_store_that_fails_is_told(site: Site, http: aiohttp.ClientSession) -> None:
    async def fail(*_: object, **__: object) -> list[object]:
        raise StoreError("disk full")

    site.rig.region.journal.since = fail  # type: ignore[method-assign,assignment]
    async with http.get("/api/v1/events") as response:
        assert response.status == 503
    async with http.get("/api/v1/events/sse") as response:
        await block(response)
        assert await block(response) == {"event": "closed", "data": "disk full"}
