"""The rack's desired state: an immutable snapshot that the region hands over whenever it changes."""

from enum import Enum

import msgspec

from fibrix.domain.census.hiding import HiddenNetwork
from fibrix.domain.network import Subnet
from fibrix.domain.power import Bmc
from fibrix.types import MacAddress, MachineId


class BootAction(Enum):
    """What a machine that asks for a network boot is given."""

    EPHEMERAL = "ephemeral"  # kernel and initrd of the ephemeral OS
    DISK = "disk"  # boot from the local disk
    WAIT = "wait"  # stay in iPXE and ask again: not accepted yet, or nothing to do


class BootEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What one known machine boots. The token is a secret: this never reaches a log or an event."""

    machine: MachineId
    action: BootAction
    hostname: str = ""
    agent_url: str = ""  # `http://{address}:5249/agent/v1/`; `{address}` is filled in by the rack per subnet
    token: str = ""  # good for one hello of this boot

    def __repr__(self) -> str:
        """Name the entry without its token."""
        return f"BootEntry({self.machine}, {self.action.value})"


class RackSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """All that the rack-side services serve from."""

    generation: int = 0
    subnets: tuple[Subnet, ...] = ()
    boot: dict[MacAddress, BootEntry] = {}
    bmcs: dict[MachineId, Bmc] = {}
    hidden: tuple[HiddenNetwork, ...] = ()  # nothing is kept or told of the hosts in these
    ephemeral: str = ""  # folder name of the ephemeral OS below the boot files: holds `vmlinuz` and `initrd`
    console: str = ""  # kernel arguments for the consoles, as `console=tty0 console=ttyS0,115200`
