"""Wake-on-LAN: the magic packet, after AMD's white paper "Magic Packet Technology" (publication 20213).

The pattern is 6 octets of ff and then the sleeping machine's MAC 16 times; a NIC looks for it anywhere in a frame. An
optional SecureOn password of 4 or 6 octets follows. It travels as the payload of a UDP broadcast (port 9 by custom) or
right behind an Ethernet header of type 0x0842.
"""

from dataclasses import dataclass
from typing import Final, Self

from fibrix.errors import MalformedPacketError
from fibrix.types import MacAddress, mac_from_octets

ETHERTYPE: Final = 0x0842
UDP_PORT: Final = 9  # discard
_BROADCAST: Final = b"\xff" * 6
_HEADER_BYTES: Final = 14
_REPEATS: Final = 16
_PATTERN_BYTES: Final = 6 + 6 * _REPEATS
_PASSWORD_BYTES: Final = (0, 4, 6)


@dataclass(frozen=True, slots=True)
class MagicPacket:
    """The order to wake up. `password` is SecureOn's: 0, 4 or 6 octets."""

    mac: MacAddress
    password: bytes = b""

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Find the first pattern anywhere in a payload, as a NIC does. Raises MalformedPacketError.

        What follows the pattern is a password if it is 4 or 6 octets long, and padding if not.
        """
        start = data.find(_BROADCAST)
        while start >= 0:
            mac = data[start + 6 : start + 12]
            if data[start + 6 : start + _PATTERN_BYTES] == mac * _REPEATS:
                rest = data[start + _PATTERN_BYTES :]
                return cls(mac_from_octets(mac), rest if len(rest) in _PASSWORD_BYTES else b"")
            start = data.find(_BROADCAST, start + 1)
        raise MalformedPacketError(f"no Wake-on-LAN pattern in {len(data)} octets")

    @classmethod
    def decode_frame(cls, frame: bytes) -> Self:
        """Read an Ethernet frame of type 0x0842: 6 octets destination, 6 source, 2 type. Raises MalformedPacketError.

        The header is skipped before the search: a broadcast destination looks like the pattern's start.
        """
        if len(frame) < _HEADER_BYTES or int.from_bytes(frame[12:14]) != ETHERTYPE:
            raise MalformedPacketError("no Ethernet frame of type 0x0842")
        return cls.decode(frame[_HEADER_BYTES:])

    def encode(self) -> bytes:
        """Make the payload: for UDP as it is, or for a frame."""
        return _BROADCAST + _octets(self.mac) * _REPEATS + self.password

    def encode_frame(self, source: MacAddress) -> bytes:
        """Make a broadcast Ethernet frame of type 0x0842 from an interface's own MAC."""
        return _BROADCAST + _octets(source) + ETHERTYPE.to_bytes(2) + self.encode()


def _octets(mac: MacAddress) -> bytes:
    return bytes.fromhex(mac.replace(":", ""))
