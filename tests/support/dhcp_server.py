"""Serves DHCP in a process of its own, to be killed: `python -m tests.support.dhcp_server FOLDER`."""

import asyncio
import sys
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from fibrix import log
from fibrix.bus import Bus
from fibrix.domain.network import AddressRange, Subnet, SubnetMode
from fibrix.domain.rack import RackSnapshot
from fibrix.runtime.cell import Cell
from fibrix.services.dhcp.service import DhcpService, DhcpSettings
from fibrix.store.bindings import Bindings
from fibrix.store.db import Database

SERVER = IPv4Address("10.77.0.1")
NETWORK = IPv4Network("10.77.0.0/16")
SUBNET = Subnet(
    name="rack",
    interface="s0",
    network=NETWORK,
    address=SERVER,
    mode=SubnetMode.SERVE,
    ranges=(AddressRange(first=IPv4Address("10.77.16.0"), last=IPv4Address("10.77.31.255")),),
)


async def main(folder: Path) -> None:
    """Serve until killed; the first line on standard output says that it serves."""
    async with Database(folder / "rack.db", "rack") as database:
        ready = asyncio.Event()
        snapshot = Cell(RackSnapshot(subnets=(SUBNET,)))
        service = DhcpService(snapshot, Bindings(database), Bus(), DhcpSettings(http_port=5248))
        async with asyncio.TaskGroup() as group:
            group.create_task(service.run(ready), name="dhcp")
            await ready.wait()
            sys.stdout.write("serves\n")
            sys.stdout.flush()


if __name__ == "__main__":
    log.setup("warning", "json")
    asyncio.run(main(Path(sys.argv[1])))
