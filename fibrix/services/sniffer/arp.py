"""What an ARP packet says of its sender (RFC 826, RFC 5227)."""

from ipaddress import IPv4Address
from typing import Final

from fibrix.domain.census.sighting import Means, Sighting
from fibrix.errors import MalformedPacketError
from fibrix.services.sniffer.heard import UnprovedError
from fibrix.types import mac_from_octets

ETHERNET_IPV4: Final = bytes.fromhex("0001 0800 06 04")  # hardware and protocol type, their address lengths
SIZE: Final = 28
_OPERATIONS: Final = (b"\0\1", b"\0\2")  # request and reply
_NOWHERE: Final = bytes(4)
_LOOPBACK: Final = 127
_GROUPS: Final = 224  # and all above: groups, class E, the broadcast address


def sight(source: bytes, packet: bytes) -> Sighting:
    """Read the payload of a frame from `source`; padding behind it is ignored.

    28 octets: types and lengths (6), operation (2), then MAC (6) and address (4) of the sender and of the target. The
    sender's MAC has to be the frame's: a packet that speaks for another is not believed. A probe (RFC 5227 §1.1), whose
    sender's address is 0, says no more than that the host is there. Raises MalformedPacketError.
    """
    if len(packet) < SIZE or packet[:6] != ETHERNET_IPV4 or packet[6:8] not in _OPERATIONS:
        raise MalformedPacketError(f"ARP: no request or reply for IPv4 over Ethernet: {packet[:8].hex()}")
    if packet[8:14] != source:
        raise UnprovedError(f"ARP: {source.hex(':')} speaks for {packet[8:14].hex(':')}")
    address = packet[14:18]
    if address == _NOWHERE:
        return Sighting(mac=mac_from_octets(source), means=Means.ARP)
    if not 0 < address[0] < _GROUPS or address[0] == _LOOPBACK:
        raise UnprovedError(f"ARP: {IPv4Address(address)} is no host's address")
    return Sighting(mac=mac_from_octets(source), means=Means.ARP, addresses=(IPv4Address(address),))
