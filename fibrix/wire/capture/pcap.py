"""The classic capture format (draft-ietf-opsawg-pcap), read and written."""

import struct
from collections.abc import Iterator
from typing import Final

from fibrix.errors import MalformedPacketError
from fibrix.wire.capture.packet import MOST_OCTETS, Octets, Packet

MICROSECONDS: Final = 0xA1B2C3D4
NANOSECONDS: Final = 0xA1B23C4D
_MODIFIED: Final = 0xA1B2CD34  # of patched libpcaps: 8 more octets before each packet, microseconds

_HEADER: Final = "IHHiIII"
_HEADER_OCTETS: Final = 24
_RECORD_OCTETS: Final = {MICROSECONDS: 16, NANOSECONDS: 16, _MODIFIED: 24}
_WRITTEN_HEADER: Final = struct.Struct(f"<{_HEADER}")
_WRITTEN_RECORD: Final = struct.Struct("<IIII")


def is_pcap(begin: bytes) -> bool:
    """Whether a file that begins with these 4 octets is of this format."""
    return bool(_order(begin))


def packets(octets: Octets) -> Iterator[Packet]:
    """Read a file from its header on. Raises MalformedPacketError after the packets before the fault.

    Header, in the order of the machine that wrote it: 4 octets of magic, 2 and 2 of version, 4 and 4 of nothing, 4 of
    the longest packet, 4 of the link type, of which the upper half says other things. Before each packet: 4 octets of
    seconds since 1970, 4 of microseconds or nanoseconds, 4 of the octets that are here, 4 of those that were sent.
    """
    data = octets.keep(0, _HEADER_OCTETS)
    if len(data) < _HEADER_OCTETS:
        raise octets.torn(0, "header")
    order = _order(data[:4])
    magic, major, minor, *_, linktype = struct.unpack_from(f"{order}{_HEADER}", data)
    if (major, minor) < (2, 3) or major > 2:
        raise MalformedPacketError(f"the capture is pcap of version {major}.{minor}: 2.3 and 2.4 are read")
    yield from _records(octets, f"{order}IIII{_RECORD_OCTETS[magic] - 16}x", magic == NANOSECONDS, linktype & 0xFFFF)


def header(linktype: int) -> bytes:
    """The 24 octets that begin a file of packets of this link type, with microseconds."""
    return _WRITTEN_HEADER.pack(MICROSECONDS, 2, 4, 0, 0, MOST_OCTETS, linktype)


def record(at_us: int, data: bytes, length: int) -> bytes:
    """A packet in such a file; `length` is what it had on the wire. Seconds are 32 bits: they end in 2106."""
    seconds, microseconds = divmod(at_us, 1_000_000)
    return _WRITTEN_RECORD.pack(seconds, microseconds, len(data), length) + data


def _records(octets: Octets, form: str, nanoseconds: bool, linktype: int) -> Iterator[Packet]:  # noqa: FBT001
    """Read the packets after the header. `form` is that of the octets before each."""
    head, unpack = struct.calcsize(form), struct.Struct(form).unpack_from
    data, at = octets.data, _HEADER_OCTETS
    while True:
        if len(data) - at < head:
            data, at = octets.keep(at, head), 0
            if len(data) < head:
                break
        seconds, fraction, kept, length = unpack(data, at)
        if kept > MOST_OCTETS:
            raise MalformedPacketError(f"the packet at octet {octets.start + at} says that it has {kept} octets here")
        end = at + head + kept
        if end > len(data):
            data, end, at = octets.keep(at, head + kept), head + kept, 0
            if end > len(data):
                break
        parts = fraction // 1_000 if nanoseconds else fraction
        yield Packet("", seconds * 1_000_000 + parts, linktype, data[at + head : end], length)
        at = end
    if data:
        raise octets.torn(octets.start, "packet")


def _order(begin: bytes) -> str:
    """The byte order of a file that begins so, for `struct`; empty: it is no pcap."""
    return next((o for o in "<>" if len(begin) == 4 and struct.unpack(f"{o}I", begin)[0] in _RECORD_OCTETS), "")
