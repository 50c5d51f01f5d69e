"""The frames of a scan on a link, and what answers to them say: pure."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from struct import Struct
from typing import Final

from fibrix.domain.scan import ScanKind
from fibrix.services.scan.engine import Heard, Probe
from fibrix.types import MacAddress, mac_from_octets
from fibrix.wire import echo, nd
from fibrix.wire.arp import ArpOperation, ArpPacket
from fibrix.wire.echo import Echo
from fibrix.wire.ethernet import ARP, BROADCAST, IPV4, EthernetFrame, mac_octets
from fibrix.wire.frame import IPV6
from fibrix.wire.ipmi import presence, rmcp
from fibrix.wire.ipv4 import UdpDatagram, checksum
from fibrix.wire.ipv6 import ICMPV6, Ipv6Packet

_SOLICITATION6: Final = 135  # RFC 4861 §4.3
_SOURCE_LINK_LAYER: Final = bytes((1, 1))  # option and its length in units of 8 octets
_SOLICITED_NODE: Final = int(IPv6Address("ff02::1:ff00:0"))  # and the last 24 bits of the address: RFC 4291 §2.7.1
_NOBODY: Final = MacAddress("00:00:00:00:00:00")
_ICMP: Final = 1
_HOP_LIMIT: Final = 255
_TTL: Final = 64
_IPV4: Final = Struct("!BBHHHBBH4s4s")
_IPV6: Final = Struct("!IHBB16s16s")
_PSEUDO: Final = Struct("!16s16sII")
_PAYLOAD: Final = b"fibrix scan"


@dataclass(frozen=True, slots=True)
class Station:
    """Ourselves on a link, and what tells our questions from those of others."""

    mac: MacAddress
    source: IPv4Address
    source6: IPv6Address | None  # link-local; None: there is no IPv6 here
    mark: int  # identifier of echoes, 16 bits
    port: int  # UDP port of ours that is answered


def frame_of(probe: Probe, own: Station) -> bytes:
    """Write the frame of a probe. Raises ValueError for what is none: Redfish, IPv6 without an address."""
    match probe.kind, probe.address:
        case ScanKind.ARP, IPv4Address() as address:
            asked = ArpPacket(ArpOperation.REQUEST, own.mac, own.source, _NOBODY, address)
            return EthernetFrame(BROADCAST, own.mac, ARP, asked.encode()).encode()
        case ScanKind.PING, IPv4Address() as address:
            return EthernetFrame(probe.mac, own.mac, IPV4, _ipv4(own.source, address, echo4(own.mark))).encode()
        case ScanKind.RMCP, IPv4Address() as address:
            asked_of = UdpDatagram(own.source, own.port, address, rmcp.PORT, presence.ping(0))
            return EthernetFrame(probe.mac, own.mac, IPV4, asked_of.encode()).encode()
        case ScanKind.ND, IPv6Address() as address if own.source6 is not None:
            return _nd(own, own.source6, address)
        case _:
            raise ValueError(f"{probe.kind.value} to {probe.address} is no frame")


def echo4(mark: int) -> bytes:
    """The ICMP message that asks for an echo."""
    return Echo(echo.REQUEST, mark, 1, _PAYLOAD).encode()


def read_arp(frame: bytes) -> Heard | None:
    """Read an ARP frame; None: it is no answer. Raises MalformedPacketError."""
    packet = ArpPacket.decode(EthernetFrame.decode(frame).payload)
    if packet.operation is not ArpOperation.REPLY or not _of_a_host(mac_octets(packet.sender_mac)):
        return None
    return Heard(ScanKind.ARP, packet.sender, packet.sender_mac)


def read_ipv6(frame: bytes, mark: int) -> Heard | None:
    """Read an echo reply or a neighbor advertisement in a frame; None: it is none. Raises MalformedPacketError."""
    outer = EthernetFrame.decode(frame)
    packet = Ipv6Packet.decode(outer.payload)
    if packet.protocol != ICMPV6 or not _of_a_host(mac_octets(outer.source)):
        return None
    if packet.payload[:1] == bytes((echo.REPLY6,)):
        reply = Echo.decode(packet.payload, echo.REPLY6)
        return _neighbour(packet.source, outer.source) if reply.identifier == mark else None
    told = nd.read(packet)
    return _neighbour(told.target, outer.source) if isinstance(told, nd.NeighborAdvertisement) else None


def read_echo(packet: bytes, mark: int) -> bool:
    """Whether an IPv4 packet, as a raw socket gives it, is an echo reply to us. Raises MalformedPacketError."""
    header = (packet[0] & 0x0F) * 4 if packet else 0
    return Echo.decode(packet[header:], echo.REPLY).identifier == mark


def _neighbour(address: bytes, mac: MacAddress) -> Heard | None:
    found = IPv6Address(address)
    usable = not (found.is_multicast or found.is_unspecified or found.is_loopback)
    return Heard(ScanKind.ND, found, mac) if usable else None


def _of_a_host(mac: bytes) -> bool:
    return not mac[0] & 1 and any(mac)


def _nd(own: Station, source: IPv6Address, address: IPv6Address) -> bytes:
    """An echo to a group, or the question who has an address, to the group of its last 24 bits."""
    if address.is_multicast:
        group, message = address, Echo(echo.REQUEST6, own.mark, 1, _PAYLOAD)
        body = message.encode(_pseudo(source, group, len(message.encode())))
    else:
        group = IPv6Address(_SOLICITED_NODE | int(address) & 0xFFFFFF)
        option = _SOURCE_LINK_LAYER + mac_octets(own.mac)
        bare = bytes((_SOLICITATION6,)) + bytes(7) + address.packed + option
        body = bare[:2] + checksum(_pseudo(source, group, len(bare)) + bare).to_bytes(2) + bare[4:]
    head = _IPV6.pack(6 << 28, len(body), ICMPV6, _HOP_LIMIT, source.packed, group.packed)
    to = mac_from_octets(b"\x33\x33" + group.packed[-4:])  # RFC 2464 §7
    return EthernetFrame(to, own.mac, IPV6, head + body).encode()


def _pseudo(source: IPv6Address, destination: IPv6Address, length: int) -> bytes:
    return _PSEUDO.pack(source.packed, destination.packed, length, ICMPV6)


def _ipv4(source: IPv4Address, destination: IPv4Address, body: bytes) -> bytes:
    head = _IPV4.pack(0x45, 0, _IPV4.size + len(body), 0, 0, _TTL, _ICMP, 0, source.packed, destination.packed)
    return head[:10] + checksum(head).to_bytes(2) + head[12:] + body
