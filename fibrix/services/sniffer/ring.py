"""The ring that the kernel writes frames into, in memory that it shares with us: TPACKET_V3 (packet_mmap).

It hands over a block of frames at a time: when the block is full, or some milliseconds after its first frame. So a load
wakes us once per block and not once per frame, and no frame costs a call to the kernel.
"""

import errno
import mmap
import socket
import struct
from typing import Final, TypeAlias

Heard: TypeAlias = tuple[bytes, int, int]
"""A frame, the VLAN of the tag that the kernel took out of it (0: none), microseconds since 1970."""

SOL_PACKET: Final = 263
_RX_RING: Final = 5  # of <linux/if_packet.h>, as all that follows
_STATISTICS: Final = 6
_VERSION: Final = 10
_TPACKET_V3: Final = 2

_BLOCK: Final = 1 << 16  # octets: some 450 ARP frames, and one frame of any size
_BLOCKS: Final = 64  # a burst of 28,000 ARP frames waits in them
_LEAST_BLOCKS: Final = 8  # where the kernel has no memory for more
_FRAME: Final = 2048  # it only has to divide a block: frames lie close together
_HAND_OVER_MS: Final = 8  # a block that is not full, so long after its first frame

_REQUEST: Final = struct.Struct("@7I")  # tpacket_req3: block size, blocks, frame size, frames, ms, private, features
_COUNTS: Final = struct.Struct("@3I")  # tpacket_stats_v3: frames, those that were dropped, how often it was full
_OURS: Final = 1  # TP_STATUS_USER
_TAGGED: Final = 1 << 4  # TP_STATUS_VLAN_VALID
_VLAN: Final = 0xFFF

_read_block: Final = struct.Struct("@8x3I").unpack_from  # tpacket_block_desc: status, frames, where the first one is
# tpacket3_hdr: where the next one is, seconds, nanoseconds, octets, status, where the frame begins, the tag.
_read_head: Final = struct.Struct("@4I4xIH6xI").unpack_from
_STATUS_AT: Final = 8


class Ring:
    """A ring on a packet socket that is not bound yet. Opening raises OSError: no memory, or no permission."""

    def __init__(self, raw: socket.socket) -> None:
        self._raw = raw
        raw.setsockopt(SOL_PACKET, _VERSION, _TPACKET_V3)
        self._blocks = _allot(raw)
        self._memory = mmap.mmap(raw.fileno(), self._blocks * _BLOCK)
        self._block = 0  # where the block begins that is read now, or comes next
        self._left = 0  # frames in it that are not taken yet
        self._next = 0  # where the next one of them is

    def close(self) -> None:
        """Give the memory back. The socket is its owner's."""
        self._memory.close()

    def take(self, most: int) -> list[Heard]:
        """Take frames that are there, the oldest first. Octets that the filter's limit cut off are missing."""
        memory, taken = self._memory, list[Heard]()
        while most and (self._left or self._opens()):
            at = self._next
            count = min(self._left, most)
            for _ in range(count):
                following, seconds, nanoseconds, octets, status, begins, tag = _read_head(memory, at)
                begins += at
                vlan = tag & _VLAN if status & _TAGGED else 0
                taken.append((memory[begins : begins + octets], vlan, seconds * 1_000_000 + nanoseconds // 1000))
                at += following
            self._next = at
            self._left -= count
            most -= count
            if not self._left:
                self._give_back()
        return taken

    def dropped(self) -> int:
        """Frames that found no room since this was asked last. Raises OSError."""
        return int(_COUNTS.unpack(self._raw.getsockopt(SOL_PACKET, _STATISTICS, _COUNTS.size))[1])

    def _opens(self) -> bool:
        """Whether the next block was handed over."""
        status, self._left, first = _read_block(self._memory, self._block)
        if not status & _OURS:
            self._left = 0
            return False
        self._next = self._block + first
        if not self._left:
            self._give_back()
        return True

    def _give_back(self) -> None:
        """Let the kernel have the block again, and go on to the next one."""
        struct.pack_into("@I", self._memory, self._block + _STATUS_AT, 0)
        self._block = (self._block + _BLOCK) % (self._blocks * _BLOCK)


def _allot(raw: socket.socket) -> int:
    """Have the kernel make the ring, smaller where it cannot; how many blocks there are. Raises OSError."""
    blocks = _BLOCKS
    while True:
        request = _REQUEST.pack(_BLOCK, blocks, _FRAME, blocks * _BLOCK // _FRAME, _HAND_OVER_MS, 0, 0)
        try:
            raw.setsockopt(SOL_PACKET, _RX_RING, request)
        except OSError as exc:
            if exc.errno != errno.ENOMEM or blocks <= _LEAST_BLOCKS:
                raise
            blocks //= 2
        else:
            return blocks
