"""The guard between rehearsed requests and the world: what would be asked of a power supply is noted, not asked."""

from collections.abc import Callable

from fibrix.controllers.ports import ManualPower
from fibrix.domain.foreseen import Foreseen
from fibrix.domain.machine import Machine
from fibrix.domain.ports.power import Power
from fibrix.domain.power import BootDevice, PowerAction, PowerKind, PowerReading, PowerState
from fibrix.runtime.scope import rehearsal
from fibrix.services.power.engine import needed
from fibrix.types import MachineId

_AFTER = {
    PowerAction.ON: PowerState.ON,
    PowerAction.OFF: PowerState.OFF,
    PowerAction.SOFT_OFF: PowerState.OFF,
    PowerAction.CYCLE: PowerState.ON,
}

_HOW = {
    PowerKind.IPMI: "its BMC is told: {action}",
    PowerKind.WOL: "a Wake-on-LAN packet is sent",
    PowerKind.MANUAL: "a person is asked to do it: {action}",
}


class RehearsedPower:
    """Fits `domain.ports.power.Power`. In a rehearsal it judges by the power state that was last read and stored."""

    def __init__(self, power: Power, machine: Callable[[MachineId], Machine]) -> None:
        self._power = power
        self._machine = machine

    async def status(self, machine: MachineId) -> PowerReading:
        """Ask the BMC now; in a rehearsal, what was last read. Raises PowerError, NotFoundError."""
        return await self._power.status(machine) if rehearsal() is None else self._stored(self._machine(machine))

    async def act(self, machine: MachineId, action: PowerAction) -> bool:
        """Carry out one action, or note it. Raises PowerError, NotFoundError."""
        played = rehearsal()
        if played is None:
            return await self._power.act(machine, action)
        found = self._machine(machine)
        kind, before = found.power.kind, self._stored(found)
        does = needed(kind, action, before)
        said = _HOW[kind].format(action=action.value) if does else "nothing: it is so already, and is not cycled"
        after = _AFTER[action] if does else before.state
        subject = f"machines/{machine}"
        told = Foreseen(what="power", subject=subject, before=before.state.value, after=after.value, detail=said)
        played.foreseen.append(told)
        return does

    async def set_boot_device(self, machine: MachineId, device: BootDevice) -> None:
        """Choose where the machine boots from next time, or note it. Raises PowerError, NotFoundError."""
        played = rehearsal()
        if played is None:
            await self._power.set_boot_device(machine, device)
            return
        by_bmc = self._machine(machine).power.kind is PowerKind.IPMI
        said = "for the next boot, once" if by_bmc else "nothing: without a BMC nobody can be told"
        told = Foreseen(what="boot_device", subject=f"machines/{machine}", after=device.value, detail=said)
        played.foreseen.append(told)

    @staticmethod
    def _stored(machine: Machine) -> PowerReading:
        return PowerReading(state=machine.power_state, detail=machine.power_detail)


class RehearsedManual:
    """Fits `controllers.ports.ManualPower`: in a rehearsal nobody's word is taken."""

    def __init__(self, manual: ManualPower) -> None:
        self._manual = manual

    def confirm(self, machine: MachineId, state: PowerState) -> None:
        """Take the operator's word for a machine's power."""
        if rehearsal() is None:
            self._manual.confirm(machine, state)
