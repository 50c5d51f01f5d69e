"""What a change of one machine costs until the rack has it, by difference and made whole, at 10,000 machines.

The whole one is what every change cost before: entries of all machines, tokens and passwords of all BMCs.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from ipaddress import IPv4Interface
from pathlib import Path

from msgspec.structs import replace

from benchmarks.report import middle, report, row
from fibrix.bus import Bus
from fibrix.config import Config, InterfaceConfig, SubnetConfig, interface_roles, kept_subnets
from fibrix.controllers.networks import Declared, NetworkBook
from fibrix.controllers.rack import RackSnapshots
from fibrix.domain.machine import Machine
from fibrix.domain.rack import RackSnapshot
from fibrix.domain.state import State
from fibrix.runtime.cell import Cell
from fibrix.store.region import Region, RegionUnit, open_region
from fibrix.types import MachineId, parse_mac

MACHINES = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
ROUNDS = 21


async def fill(region: Region) -> None:
    """Have machines with two MACs and a password each."""
    now = datetime(2026, 1, 1, tzinfo=UTC)

    def work(unit: RegionUnit) -> None:
        for number in range(MACHINES):
            machine = MachineId(f"m{number:09}")
            macs = (parse_mac(f"5254{number:07x}0"), parse_mac(f"5254{number:07x}1"))
            made = Machine(id=machine, name=f"m{number}", macs=macs, since=now, reason="", created_at=now)
            unit.insert(replace(made, state=State.READY, accepted=True))
            unit.seal_password(machine, "hunter2")

    await region.change(work)


async def touched(region: Region, number: int) -> None:
    """Change the name of one machine."""
    machine = MachineId(f"m{number:09}")

    def work(unit: RegionUnit) -> None:
        before = unit.machine(machine)
        unit.update(replace(before, name=f"{before.name}x"))

    await region.change(work)


def timed(step: Callable[[], None]) -> float:
    """Milliseconds that a step takes."""
    began = time.perf_counter()
    step()
    return (time.perf_counter() - began) * 1000


async def main() -> None:
    """Measure both in turn."""
    subnet = SubnetConfig(name="racks", interface="eth1", address=IPv4Interface("10.0.0.1/16"))
    with tempfile.TemporaryDirectory() as folder:
        config = Config(
            state_dir=Path(folder), interfaces=(InterfaceConfig(name="eth1", role="rack"),), subnets=(subnet,)
        )
        async with open_region(Path(folder), Bus()) as region:
            await fill(region)
            book = NetworkBook(region, Declared(subnets=kept_subnets(config), roles=interface_roles(config)))
            key = region.secrets.key

            def made() -> RackSnapshots:
                return RackSnapshots(region, key, Cell(RackSnapshot()), config, book.served, lambda: "abc")

            by_difference = made()
            by_difference.refresh()
            few, whole, nothing = [], [], []
            for number in range(ROUNDS):
                await touched(region, number)
                few.append(timed(by_difference.refresh))
                nothing.append(timed(by_difference.refresh))
                whole.append(timed(made().refresh))
    report(
        "rack_snapshot",
        [
            row(f"one of {MACHINES} machines changed", middle(few), middle(whole), "ms"),
            row("nothing changed", middle(nothing), middle(whole), "ms"),
        ],
    )


if __name__ == "__main__":
    asyncio.run(main())
