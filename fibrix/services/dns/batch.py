"""Many datagrams with one call to the kernel (recvmmsg(2), sendmmsg(2)); one by one where there are no such calls.

Datagrams lie in slots of `SLOT` octets of `view`; an answer is written over its query and goes where that came from.
Source addresses are numbers in the byte order of the machine, made of the 4 octets as they came.
"""

import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, Protocol

from fibrix.runtime.mmsg import IOVEC, LENGTH_AT, MMSGHDR, Calls, place

SLOT: Final = 4096  # no query and no answer by UDP is longer
SLOTS: Final = 64
_SOCKADDR_BYTES: Final = 16  # struct sockaddr_in: family, port, address, padding


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
        self._calls = Calls(sock)
        data, names = bytearray(SLOT * SLOTS), bytearray(_SOCKADDR_BYTES * SLOTS)
        heads, parts = bytearray(MMSGHDR.size * SLOTS), bytearray(IOVEC.size * SLOTS)
        self._heads_at, parts_at = place(heads), place(parts)
        names_at, data_at = place(names), place(data)
        for slot in range(SLOTS):
            part, name = parts_at + slot * IOVEC.size, names_at + slot * _SOCKADDR_BYTES
            MMSGHDR.pack_into(heads, slot * MMSGHDR.size, name, _SOCKADDR_BYTES, part, 1, 0, 0, 0, 0)
            IOVEC.pack_into(parts, slot * IOVEC.size, data_at + slot * SLOT, SLOT)
        self.view = memoryview(data)
        self._lengths = memoryview(heads).cast("I")[LENGTH_AT :: MMSGHDR.size // 4]
        self._sources = memoryview(names).cast("I")[1 :: _SOCKADDR_BYTES // 4]
        self._ports = memoryview(names).cast("H")[1 :: _SOCKADDR_BYTES // 2]
        self._sizes = memoryview(parts).cast("Q")[1 :: IOVEC.size // 8]

    def receive(self) -> int:
        """Take datagrams that are there; how many. Raises OSError."""
        return self._calls.receive(self._heads_at, SLOTS)

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
            head = self._heads_at + at * MMSGHDR.size
            sent = self._calls.send(head, end - at)
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
