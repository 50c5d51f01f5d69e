"""Our DHCP service in a small process of its own, for the benchmark: `python -m benchmarks.dhcp_server FOLDER`.

It serves 10.0.0.0/8 on `s0` of the namespace that it is started in, with its bindings in the folder, until SIGTERM. The
first line on standard output says that it serves.
"""

import asyncio
import random
import signal
import sys
import time
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Final

from fibrix import log
from fibrix.bus import Bus
from fibrix.domain.binding import SECOND_US, Binding, BindingState
from fibrix.domain.network import AddressRange, Subnet, SubnetMode
from fibrix.domain.rack import RackSnapshot
from fibrix.events.rack import DiscoverSeen, LeaseGranted
from fibrix.runtime import collector
from fibrix.runtime.cell import Cell
from fibrix.services.dhcp.service import DhcpService, DhcpSettings
from fibrix.services.dhcp.watch import Watch
from fibrix.store.bindings import Bindings
from fibrix.store.db import Database
from fibrix.types import mac_from_octets

SWITCH_S: Final = 0.0005  # as the controller has it; its module imports all of it
SERVER: Final = IPv4Address("10.0.0.1")
RELAY: Final = IPv4Address("10.0.0.2")
FIRST: Final = IPv4Address("10.1.0.0")
LAST: Final = IPv4Address("10.16.255.255")
SUBNET: Final = Subnet(
    name="bench",
    interface="s0",
    network=IPv4Network("10.0.0.0/8"),
    address=SERVER,
    mode=SubnetMode.SERVE,
    ranges=(AddressRange(first=FIRST, last=LAST),),
    routers=(RELAY,),
    dns_servers=(SERVER,),
    domain_name="bench.example",
    lease_s=3600,
)


def fill(folder: Path, leases: int) -> None:
    """Leave so many leases in a folder, as a server that ran before did."""
    now_us = time.time_ns() // 1000

    async def write() -> None:
        async with Database(folder / "rack.db", "rack") as database:
            numbers = random.sample(range(int(FIRST), int(LAST)), leases)
            bindings = [
                Binding(
                    number=number,
                    subnet=SUBNET.name,
                    mac=mac_from_octets(b"\x06\0" + count.to_bytes(4)),
                    state=BindingState.BOUND,
                    since_us=now_us,
                    until_us=now_us + SUBNET.lease_s * SECOND_US,
                )
                for count, number in enumerate(numbers)
            ]
            await Bindings(database).commit(bindings)

    asyncio.run(write())


async def _listen(bus: Bus) -> None:
    """Take events as a controller does."""
    with bus.subscribe(DiscoverSeen, LeaseGranted, name="boot") as facts:
        while True:
            await facts.batch()


async def main(folder: Path) -> None:
    """Serve until told to end."""
    stop, ready, watching, bus = asyncio.Event(), asyncio.Event(), asyncio.Event(), Bus()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with Database(folder / "rack.db", "rack") as database, asyncio.TaskGroup() as group:
        cell = Cell(RackSnapshot(subnets=(SUBNET,)))
        service = DhcpService(cell, Bindings(database), bus, DhcpSettings(http_port=5248))
        watch = Watch(cell, bus, service)
        service.probes = watch
        tasks = [
            group.create_task(_listen(bus), name="listener"),
            group.create_task(service.run(ready), name="dhcp"),
            group.create_task(watch.run(watching), name="dhcp_watch"),
        ]
        await ready.wait()
        await watching.wait()
        collector.spare()
        sys.stdout.write("serves\n")
        sys.stdout.flush()
        await stop.wait()
        for task in tasks:
            task.cancel()


if __name__ == "__main__":
    log.setup("info", "json")
    sys.setswitchinterval(SWITCH_S)
    collector.calm()
    asyncio.run(main(Path(sys.argv[1])))
