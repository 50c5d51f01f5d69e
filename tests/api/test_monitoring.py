"""What monitoring systems ask for: metrics, readiness, targets; over HTTP, by who may and who may not."""

import json
from typing import Any

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from fibrix.domain.power import PowerState
from fibrix.domain.state import PASSING, State
from tests.fakes.health import FakeService
from tests.support.site import ACME, Site
from tests.support.waiting import until


async def scraped(http: aiohttp.ClientSession) -> dict[str, Any]:
    """What Prometheus reads, by sample name and labels."""
    async with http.get("/metrics") as response:
        assert response.status == 200
        assert response.content_type == "text/plain"
        families = list(text_string_to_metric_families(await response.text()))
    return {f"{s.name}{sorted(s.labels.items())}": s.value for family in families for s in family.samples}


async def test_requests_are_counted_by_the_template_of_their_route(site: Site, http: aiohttp.ClientSession) -> None:
    machine = await site.put("quick-otter")
    for path in (f"/api/v1/machines/{machine.id}", "/api/v1/machines/nobody", "/api/v1/nowhere", "/nowhere"):
        async with http.get(path):
            pass
    async with http.request("BREW", "/pot"):
        pass
    numbers = await scraped(http)
    route = "/api/v1/machines/{machine}"
    name = "fibrix_http_requests_total"
    assert numbers[f"{name}{sorted({'method': 'GET', 'route': route, 'status': '200'}.items())}"] == 1
    assert numbers[f"{name}{sorted({'method': 'GET', 'route': route, 'status': '404'}.items())}"] == 1
    assert numbers[f"{name}{sorted({'method': 'GET', 'route': 'none', 'status': '404'}.items())}"] == 2
    assert not any(word in key for key in numbers for word in ("nobody", "BREW", machine.id, "otter"))
    counted = f"fibrix_http_request_duration_seconds_count{sorted({'method': 'GET', 'route': route}.items())}"
    assert numbers[counted] == 2


async def test_a_key_for_scraping_may_scrape_and_nothing_else(site: Site) -> None:
    wanted = {"name": "scrape", "scopes": ["inspect"]}
    async with site.client("auditor") as http, http.post("/api/v1/me/keys", json=wanted) as response:
        key = (await response.json())["key"]
    headers = {"Authorization": f"Bearer {key}"}
    async with aiohttp.ClientSession(site.url, headers=headers) as http:
        assert await scraped(http)
        async with http.get("/api/v1/machines") as response:
            assert response.status == 403
    for who, status in (("acme", 403), ("nobody", 401)):
        async with site.client(who) as http, http.get("/metrics") as response:
            assert response.status == status


async def test_machines_are_counted_in_every_state(site: Site, http: aiohttp.ClientSession) -> None:
    await site.put("one", State.READY)
    await site.put("two", State.DEPLOYED, power_state=PowerState.ON)
    await site.put("three", State.TESTING)
    site.rig.clock.pass_(90)
    numbers = await scraped(http)
    states = {state.value: numbers[f"fibrix_machines[('state', '{state.value}')]"] for state in State}
    assert {name for name, count in states.items() if count} == {"Ready", "Deployed", "Testing"}
    assert numbers["fibrix_machines_by_power[('power', 'on')]"] == 1
    oldest = {s.value: numbers[f"fibrix_machine_state_oldest_seconds[('state', '{s.value}')]"] for s in PASSING}
    assert oldest.pop("Testing") == 90
    assert set(oldest.values()) == {0}


async def test_a_tenant_of_the_stream_is_counted_while_it_listens(site: Site, http: aiohttp.ClientSession) -> None:
    kind = "fibrix_stream_subscribers[('kind', 'websocket')]"
    assert (await scraped(http))[kind] == 0
    async with http.ws_connect("/api/v1/stream", protocols=("cloudevents.json",)):
        await until(lambda: site.ports.subscribers["websocket"] == 1)
        assert (await scraped(http))[kind] == 1
    await until(lambda: site.ports.subscribers["websocket"] == 0)
    assert (await scraped(http))[kind] == 0


async def test_ready_tells_names_to_everyone_and_reasons_to_those_who_may_look_inside(site: Site) -> None:
    site.health.services[1] = FakeService("dhcp", "failed", 3, "no such interface: eth9")
    async with site.client("nobody") as http:
        async with http.get("/readyz") as response:
            assert response.status == 503
            text = await response.text()
            assert json.loads(text)["status"] == "not ready"
            assert "eth9" not in text
        async with http.get("/readyz/dhcp") as response:
            assert response.status == 503
        async with http.get("/readyz/disk") as response:
            assert (response.status, (await response.json())["state"]) == (200, "ok")
        async with http.get("/readyz/nothing") as response:
            assert response.status == 404
        async with http.get("/api/v1/readiness") as response:
            assert response.status == 401
    async with site.client("auditor") as http, http.get("/api/v1/readiness") as response:
        parts = {part["name"]: part for part in (await response.json())["parts"]}
        assert parts["dhcp"]["reason"] == "no such interface: eth9"


async def test_targets_are_the_deployed_machines_that_the_caller_sees(site: Site) -> None:
    await site.put("idle")
    await site.put("ours", State.DEPLOYED, address="192.168.1.10", tags=("web", "x"))
    await site.put("theirs", State.DEPLOYED, address="192.168.1.11", tenant=ACME)
    await site.put("silent", State.DEPLOYED)
    place = "/api/v1/service-discovery/prometheus"
    async with site.client("operator") as http, http.get(place) as response:
        found = await response.json()
        assert response.content_type == "application/json"
    assert [one["targets"] for one in found] == [["192.168.1.10:9100"], ["192.168.1.11:9100"]]
    assert found[0]["labels"]["__meta_fibrix_tags"] == ",web,x,"
    assert found[1]["labels"]["__meta_fibrix_tenant"] == "acme"
    assert all(isinstance(value, str) for one in found for value in one["labels"].values())
    for who, count in (("acme", 1), ("globex", 0)):
        async with site.client(who) as http, http.get(f"{place}?port=9200") as response:
            assert [one["targets"] for one in await response.json()] == [["192.168.1.11:9200"]] * count
    async with site.client() as http, http.get(f"{place}?port=0") as response:
        assert response.status == 422
