"""Power as a person asks for it. While a machine is on its way to another state its power is the controller's."""

from collections.abc import Callable
from datetime import datetime

from msgspec.structs import replace

from fibrix.controllers.lifecycle import Lifecycle
from fibrix.controllers.ports import ManualPower
from fibrix.domain.machine import Machine
from fibrix.domain.ports.power import Power
from fibrix.domain.power import BootDevice, PowerAction, PowerKind, PowerReading, PowerState
from fibrix.domain.state import PASSING
from fibrix.errors import ConflictError
from fibrix.events.machine import MachineEvent, PowerActed, PowerChanged


class Powering:
    """Passes a person's wish on to the rack, where the machine's state allows it."""

    def __init__(self, power: Power, manual: ManualPower, lifecycle: Lifecycle, now: Callable[[], datetime]) -> None:
        self._power = power
        self._manual = manual
        self._lifecycle = lifecycle
        self._now = now

    async def power(self, machine: Machine, action: PowerAction) -> bool:
        """Power it; False: nothing was to do. Raises ConflictError, PowerError."""
        self._not_at_work(machine)
        if not await self._power.act(machine.id, action):
            return False
        said = PowerActed(
            at=self._now(), machine=machine.id, name=machine.name, action=action.value, why="somebody asked for it"
        )
        await self._lifecycle.change(machine.id, lambda m: (replace(m), [said]))
        return True

    async def status(self, machine: Machine) -> PowerReading:
        """Ask its BMC now. Raises PowerError."""
        return await self._power.status(machine.id)

    async def boot_device(self, machine: Machine, device: BootDevice) -> None:
        """Choose where it boots from next time. Raises ConflictError, PowerError."""
        self._not_at_work(machine)
        await self._power.set_boot_device(machine.id, device)

    async def confirm(self, machine: Machine, state: PowerState) -> Machine:
        """Take the operator's word. Raises ConflictError where power is not manual."""
        if machine.power.kind is not PowerKind.MANUAL:
            raise ConflictError(f"the power of {machine.name} is read by {machine.power.kind.value}, not confirmed")
        self._manual.confirm(machine.id, state)
        return await self._lifecycle.change(machine.id, lambda m: self._confirmed(m, state))

    def _confirmed(self, machine: Machine, state: PowerState) -> tuple[Machine, list[MachineEvent]]:
        now = self._now()
        after = replace(machine, power_state=state, power_detail="as an operator confirmed", power_at=now)
        said = PowerChanged(
            at=now,
            machine=machine.id,
            name=machine.name,
            before=machine.power_state,
            after=state,
            detail=after.power_detail,
        )
        return after, [said] if machine.power_state is not state else []

    @staticmethod
    def _not_at_work(machine: Machine) -> None:
        if machine.state in PASSING:
            raise ConflictError(
                f"{machine.name} is {machine.state.value}, which needs its power: wait, or abort that first"
            )
