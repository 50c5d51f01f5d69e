"""Sending a window: in one system call where the kernel cuts it up (UDP_SEGMENT), else a datagram at a time."""

import asyncio
import socket
from collections.abc import Sequence
from itertools import chain
from typing import Final

from fibrix.services.tftp.engine import Parts

_UDP_SEGMENT: Final = 103  # linux/udp.h; Python has no name for it
_SEGMENTS: Final = 64  # UDP_MAX_SEGMENTS, before Linux 6.9
_BURST_BYTES: Final = 65_000  # a burst is one IP packet until it is cut

Address = tuple[str, int]


class Sender:
    """Sends to one client; falls back to plain sends for good when kernel or interface refuse to segment."""

    def __init__(self, sock: socket.socket, peer: Address) -> None:
        self._socket = sock
        self._peer = peer
        self._segments = True

    async def send(self, datagrams: Sequence[Parts]) -> None:
        """Send all, in order. Waits while the socket's buffer is full. Raises OSError if there is no way out."""
        at = 0
        while at < len(datagrams):
            count = self._burst(datagrams, at) if self._segments else 1
            await self._send_together(datagrams[at : at + count])
            at += count

    def _burst(self, datagrams: Sequence[Parts], at: int) -> int:
        """How many can go together: all as long as the first one, but for a shorter last."""
        size = _length(datagrams[at])
        count = 1
        while at + count < len(datagrams) and count < min(_SEGMENTS, _BURST_BYTES // size):
            length = _length(datagrams[at + count])
            if length > size:
                break
            count += 1
            if length < size:
                break
        return count

    async def _send_together(self, datagrams: Sequence[Parts]) -> None:
        size = _length(datagrams[0])
        control = [(socket.SOL_UDP, _UDP_SEGMENT, size.to_bytes(2, "little"))] if len(datagrams) > 1 else []
        try:
            self._socket.sendmsg(list(chain.from_iterable(datagrams)), control, 0, self._peer)
        except BlockingIOError:
            await self._send_each(datagrams)
        except OSError:
            if not control:
                raise
            self._segments = False
            await self._send_each(datagrams)

    async def _send_each(self, datagrams: Sequence[Parts]) -> None:
        loop = asyncio.get_running_loop()
        for header, payload in datagrams:
            await loop.sock_sendto(self._socket, header + bytes(payload), self._peer)


def _length(parts: Parts) -> int:
    return len(parts[0]) + len(parts[1])
