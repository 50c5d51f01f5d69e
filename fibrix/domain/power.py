"""Power: what a machine's supply can be asked and can answer."""

from enum import Enum

import msgspec

from fibrix.types import MacAddress, MachineId


class PowerState(Enum):
    """What is known of a machine's power. `unknown` means: do nothing destructive unless forced."""

    ON = "on"
    OFF = "off"
    UNKNOWN = "unknown"


class PowerAction(Enum):
    """What a caller may ask. `on` of a machine that is on does nothing; only `cycle` cycles."""

    ON = "on"
    OFF = "off"
    SOFT_OFF = "soft-off"
    CYCLE = "cycle"


class BootDevice(Enum):
    """Where a machine is told to boot from next time, once."""

    PXE = "pxe"
    DISK = "disk"


class PowerKind(Enum):
    """The kinds of power driver."""

    IPMI = "ipmi"
    WOL = "wol"
    MANUAL = "manual"


class IpmiProtocol(Enum):
    """Which session protocol to use. `auto`: 2.0, and 1.5 where the BMC does not speak 2.0."""

    AUTO = "auto"
    V15 = "1.5"
    V20 = "2.0"


class PowerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a machine is powered, without its secret: what the API shows and the store keeps in the clear."""

    kind: PowerKind = PowerKind.MANUAL
    address: str = ""  # of the BMC; IPv4. For wol: the broadcast address, empty for the interface's own
    port: int = 623  # UDP; of the BMC
    username: str = ""
    protocol: IpmiProtocol = IpmiProtocol.AUTO


class Bmc(msgspec.Struct, frozen=True, kw_only=True):
    """All that a power driver needs to know of one machine. Lives in memory only: it holds the password."""

    machine: MachineId
    settings: PowerSettings
    password: str = ""
    macs: tuple[MacAddress, ...] = ()  # of the machine; wol wakes them
    uefi: bool = False  # the boot device is set for this kind of firmware

    def __repr__(self) -> str:
        """Name the BMC without its password."""
        return f"Bmc({self.machine}, {self.settings.kind.value}, {self.settings.address}:{self.settings.port})"


class PowerReading(msgspec.Struct, frozen=True, kw_only=True):
    """One answer to "is it on?"; `detail` says how it was read, or why it could not be."""

    state: PowerState
    detail: str
