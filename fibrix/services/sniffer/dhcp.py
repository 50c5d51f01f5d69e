"""What DHCPv4 messages say of clients and servers.

Not believed: a client's message whose hardware address is not the frame's, or whose address is not the packet's; a
server's answer says that the frame is a server's only where it cannot have come through a router: one to a client that
has no address yet, or from an address that is known to be the frame's MAC's. Of what relays pass on only that is looked
at, that a server answers one: the client is not on this link.
"""

from functools import lru_cache
from ipaddress import IPv4Address
from typing import Final, TypeVar

from fibrix.domain.census.sighting import DhcpClient, Means, Role, Sighting
from fibrix.errors import MalformedPacketError
from fibrix.services.sniffer.heard import Heard, UnprovedError, is_host
from fibrix.types import mac_from_octets
from fibrix.wire.dhcp4.ipxe import ipxe_version
from fibrix.wire.dhcp4.message import ANY, Message, Op
from fibrix.wire.dhcp4.options import (
    CLIENT_ARCHITECTURE,
    CLIENT_MACHINE,
    IPXE,
    MESSAGE_TYPE,
    REQUESTED_ADDRESS,
    ROUTERS,
    USER_CLASS,
    MessageType,
    Option,
)
from fibrix.wire.ethernet import mac_octets
from fibrix.wire.text import text

T = TypeVar("T")

PORTS: Final = frozenset({67, 68, 4011})
_SERVER_PORT: Final = 67
_PXE: Final = b"PXEClient"

_WANTS: Final = 55
_VENDOR: Final = 60
_IDENTIFIER: Final = 61
_OPTIONS: Final = (USER_CLASS, CLIENT_ARCHITECTURE, CLIENT_MACHINE, IPXE)
_TELLING: Final = (_WANTS, _VENDOR, _IDENTIFIER, *(one.code for one in _OPTIONS))
_HOST_NAME: Final = 12
_FQDN: Final = 81
_ETHERNET: Final = 1
_GROUP: Final = 1
_MAC_OCTETS: Final = 6
_LONGEST_NAME: Final = 253
_LONGEST_CLASS: Final = 128
_LONGEST_IDENTIFIER: Final = 64  # octets
_WIRE_FORM: Final = 4  # bit E of option 81: RFC 4702 §2.1
_FQDN_HEAD: Final = 3
_MOST_ROUTERS: Final = 4
_SILENT: Final = DhcpClient()
_NO_UUIDS: Final = frozenset({0, (1 << 128) - 1})

_ASKING: Final = frozenset({MessageType.DISCOVER, MessageType.REQUEST, MessageType.INFORM, None})  # None: BOOTP
_GIVING: Final = frozenset({MessageType.OFFER, MessageType.ACK, MessageType.NAK, None})


def sight(heard: Heard) -> tuple[Sighting, ...]:
    """Read a message. Raises MalformedPacketError."""
    message = Message.decode(heard.payload)
    kind = message.get(MESSAGE_TYPE)
    octets = message.chaddr
    if message.htype != _ETHERNET or len(octets) != _MAC_OCTETS or octets[0] & _GROUP or not any(octets):
        raise MalformedPacketError(f"DHCP: no machine's Ethernet address: {octets.hex(':')}")
    if message.giaddr is not ANY:
        return _server_of_relay(heard, message, kind)
    return _client(heard, message, kind) if message.op is Op.REQUEST else _server(heard, message, kind)


def _client(heard: Heard, message: Message, kind: MessageType | None) -> tuple[Sighting, ...]:
    if message.chaddr != mac_octets(heard.mac):
        raise UnprovedError(f"DHCP: {heard.mac} speaks for {message.chaddr.hex(':')}")
    if message.ciaddr is not ANY and heard.source not in (ANY, message.ciaddr):
        raise UnprovedError(f"DHCP: {heard.source} says that it is {message.ciaddr}")
    if kind in _ASKING:
        addresses = (message.ciaddr,) if kind is not None and is_host(message.ciaddr) else ()
        return (
            Sighting(mac=heard.mac, means=Means.DHCP, addresses=addresses, name=_name(message), client=_facts(message)),
        )
    given_up = _given_up(message, kind)
    return () if given_up is None else (Sighting(mac=heard.mac, means=Means.DHCP, given_up=given_up),)


def _given_up(message: Message, kind: MessageType | None) -> IPv4Address | None:
    if kind is MessageType.DECLINE:
        return _get(message, REQUESTED_ADDRESS)
    return message.ciaddr if kind is MessageType.RELEASE and message.ciaddr is not ANY else None


def _server(heard: Heard, message: Message, kind: MessageType | None) -> tuple[Sighting, ...]:
    if kind not in _GIVING:
        return ()
    found = []
    gives = message.yiaddr is not ANY
    near = heard.proved or ((gives or kind is MessageType.NAK) and message.ciaddr is ANY)
    if near and (gives or kind is MessageType.NAK or _informs(message, kind)) and is_host(heard.source):
        found.append(_that_serves(heard, _get(message, ROUTERS) or ()))
    if gives and kind in (MessageType.ACK, None) and is_host(message.yiaddr):
        client = mac_from_octets(message.chaddr)
        found.append(Sighting(mac=client, means=Means.DHCP, spoke=False, addresses=(message.yiaddr,)))
    return tuple(found)


def _server_of_relay(heard: Heard, message: Message, kind: MessageType | None) -> tuple[Sighting, ...]:
    """A server answers a relay at its own address and port (RFC 2131 §4.1); the relay goes on to the client's."""
    answers = message.op is Op.REPLY and kind in _GIVING and (message.yiaddr is not ANY or kind is MessageType.NAK)
    to_relay = heard.destination == message.giaddr != heard.source and heard.destination_port == _SERVER_PORT
    return (_that_serves(heard, ()),) if answers and to_relay and heard.proved and is_host(heard.source) else ()


def _that_serves(heard: Heard, routers: tuple[IPv4Address, ...]) -> Sighting:
    return Sighting(
        mac=heard.mac,
        means=Means.DHCP,
        addresses=(heard.source,),
        roles=(Role.DHCP_SERVER,),
        routers=routers[:_MOST_ROUTERS],
    )


def _informs(message: Message, kind: MessageType | None) -> bool:
    """Whether it answers a DHCPINFORM (RFC 2131 §4.3.5), not as one that only says what to boot."""
    boots = message.options.get(_VENDOR, b"").startswith(_PXE)
    return kind is MessageType.ACK and message.ciaddr is not ANY and not boots


def _facts(message: Message) -> DhcpClient | None:
    return _client_of(tuple(map(message.options.get, _TELLING)))


@lru_cache(512)
def _client_of(said: tuple[bytes | None, ...]) -> DhcpClient | None:
    """What a client says of itself; None: nothing. Each says the same again and again."""
    told = dict(zip(_TELLING, said, strict=True))
    uuid = _read(CLIENT_MACHINE, told[CLIENT_MACHINE.code])
    client = DhcpClient(
        wants=tuple(told[_WANTS] or b""),
        vendor_class=text(told[_VENDOR] or b"", _LONGEST_CLASS),
        client_id=(told[_IDENTIFIER] or b"")[:_LONGEST_IDENTIFIER].hex(),
        user_class=_user_class(told[USER_CLASS.code]),
        architectures=_read(CLIENT_ARCHITECTURE, told[CLIENT_ARCHITECTURE.code]) or (),
        uuid="" if uuid is None or uuid.int in _NO_UUIDS else str(uuid),
        ipxe=_ipxe(told[IPXE.code] or b""),
    )
    return None if client == _SILENT else client


def _ipxe(data: bytes) -> str:
    try:
        return ipxe_version(data)
    except MalformedPacketError:
        return ""


def _user_class(data: bytes | None) -> str:
    classes = _read(USER_CLASS, data) or ()
    return ", ".join(text(one, _LONGEST_CLASS) for one in classes)[:_LONGEST_CLASS]


def _name(message: Message) -> str:
    """What it wants to be called: its whole name (option 81, RFC 4702), else its host name (12)."""
    fqdn = message.options.get(_FQDN, b"")
    if len(fqdn) > _FQDN_HEAD:
        octets = fqdn[_FQDN_HEAD:]
        name = _labels(octets) if fqdn[0] & _WIRE_FORM else text(octets, _LONGEST_NAME)
        if name := name.rstrip("."):
            return name
    return text(message.options.get(_HOST_NAME, b""), _LONGEST_NAME).rstrip(".")


def _labels(octets: bytes) -> str:
    """Read a name of 1 octet of length and so many of text each, which may lack its end (RFC 4702 §2.3.1)."""
    labels, at = [], 0
    while at < len(octets) and octets[at]:
        labels.append(octets[at + 1 : at + 1 + octets[at]])
        at += 1 + octets[at]
    return text(b".".join(labels), _LONGEST_NAME)


def _get(message: Message, option: Option[T]) -> T | None:
    return _read(option, message.options.get(option.code))


def _read(option: Option[T], data: bytes | None) -> T | None:
    """Read an option; one that is malformed counts as absent: the rest of the message is worth having."""
    try:
        return None if data is None else option.decode(data)
    except MalformedPacketError:
        return None
