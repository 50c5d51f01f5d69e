"""Power: the port of a driver, and the port of the rack's power service."""

from typing import Protocol

from fibrix.domain.power import Bmc, BootDevice, PowerAction, PowerReading
from fibrix.types import MachineId


class PowerDriver(Protocol):
    """One kind of power supply. One object serves all machines of the kind.

    Every call raises PowerError, in words that an operator can act on, within the driver's own time limit.
    """

    async def status(self, bmc: Bmc) -> PowerReading:
        """Read the state. `unknown` with a reason where the kind cannot tell; PowerError where the BMC fails."""
        ...

    async def act(self, bmc: Bmc, action: PowerAction) -> None:
        """Ask for a change and return when it was accepted, not when it is done."""
        ...

    async def set_boot_device(self, bmc: Bmc, device: BootDevice) -> None:
        """Choose where the machine boots from next time, once. Kinds that cannot do nothing."""
        ...


class Power(Protocol):
    """The rack's power service as its region sees it. One command at a time per BMC."""

    async def status(self, machine: MachineId) -> PowerReading:
        """Ask the BMC now. Raises PowerError, NotFoundError."""
        ...

    async def act(self, machine: MachineId, action: PowerAction) -> bool:
        """Carry out one action; False when nothing was to do (`on` of a machine that is on). Raises PowerError."""
        ...

    async def set_boot_device(self, machine: MachineId, device: BootDevice) -> None:
        """Choose where the machine boots from next time, once. Raises PowerError, NotFoundError."""
        ...
