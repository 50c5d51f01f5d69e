import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import pytest

from fibrix.bus import Bus, Subscription
from fibrix.config import PowerConfig
from fibrix.domain.power import (
    Bmc,
    BootDevice,
    IpmiProtocol,
    PowerAction,
    PowerKind,
    PowerReading,
    PowerSettings,
    PowerState,
)
from fibrix.domain.rack import RackSnapshot
from fibrix.drivers.power.ipmi.driver import IpmiDriver
from fibrix.errors import NotFoundError, PowerError
from fibrix.events.rack import PowerRead
from fibrix.runtime.cell import Cell
from fibrix.services.power.service import PowerService
from fibrix.types import MachineId
from tests.support.bmc import LOOPBACK, SimulatedBmc, simulated_bmc, simulated_rack
from tests.support.relay import BadNetwork, relayed
from tests.support.waiting import until

CONFIG = PowerConfig(timeout_s=2, retries=1, poll_interval_s=0.2, dead_interval_s=1.0)
HASTY = PowerConfig(timeout_s=0.15, retries=2, poll_interval_s=0.2, dead_interval_s=1.0)
"""For BMCs from which no answer will come."""


@dataclass
class Rack:
    """A power service that runs, and all around it."""

    service: PowerService
    cell: Cell[RackSnapshot]
    events: Subscription
    seen: list[PowerRead] = field(default_factory=list)

    def set(self, *bmcs: Bmc) -> None:
        """Hand over another snapshot."""
        self.cell.replace(_snapshot(bmcs))

    async def read(self, machine: MachineId, state: PowerState) -> PowerRead:
        """Wait for an event that says that."""
        async with asyncio.timeout(8):
            while True:
                for event in self.seen:
                    if event.machine == machine and event.state is state:
                        return event
                self.seen += [event for event in await self.events.batch() if isinstance(event, PowerRead)]


@asynccontextmanager
async def running(*bmcs: Bmc, config: PowerConfig = CONFIG) -> AsyncIterator[Rack]:
    cell, bus, ipmi = Cell(_snapshot(bmcs)), Bus(), IpmiDriver(config)
    service = PowerService(cell, {PowerKind.IPMI: ipmi}, bus, config)
    with bus.subscribe(PowerRead) as events:
        async with asyncio.TaskGroup() as group:
            tasks = []
            for part in (ipmi, service):
                ready = asyncio.Event()
                tasks.append(group.create_task(part.run(ready), name=part.name))
                await ready.wait()
            try:
                yield Rack(service, cell, events)
            finally:
                for task in tasks:
                    task.cancel()


def _snapshot(bmcs: Sequence[Bmc]) -> RackSnapshot:
    return RackSnapshot(bmcs={bmc.machine: bmc for bmc in bmcs})


M1, M2 = MachineId("m000000001"), MachineId("m000000002")


async def test_a_machine_s_state_is_read_again_and_again_and_published(tmp_path: Path) -> None:
    async with simulated_bmc(tmp_path) as sim, running(sim.bmc()) as rack:
        event = await rack.read(M1, PowerState.OFF)
        assert event.detail == "off, by IPMI 2.0 suite 3"
        sim.power = True
        await rack.read(M1, PowerState.ON)


async def test_a_state_that_cannot_be_read_is_published_as_unknown_with_the_reason(tmp_path: Path) -> None:
    async with simulated_bmc(tmp_path) as sim, running(sim.bmc(password="guess")) as rack:
        event = await rack.read(M1, PowerState.UNKNOWN)
        assert event.detail == "BMC: RAKP 2: the password is wrong"
        rack.set(sim.bmc())  # corrected: asked at once, whatever the back-off
        await rack.read(M1, PowerState.OFF)


async def test_a_bmc_that_comes_back_is_read_again(tmp_path: Path) -> None:
    async with simulated_bmc(tmp_path) as sim, running(sim.bmc()) as rack:
        await rack.read(M1, PowerState.OFF)
        await sim.stop()
        await rack.read(M1, PowerState.UNKNOWN)
        rack.seen.clear()
        await sim.start()
        await rack.read(M1, PowerState.OFF)


async def test_an_answer_of_a_bmc_that_the_machine_has_no_more_is_not_published(tmp_path: Path) -> None:
    async with simulated_rack(tmp_path, 2) as (old, new):
        new.power = True
        async with relayed(old.port, BadNetwork(delay_s=0.1)) as port, running(old.bmc(port=port)) as rack:
            await asyncio.sleep(0.05)  # the old one is being asked
            rack.set(new.bmc())
            await rack.read(M1, PowerState.ON)
            await asyncio.sleep(0.6)
            await rack.read(M1, PowerState.ON)
            assert {event.state for event in rack.seen} == {PowerState.ON}


async def test_power_on_of_a_machine_that_is_on_sends_nothing(tmp_path: Path) -> None:
    async with simulated_bmc(tmp_path, on=True) as sim, running(sim.bmc()) as rack:
        assert await rack.service.act(M1, PowerAction.ON) is False
        assert sim.orders == []
        assert await rack.service.act(M1, PowerAction.OFF) is True
        assert await rack.service.act(M1, PowerAction.OFF) is False
        assert await rack.service.act(M1, PowerAction.ON) is True
        assert sim.orders == ["power 0", "power 1"]


async def test_a_machine_that_is_off_is_not_cycled_and_one_that_is_on_is(tmp_path: Path) -> None:
    async with simulated_bmc(tmp_path) as sim, running(sim.bmc()) as rack:
        with pytest.raises(PowerError, match="the machine is off: power it on instead"):
            await rack.service.act(M1, PowerAction.CYCLE)
        assert sim.orders == []
        sim.power = True
        assert await rack.service.act(M1, PowerAction.CYCLE) is True
        assert sim.orders[0] == "power 0"


async def test_nothing_is_sent_to_a_machine_whose_state_cannot_be_read(tmp_path: Path) -> None:
    async with simulated_bmc(tmp_path) as sim:
        network = BadNetwork(garble=lambda datagram: datagram[:-1] + b"?")
        async with relayed(sim.port, network) as port, running(sim.bmc(port=port), config=HASTY) as rack:
            with pytest.raises(PowerError, match="garbage"):
                await rack.service.act(M1, PowerAction.ON)
        assert sim.orders == []


async def test_the_effect_of_an_action_is_seen_long_before_the_next_poll_would_be(tmp_path: Path) -> None:
    slow = PowerConfig(poll_interval_s=3600)
    async with simulated_bmc(tmp_path) as sim, running(sim.bmc(), config=slow) as rack:
        await rack.service.act(M1, PowerAction.ON)
        async with asyncio.timeout(8):
            await rack.read(M1, PowerState.ON)


async def test_boot_device_and_status_are_asked_of_the_bmc(tmp_path: Path) -> None:
    async with simulated_bmc(tmp_path) as sim, running(sim.bmc()) as rack:
        assert (await rack.service.status(M1)).state is PowerState.OFF
        await rack.service.set_boot_device(M1, BootDevice.PXE)
        assert sim.orders == ["boot pxe"]


async def test_a_machine_without_power_settings_is_told_of(tmp_path: Path) -> None:
    manual = Bmc(machine=M2, settings=PowerSettings(kind=PowerKind.MANUAL))
    async with running(manual) as rack:
        with pytest.raises(NotFoundError, match="m000000001 has no power settings"):
            await rack.service.act(M1, PowerAction.ON)
        with pytest.raises(PowerError, match="no driver for power by manual"):
            await rack.service.status(M2)


async def test_who_leaves_the_snapshot_is_asked_no_more_and_who_comes_is(tmp_path: Path) -> None:
    async with simulated_rack(tmp_path, 2) as (one, two), running(one.bmc()) as rack:
        await rack.read(M1, PowerState.OFF)
        rack.set(two.bmc(machine=M2))
        await rack.read(M2, PowerState.OFF)
        rack.seen.clear()
        one.power = two.power = True
        await rack.read(M2, PowerState.ON)
        assert not any(event.machine == M1 for event in rack.seen)


async def test_commands_to_one_machine_go_one_after_the_other(tmp_path: Path) -> None:
    async with simulated_bmc(tmp_path) as sim, running(sim.bmc()) as rack:
        async with asyncio.TaskGroup() as group:
            acts = [group.create_task(rack.service.act(M1, PowerAction.ON)) for _ in range(5)]
        assert sorted(act.result() for act in acts) == [False] * 4 + [True]
        assert sim.orders == ["power 1"]


async def test_a_poll_makes_way_for_the_commands_that_are_at_a_machine() -> None:
    class Slow:
        """A driver that notes what it is asked, and takes its time to act."""

        asked: ClassVar[list[str]] = []

        async def status(self, bmc: Bmc) -> PowerReading:
            self.asked.append("status")
            return PowerReading(state=PowerState.OFF, detail="off")

        async def act(self, bmc: Bmc, action: PowerAction) -> None:
            self.asked.append(action.value)
            await asyncio.sleep(0.5)  # two polls would be due meanwhile

        async def set_boot_device(self, bmc: Bmc, device: BootDevice) -> None:
            self.asked.append(device.value)

    service = PowerService(
        Cell(_snapshot([Bmc(machine=M1, settings=PowerSettings())])), {PowerKind.MANUAL: Slow()}, Bus(), CONFIG
    )
    async with asyncio.TaskGroup() as group:
        task = group.create_task(service.run(asyncio.Event()))
        await asyncio.sleep(0.05)
        Slow.asked.clear()
        async with asyncio.TaskGroup() as commands:
            commands.create_task(service.act(M1, PowerAction.ON))
            await asyncio.sleep(0)
            commands.create_task(service.set_boot_device(M1, BootDevice.PXE))
        assert Slow.asked[:3] == ["status", "on", "pxe"]
        await until(lambda: "status" in Slow.asked[3:])
        task.cancel()


async def test_a_dead_bmc_delays_no_other(tmp_path: Path) -> None:
    """100 BMCs and one address where nothing ever answers: the 100 are read while the dead one is still waited for."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as dead:
        dead.bind((LOOPBACK, 0))
        silent = SimulatedBmc(tmp_path, dead.getsockname()[1]).bmc(machine="dead")
        async with simulated_rack(tmp_path, 100, on=True) as sims:
            bmcs = [sim.bmc(machine=f"m{i}", protocol=IpmiProtocol.V15) for i, sim in enumerate(sims)]
            patient = PowerConfig(timeout_s=2, retries=2, poll_interval_s=60)
            async with running(silent, *bmcs, config=patient) as rack:
                for bmc in bmcs:
                    await rack.read(bmc.machine, PowerState.ON)
                assert not any(event.machine == silent.machine for event in rack.seen)


async def test_a_service_that_failed_polls_again_when_it_is_started_again() -> None:
    class Failing:
        """A driver with a bug, the first time."""

        calls = 0

        async def status(self, bmc: Bmc) -> PowerReading:
            self.calls += 1
            if self.calls == 1:
                raise ZeroDivisionError
            return PowerReading(state=PowerState.ON, detail="on")

        async def act(self, bmc: Bmc, action: PowerAction) -> None:
            raise AssertionError

        async def set_boot_device(self, bmc: Bmc, device: BootDevice) -> None:
            raise AssertionError

    bus, cell = Bus(), Cell(_snapshot([Bmc(machine=M1, settings=PowerSettings())]))
    service = PowerService(cell, {PowerKind.MANUAL: Failing()}, bus, CONFIG)
    with pytest.raises(ExceptionGroup), bus.subscribe(PowerRead) as events:
        async with asyncio.timeout(5):
            await service.run(asyncio.Event())
    with bus.subscribe(PowerRead) as events:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(service.run(asyncio.Event()))
            async with asyncio.timeout(5):
                assert await events.batch()
            task.cancel()
