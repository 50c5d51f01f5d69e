"""What a client asks, read from its datagram once."""

from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final

from fibrix.domain.boot_file import HTTP_CLIENT, BootClient
from fibrix.errors import MalformedPacketError
from fibrix.types import MacAddress, mac_from_octets
from fibrix.wire.dhcp4.message import ANY, LEAST_LIMIT, Message, Op
from fibrix.wire.dhcp4.options import (
    CLIENT_ARCHITECTURE,
    HOST_NAME,
    IPXE,
    MAXIMUM_MESSAGE_SIZE,
    MESSAGE_TYPE,
    PARAMETER_REQUEST_LIST,
    REQUESTED_ADDRESS,
    SERVER_IDENTIFIER,
    USER_CLASS,
    VENDOR_CLASS,
    MessageType,
)

_ETHERNET: Final = 1
_MAC_OCTETS: Final = 6
_GROUP_BIT: Final = 1  # of a MAC's first octet: not one machine's
_HOPS_LIMIT: Final = 16  # RFC 1542 §4.1.1
_HEADERS: Final = 28  # octets of IPv4 and UDP, which option 57 counts
_MOST_LIMIT: Final = 1500 - _HEADERS  # octets of message that an Ethernet frame takes
_HOST_NAME_SIZE: Final = 63  # RFC 1035 §2.3.4
_PXE_CLIENT: Final = "PXEClient"
_CLIENT_TYPES: Final = frozenset(
    {MessageType.DISCOVER, MessageType.REQUEST, MessageType.DECLINE, MessageType.RELEASE, MessageType.INFORM}
)


@dataclass(frozen=True, slots=True)
class Arrival:
    """Where a datagram came in: on which interface, and to which address it was sent."""

    interface: str
    destination: IPv4Address

    @property
    def broadcast(self) -> bool:
        """Whether it was meant for every server on the link."""
        return self.destination == _ALL_ONES


_ALL_ONES: Final = IPv4Address("255.255.255.255")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A client's message and the facts in it that decide."""

    message: Message
    kind: MessageType
    mac: MacAddress
    arrival: Arrival
    requested: IPv4Address | None
    server: IPv4Address | None  # the one that the client chose
    wants: tuple[int, ...] | None  # option codes; None: it did not say
    limit: int  # octets of message that it takes
    hostname: str
    vendor_class: str
    boot: BootClient | None  # None: it is no network boot client

    @property
    def relayed(self) -> bool:
        """Whether it came through a relay."""
        return self.message.giaddr != ANY


def read(datagram: bytes, arrival: Arrival) -> Query:
    """Read a datagram that came to the server's port. Raises MalformedPacketError with the reason."""
    message = Message.decode(datagram)
    kind = message.get(MESSAGE_TYPE)
    if message.op is not Op.REQUEST or kind not in _CLIENT_TYPES:
        raise MalformedPacketError(
            f"no client's message: op {message.op.name}, type {kind.name if kind else 'missing'}"
        )
    if message.hops > _HOPS_LIMIT:
        raise MalformedPacketError(f"{message.hops} hops through relays")
    vendor_class = _plain(message.get(VENDOR_CLASS) or "")
    return Query(
        message=message,
        kind=kind,
        mac=_mac(message),
        arrival=arrival,
        requested=message.get(REQUESTED_ADDRESS),
        server=message.get(SERVER_IDENTIFIER),
        wants=message.get(PARAMETER_REQUEST_LIST),
        limit=min(max((message.get(MAXIMUM_MESSAGE_SIZE) or 0) - _HEADERS, LEAST_LIMIT), _MOST_LIMIT),
        hostname=_hostname(message.get(HOST_NAME) or ""),
        vendor_class=vendor_class,
        boot=_boot_client(message, vendor_class),
    )


def _mac(message: Message) -> MacAddress:
    octets = message.chaddr
    if message.htype != _ETHERNET or len(octets) != _MAC_OCTETS or octets[0] & _GROUP_BIT or not any(octets):
        raise MalformedPacketError(f"no machine's Ethernet address: type {message.htype}, {octets.hex(':') or 'empty'}")
    return mac_from_octets(octets)


def _boot_client(message: Message, vendor_class: str) -> BootClient | None:
    """What boots: by option 93, else by the architecture in the vendor class (`PXEClient:Arch:00007:UNDI:003000`)."""
    ipxe = IPXE.code in message.options or b"iPXE" in (message.get(USER_CLASS) or ())
    architectures = message.get(CLIENT_ARCHITECTURE)
    if architectures:
        return BootClient(architectures[0], ipxe)
    kind, _, rest = vendor_class.partition(":Arch:")
    if kind.startswith((_PXE_CLIENT, HTTP_CLIENT)):
        digits = rest[:5]
        return BootClient(int(digits) if digits.isascii() and digits.isdigit() else 0, ipxe)
    return BootClient(0, ipxe) if ipxe else None


def _plain(text: str) -> str:
    """Printable ASCII only: the text goes into logs and events."""
    return "".join(c for c in text if c.isascii() and c.isprintable())


def _hostname(text: str) -> str:
    """The first label, of letters, digits and hyphens; empty when nothing is left."""
    label = text.partition(".")[0]
    return "".join(c for c in label if c.isascii() and (c.isalnum() or c == "-"))[:_HOST_NAME_SIZE].strip("-")
