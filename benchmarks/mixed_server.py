"""The rack's services in one process, for benchmarks/mixed.py: `python -m benchmarks.mixed_server FOLDER`.

DHCP, its bindings on the disk, HTTP boot, TFTP, and DNS with 10,000 names, on `s0` of the namespace that it is started
in, until standard input ends. To each line there the answer is the lateness of the event loop since the one before.
"""

import asyncio
import json
import sys
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final

from benchmarks.dhcp_server import SERVER, SUBNET, SWITCH_S
from benchmarks.dns import NO_LIMIT, entries
from benchmarks.http import lateness
from fibrix import log
from fibrix.bus import Bus
from fibrix.domain.dns import DnsSnapshot
from fibrix.domain.rack import RackSnapshot
from fibrix.events.rack import DiscoverSeen, LeaseGranted, TransferEnded
from fibrix.runtime.cell import Cell
from fibrix.runtime.files import BootFiles
from fibrix.runtime.service import Service
from fibrix.services.dhcp.service import DhcpService, DhcpSettings
from fibrix.services.dns.service import DnsService
from fibrix.services.dns.settings import DnsSettings
from fibrix.services.httpboot.download import DownloadLimits
from fibrix.services.httpboot.service import HttpBootService, HttpBootSettings
from fibrix.services.tftp.service import TftpService, TftpSettings
from fibrix.store.bindings import Bindings
from fibrix.store.db import Database
from tests.services.dns.site import zone

HTTP_PORT: Final = 5248


def services(files: BootFiles, bindings: Bindings, bus: Bus) -> list[Service]:
    """All of them, on one subnet."""
    rack = Cell(RackSnapshot(subnets=(SUBNET,)))
    names = DnsSnapshot(zones={"rack.example": zone("rack.example", entries())}, listen=(IPv4Address(SERVER),))
    http = HttpBootSettings(port=HTTP_PORT, limits=DownloadLimits(downloads_per_client=100))
    return [
        DhcpService(rack, bindings, bus, DhcpSettings(http_port=HTTP_PORT)),
        HttpBootService(rack, files, files, bus, http),
        TftpService(rack, files, bus, TftpSettings()),
        DnsService(Cell(names), DnsSettings(rate=NO_LIMIT, local_rate=NO_LIMIT)),
    ]


async def listen(bus: Bus) -> None:
    """Take events as a controller does."""
    with bus.subscribe(DiscoverSeen, LeaseGranted, TransferEnded, name="boot") as facts:
        while True:
            await facts.batch()


async def main(folder: Path) -> None:
    """Serve until nobody asks any more."""
    bus, late_s = Bus(), list[float]()
    async with Database(folder / "rack.db", "rack") as database, asyncio.TaskGroup() as group:
        tasks = [group.create_task(listen(bus), name="listener"), group.create_task(lateness(late_s), name="late")]
        for service in services(BootFiles([folder / "images"]), Bindings(database), bus):
            ready = asyncio.Event()
            tasks.append(group.create_task(service.run(ready), name=service.name))
            await ready.wait()
        while await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps(late_s), flush=True)
            late_s.clear()
        for task in tasks:
            task.cancel()


if __name__ == "__main__":
    log.setup("error", "json")
    sys.setswitchinterval(SWITCH_S)
    asyncio.run(main(Path(sys.argv[1])))
