"""DHCP and DNS as they go, over HTTP: what the services count, hear and cannot serve, with the names of machines."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import aiohttp
import dns.asyncquery
import dns.message

from fibrix.app.metrics.rack import RackMeters
from fibrix.app.rack import build_rack
from fibrix.app.traffic import RackTraffic
from fibrix.controllers.traffic import TrafficController
from fibrix.domain.dns import DnsSnapshot
from fibrix.domain.ports.dns import DnsRecordSpec, DnsZoneSpec
from fibrix.runtime.cell import Cell
from fibrix.runtime.clock import monotonic_s
from fibrix.services.dns.service import DnsService
from fibrix.services.dns.settings import DnsSettings
from fibrix.store.bindings import Bindings
from fibrix.store.db import Database
from fibrix.types import MacAddress
from tests.support.api import free_port, serving
from tests.support.site import Site, site

HERE = IPv4Address("127.0.0.1")
NOT_HERE = IPv4Address("192.0.2.1")
LOUD = MacAddress("52:54:00:00:00:01")  # of the machine that a test puts first
STRANGER = MacAddress("52:54:00:99:00:01")


@asynccontextmanager
async def with_a_rack(tmp_path: Path, named: DnsService | None = None) -> AsyncIterator[tuple[Site, RackMeters]]:
    """An API before a rack whose services are not started."""
    async with site(tmp_path) as opened, Database(tmp_path / "other.db", "rack") as database:
        meters = build_rack(opened.rig.shared, Bindings(database)).meters
        assert meters is not None
        traffic = TrafficController(RackTraffic(meters, named), opened.rig.region.by_mac)
        opened.ports = replace(opened.ports, traffic=traffic)
        async with serving(opened.service()):
            yield opened, meters


async def told(http: aiohttp.ClientSession, what: str) -> dict[str, Any]:
    async with http.get(f"/api/v1/{what}/stats") as response:
        assert response.status == 200, await response.text()
        found: dict[str, Any] = await response.json()
        return found


async def test_dhcp_is_shown_with_its_faults_its_links_and_who_talks_the_most(tmp_path: Path) -> None:
    async with with_a_rack(tmp_path) as (opened, rack), opened.client("auditor") as http:
        machine = await opened.put("web-1", macs=(LOUD,))
        rack.dhcp.received.update(discover=3, decline=1)
        rack.dhcp.sent.update(offer=2)
        rack.dhcp.counts.update(offered=2, ignored=1, withheld=4)
        rack.dhcp.closed["eth1"] = "No such device"
        rack.watch.counts.update(conflicts=5, probes=9)
        rack.pxe_port.closed[str(NOT_HERE)] = "Cannot assign requested address"
        for mac, count in ((LOUD, 3), (STRANGER, 2), (MacAddress("52:54"), 9)):
            for _ in range(count):
                rack.dhcp.talkers.heard(mac, monotonic_s())
        now, snapshot = opened.rig.clock(), opened.rig.snapshot.value
        rack.watch._clock = opened.rig.clock
        rack.watch._servers.chosen(IPv4Address("192.168.1.66"), STRANGER, "eth1", snapshot, now)
        shown = await told(http, "dhcp")
    assert shown["running"] is True
    assert (shown["received"], shown["sent"]) == ({"discover": 3, "decline": 1}, {"offer": 2})
    assert (shown["verdicts"], shown["faults"]) == ({"offered": 2, "ignored": 1}, {"withheld": 4})
    assert (shown["serving"], shown["closed"]) == ([], [{"where": "eth1", "reason": "No such device"}])
    assert shown["conflicts"] == {"probed": 5, "declined": 1, "resting": 0}
    assert shown["pxe_port"]["closed"] == [{"where": "192.0.2.1", "reason": "Cannot assign requested address"}]
    (server,) = shown["servers"]
    assert (server["address"], server["mac"], server["expected"]) == ("192.168.1.66", STRANGER, False)
    assert shown["talkers"] == [
        {"mac": LOUD, "messages": 3, "machine": machine.id, "machine_name": "web-1"},
        {"mac": STRANGER, "messages": 2, "machine": "", "machine_name": ""},
    ]


async def test_no_more_than_twenty_talkers_are_shown_of_any_number(tmp_path: Path) -> None:
    async with with_a_rack(tmp_path) as (opened, rack), opened.client() as http:
        for number in range(500):
            rack.dhcp.talkers.heard(MacAddress(f"52:54:00:00:{number // 256:02x}:{number % 256:02x}"), monotonic_s())
        assert len((await told(http, "dhcp"))["talkers"]) == 20


async def test_dns_is_shown_as_it_was_asked_on_the_wire(tmp_path: Path) -> None:
    port, cell = free_port(), Cell(DnsSnapshot())
    service = DnsService(cell, DnsSettings(port=port))
    async with with_a_rack(tmp_path, service) as (opened, _), opened.client() as http, asyncio.TaskGroup() as group:
        await opened.ports.dns.add_zone(DnsZoneSpec(name="rack.example"))
        await opened.ports.dns.add_record("rack.example", DnsRecordSpec(name="www", type="A", value="192.0.2.80"))
        cell.replace(DnsSnapshot(zones=opened.rig.region.served.all(), listen=(HERE, NOT_HERE)))
        ready = asyncio.Event()
        task = group.create_task(service.run(ready), name="dns")
        await ready.wait()
        for name, kind in (("www.rack.example", "A"),) * 3 + (("no.rack.example", "MX"), ("rack.example", "TYPE4711")):
            query = dns.message.make_query(name, kind, id=7)
            await dns.asyncquery.udp(query, str(HERE), port=port, timeout=2)
        shown = await told(http, "dns")
        task.cancel()
    assert shown["queries"] == {"A": 3, "MX": 1, "other": 1}
    assert shown["answers"] == {"NOERROR": 4, "NXDOMAIN": 1}
    assert (shown["running"], shown["serving"], shown["transfers"]) == (True, ["127.0.0.1"], 0)
    assert shown["forwarding"] == {"forwarded": 0, "cache_hits": 0, "failed": 0, "kept": 0}
    (closed,) = shown["closed"]
    assert closed["where"] == str(NOT_HERE)
    assert "assign requested address" in closed["reason"]


async def test_where_nothing_is_served_that_is_said(site: Site, http: aiohttp.ClientSession) -> None:
    shown = await told(http, "dhcp")
    assert (shown["running"], shown["received"], shown["talkers"]) == (False, {}, [])
    assert (await told(http, "dns"))["running"] is False
    async with site.client("acme") as tenant, tenant.get("/api/v1/dhcp/stats") as response:
        assert response.status == 403
