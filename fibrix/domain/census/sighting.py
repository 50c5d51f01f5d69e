"""What one frame says of the host that sent it."""

from enum import Enum
from ipaddress import IPv4Address, IPv6Address
from typing import TypeAlias

import msgspec

from fibrix.types import MacAddress

Address: TypeAlias = IPv4Address | IPv6Address


class Means(Enum):
    """By which protocol something was heard."""

    ARP = "arp"
    ND = "nd"
    DHCP = "dhcp"
    MDNS = "mdns"
    LLMNR = "llmnr"
    NBNS = "nbns"
    SSDP = "ssdp"
    WSD = "wsd"
    SLP = "slp"
    LLDP = "lldp"
    CDP = "cdp"
    RMCP = "rmcp"
    REDFISH = "redfish"
    PING = "ping"


class Role(Enum):
    """What a host is to others, as it showed itself."""

    GATEWAY = "gateway"  # routes: router advertisements, or named as router by a DHCP server
    DHCP_SERVER = "dhcp server"
    BMC = "bmc"
    SWITCH = "switch"


class DhcpClient(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a DHCP client says of itself. Codes are of RFC 2132 and 4578."""

    wants: tuple[int, ...] = ()  # option 55, in its order
    vendor_class: str = ""  # 60
    client_id: str = ""  # 61, as hex digits
    user_class: str = ""  # 77
    architectures: tuple[int, ...] = ()  # 93
    uuid: str = ""  # 97: the SMBIOS system UUID
    ipxe: str = ""  # 175: the version of iPXE, as "1.0.0", whatever the user class says


class Neighbour(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a device announces by LLDP or CDP: as said by the switch on the other end, where a host hangs."""

    chassis: str = ""  # its id: a MAC or a name
    port: str = ""  # its port's id
    port_note: str = ""  # the port's description
    name: str = ""  # system name
    description: str = ""
    addresses: tuple[str, ...] = ()  # management addresses
    vlan: int = 0  # of the port; 0: not told
    capabilities: tuple[str, ...] = ()  # as "bridge", "router", "station"


class NetService(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A service that a host offers, as it announces it."""

    kind: str  # as "_ssh._tcp" or "upnp:rootdevice"
    name: str = ""
    port: int = 0
    location: str = ""  # a URL


class Sighting(msgspec.Struct, frozen=True, kw_only=True):
    """All that one frame says. Texts are printable and short; what a frame does not prove is not in it."""

    mac: MacAddress
    means: Means
    spoke: bool = True  # False: another one says it of this host, as a DHCP server does of its client
    addresses: tuple[Address, ...] = ()  # that the host uses or asks to keep
    given_up: Address | None = None  # that it says it no longer uses
    tests: Address | None = None  # that it will use, unless another one answers
    answers: Address | None = None  # that somebody has, whom it may only speak for
    name: str = ""  # host name
    client: DhcpClient | None = None
    neighbour: Neighbour | None = None
    services: tuple[NetService, ...] = ()
    roles: tuple[Role, ...] = ()
    routes: bool | None = None  # whether its first address is a router's, as it says itself; None: it says nothing
    bmc: str = ""  # how it shows that it is one, as "answers RMCP"
    routers: tuple[Address, ...] = ()  # that it names as gateways: roles of those, not of its own
