"""What was done to a machine's power is told once, whether the answer came, was lost, or found nobody to hear it."""

import asyncio
import json
from pathlib import Path

import pytest

from fibrix.domain.machine import Stage
from fibrix.domain.power import BootDevice, PowerReading, PowerState
from fibrix.domain.state import State
from fibrix.domain.trigger import Trigger
from fibrix.errors import PowerError
from fibrix.types import MachineId
from tests.controllers.rig import Clock, Rig, rig
from tests.controllers.test_main_way import spec_of_one
from tests.fakes.power import FakePower


async def acted(r: Rig) -> list[tuple[str, str]]:
    """What the events say was done to power, and why."""
    told = [json.loads(entry.data) for entry in await r.region.journal.since(0) if entry.type == "machine.power_acted"]
    return [(data["action"], data["why"]) for data in told]


async def asked_for(r: Rig) -> MachineId:
    """A machine that is off, and is to be commissioned."""
    machine = (await r.machines.add(spec_of_one())).id
    await r.machines.request(machine, Trigger.COMMISSION)
    return machine


FOUND = [("on", "to boot the ephemeral system; found done, no answer was heard")]


async def test_what_was_done_by_a_controller_that_then_was_killed_is_told_by_the_next(tmp_path: Path) -> None:
    clock, power = Clock(), FakePower()
    async with rig(tmp_path, clock, power) as r:
        machine = await asked_for(r)
        power.answer_lost = asyncio.CancelledError()
        with pytest.raises(asyncio.CancelledError):
            await r.tick(machine, 4)
        assert (power.acted, await acted(r)) == (["on"], [])
    power.answer_lost = None
    async with rig(tmp_path, clock, power) as r:
        await r.tick(machine, 2)
        assert (power.acted, await acted(r)) == (["on"], FOUND)
        boot = r.region.machine(machine).boot
        assert boot is not None
        assert boot.stage is Stage.POWERED_ON


async def test_it_is_told_even_if_the_machine_shows_itself_on_the_wire_before_its_power_is_read(tmp_path: Path) -> None:
    clock, power = Clock(), FakePower()
    async with rig(tmp_path, clock, power) as r:
        machine = await asked_for(r)
        power.answer_lost = asyncio.CancelledError()
        with pytest.raises(asyncio.CancelledError):
            await r.tick(machine, 4)
    power.answer_lost = None
    async with rig(tmp_path, clock, power) as r:
        await r.boot_from_network()
        await r.tick(machine, 2)
        assert (power.acted, await acted(r)) == (["on"], FOUND)


async def test_an_action_whose_answer_is_lost_is_told_and_not_asked_for_again(tmp_path: Path) -> None:
    clock, power = Clock(), FakePower()
    async with rig(tmp_path, clock, power) as r:
        machine = await asked_for(r)
        power.answer_lost = PowerError("192.168.1.201 does not answer")
        await r.tick(machine, 3)
        power.answer_lost = None
        await r.tick(machine, 4)
        assert (power.acted, await acted(r)) == (["on"], FOUND)


class Hasty(FakePower):
    """Somebody presses the button of a machine while it is told where to boot from."""

    async def set_boot_device(self, machine: MachineId, device: BootDevice) -> None:
        self.states[machine] = PowerState.ON


async def test_what_somebody_else_did_in_the_meantime_is_not_told_as_ours(tmp_path: Path) -> None:
    power = Hasty()
    async with rig(tmp_path, Clock(), power) as r:
        machine = await asked_for(r)
        await r.tick(machine, 4)
        assert (power.acted, await acted(r)) == ([], [])
        boot = r.region.machine(machine).boot
        assert boot is not None
        assert boot.stage is Stage.POWERED_ON


class Awkward(FakePower):
    """While its power is read, just before it is switched on, a person aborts it all."""

    r: Rig

    async def status(self, machine: MachineId) -> PowerReading:
        read = await super().status(machine)
        boot = self.r.region.machine(machine).boot
        if boot is not None and boot.stage is Stage.OFF and not boot.wind_down:
            await self.r.machines.request(machine, Trigger.ABORT)
        return read


async def test_a_machine_that_is_aborted_while_its_power_is_read_is_not_switched_on(tmp_path: Path) -> None:
    power = Awkward()
    async with rig(tmp_path, Clock(), power) as r:
        power.r = r
        machine = await asked_for(r)
        await r.tick(machine, 4)
        assert (power.acted, await acted(r)) == ([], [])
        assert r.region.machine(machine).state is State.NEW
