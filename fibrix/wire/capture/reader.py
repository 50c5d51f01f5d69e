"""Reads a capture file of whichever format it is."""

from collections.abc import Iterator
from typing import Final

from fibrix.errors import MalformedPacketError
from fibrix.wire.capture import pcap, pcapng
from fibrix.wire.capture.packet import Octets, Packet, Read

_PACKED: Final = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"\xfd7zX": "xz", b"BZh": "bzip2"}


def packets(read: Read) -> Iterator[Packet]:
    """Read the packets of a capture in the file's order, piece by piece: the file may be of any size.

    Raises MalformedPacketError when the file ends in mid-packet or is none, after all packets that come before.
    """
    octets = Octets(read)
    begin = octets.keep(0, 4)[:4]
    if pcap.is_pcap(begin):
        yield from pcap.packets(octets)
    elif pcapng.is_pcapng(begin):
        yield from pcapng.packets(octets)
    else:
        raise MalformedPacketError(_why_not(begin))


def _why_not(begin: bytes) -> str:
    if not begin:
        return "the file is empty: a capture has at least a header"
    packer = next((name for magic, name in _PACKED.items() if begin.startswith(magic)), "")
    if packer:
        return f"the file is compressed with {packer}: unpack it first"
    return f"the file is no capture: pcap and pcapng are read, and it begins with {begin.hex(' ')}"
