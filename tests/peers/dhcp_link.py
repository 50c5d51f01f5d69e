"""A DHCP service with its watch and its PXE port on a switch of its own, beside real servers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fibrix.bus import Bus
from fibrix.domain.network import Subnet
from fibrix.domain.rack import RackSnapshot
from fibrix.runtime.cell import Cell
from fibrix.runtime.service import Service
from fibrix.services.dhcp.pxe_port import PxePort, PxePortSettings
from fibrix.services.dhcp.service import DhcpService, DhcpSettings
from fibrix.services.dhcp.watch import Watch
from fibrix.store.bindings import Bindings
from fibrix.store.db import Database


class LinkRack:
    """All that does DHCP, connected as the controller does it."""

    def __init__(self, database: Database, *subnets: Subnet) -> None:
        self.bus = Bus()
        self.snapshot = Cell(RackSnapshot(subnets=subnets))
        self.bindings = Bindings(database)
        self.dhcp = DhcpService(self.snapshot, self.bindings, self.bus, DhcpSettings(http_port=5248))
        self.watch = Watch(self.snapshot, self.bus, self.dhcp)
        self.dhcp.probes = self.watch
        self.pxe_port = PxePort(self.snapshot, PxePortSettings(http_port=5248))


@asynccontextmanager
async def link_rack(folder: Path, *subnets: Subnet) -> AsyncIterator[LinkRack]:
    """Serving, for as long as the block runs."""
    async with Database(folder / "rack.db", "rack") as database, asyncio.TaskGroup() as group:
        rack = LinkRack(database, *subnets)
        services: tuple[Service, ...] = (rack.dhcp, rack.watch, rack.pxe_port)
        tasks = []
        for service in services:
            ready = asyncio.Event()
            tasks.append(group.create_task(service.run(ready), name=service.name))
            await ready.wait()
        yield rack
        for task in tasks:
            task.cancel()


@asynccontextmanager
async def program(host: str, *command: str | Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """A program in a namespace, ended with the block."""
    process = await asyncio.create_subprocess_exec(
        "ip",
        "netns",
        "exec",
        host,
        *command,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def dnsmasq(folder: Path, interface: str, first: str, last: str) -> tuple[str, ...]:
    """The command of a dnsmasq that gives addresses, and nothing else."""
    return (
        "dnsmasq",
        "--keep-in-foreground",
        "--conf-file=/dev/null",
        "--port=0",
        f"--interface={interface}",
        "--bind-dynamic",
        "--dhcp-authoritative",
        "--no-ping",
        f"--dhcp-range={first},{last},255.255.255.0,10m",
        f"--dhcp-leasefile={folder / interface}.leases",
        "--pid-file=",
        "--user=root",
    )
