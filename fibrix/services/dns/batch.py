"""Many datagrams with one call to the kernel (recvmmsg(2), sendmmsg(2)); one by one where there are no such calls.

Datagrams lie in slots of `SLOT` octets of `view`; an answer is written over its query and goes where that came from.
Source addresses are numbers in the byte order of the machine, made of the 4 octets as they came.
"""

import ctypes
import errno
import socket
import struct
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, Protocol

SLOT: Final = 4096  # no query and no answer by UDP is longer
SLOTS: Final = 64
_MMSGHDR: Final = struct.Struct("@PI4xPNPNi4xI4x")  # msghdr: name, its length, iovec, count, control, its length, flags
_IOVEC: Final = struct.Struct("@PN")
_SOCKADDR_BYTES: Final = 16  # struct sockaddr_in: family, port, address, padding
_LENGTH_AT: Final = 14  # of mmsghdr, in words of 4 octets: msg_len


class Batch(Protocol):
    """What the last call to `receive` brought."""

    view: memoryview

    def receive(self) -> int:
        """Take datagrams that are there; how many. Raises OSError."""
        ...

    def lengths(self, count: int) -> list[int]:
        """Give their lengths, in octets."""
        ...

    def sources(self, count: int) -> list[int]:
        """Give the addresses that they came from."""
        ...

    def port(self, slot: int) -> int:
        """Give the port that one came from."""
        ...

    def send(self, sizes: Sequence[int]) -> int:
        """Send what is in the slots back; size 0: nothing. How many could not be sent."""
        ...


class KernelBatch:
    """Batches of the kernel's."""

    def __init__(self, sock: socket.socket) -> None:
        """Raises OSError where there are no such calls, or their structs may be other ones."""
        libc = ctypes.PyDLL(None, use_errno=True)  # it keeps the interpreter's lock: these calls do not wait
        if ctypes.sizeof(ctypes.c_void_p) != 8 or not hasattr(libc, "recvmmsg"):  # noqa: PLR2004 - octets
            raise OSError(errno.ENOSYS, "no recvmmsg")
        self._receive, self._send = libc.recvmmsg, libc.sendmmsg
        self._receive.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p)
        self._send.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int)
        self._descriptor = sock.fileno()
        data, names = bytearray(SLOT * SLOTS), bytearray(_SOCKADDR_BYTES * SLOTS)
        heads, parts = bytearray(_MMSGHDR.size * SLOTS), bytearray(_IOVEC.size * SLOTS)
        self._heads_at, parts_at = _place(heads), _place(parts)
        names_at, data_at = _place(names), _place(data)
        for slot in range(SLOTS):
            part, name = parts_at + slot * _IOVEC.size, names_at + slot * _SOCKADDR_BYTES
            _MMSGHDR.pack_into(heads, slot * _MMSGHDR.size, name, _SOCKADDR_BYTES, part, 1, 0, 0, 0, 0)
            _IOVEC.pack_into(parts, slot * _IOVEC.size, data_at + slot * SLOT, SLOT)
        self.view = memoryview(data)
        self._lengths = memoryview(heads).cast("I")[_LENGTH_AT :: _MMSGHDR.size // 4]
        self._sources = memoryview(names).cast("I")[1 :: _SOCKADDR_BYTES // 4]
        self._ports = memoryview(names).cast("H")[1 :: _SOCKADDR_BYTES // 2]
        self._sizes = memoryview(parts).cast("Q")[1 :: _IOVEC.size // 8]

    def receive(self) -> int:
        """Take datagrams that are there; how many. Raises OSError."""
        count = int(self._receive(self._descriptor, self._heads_at, SLOTS, socket.MSG_DONTWAIT, None))
        if count < 0:
            fault = ctypes.get_errno()
            if fault in (errno.EAGAIN, errno.EINTR):
                return 0
            raise OSError(fault, "recvmmsg")
        return count

    def lengths(self, count: int) -> list[int]:
        """Give their lengths, in octets."""
        return self._lengths[:count].tolist()

    def sources(self, count: int) -> list[int]:
        """Give the addresses that they came from."""
        return self._sources[:count].tolist()

    def port(self, slot: int) -> int:
        """Give the port that one came from."""
        return socket.ntohs(self._ports[slot])

    def send(self, sizes: Sequence[int]) -> int:
        """Send what is in the slots back; size 0: nothing. How many could not be sent."""
        count, room, unsent, at = len(sizes), self._sizes, 0, 0
        for slot in range(count):
            room[slot] = sizes[slot]
        while at < count:
            if not sizes[at]:
                at += 1
                continue
            end = count if 0 not in sizes else next((n for n in range(at, count) if not sizes[n]), count)
            head = self._heads_at + at * _MMSGHDR.size
            sent = int(self._send(self._descriptor, head, end - at, socket.MSG_DONTWAIT))
            unsent += sent < 0
            at += sent if sent > 0 else 1  # one that cannot be sent is as good as lost on the wire
        for slot in range(count):
            room[slot] = SLOT
        return unsent


class PlainBatch:
    """The same, one datagram a call."""

    def __init__(self, sock: socket.socket) -> None:
        self.view = memoryview(bytearray(SLOT * SLOTS))
        self._socket = sock
        self._heard: list[tuple[int, tuple[str, int]]] = []

    def receive(self) -> int:
        """Take datagrams that are there; how many. Raises OSError."""
        self._heard.clear()
        with suppress(BlockingIOError):
            for slot in range(SLOTS):
                self._heard.append(self._socket.recvfrom_into(self.view[slot * SLOT : (slot + 1) * SLOT]))
        return len(self._heard)

    def lengths(self, count: int) -> list[int]:
        """Give their lengths, in octets."""
        return [length for length, _ in self._heard[:count]]

    def sources(self, count: int) -> list[int]:
        """Give the addresses that they came from."""
        return [int.from_bytes(socket.inet_aton(peer[0]), sys.byteorder) for _, peer in self._heard[:count]]

    def port(self, slot: int) -> int:
        """Give the port that one came from."""
        return self._heard[slot][1][1]

    def send(self, sizes: Sequence[int]) -> int:
        """Send what is in the slots back; size 0: nothing. How many could not be sent."""
        unsent = 0
        for slot, size in enumerate(sizes):
            if size:
                try:
                    self._socket.sendto(self.view[slot * SLOT : slot * SLOT + size], self._heard[slot][1])
                except OSError:
                    unsent += 1
        return unsent


def batch_for(sock: socket.socket) -> Batch:
    """Give the fastest kind that works here."""
    try:
        return KernelBatch(sock)
    except OSError:
        return PlainBatch(sock)


def _place(buffer: bytearray) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(buffer))
