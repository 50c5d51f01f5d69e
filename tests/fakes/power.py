"""A rack of power supplies in memory: what was asked of them is remembered, what they answer is set by the test."""

import asyncio
from collections import defaultdict

from fibrix.domain.power import BootDevice, PowerAction, PowerReading, PowerState
from fibrix.errors import PowerError
from fibrix.types import MachineId


class FakePower:
    """Fits `domain.ports.power.Power`. A machine's power is off until it is switched on."""

    def __init__(self) -> None:
        self.states: dict[MachineId, PowerState] = defaultdict(lambda: PowerState.OFF)
        self.acted: list[str] = []  # all actions that changed something, in order
        self.devices: list[BootDevice] = []
        self.broken = ""  # why no BMC answers; empty: they do
        self.answer_lost: BaseException | None = None  # what comes instead of an answer, once it has acted
        self.late_s = 0.0  # how long after it has acted a BMC says so

    async def status(self, machine: MachineId) -> PowerReading:
        self._check()
        return PowerReading(state=self.states[machine], detail=self.states[machine].value)

    async def act(self, machine: MachineId, action: PowerAction) -> bool:
        self._check()
        wanted = PowerState.ON if action in (PowerAction.ON, PowerAction.CYCLE) else PowerState.OFF
        if self.states[machine] is wanted and action is not PowerAction.CYCLE:
            return False
        self.states[machine] = wanted
        self.acted.append(action.value)
        await asyncio.sleep(self.late_s)
        if self.answer_lost is not None:
            raise self.answer_lost
        return True

    async def set_boot_device(self, machine: MachineId, device: BootDevice) -> None:
        self._check()
        self.devices.append(device)

    def _check(self) -> None:
        if self.broken:
            raise PowerError(self.broken)
