"""What leaves by one call to the kernel (sendmmsg(2)): what goes one way with equal sizes is one message of it.

The kernel cuts such a message into its datagrams (UDP_SEGMENT of udp(7)): the way through it is walked once for all of
them. So it is with most answers to one relay.
"""

import socket
import struct
from collections.abc import Sequence
from typing import Final

from fibrix.runtime.mmsg import CONTROL_LENGTH_AT, IOVEC, MMSGHDR, NOT_CUT, SEGMENTS, UDP_SEGMENT, Calls, place
from fibrix.services.dhcp.datagram import IP_PKTINFO, MOST, SLOT, SOCKADDR, Datagram

# cmsghdr of IP_PKTINFO with in_pktinfo; cmsghdr of UDP_SEGMENT with a size
_CONTROL: Final = struct.Struct("@NiiI4s4s4xNiiH6x")
_ADDRESSED: Final = 32  # octets of it without the second one
_PKTINFO_SIZE: Final = 28  # octets of each without the padding
_SEGMENT_SIZE: Final = 18
_SOURCE_AT: Final = 20
_CUT_AT: Final = 48  # the size
_NOWHERE: Final = bytes(4)
_LONGEST_CUT: Final = 548  # octets of payload: what is longer may not fit the interface, and then goes in fragments


class Outgoing:
    """Places for one call's datagrams. `calls` sends; `interface` is the index of the one that they leave by."""

    def __init__(self, calls: Calls, interface: int) -> None:
        self._calls = calls
        self._cuts = True
        heads, parts = bytearray(MMSGHDR.size * MOST), bytearray(IOVEC.size * MOST)
        self._names, self._control = bytearray(SOCKADDR.size * MOST), bytearray(_CONTROL.size * MOST)
        data = bytearray(SLOT * MOST)
        self._at, parts_at, names_at, control_at, self._data_at = map(
            place, (heads, parts, self._names, self._control, data)
        )
        for slot in range(MOST):
            name, part, info = slot * SOCKADDR.size, slot * IOVEC.size, slot * _CONTROL.size
            pktinfo = (_PKTINFO_SIZE, socket.IPPROTO_IP, IP_PKTINFO, interface, _NOWHERE, _NOWHERE)
            _CONTROL.pack_into(self._control, info, *pktinfo, _SEGMENT_SIZE, socket.SOL_UDP, UDP_SEGMENT, 0)
            where = (names_at + name, SOCKADDR.size, parts_at + part, 1, control_at + info, _ADDRESSED)
            MMSGHDR.pack_into(heads, slot * MMSGHDR.size, *where, 0, 0)
        self._data = memoryview(data)
        words = memoryview(parts).cast("Q")
        self._starts, self._sizes = words[0 :: IOVEC.size // 8], words[1 :: IOVEC.size // 8]
        self._control_sizes = memoryview(heads).cast("Q")[CONTROL_LENGTH_AT :: MMSGHDR.size // 8]

    def send(self, datagrams: Sequence[Datagram]) -> tuple[int, int]:
        """Send, at most `MOST`: how many left, and the error number of the next one.

        0: none, or all left, or those together that the kernel did not want together: they can be tried again.
        """
        ends, filled, at = list[int](), 0, 0
        while at < len(datagrams):
            end = self._together(datagrams, at)
            payload = b"".join([datagram.payload for datagram in datagrams[at:end]])
            self._place(len(ends), datagrams[at], filled, len(payload), end - at)
            self._data[filled : filled + len(payload)] = payload
            filled += len(payload)
            ends.append(end)
            at = end
        sent = self._calls.send(self._at, len(ends))
        if sent >= 0:
            return ends[sent - 1] if sent else 0, 0
        if self._cuts and ends[0] > 1 and -sent in NOT_CUT:
            self._cuts = False
            return 0, 0
        return 0, -sent

    def _together(self, datagrams: Sequence[Datagram], at: int) -> int:
        """Where those end that can be one message with the first. Equal addresses are mostly one object."""
        payload, source, destination, port = datagrams[at]
        size, end = len(payload), at + 1
        if not self._cuts or not 0 < size <= _LONGEST_CUT:
            return end
        for other, its_source, its_destination, its_port in datagrams[end : at + SEGMENTS]:
            if len(other) != size or its_source is not source or its_destination is not destination or its_port != port:
                break
            end += 1
        return end

    def _place(self, slot: int, datagram: Datagram, start: int, size: int, count: int) -> None:
        """Write the structs of a message of so many datagrams like this one."""
        info = slot * _CONTROL.size
        self._starts[slot], self._sizes[slot] = self._data_at + start, size
        self._control[info + _SOURCE_AT : info + _SOURCE_AT + 4] = datagram.source.packed
        self._control[info + _CUT_AT : info + _CUT_AT + 2] = len(datagram.payload).to_bytes(2, "little")
        self._control_sizes[slot] = _CONTROL.size if count > 1 else _ADDRESSED
        to = (socket.AF_INET, socket.htons(datagram.port), datagram.destination.packed)
        SOCKADDR.pack_into(self._names, slot * SOCKADDR.size, *to)
