"""UDP datagrams in IPv4 packets, for what is sent to clients that have no address yet, and for captures."""

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final, Self

from fibrix.errors import MalformedPacketError
from fibrix.wire.cursor import Cursor

_HEADER: Final = struct.Struct("!BBHHHBBH4s4s")  # RFC 791 §3.1 without options
_UDP_HEADER: Final = struct.Struct("!HHHH")  # RFC 768
_UDP: Final = 17
_TTL: Final = 64
_MORE_FRAGMENTS_OR_OFFSET: Final = 0x3FFF


def checksum(data: bytes) -> int:
    """The ones' complement sum of 16-bit words (RFC 1071); over data that holds its own checksum it is 0."""
    number = int.from_bytes(data if len(data) % 2 == 0 else data + b"\0")
    rest = number % 0xFFFF  # 0 and 0xFFFF are one in ones' complement: only nothing but zeros sums up to 0
    return 0xFFFF - rest if rest or not number else 0


@dataclass(frozen=True, slots=True)
class UdpDatagram:
    """A UDP datagram with the IPv4 addresses around it."""

    source: IPv4Address
    source_port: int
    destination: IPv4Address
    destination_port: int
    payload: bytes

    @classmethod
    def decode(cls, packet: bytes) -> Self:
        """Read an IPv4 packet that holds a whole UDP datagram. Raises MalformedPacketError.

        The UDP checksum is not checked: NICs fill it in late, so a machine that captures its own packets sees it wrong.
        """
        source, destination, datagram = _unwrap(packet)
        source_port, destination_port, payload = read_udp(datagram)
        return cls(source, source_port, destination, destination_port, payload)

    def encode(self) -> bytes:
        """Write the IPv4 packet, both checksums filled in: a raw socket has nobody else to do it."""
        udp = self._encode_udp()
        head = _HEADER.pack(
            0x45, 0, _HEADER.size + len(udp), 0, 0, _TTL, _UDP, 0, self.source.packed, self.destination.packed
        )
        return head[:10] + checksum(head).to_bytes(2) + head[12:] + udp

    def _encode_udp(self) -> bytes:
        length = _UDP_HEADER.size + len(self.payload)
        pseudo = self.source.packed + self.destination.packed + struct.pack("!HH", _UDP, length)
        bare = _UDP_HEADER.pack(self.source_port, self.destination_port, length, 0)
        seal = checksum(pseudo + bare + self.payload) or 0xFFFF  # 0 on the wire means: none (RFC 768)
        return bare[:6] + seal.to_bytes(2) + self.payload


def read_udp(datagram: bytes) -> tuple[int, int, bytes]:
    """Source port, destination port and payload of a UDP datagram (RFC 768). Raises MalformedPacketError.

    What is in its packet behind the datagram is left out.
    """
    if len(datagram) < _UDP_HEADER.size:
        raise MalformedPacketError(f"UDP datagram ends at octet {len(datagram)}, {_UDP_HEADER.size} are needed")
    source_port, destination_port, length, _ = _UDP_HEADER.unpack_from(datagram)
    if not _UDP_HEADER.size <= length <= len(datagram):
        raise MalformedPacketError(f"UDP length {length} does not fit the {len(datagram)} octets of its packet")
    return source_port, destination_port, datagram[_UDP_HEADER.size : length]


def _unwrap(packet: bytes) -> tuple[IPv4Address, IPv4Address, bytes]:
    """Source, destination and payload of an unfragmented IPv4 packet that holds UDP."""
    at = Cursor(packet, "IPv4 packet")
    first, _, length, _, fragment, _, protocol, _, source, destination = _HEADER.unpack(at.octets(_HEADER.size))
    header = (first & 0x0F) * 4
    if first >> 4 != 4 or not _HEADER.size <= header <= length <= len(packet):
        raise MalformedPacketError(f"no IPv4 header: first octet {first:#04x}, length {length} of {len(packet)}")
    if checksum(packet[:header]):
        raise MalformedPacketError("IPv4 header checksum is wrong")
    if protocol != _UDP or fragment & _MORE_FRAGMENTS_OR_OFFSET:
        raise MalformedPacketError(f"IPv4 packet is a fragment or not UDP (protocol {protocol})")
    return IPv4Address(source), IPv4Address(destination), packet[header:length]
