"""Networks: subnets, their dynamic ranges and their reservations."""

from enum import Enum
from ipaddress import IPv4Address, IPv4Network

import msgspec

from fibrix.types import MacAddress


class SubnetMode(Enum):
    """What Fibrix does about DHCP on a subnet. `proxy` comes later."""

    SERVE = "serve"
    OBSERVE = "observe"


class UnknownPolicy(Enum):
    """What a machine that nobody knows gets when it asks for a network boot."""

    ENLIST = "enlist"  # it is shown to the operator and waits, in iPXE, to be accepted
    IGNORE = "ignore"  # an address if there is one, but no boot file


class AddressRange(msgspec.Struct, frozen=True, kw_only=True):
    """A dynamic range; both ends belong to it."""

    first: IPv4Address
    last: IPv4Address


class Reservation(msgspec.Struct, frozen=True, kw_only=True):
    """An address that one MAC always gets and nobody else ever does."""

    mac: MacAddress
    address: IPv4Address
    hostname: str = ""


class Subnet(msgspec.Struct, frozen=True, kw_only=True):
    """An IPv4 subnet on one of the rack's interfaces."""

    name: str
    interface: str
    network: IPv4Network
    address: IPv4Address  # the rack's own, on `interface`: server identifier, next-server, boot URLs
    mode: SubnetMode
    unknown: UnknownPolicy = UnknownPolicy.ENLIST
    ranges: tuple[AddressRange, ...] = ()
    routers: tuple[IPv4Address, ...] = ()
    dns_servers: tuple[IPv4Address, ...] = ()
    domain_name: str = ""
    mtu: int = 0  # octets; 0: not told to clients
    lease_s: int = 600
    reservations: tuple[Reservation, ...] = ()
