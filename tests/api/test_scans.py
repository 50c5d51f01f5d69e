"""Scans over HTTP: said before, begun, followed, cancelled, and what they found."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from fibrix.domain.scan import ScanKind
from fibrix.domain.scan_report import RedfishRoot, ScanEnd, ScanHost, ScanReport, ScanTally
from fibrix.types import MacAddress, OperationId
from tests.fakes.scanner import FakeScanner
from tests.support.site import Site

SCAN = "/api/v1/discoveries/scan"
OPERATIONS = "/api/v1/operations"
BMC = ScanHost(
    subnet="racks",
    address="192.168.1.9",
    mac=MacAddress("52:54:00:00:00:09"),
    kinds=(ScanKind.ARP, ScanKind.REDFISH),
    redfish=RedfishRoot(version="1.6.0", vendor="Contoso"),
)
DONE = ScanReport(
    end=ScanEnd.DONE, tallies=(ScanTally(kind=ScanKind.ARP, sent=500, answered=1),), hosts=(BMC,), found=1
)


@pytest.fixture
async def scanner(site: Site) -> AsyncIterator[FakeScanner]:
    """A rack that is played, and the region's service that hears of it."""
    scans, ready = site.rig.core.scans, asyncio.Event()
    scans.scanner = played = FakeScanner(site.rig.shared.bus)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(scans.run(ready), name="scans")
        await ready.wait()
        yield played
        task.cancel()


async def test_a_scan_is_followed_to_what_it_found(scanner: FakeScanner, http: aiohttp.ClientSession) -> None:
    async with http.post(SCAN, json={"targets": ["racks"], "kinds": ["arp", "redfish"], "rate": 50}) as response:
        begun = await response.json()
        assert response.status == 202
        assert response.headers["Location"] == f"{OPERATIONS}/{begun['id']}"
    assert (begun["kind"], begun["state"], begun["subnets"], begun["machine"]) == ("scan", "running", ["racks"], "")
    async with http.get(f"{OPERATIONS}/{begun['id']}/scan") as response:
        assert (await response.json())["end"] is None
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(ended(http, begun["id"]), name="wait")
        await asyncio.sleep(0.05)
        scanner.end(OperationId(begun["id"]), DONE)
    assert waiting.result()["state"] == "succeeded"
    async with http.get(f"{OPERATIONS}/{begun['id']}/scan") as response:
        found = await response.json()
    assert found["answered"] == {"arp": 1}
    assert found["hosts"][0]["mac"] == "52:54:00:00:00:09"
    assert found["hosts"][0]["redfish"]["vendor"] == "Contoso"
    async with http.get("/api/v1/events", params={"type": "scan.*"}) as response:
        told = await response.json()
    assert [event["type"] for event in told] == ["fibrix.scan.started", "fibrix.scan.ended"]
    assert told[0]["subject"] == f"operations/{begun['id']}"


async def ended(http: aiohttp.ClientSession, operation: str) -> dict[str, str]:
    async with http.get(f"{OPERATIONS}/{operation}", params={"wait": "5"}) as response:
        shown: dict[str, str] = await response.json()
        return shown


async def test_a_dry_run_says_what_would_be_sent_and_begins_nothing(
    scanner: FakeScanner, http: aiohttp.ClientSession
) -> None:
    async with http.post(SCAN, params={"dry_run": "true"}, json={"targets": ["racks"]}) as response:
        told = await response.json()
        assert response.status == 200
    packets = {change["what"]: change["after"] for change in told["changes"]}
    assert packets["arp"] == "506 ARP requests at most"
    assert packets["rmcp"] == "506 RMCP presence pings to UDP port 623 at most"
    assert told["events"] == ["fibrix.operation.started", "fibrix.scan.started"]
    assert scanner.orders == []


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ({"targets": ["racks", "198.51.100.1"]}, 422, "/targets/1"),
        ({"targets": []}, 422, "/targets"),
        ({"targets": ["racks"], "rate": 0}, 422, "/rate"),
        ({"targets": ["racks"], "rate": 100_000}, 422, "/rate"),
        ({"targets": ["racks"], "kinds": ["smtp"]}, 422, "/kinds"),
        ({"targets": ["racks"], "kinds": []}, 422, "/kinds"),
    ],
)
async def test_what_must_not_be_is_refused_with_its_place(
    scanner: FakeScanner, http: aiohttp.ClientSession, body: object, status: int, pointer: str
) -> None:
    async with http.post(SCAN, json=body) as response:
        told = await response.json()
    assert response.status == status
    assert told["pointer"] == pointer
    assert scanner.orders == []


async def test_a_scan_is_cancelled_like_any_operation(scanner: FakeScanner, http: aiohttp.ClientSession) -> None:
    async with http.post(SCAN, json={"targets": ["192.168.1.9"]}) as response:
        begun = await response.json()
    async with http.post(SCAN, json={"targets": ["racks"]}) as response:
        assert response.status == 409
    async with http.post(f"{OPERATIONS}/{begun['id']}/cancel", json={"reason": "enough"}) as response:
        over = await response.json()
    assert (over["state"], scanner.cancelled) == ("cancelled", [begun["id"]])
    async with http.post(f"{OPERATIONS}/{begun['id']}/cancel", json={}) as response:
        assert response.status == 409


async def test_only_those_who_run_the_region_scan_it(site: Site, scanner: FakeScanner) -> None:
    for who, status in (("acme", 403), ("auditor", 403), ("operator", 202)):
        async with site.client(who) as http, http.post(SCAN, json={"targets": ["racks"]}) as response:
            assert response.status == status
    (begun,) = scanner.orders
    async with site.client("acme") as http, http.get(f"{OPERATIONS}/{begun.id}/scan") as response:
        assert response.status == 403
    async with site.client("acme") as http, http.get(f"{OPERATIONS}/{begun.id}") as response:
        assert response.status == 404
