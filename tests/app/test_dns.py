"""From a DHCPACK to an answer on the wire, and back to nothing when the machine is released."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import dns.asyncquery
import dns.message
import dns.rcode
from msgspec.structs import replace

from fibrix.app.dns import Dns, build_dns
from fibrix.config import DnsConfig
from fibrix.domain.ports.dns import DnsZoneSpec
from fibrix.domain.rack import RackSnapshot
from fibrix.domain.state import State
from fibrix.events.machine import StateChanged
from fibrix.events.rack import LeaseGranted
from tests.controllers.rig import MAC, Clock, Rig, rig
from tests.domain.build import machine
from tests.fakes.power import FakePower
from tests.support.api import free_port

HERE = IPv4Address("127.0.0.1")


@asynccontextmanager
async def answering(state_dir: Path, port: int) -> AsyncIterator[tuple[Rig, Dns]]:
    """A region whose DNS is served on loopback."""
    async with rig(state_dir, Clock(), FakePower()) as opened, asyncio.TaskGroup() as group:
        subnets = opened.shared.snapshot.value.subnets
        named = tuple(replace(subnet, domain_name="rack.example") for subnet in subnets)
        opened.shared.snapshot.replace(RackSnapshot(subnets=named))
        config = replace(opened.config, dns=DnsConfig(port=port, listen=(HERE,)))
        made = build_dns(dataclasses.replace(opened.shared, config=config), opened.region)
        tasks = []
        for service in made.services:
            ready = asyncio.Event()
            tasks.append(group.create_task(service.run(ready), name=service.name))
            await ready.wait()
        yield opened, made
        for task in tasks:
            task.cancel()


async def asked(name: str, kind: str, port: int) -> tuple[str, list[str]]:
    """Ask by UDP; gives the RCODE and what the records say."""
    answer = await dns.asyncquery.udp(dns.message.make_query(name, kind), str(HERE), port=port, timeout=2)
    return dns.rcode.to_text(answer.rcode()), [str(item) for found in answer.answer for item in found]


async def until(name: str, kind: str, port: int, values: list[str]) -> str:
    """Ask until it is said; gives the RCODE."""
    async with asyncio.timeout(5):
        while True:
            code, said = await asked(name, kind, port)
            if said == values:
                return code
            await asyncio.sleep(0.01)


async def test_a_machine_is_found_by_its_name_from_its_lease_to_its_release(tmp_path: Path) -> None:
    port = free_port()
    async with answering(tmp_path, port) as (opened, made):
        await made.controller.add_zone(DnsZoneSpec(name="rack.example"))
        one = replace(machine(State.DEPLOYED), name="web-1", macs=(MAC,))
        await opened.region.change(lambda unit: unit.insert(one))
        assert (await asked("web-1.rack.example", "A", port))[0] == "NXDOMAIN"
        address = IPv4Address("192.168.1.100")
        lease = LeaseGranted(at=opened.clock(), mac=MAC, address=address, subnet="racks", lease_s=600)
        opened.shared.bus.publish(lease)
        await until("web-1.rack.example", "A", port, ["192.168.1.100"])
        await until("100.1.168.192.in-addr.arpa", "PTR", port, ["web-1.rack.example."])

        def release(unit: Any) -> None:
            unit.update(replace(unit.machine(one.id), state=State.RELEASING))
            told = StateChanged(
                at=opened.clock(),
                machine=one.id,
                name=one.name,
                before=State.DEPLOYED,
                after=State.RELEASING,
                trigger="release",
                reason="",
            )
            unit.append(told)

        await opened.region.change(release)
        assert await until("web-1.rack.example", "A", port, []) == "NXDOMAIN"
        assert await until("100.1.168.192.in-addr.arpa", "PTR", port, []) == "NXDOMAIN"
