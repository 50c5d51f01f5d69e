"""A discovery: a host that was heard on the wire, with what people say of it, and what it is to the region."""

from enum import Enum

import msgspec

from fibrix.domain.census.architectures import ARCHITECTURES, BIOS, UEFI
from fibrix.domain.census.host import Host
from fibrix.types import MacAddress, MachineId


class Standing(Enum):
    """What a host is to the region. Only a stranger is unknown."""

    STRANGER = "stranger"
    WAITING = "waiting"  # a machine that asked for a network boot, and waits to be accepted
    MACHINE = "machine"
    BMC = "bmc"  # of a machine: its power settings name one of the host's addresses
    CONTROLLER = "controller"  # Fibrix itself


class Marks(msgspec.Struct, frozen=True, kw_only=True):
    """What people say of a host. It stays when the host is long silent."""

    id: MacAddress
    name: str = ""
    note: str = ""
    hidden: bool = False  # lists leave it out
    ignored: bool = False  # so they do, and no events about it are journaled

    @property
    def said(self) -> bool:
        """Whether they say anything."""
        return bool(self.name or self.note or self.hidden or self.ignored)


class Discovery(msgspec.Struct, frozen=True, kw_only=True):
    """A host as the region knows it. Its id is its MAC."""

    host: Host
    marks: Marks
    standing: Standing = Standing.STRANGER
    machine: MachineId = MachineId("")  # that it is an interface, or the BMC, of
    machine_name: str = ""
    subnets: tuple[str, ...] = ()  # in which its addresses are


def is_uefi(host: Host) -> bool | None:
    """Tell a host's firmware by what it says as a DHCP client (RFC 4578 §2.1); None: it never said."""
    numbers = host.client.architectures if host.client is not None else ()
    said = {ARCHITECTURES.get(number, ("", "", False))[0] for number in numbers}
    if UEFI in said:
        return True
    return False if BIOS in said else None


def ipv4_of(host: Host) -> str:
    """The newest IPv4 address of a host; empty: it has shown none."""
    return next((each.address for each in host.addresses if ":" not in each.address), "")
