"""Networks as the rack serves them: subnets, their dynamic ranges and their reservations."""

from enum import Enum
from ipaddress import IPv4Address, IPv4Network

import msgspec

from fibrix.types import MacAddress


class SubnetMode(Enum):
    """What Fibrix does about DHCP on a subnet."""

    SERVE = "serve"  # addresses, and what to boot
    PROXY = "proxy"  # what to boot only, beside another server that gives addresses (PXE 2.1 §2.2.2, proxyDHCP)
    OBSERVE = "observe"  # nothing


class UnknownPolicy(Enum):
    """What a machine that nobody knows gets when it asks for a network boot."""

    ENLIST = "enlist"  # it is shown to the operator and waits, in iPXE, to be accepted
    IGNORE = "ignore"  # an address if there is one, but no boot file


class AddressRange(msgspec.Struct, frozen=True, kw_only=True):
    """A dynamic range; both ends belong to it."""

    first: IPv4Address
    last: IPv4Address


class StaticRoute(msgspec.Struct, frozen=True, kw_only=True):
    """A route that clients are told of (option 121, RFC 3442)."""

    destination: IPv4Network
    router: IPv4Address


class DhcpOption(msgspec.Struct, frozen=True, kw_only=True):
    """Any option, as its octets; told to clients that ask for it."""

    code: int  # 1 to 254
    value: bytes  # may be longer than 255 octets (RFC 3396)


class Reservation(msgspec.Struct, frozen=True, kw_only=True):
    """An address that one client always gets and nobody else ever does. The client is its MAC or its identifier."""

    mac: MacAddress = MacAddress("")  # empty: `client_id` says whose
    client_id: str = ""  # option 61 as hex digits, in lower case; empty: `mac` says whose
    address: IPv4Address
    hostname: str = ""
    options: tuple[DhcpOption, ...] = ()  # instead of the subnet's of the same code

    @property
    def client(self) -> str:
        """Whose it is, in one word: a MAC, or `id:` and an identifier. One of each in a subnet."""
        return self.mac or f"id:{self.client_id}"


class Subnet(msgspec.Struct, frozen=True, kw_only=True):
    """An IPv4 subnet on one of the rack's interfaces, or behind a relay that reaches one of them."""

    name: str
    interface: str  # where its clients are, or where what a relay forwards comes in
    network: IPv4Network
    address: IPv4Address  # the rack's own, on `interface`: server identifier, next-server, boot URLs
    relayed: bool = False  # its clients are behind a relay: `address` is in another subnet
    mode: SubnetMode
    boot: bool = True  # whether clients are given something to boot
    unknown: UnknownPolicy = UnknownPolicy.ENLIST
    authoritative: bool = True  # a client that asks for an address that it cannot have here is told so (DHCPNAK)
    probe: bool = True  # an address is looked for on the wire before it is offered to someone new
    ranges: tuple[AddressRange, ...] = ()
    routers: tuple[IPv4Address, ...] = ()
    dns_servers: tuple[IPv4Address, ...] = ()
    ntp_servers: tuple[IPv4Address, ...] = ()
    domain_name: str = ""
    search_domains: tuple[str, ...] = ()  # option 119, RFC 3397
    routes: tuple[StaticRoute, ...] = ()
    options: tuple[DhcpOption, ...] = ()
    mtu: int = 0  # octets; 0: not told to clients
    lease_s: int = 600
    reservations: tuple[Reservation, ...] = ()

    @property
    def answered(self) -> bool:
        """Whether DHCP is answered here, be it only about what to boot."""
        return self.mode is not SubnetMode.OBSERVE

    @property
    def boots(self) -> bool:
        """Whether machines here are given something to boot."""
        return self.boot and self.answered
