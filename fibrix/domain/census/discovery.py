"""A discovery: a host that was heard on the wire, with what people say of it, and what it is to the region."""

from enum import Enum
from typing import Final

import msgspec

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


class BmcCandidate(msgspec.Struct, frozen=True, kw_only=True):
    """A host that may be a machine's BMC, and why. It is offered; nothing is done by it."""

    mac: MacAddress
    address: str  # empty: it has shown none
    reasons: tuple[str, ...]  # in words, the weightiest first


_UEFI: Final = frozenset({6, 7, 8, 9, 10, 11, 15, 16, 17, 18, 19})  # 17: EBC by HTTP
_BIOS: Final = frozenset({0, 20})  # 20: by HTTP


def is_uefi(host: Host) -> bool | None:
    """Tell a host's firmware by DHCP option 93 (RFC 4578 §2.1, and IANA's list of its values); None: it never said."""
    said = set(host.client.architectures) if host.client is not None else set()
    if said & _UEFI:
        return True
    return False if said & _BIOS else None


def ipv4_of(host: Host) -> str:
    """The newest IPv4 address of a host; empty: it has shown none."""
    return next((each.address for each in host.addresses if ":" not in each.address), "")
