"""The auto-commissioner: machines that wait and machines that come, those of the right maker only, each once."""

import asyncio
from pathlib import Path

from fibrix.domain.state import State
from fibrix.events.machine import MachineDiscovered
from fibrix.types import MachineId
from tests.examples.process import running
from tests.support.site import Site, key_of, served


async def test_machines_of_the_maker_are_commissioned_and_others_are_left_alone(tmp_path: Path) -> None:
    async with served(tmp_path) as site:
        waiting = await turns_up(site, "waits", "Dell Inc.")
        async with running("auto_commissioner.py", site.url, "dell", key=key_of("operator")):
            await until(site, waiting, State.COMMISSIONING)
            coming = await turns_up(site, "comes", "Dell Inc.")
            other = await turns_up(site, "other", "Supermicro")
            await until(site, coming, State.COMMISSIONING)
        assert site.rig.region.machine(other).state is State.NEW
        async with running("auto_commissioner.py", site.url, "dell", key=key_of("operator")):
            await asyncio.sleep(1)
        begun = [entry.type for entry in await site.rig.region.journal.since(0)].count("machine.commissioning")
        assert begun == 2


async def turns_up(site: Site, name: str, maker: str) -> MachineId:
    """A machine that nobody knew asks for a network boot."""
    machine = await site.put(name, State.NEW, accepted=False)
    await site.say(
        MachineDiscovered(
            at=site.rig.clock(),
            machine=machine.id,
            name=name,
            mac=machine.macs[0],
            address="192.168.1.100",
            manufacturer=maker,
            product="PowerEdge 860",
        )
    )
    return machine.id


async def until(site: Site, machine: MachineId, state: State) -> None:
    """Wait for a machine's state."""
    async with asyncio.timeout(6):
        while True:
            if site.rig.region.machine(machine).state is state:
                return
            await asyncio.sleep(0.05)
