"""Commands of the Chassis network function: power and boot device (§28)."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Self

from fibrix.errors import MalformedPacketError
from fibrix.wire.ipmi.message import Command, NetFn, Privilege, Request

GET_STATUS: Final = Command(NetFn.CHASSIS, 0x01, "Get Chassis Status")
CONTROL: Final = Command(NetFn.CHASSIS, 0x02, "Chassis Control")
SET_BOOT_OPTIONS: Final = Command(
    NetFn.CHASSIS,
    0x08,
    "Set System Boot Options",
    {
        0x80: "the BMC does not have this boot parameter",
        0x81: "someone else is setting the boot options just now",
        0x82: "this boot parameter can only be read",
    },
)

_FAULTS: Final = ((0x02, "power overload"), (0x04, "power interlock"), (0x08, "power fault"), (0x10, "control fault"))


class Control(IntEnum):
    """What Chassis Control can be told (§28.3)."""

    OFF = 0
    ON = 1
    CYCLE = 2  # an error by specification when the machine is off
    RESET = 3
    SOFT_OFF = 5  # by ACPI: the operating system shuts down, if it listens


class BootSelector(IntEnum):
    """Boot device selectors of the boot flags (§28.13, table 28-14, parameter 5)."""

    PXE = 1
    DISK = 2


@dataclass(frozen=True, slots=True)
class ChassisStatus:
    """What the power supply does (§28.2)."""

    on: bool
    faults: tuple[str, ...] = ()

    @staticmethod
    def request() -> Request:
        """Ask."""
        return Request(GET_STATUS)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read the power state octet: bit 0 on, 1 overload, 2 interlock, 3 fault, 4 control fault.

        Last power event and chassis state follow and are not used. Raises MalformedPacketError.
        """
        if len(data) < 3:
            raise MalformedPacketError(f"{GET_STATUS.name}: {len(data)} octets are too few")
        return cls(bool(data[0] & 0x01), tuple(words for bit, words in _FAULTS if data[0] & bit))


def control(what: Control) -> Request:
    """Change the power (§28.3)."""
    return Request(CONTROL, bytes((what,)), Privilege.OPERATOR)


def keep_boot_flags() -> Request:
    """Keep the boot flags valid when no power command follows within 60 s (§28.13, parameter 3, bit 3)."""
    return _set_parameter(3, 0x08)


def announce_boot_flags() -> Request:
    """Tell the firmware that there is something for it to read (parameter 4: mask and value of its bit)."""
    return _set_parameter(4, 0x01, 0x01)


def boot_flags(device: BootSelector, *, uefi: bool) -> Request:
    """Boot from a device, once: valid, not persistent, for UEFI or BIOS (parameter 5, 5 octets)."""
    return _set_parameter(5, 0x80 | (0x20 if uefi else 0), device << 2, 0, 0, 0)


def _set_parameter(number: int, *octets: int) -> Request:
    return Request(SET_BOOT_OPTIONS, bytes((number, *octets)), Privilege.OPERATOR)
