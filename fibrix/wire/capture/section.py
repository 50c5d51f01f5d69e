"""A section of a pcapng file: its interfaces, and the packets in its blocks."""

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from fibrix.errors import MalformedPacketError
from fibrix.wire.capture.packet import LATEST_US, MOST_OCTETS, Packet

_MOST_INTERFACES: Final = 1 << 16
_MOST_NAME: Final = 64  # characters
_MICROSECONDS: Final = 1_000_000

# Types of blocks.
_SECTION: Final = 0x0A0D0D0A
_INTERFACE: Final = 1
_OLD_PACKET: Final = 2
_SIMPLE_PACKET: Final = 3
_ENHANCED_PACKET: Final = 6

# Options of an interface.
_END: Final = 0
_NAME: Final = 2
_RESOLUTION: Final = 9
_OFFSET: Final = 14


@dataclass(frozen=True, slots=True)
class _Interface:
    name: str
    linktype: int
    kept: int  # octets of a packet at most; 0: no limit
    ticks: int  # of a timestamp, per second
    offset_us: int  # to add to every timestamp


class Section:
    """What blocks mean depends on those before: packets tell their interface by its number."""

    def __init__(self, order: str) -> None:
        """`order`: of the octets of numbers, as `struct` names it."""
        self._order = order
        self._interfaces: list[_Interface] = []
        self._last_us = 0
        self._enhanced = struct.Struct(f"{order}IIIII").unpack_from
        self._old = struct.Struct(f"{order}HHIIII").unpack_from
        self.begin = struct.Struct(f"{order}II").unpack_from  # type and length of a block
        self.end = struct.Struct(f"{order}I").unpack_from  # its length again
        self.readers: Mapping[int, Callable[[bytes], Packet | None]] = {
            _SECTION: self._check,
            _INTERFACE: self._interface,
            _OLD_PACKET: self._old_packet,
            _SIMPLE_PACKET: self._simple_packet,
            _ENHANCED_PACKET: self._enhanced_packet,
        }
        """What reads the bodies of which blocks. Each raises MalformedPacketError or struct.error: it is too short."""

    def _check(self, body: bytes) -> None:
        """4 octets of byte order, 2 and 2 of version, 8 of the section's length, which need not be told, options."""
        _, major, minor, _ = struct.unpack_from(f"{self._order}IHHq", body)
        if major != 1:
            raise MalformedPacketError(f"version {major}.{minor} is not read, 1.0 is")

    def _interface(self, body: bytes) -> None:
        """2 octets of link type, 2 of nothing, 4 of the longest packet, options."""
        linktype, _, kept = struct.unpack_from(f"{self._order}HHI", body)
        options = dict(self._options(body, 8))
        if len(self._interfaces) >= _MOST_INTERFACES:
            raise MalformedPacketError(f"a section has {_MOST_INTERFACES} interfaces at most")
        offset_s = struct.unpack(f"{self._order}q", options.get(_OFFSET, bytes(8)))[0]
        ticks = _ticks(options.get(_RESOLUTION, b"\x06"))
        name = _text(options.get(_NAME, b""))
        self._interfaces.append(_Interface(name, linktype, kept, ticks, offset_s * _MICROSECONDS))

    def _options(self, body: bytes, at: int) -> Iterator[tuple[int, bytes]]:
        """Each: 2 octets of code, 2 of length, the value, filled up to a multiple of 4."""
        while len(body) - at >= 4:
            code, length = struct.unpack_from(f"{self._order}HH", body, at)
            if code == _END:
                return
            if at + 4 + length > len(body):
                raise MalformedPacketError(f"option {code} of {length} octets does not fit")
            yield code, body[at + 4 : at + 4 + length]
            at += 4 + (length + 3 & ~3)

    def _enhanced_packet(self, body: bytes) -> Packet:
        """4 octets of interface, 4 and 4 of time, 4 of how many are here, 4 of how many were sent; packet, options."""
        return self._packet(body, *self._enhanced(body))

    def _old_packet(self, body: bytes) -> Packet:
        """As an enhanced one, but 2 octets of interface and 2 of how many packets were lost."""
        interface, _, high, low, kept, length = self._old(body)
        return self._packet(body, interface, high, low, kept, length)

    def _simple_packet(self, body: bytes) -> Packet:
        """4 octets of the packet's length on the wire; the packet, of the first interface, with no time of its own.

        It is given the time of the packet before it: order is kept.
        """
        interface, (length,) = self._at(0), self.end(body)
        kept = min(length, interface.kept or length)
        if kept > MOST_OCTETS or 4 + kept > len(body):
            raise MalformedPacketError(f"{kept} octets of packet do not fit")
        return Packet(interface.name, self._last_us, interface.linktype, body[4 : 4 + kept], length)

    def _packet(self, body: bytes, number: int, high: int, low: int, kept: int, length: int) -> Packet:
        interface = self._at(number)
        if kept > MOST_OCTETS or 20 + kept > len(body):
            raise MalformedPacketError(f"{kept} octets of packet do not fit")
        at_us = ((high << 32) + low) * _MICROSECONDS // interface.ticks + interface.offset_us
        if not 0 <= at_us < LATEST_US:
            raise MalformedPacketError("its time is before 1970 or after 9999")
        self._last_us = at_us
        return Packet(interface.name, at_us, interface.linktype, body[20 : 20 + kept], length)

    def _at(self, number: int) -> _Interface:
        if number >= len(self._interfaces):
            raise MalformedPacketError(f"there is no interface {number} before it")
        return self._interfaces[number]


def _ticks(resolution: bytes) -> int:
    """1 octet: timestamps are in units of 10 to the minus that, or with the highest bit set of 2 to the minus that."""
    if len(resolution) != 1:
        raise MalformedPacketError(f"its resolution of time has {len(resolution)} octets instead of 1")
    exponent = resolution[0] & 0x7F
    return int((2 if resolution[0] & 0x80 else 10) ** exponent)


def _text(value: bytes) -> str:
    """A name as people may read it, whatever the octets are."""
    return "".join(char for char in value.decode(errors="replace") if char.isprintable())[:_MOST_NAME]
