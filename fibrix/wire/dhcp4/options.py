"""The one table of DHCPv4 options that Fibrix reads or writes. Others pass through messages as raw octets."""

from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Generic, TypeVar

from fibrix.errors import MalformedPacketError
from fibrix.wire.dhcp4.addresses import ADDRESS, ADDRESSES, ROUTES
from fibrix.wire.dhcp4.kinds import CODES, OCTETS, SECONDS, SHORT, TEXT, Choice, Kind
from fibrix.wire.dhcp4.pxe import ARCHITECTURES, MACHINE_UUID, NETWORK_INTERFACE, USER_CLASSES
from fibrix.wire.dhcp4.relay import RELAY_AGENT
from fibrix.wire.dhcp4.search import SEARCH_LIST

T = TypeVar("T")


class MessageType(Enum):
    """What a message is (RFC 2132 §9.6)."""

    DISCOVER = 1
    OFFER = 2
    REQUEST = 3
    DECLINE = 4
    ACK = 5
    NAK = 6
    RELEASE = 7
    INFORM = 8
    FORCE_RENEW = 9  # RFC 3203 §4
    LEASE_QUERY = 10  # this and the next three: RFC 4388 §6.1
    LEASE_UNASSIGNED = 11
    LEASE_UNKNOWN = 12
    LEASE_ACTIVE = 13

    def __init__(self, code: int) -> None:
        self.code = code  # `value`, `name` and the hash of a member are calls each time, and asked for per datagram
        self.word = self.name.lower()


class Overload(Enum):
    """Which header fields hold options as well (RFC 2132 §9.3)."""

    FILE = 1
    SNAME = 2
    BOTH = 3


@dataclass(frozen=True, slots=True)
class Option(Generic[T]):
    """An option: its code, its name in the RFC that `source` names, and the kind of its value."""

    code: int
    name: str
    kind: Kind[T]
    source: str

    def decode(self, data: bytes) -> T:
        """Read its payload. Raises MalformedPacketError that names the option."""
        try:
            return self.kind.decode(data)
        except MalformedPacketError as exc:
            raise MalformedPacketError(f"option {self.code} ({self.name}): {exc}") from None

    def encode(self, value: T) -> bytes:
        """Write its payload."""
        return self.kind.encode(value)


SUBNET_MASK: Final = Option(1, "subnet mask", ADDRESS, "RFC 2132 §3.3")
ROUTERS: Final = Option(3, "routers", ADDRESSES, "RFC 2132 §3.5")
DNS_SERVERS: Final = Option(6, "domain name servers", ADDRESSES, "RFC 2132 §3.8")
HOST_NAME: Final = Option(12, "host name", TEXT, "RFC 2132 §3.14")
DOMAIN_NAME: Final = Option(15, "domain name", TEXT, "RFC 2132 §3.17")
INTERFACE_MTU: Final = Option(26, "interface MTU", SHORT, "RFC 2132 §5.1")
BROADCAST_ADDRESS: Final = Option(28, "broadcast address", ADDRESS, "RFC 2132 §5.3")
NTP_SERVERS: Final = Option(42, "NTP servers", ADDRESSES, "RFC 2132 §8.3")
VENDOR_SPECIFIC: Final = Option(43, "vendor specific information", OCTETS, "RFC 2132 §8.4")
REQUESTED_ADDRESS: Final = Option(50, "requested IP address", ADDRESS, "RFC 2132 §9.1")
LEASE_TIME: Final = Option(51, "IP address lease time", SECONDS, "RFC 2132 §9.2")
OVERLOAD: Final = Option(52, "option overload", Choice(Overload), "RFC 2132 §9.3")
MESSAGE_TYPE: Final = Option(53, "DHCP message type", Choice(MessageType), "RFC 2132 §9.6")
SERVER_IDENTIFIER: Final = Option(54, "server identifier", ADDRESS, "RFC 2132 §9.7")
PARAMETER_REQUEST_LIST: Final = Option(55, "parameter request list", CODES, "RFC 2132 §9.8")
MESSAGE: Final = Option(56, "message", TEXT, "RFC 2132 §9.9")
MAXIMUM_MESSAGE_SIZE: Final = Option(57, "maximum DHCP message size", SHORT, "RFC 2132 §9.10")
RENEWAL_TIME: Final = Option(58, "renewal (T1) time", SECONDS, "RFC 2132 §9.11")
REBINDING_TIME: Final = Option(59, "rebinding (T2) time", SECONDS, "RFC 2132 §9.12")
VENDOR_CLASS: Final = Option(60, "vendor class identifier", TEXT, "RFC 2132 §9.13")
CLIENT_IDENTIFIER: Final = Option(61, "client identifier", OCTETS, "RFC 2132 §9.14")
TFTP_SERVER_NAME: Final = Option(66, "TFTP server name", TEXT, "RFC 2132 §9.4")
BOOT_FILE_NAME: Final = Option(67, "boot file name", TEXT, "RFC 2132 §9.5")
USER_CLASS: Final = Option(77, "user class", USER_CLASSES, "RFC 3004 §4")
RELAY_AGENT_INFORMATION: Final = Option(82, "relay agent information", RELAY_AGENT, "RFC 3046 §2.0")
CLIENT_ARCHITECTURE: Final = Option(93, "client system architecture", ARCHITECTURES, "RFC 4578 §2.1")
CLIENT_INTERFACE: Final = Option(94, "client network interface identifier", NETWORK_INTERFACE, "RFC 4578 §2.2")
CLIENT_MACHINE: Final = Option(97, "client machine identifier", MACHINE_UUID, "RFC 4578 §2.3")
DOMAIN_SEARCH: Final = Option(119, "domain search list", SEARCH_LIST, "RFC 3397 §2")
SUBNET_SELECTION: Final = Option(118, "subnet selection", ADDRESS, "RFC 3011")
CLASSLESS_ROUTES: Final = Option(121, "classless static routes", ROUTES, "RFC 3442")
IPXE: Final = Option(175, "iPXE encapsulated options", OCTETS, "iPXE, src/include/ipxe/dhcp.h")

OPTIONS: Final[dict[int, Option[Any]]] = {
    option.code: option
    for option in (
        SUBNET_MASK,
        ROUTERS,
        DNS_SERVERS,
        HOST_NAME,
        DOMAIN_NAME,
        INTERFACE_MTU,
        BROADCAST_ADDRESS,
        NTP_SERVERS,
        VENDOR_SPECIFIC,
        REQUESTED_ADDRESS,
        LEASE_TIME,
        OVERLOAD,
        MESSAGE_TYPE,
        SERVER_IDENTIFIER,
        PARAMETER_REQUEST_LIST,
        MESSAGE,
        MAXIMUM_MESSAGE_SIZE,
        RENEWAL_TIME,
        REBINDING_TIME,
        VENDOR_CLASS,
        CLIENT_IDENTIFIER,
        TFTP_SERVER_NAME,
        BOOT_FILE_NAME,
        USER_CLASS,
        RELAY_AGENT_INFORMATION,
        CLIENT_ARCHITECTURE,
        CLIENT_INTERFACE,
        CLIENT_MACHINE,
        DOMAIN_SEARCH,
        SUBNET_SELECTION,
        CLASSLESS_ROUTES,
        IPXE,
    )
}
"""Every option above by its code."""
