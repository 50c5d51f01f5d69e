"""Many datagrams with one call to the kernel (recvmmsg(2), sendmmsg(2)); one by one where there are no such calls.

Each comes with the address that it was sent to, and leaves from the address that it names (IP_PKTINFO of ip(7)).
"""

import errno
import socket
import struct
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, Protocol

from fibrix.runtime.mmsg import CONTROL_LENGTH_AT, IOVEC, LENGTH_AT, MMSGHDR, Calls, place
from fibrix.services.dhcp.datagram import IP_PKTINFO, MOST, SLOT, Datagram
from fibrix.services.dhcp.outgoing import Outgoing

_PKTINFO: Final = struct.Struct("=I4s4s")  # interface index, our address, destination in the header
_CONTROL: Final = struct.Struct("@Nii12s4x")  # cmsghdr: length, level, kind; then the above, padded
_DESTINATION_AT: Final = 24
_NOWHERE: Final = bytes(4)
_RETRIED: Final = frozenset({errno.EAGAIN, errno.EINTR, errno.ENOBUFS})  # there is no room for it just now


class Datagrams(Protocol):
    """The datagrams of a socket that does not block."""

    def receive(self) -> Sequence[tuple[bytes, bytes]]:
        """Take what is there, at most `MOST`: payloads, each with the destination in its header. Raises OSError."""
        ...

    def send(self, datagrams: Sequence[Datagram]) -> tuple[int, int]:
        """Send, at most `MOST`: how many left, and the error number of the next one; 0: none, or all left."""
        ...


def has_no_room(fault: int) -> bool:
    """Whether an error number means that the same datagram may leave a little later."""
    return fault in _RETRIED


class KernelDatagrams:
    """By one call for many."""

    def __init__(self, sock: socket.socket, interface: int) -> None:
        """`interface`: its index. Raises OSError where there are no such calls, or their structs may be other ones."""
        self._calls = Calls(sock)
        self._heard = _Slots()
        self._said = Outgoing(self._calls, interface)

    def receive(self) -> Sequence[tuple[bytes, bytes]]:
        """Take what is there, at most `MOST`: payloads, each with the destination in its header. Raises OSError."""
        slots = self._heard
        slots.heads[:] = slots.fresh  # the last call wrote into it
        count = self._calls.receive(slots.at, MOST)
        data, control, taken = slots.data, slots.control, list[tuple[bytes, bytes]]()
        told = slots.control_lengths[:count].tolist()
        for slot, length in enumerate(slots.lengths[:count].tolist()):
            at, info = slot * SLOT, slot * _CONTROL.size + _DESTINATION_AT
            destination = bytes(control[info : info + 4]) if told[slot] else _NOWHERE
            taken.append((bytes(data[at : at + length]), destination))
        return taken

    def send(self, datagrams: Sequence[Datagram]) -> tuple[int, int]:
        """Send, at most `MOST`: how many left, and the error number of the next one; 0: none, or all left."""
        return self._said.send(datagrams)


class PlainDatagrams:
    """The same, one datagram a call."""

    def __init__(self, sock: socket.socket, interface: int) -> None:
        """`interface`: its index."""
        self._socket = sock
        self._interface = interface

    def receive(self) -> Sequence[tuple[bytes, bytes]]:
        """Take what is there, at most `MOST`: payloads, each with the destination in its header. Raises OSError."""
        taken: list[tuple[bytes, bytes]] = []
        with suppress(BlockingIOError):
            while len(taken) < MOST:
                data, ancillary, _, _ = self._socket.recvmsg(SLOT, socket.CMSG_SPACE(_PKTINFO.size))
                taken.append((data, _destination(ancillary)))
        return taken

    def send(self, datagrams: Sequence[Datagram]) -> tuple[int, int]:
        """Send, at most `MOST`: how many left, and the error number of the next one; 0: none, or all left."""
        for count, (payload, source, destination, port) in enumerate(datagrams):
            pktinfo = _PKTINFO.pack(self._interface, source.packed, _NOWHERE)
            try:
                self._socket.sendmsg([payload], [(socket.IPPROTO_IP, IP_PKTINFO, pktinfo)], 0, (str(destination), port))
            except OSError as exc:
                return count, exc.errno or errno.EIO
        return len(datagrams), 0


def datagrams_of(sock: socket.socket, interface: int) -> Datagrams:
    """Give the fastest kind that works here; the socket tells destinations (IP_PKTINFO)."""
    try:
        return KernelDatagrams(sock, interface)
    except OSError:
        return PlainDatagrams(sock, interface)


class _Slots:
    """Places for what is received; `fresh` is how the heads look before a call."""

    def __init__(self) -> None:
        heads, parts = bytearray(MMSGHDR.size * MOST), bytearray(IOVEC.size * MOST)
        control, data = bytearray(_CONTROL.size * MOST), bytearray(SLOT * MOST)
        self.at, parts_at, control_at, data_at = map(place, (heads, parts, control, data))
        for slot in range(MOST):
            IOVEC.pack_into(parts, slot * IOVEC.size, data_at + slot * SLOT, SLOT)
            part, info = parts_at + slot * IOVEC.size, control_at + slot * _CONTROL.size
            MMSGHDR.pack_into(heads, slot * MMSGHDR.size, 0, 0, part, 1, info, _CONTROL.size, 0, 0)
        self.heads, self.fresh, self._parts = memoryview(heads), bytes(heads), parts
        self.data, self.control = memoryview(data), memoryview(control)
        self.lengths = memoryview(heads).cast("I")[LENGTH_AT :: MMSGHDR.size // 4]
        self.control_lengths = memoryview(heads).cast("Q")[CONTROL_LENGTH_AT :: MMSGHDR.size // 8]


def _destination(ancillary: Sequence[tuple[int, int, bytes]]) -> bytes:
    """The destination in the datagram's header."""
    for level, kind, data in ancillary:
        if (level, kind) == (socket.IPPROTO_IP, IP_PKTINFO):
            return data[_PKTINFO.size - 4 : _PKTINFO.size]
    return _NOWHERE
