"""What a client asks, read from its datagram once."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address
from typing import Final

import msgspec

from fibrix.domain.binding import Client
from fibrix.domain.boot_file import HTTP_CLIENT, BootClient
from fibrix.errors import MalformedPacketError
from fibrix.types import MacAddress, mac_from_octets
from fibrix.wire.dhcp4.message import ANY, LEAST_LIMIT, Message, Op
from fibrix.wire.dhcp4.options import (
    CLIENT_ARCHITECTURE,
    CLIENT_IDENTIFIER,
    HOST_NAME,
    IPXE,
    MAXIMUM_MESSAGE_SIZE,
    MESSAGE_TYPE,
    PARAMETER_REQUEST_LIST,
    RELAY_AGENT_INFORMATION,
    REQUESTED_ADDRESS,
    SERVER_IDENTIFIER,
    SUBNET_SELECTION,
    USER_CLASS,
    VENDOR_CLASS,
    MessageType,
    Option,
)
from fibrix.wire.dhcp4.relay import RelayInformation

_ETHERNET: Final = 1
_MAC_OCTETS: Final = 6
_GROUP_BIT: Final = 1  # of a MAC's first octet: not one machine's
_HOPS_LIMIT: Final = 16  # RFC 1542 §4.1.1
_HEADERS: Final = 28  # octets of IPv4 and UDP, which option 57 counts
_MOST_LIMIT: Final = 1500 - _HEADERS  # octets of message that an Ethernet frame takes
_HOST_NAME_SIZE: Final = 63  # RFC 1035 §2.3.4
_PXE_CLIENT: Final = "PXEClient"
_KIND: Final = MESSAGE_TYPE.code
_SERVER: Final = SERVER_IDENTIFIER.code
_REQUESTED: Final = REQUESTED_ADDRESS.code
_ADDRESS_OCTETS: Final = 4
_SELECTION: Final = SUBNET_SELECTION.code
_LIMIT: Final = MAXIMUM_MESSAGE_SIZE.code
_HOST: Final = HOST_NAME.code
_VENDOR: Final = VENDOR_CLASS.code
_RELAY: Final = RELAY_AGENT_INFORMATION.code
_IDENTIFIER: Final = CLIENT_IDENTIFIER.code
_WANTS: Final = PARAMETER_REQUEST_LIST.code
_BOOT: Final = frozenset({IPXE.code, USER_CLASS.code, CLIENT_ARCHITECTURE.code})
_BOOTP_LIMIT: Final = 300  # octets of message with the vendor area of 64 (RFC 951 §3)
_BOOTP: Final = 0  # no type of message
_SERVER_TYPES: Final = frozenset(kind.code for kind in (MessageType.OFFER, MessageType.ACK, MessageType.NAK))
_OF_ITS_SENDER: Final = frozenset(
    kind.code
    for kind in (
        MessageType.DISCOVER,
        MessageType.REQUEST,
        MessageType.DECLINE,
        MessageType.RELEASE,
        MessageType.INFORM,
    )
) | {_BOOTP}


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


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """A client's message and the facts in it that decide."""

    message: Message
    kind: MessageType | None  # None: it speaks BOOTP
    mac: MacAddress
    arrival: Arrival
    client: Client
    link: int  # an address of the client's subnet, as its relay tells or as it chose itself; 0: it says nothing
    stand_in: IPv4Address | None  # what its relay asks to take for the client's server (RFC 5107)
    requested: int | None  # an address, as `link` and `server` are: they are compared a lot
    server: int | None  # the one that the client chose
    wants: bytes | None  # option codes; None: it did not say
    limit: int  # octets of message that it takes
    hostname: str
    vendor_class: str
    boot: BootClient | None  # None: it is no network boot client

    @property
    def relayed(self) -> bool:
        """Whether it came through a relay."""
        return self.message.giaddr is not ANY


def read(datagram: bytes, arrival: Arrival) -> Query:
    """Read a datagram that came to the server's port. Raises MalformedPacketError with the reason."""
    message = Message.decode(datagram)
    options = message.options
    kind = _kind(options.get(_KIND))
    code = _BOOTP if kind is None else kind.code
    if message.op is not Op.REQUEST or code in _SERVER_TYPES:
        raise MalformedPacketError(f"no client's message: op {message.op.name}, type {kind.name if kind else 'BOOTP'}")
    if message.hops > _HOPS_LIMIT:
        raise MalformedPacketError(f"{message.hops} hops through relays")
    relay = message.get(RELAY_AGENT_INFORMATION) if message.giaddr is not ANY and _RELAY in options else None
    vendor_class = _plain(message.get(VENDOR_CLASS) or "") if _VENDOR in options else ""
    mac = _mac(message) if code in _OF_ITS_SENDER else _asker(message)
    identifier = options.get(_IDENTIFIER)
    return Query(
        message=message,
        kind=kind,
        mac=mac,
        client=Client(mac) if identifier is None else Client(mac, identifier.hex()),
        arrival=arrival,
        link=_link(message, relay),
        stand_in=None if relay is None else relay.server,
        requested=_number(REQUESTED_ADDRESS, options) if _REQUESTED in options else None,
        server=_number(SERVER_IDENTIFIER, options) if _SERVER in options else None,
        wants=options.get(_WANTS),
        limit=_limit(message) if _LIMIT in options else LEAST_LIMIT if kind else _BOOTP_LIMIT,
        hostname=_hostname(message.get(HOST_NAME) or "") if _HOST in options else "",
        vendor_class=vendor_class,
        boot=_boot_client(message, vendor_class) if vendor_class or not _BOOT.isdisjoint(options) else None,
    )


@lru_cache(64)
def _kind(data: bytes | None) -> MessageType | None:
    return None if data is None else MESSAGE_TYPE.decode(data)


def _number(option: Option[IPv4Address], options: Mapping[int, bytes]) -> int:
    """An option's address as a number."""
    data = options[option.code]
    return int.from_bytes(data) if len(data) == _ADDRESS_OCTETS else int(option.decode(data))


def _mac(message: Message) -> MacAddress:
    octets = message.chaddr
    if message.htype != _ETHERNET or len(octets) != _MAC_OCTETS or octets[0] & _GROUP_BIT or not any(octets):
        raise MalformedPacketError(f"no machine's Ethernet address: type {message.htype}, {octets.hex(':') or 'empty'}")
    return mac_from_octets(octets)


def _asker(message: Message) -> MacAddress:
    """Whose hardware address is in a message that is not about its sender; any octets, or none."""
    return mac_from_octets(message.chaddr[:_MAC_OCTETS])


def _link(message: Message, relay: RelayInformation | None) -> int:
    """Where the client is: link selection (RFC 3527), else subnet selection (RFC 3011), else the relay's address."""
    if relay is not None and relay.link is not None:
        return int(relay.link)
    selected = _number(SUBNET_SELECTION, message.options) if _SELECTION in message.options else 0
    return selected or int(message.giaddr)


def _limit(message: Message) -> int:
    """What the client takes, within what every client does and what a frame does."""
    most = message.get(MAXIMUM_MESSAGE_SIZE)
    return LEAST_LIMIT if most is None else min(max(most - _HEADERS, LEAST_LIMIT), _MOST_LIMIT)


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
    if text.isascii() and text.isprintable():
        return text
    return "".join(c for c in text if c.isascii() and c.isprintable())


def _hostname(text: str) -> str:
    """The first label, of letters, digits and hyphens; empty when nothing is left."""
    label = text.partition(".")[0]
    return "".join(c for c in label if c.isascii() and (c.isalnum() or c == "-"))[:_HOST_NAME_SIZE].strip("-")
