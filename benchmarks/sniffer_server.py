"""Our sniffer in a process of its own, for the benchmark: `python -m benchmarks.sniffer_server FOLDER`.

It hears on `s0` of the namespace that it is started in, with its hosts in the folder, until standard input ends. To
each line there the answer is what it has counted so far.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final

from benchmarks.dhcp_server import SUBNET, SWITCH_S
from fibrix import log
from fibrix.bus import Bus
from fibrix.domain.census.host import Host, HostAddress
from fibrix.domain.rack import RackSnapshot
from fibrix.events.rack import HostTold
from fibrix.runtime import collector
from fibrix.runtime.cell import Cell
from fibrix.runtime.clock import utc_now
from fibrix.runtime.vendor import vendor
from fibrix.services.sniffer.service import Sniffer, SnifferSettings
from fibrix.store.db import Database
from fibrix.store.hosts import Hosts
from fibrix.types import mac_from_octets

MOST: Final = 65_536
_FIRST: Final = int(IPv4Address("10.1.0.0"))
_SILENT: Final = timedelta(minutes=5)


def mac_of(number: int) -> bytes:
    """The MAC of a host of the load."""
    return b"\x00\x16\x3e" + number.to_bytes(3)


def address_of(number: int) -> IPv4Address:
    """And its address."""
    return IPv4Address(_FIRST + number)


def fill(folder: Path, hosts: int) -> None:
    """Leave so many hosts in a folder, as a sniffer that ran before did."""

    def made() -> Iterator[Host]:
        heard = utc_now() - _SILENT
        for number in range(hosts):
            used = HostAddress(address=str(address_of(number)), first=heard, last=heard)
            mac = mac_from_octets(mac_of(number))
            yield Host(mac=mac, interface="s0", first=heard, last=heard, addresses=(used,), means=("arp",))

    async def write() -> None:
        async with Database(folder / "rack.db", "rack") as database:
            await Hosts(database).commit(list(made()), most=MOST, since=utc_now() - timedelta(days=1))

    asyncio.run(write())


def memory_mb() -> float:
    """What this process has in memory, the ring included."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def counted(sniffer: Sniffer) -> str:
    """All that the benchmark asks for."""
    return json.dumps(
        {
            "frames": sniffer.frames["s0"],
            "dropped": sniffer.dropped["s0"],
            "known": sniffer.known,
            "memory_mb": memory_mb(),
            **sniffer.losses,
        }
    )


async def _listen(bus: Bus) -> None:
    """Take events as a controller does."""
    with bus.subscribe(HostTold, name="discoveries") as facts:
        while True:
            await facts.batch()


async def main(folder: Path) -> None:
    """Hear until nobody asks any more."""
    bus, ready = Bus(), asyncio.Event()
    async with Database(folder / "rack.db", "rack") as database, asyncio.TaskGroup() as group:
        snapshot = Cell(RackSnapshot(subnets=(SUBNET,)))
        sniffer = Sniffer(snapshot, Hosts(database), bus, SnifferSettings(most_hosts=MOST), vendor)
        tasks = [
            group.create_task(_listen(bus), name="listener"),
            group.create_task(sniffer.run(ready), name="sniffer"),
        ]
        began = time.perf_counter()
        await ready.wait()
        collector.spare()
        print(json.dumps({"start_s": time.perf_counter() - began}), flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            print(counted(sniffer), flush=True)
        for task in tasks:
            task.cancel()


if __name__ == "__main__":
    log.setup("error", "json")
    sys.setswitchinterval(SWITCH_S)
    collector.calm()
    asyncio.run(main(Path(sys.argv[1])))
