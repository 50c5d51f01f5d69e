"""IPv6 packets with their extension headers (RFC 8200), and UDP datagrams in them, as a passive listener reads them."""

from ipaddress import IPv6Address
from struct import Struct
from typing import Final, Self

import msgspec

from fibrix.errors import MalformedPacketError
from fibrix.wire.ipv4 import checksum, read_udp

UDP: Final = 17
ICMPV6: Final = 58
MOST_HEADERS: Final = 8
"""How many extension headers are walked over."""

_HEADER: Final = 40
_read_header: Final = Struct("!IHBB16s16s").unpack_from
_write_pseudo: Final = Struct("!16s16sII").pack
_LEAST: Final = 8  # octets of an extension header
_FRAGMENT: Final = 44
_AUTHENTICATION: Final = 51  # its length counts 4 octets, the others' 8: RFC 4302 §2.2
_EXTENSIONS: Final = frozenset(
    {0, 43, _FRAGMENT, _AUTHENTICATION, 60, 135, 139, 140}
)  # that say their length: RFC 7045


class Ipv6Packet(msgspec.Struct, frozen=True, gc=False):
    """A whole packet, less its extension headers."""

    source: bytes  # 16 octets
    destination: bytes  # 16 octets
    hop_limit: int
    protocol: int  # of the payload: UDP, ICMPV6, …
    payload: bytes

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read the payload of an Ethernet frame; padding behind it is left out. Raises MalformedPacketError.

        Fragments are refused: nobody who has to be heard on the link sends them, and neighbour discovery must not
        (RFC 6980 §5).
        """
        if len(data) < _HEADER:
            raise MalformedPacketError(f"IPv6: {len(data)} octets are too few")
        first, length, protocol, hop_limit, source, destination = _read_header(data)
        end = _HEADER + length
        if first >> 28 != 6 or end > len(data):
            raise MalformedPacketError(f"IPv6: version {first >> 28}, {end} octets of which {len(data)} are here")
        if source[0] == 0xFF:
            raise MalformedPacketError("IPv6: from a group")
        at = _HEADER
        if protocol in _EXTENSIONS:
            protocol, at = _walk(data[:end], protocol)
        return cls(source, destination, hop_limit, protocol, data[at:end])

    def sums_up(self) -> bool:
        """Whether the checksum of the payload over the pseudo header (RFC 8200 §8.1) is right: of ICMPv6, UDP, TCP."""
        pseudo = _write_pseudo(self.source, self.destination, len(self.payload), self.protocol)
        return checksum(pseudo + self.payload) == 0


class Udp6Datagram(msgspec.Struct, frozen=True):
    """A UDP datagram with the IPv6 addresses around it: the fields of `fibrix.wire.ipv4.UdpDatagram`."""

    source: IPv6Address
    source_port: int
    destination: IPv6Address
    destination_port: int
    payload: bytes

    @classmethod
    def decode(cls, packet: Ipv6Packet) -> Self:
        """Read a packet that holds UDP. Raises MalformedPacketError. The checksum is not checked, as in IPv4."""
        if packet.protocol != UDP:
            raise MalformedPacketError(f"IPv6: protocol {packet.protocol} is not UDP")
        source_port, destination_port, payload = read_udp(packet.payload)
        source, destination = IPv6Address(packet.source), IPv6Address(packet.destination)
        return cls(source, source_port, destination, destination_port, payload)


def _walk(data: bytes, protocol: int) -> tuple[int, int]:
    """Go over the extension headers: the protocol behind them, and where it begins."""
    begin = _HEADER
    for _ in range(MOST_HEADERS):
        if protocol == _FRAGMENT:
            raise MalformedPacketError("IPv6: a fragment")
        if begin + _LEAST > len(data):
            break
        octet = data[begin + 1]
        end = begin + ((octet + 2) * 4 if protocol == _AUTHENTICATION else (octet + 1) * 8)
        if end > len(data):
            break
        protocol, begin = data[begin], end
        if protocol not in _EXTENSIONS:
            return protocol, begin
    raise MalformedPacketError(f"IPv6: the extension headers have no end, at octet {begin}")
