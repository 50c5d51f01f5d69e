"""The next-generation capture format (draft-ietf-opsawg-pcapng): sections of blocks, read."""

import struct
from collections.abc import Iterator
from typing import Final

from fibrix.errors import MalformedPacketError
from fibrix.wire.capture.packet import MOST_OCTETS, Octets, Packet
from fibrix.wire.capture.section import Section

_SECTION: Final = b"\x0a\x0d\x0d\x0a"  # the type of a section's first block, the same in both byte orders
_ORDERS: Final = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
_LEAST_OCTETS: Final = 12  # of a block; at 8 in a section's first one are the 4 that tell the byte order
_MOST_READ_OCTETS: Final = MOST_OCTETS + (1 << 16)  # of a block that is read: a packet and its options


def is_pcapng(begin: bytes) -> bool:
    """Whether a file that begins with these 4 octets is of this format."""
    return begin == _SECTION


def packets(octets: Octets) -> Iterator[Packet]:
    """Read a file. Raises MalformedPacketError after the packets before the fault.

    Each block: 4 octets of type, 4 of its whole length, its body, 4 of its length again. The first of a section tells
    the byte order of all in it. Blocks that hold neither a packet nor an interface are passed over.
    """
    for section, kind, body, where in _blocks(octets):
        try:
            packet = section.readers[kind](body)
        except MalformedPacketError as exc:
            raise MalformedPacketError(f"the block at octet {where} of the capture: {exc}") from exc
        except struct.error:
            raise MalformedPacketError(f"the block at octet {where} of the capture is too short") from None
        if packet is not None:
            yield packet


def _blocks(octets: Octets) -> Iterator[tuple[Section, int, bytes, int]]:
    """Give the blocks that are read, with their section and the octet of the file where they begin."""
    at, section = 0, Section("<")
    while (at := octets.hold(at, _LEAST_OCTETS)) >= 0:
        data = octets.data
        where = octets.start + at
        if data[at : at + 4] == _SECTION:
            section = _section(data[at + 8 : at + 12], where)
        kind, size = section.begin(data, at)
        reads = kind in section.readers
        if size < _LEAST_OCTETS or size % 4 or (reads and size > _MOST_READ_OCTETS):
            raise MalformedPacketError(f"the block at octet {where} of the capture cannot have {size} octets")
        body, at = _body(octets, at, size) if reads else (b"", octets.skip(at, size - 4))
        if (at := octets.hold(at, 4)) < 0:
            raise octets.torn(where, "block")
        if section.end(octets.data, at)[0] != size:
            raise MalformedPacketError(f"the block at octet {where} of the capture ends with another length")
        at += 4
        if reads:
            yield section, kind, body, where
    if octets.data:
        raise octets.torn(octets.start, "block")


def _body(octets: Octets, at: int, size: int) -> tuple[bytes, int]:
    """The body of a block that is held whole, or of one that is cut, and the place behind it."""
    at = max(0, octets.hold(at, size))
    end = min(at + size - 4, len(octets.data))
    return octets.data[at + 8 : end], end


def _section(order: bytes, where: int) -> Section:
    if order not in _ORDERS:
        raise MalformedPacketError(f"the section at octet {where} of the capture tells no byte order: {order.hex(' ')}")
    return Section(_ORDERS[order])
