"""A packet of a capture file, and the octets of such a file piece by piece."""

from collections.abc import Callable
from typing import Final, TypeAlias

import msgspec

from fibrix.errors import MalformedPacketError

Read: TypeAlias = Callable[[int], bytes]
"""Gives at most so many octets, nothing at the end: the `read` of a file."""

MOST_OCTETS: Final = 262_144
"""The longest packet that is read: what tcpdump and dumpcap keep of a packet at most."""

LATEST_US: Final = 253_402_300_800 * 1_000_000
"""The end of the year 9999. What says that it comes later lies, and no calendar has a name for it."""

_PIECE: Final = 1 << 20  # so that the loop over what is in it is long


class Packet(msgspec.Struct, frozen=True, gc=False):
    """One packet as it was captured. A struct of msgspec: there may be millions, and it is made in 0.1 µs."""

    interface: str  # its name where the file tells it, else empty
    at_us: int  # microseconds since 1970, UTC
    linktype: int  # of the registry of link-layer header types
    data: bytes  # from the link layer on; less than `length` where the capture cut it
    length: int  # of the packet on the wire, in octets


class Octets:
    """A file's octets from some place on. `data` holds what was read and not let go; it begins at octet `start`."""

    __slots__ = ("_read", "data", "start")

    def __init__(self, read: Read, data: bytes = b"") -> None:
        self._read = read
        self.data = data
        self.start = 0

    def keep(self, at: int, count: int) -> bytes:
        """Let go of what is before `at` in `data`, and read until `count` octets are there, or to the end."""
        self.start += at
        pieces, there = [self.data[at:]], len(self.data) - at
        while there < count and (piece := self._read(max(_PIECE, count - there))):
            pieces.append(piece)
            there += len(piece)
        self.data = b"".join(pieces)
        return self.data

    def hold(self, at: int, count: int) -> int:
        """See to it that `count` octets from `at` on are in `data`, and say where they are now.

        -1: they end early; then `data` holds all that is left from `at` on.
        """
        if len(self.data) - at >= count:
            return at
        return 0 if len(self.keep(at, count)) >= count else -1

    def skip(self, at: int, count: int) -> int:
        """Pass over `count` octets from `at` on, of which none are kept; says where in `data` the next one is.

        Where they end early, that is the end of the file.
        """
        at += count
        while at > len(self.data) and (piece := self._read(_PIECE)):
            at -= len(self.data)
            self.start += len(self.data)
            self.data = piece
        return min(at, len(self.data))

    def torn(self, began: int, what: str) -> MalformedPacketError:
        """The error for a file that ends in the middle of `what`, which began at octet `began` of it."""
        end = self.start + len(self.data)
        return MalformedPacketError(f"the capture ends at octet {end}, in the middle of the {what} at octet {began}")
