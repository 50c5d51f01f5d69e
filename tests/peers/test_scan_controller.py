"""A whole controller on a wire: a scan that is asked for by the API ends with the hosts, and they are discoveries."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from ipaddress import IPv4Interface
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from fibrix.app.run import controller
from fibrix.config import ApiConfig, Config, DiscoveryConfig, DnsConfig, InterfaceConfig, SubnetConfig
from fibrix.runtime.client import Client
from fibrix.runtime.notify import Notifier
from tests.peers.dhcp_wire import needs_namespaces
from tests.support.netns import Wire, ip, wire
from tests.support.rack_hosts import redfish

pytestmark = needs_namespaces


@pytest.fixture
def cable() -> Iterator[Wire]:
    with wire("fxwhole") as plugged:
        plugged.plug("10.77.0.1/28")
        ip("-n", plugged.client, "addr", "add", "10.77.0.9/28", "dev", "c0")
        yield plugged


@asynccontextmanager
async def served(config: Config) -> AsyncIterator[Client]:
    """Run it all; gives a client with the admin's key."""
    async with controller(config, Notifier("", 0)) as supervisor, asyncio.TaskGroup() as group:
        ready = asyncio.Event()
        task = group.create_task(supervisor.run(ready), name="supervisor")
        await ready.wait()
        key = (config.state_dir / "admin.key").read_text().strip()
        yield Client(f"unix:{config.state_dir / 'api.sock'}", key)
        task.cancel()


def config_of(folder: Path) -> Config:
    racks = SubnetConfig(name="racks", interface="s0", address=IPv4Interface("10.77.0.1/28"), mode="observe")
    return Config(
        state_dir=folder,
        api=ApiConfig(port=0),
        dns=DnsConfig(enabled=False),
        interfaces=(InterfaceConfig(name="s0", role="rack"),),
        subnets=(racks,),
    )


async def over(client: Client, operation: str) -> dict[str, Any]:
    shown: dict[str, Any] = await client.get(f"operations/{operation}", wait=8)
    return shown


async def test_what_is_asked_for_by_the_api_is_found_and_discovered(cable: Wire, tmp_path: Path) -> None:
    async with redfish(cable.client, "10.77.0.9", tmp_path), served(config_of(tmp_path)) as client:
        begun = await client.post("discoveries/scan", {"targets": ["racks"], "rate": 500})
        ended = await over(client, begun["id"])
        assert (ended["state"], ended["subnets"]) == ("succeeded", ["racks"])
        found = await client.get(f"operations/{begun['id']}/scan")
        (host,) = [host for host in found["hosts"] if host["address"] == "10.77.0.9"]
        assert host["redfish"]["vendor"] == "Contoso"
        async with asyncio.timeout(3):
            while True:
                seen = (await client.get("discoveries"))["items"]
                if any(one["mac"] == host["mac"] and one["bmc"] for one in seen):
                    break
                await asyncio.sleep(0.1)


async def test_a_subnet_is_scanned_by_schedule(cable: Wire, tmp_path: Path) -> None:
    discovery = DiscoveryConfig(scan_interval_s=3600, scan_kinds=("arp",), scan_rate=500)
    async with served(replace(config_of(tmp_path), discovery=discovery)) as client:
        async with asyncio.timeout(8):
            while True:
                scans = (await client.get("operations", filter="kind=scan"))["items"]
                if scans and scans[0]["state"] == "succeeded":
                    break
                await asyncio.sleep(0.1)
        assert scans[0]["user"] == ""
        assert "1 host answers (arp 1)" in scans[0]["detail"]
