"""A host that was heard on the wire: what is known of it, and since when."""

from datetime import datetime

import msgspec

from fibrix.domain.census.sighting import DhcpClient, Neighbour, NetService
from fibrix.types import MacAddress


class HostAddress(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An address that a host used."""

    address: str
    first: datetime
    last: datetime


class HostName(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A name that a host goes by."""

    name: str
    means: str  # a Means's value
    last: datetime


class HostStep(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Something that happened to a host: it came, moved, went."""

    at: datetime
    what: str  # as "moved from eth1 to eth1.10"


class Host(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One MAC. Lists are short: the newest are kept."""

    mac: MacAddress
    interface: str  # on which it was heard last
    vlan: int = 0  # tag of its frames there; 0: none
    vendor: str = ""  # who made the interface; "virtual: QEMU", "made up" for locally administered ones
    kind: str = ""  # what it is, by its DHCP fingerprint and what it announces: "PXE ROM", "iPXE", "Linux", "BMC", …
    own: bool = False  # an interface of the controller itself
    first: datetime
    last: datetime
    gone: bool = False
    addresses: tuple[HostAddress, ...] = ()  # the newest first
    names: tuple[HostName, ...] = ()  # the best first
    means: tuple[str, ...] = ()  # by which protocols it was heard
    client: DhcpClient | None = None
    switch: Neighbour | None = None  # the device that it announces to be: LLDP and CDP
    services: tuple[NetService, ...] = ()
    roles: tuple[str, ...] = ()
    bmc: str = ""  # how it showed that it is a BMC; empty: it did not
    history: tuple[HostStep, ...] = ()  # the newest last
