"""How far a download has come, and whether it comes on fast enough: asked of the kernel, connection by connection."""

import asyncio
import os
import socket
import struct
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from fibrix.errors import FibrixError

_TCP_INFO_BYTES: Final = 128
_BYTES_ACKED_AT: Final = 120  # struct tcp_info (linux/tcp.h): tcpi_bytes_acked, 8 octets, native order

T = TypeVar("T")


class DownloadError(FibrixError):
    """The client broke off, or takes the file too slowly to be waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """The least that a client must take: `least_bytes` in each `every_s`. A disk that is being written may pause."""

    least_bytes: int = 64 * 1024
    every_s: float = 60.0


class Meter:
    """Counts what a client's kernel confirms on one connection, from now on, response headers included.

    It holds a duplicate of the socket: asyncio closes its own as soon as the client is gone, and the count with it.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        """Begin to count. Raises OSError when the connection is closed already."""
        self._socket = socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno()))
        self._start = self._total()

    @property
    def taken_bytes(self) -> int:
        """Since the start."""
        return self._total() - self._start

    def forget_unsent(self) -> None:
        """Have the connection end at once when it is closed: else the kernel feeds a slow client on for hours."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def close(self) -> None:
        """Stop counting: the connection can end."""
        self._socket.close()

    def _total(self) -> int:
        info = self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
        return int(struct.unpack_from("=Q", info, _BYTES_ACKED_AT)[0])


async def keep_pace(meter: Meter, pace: Pace, sending: Coroutine[Any, Any, T]) -> T:
    """Send on a connection for as long as the client keeps pace. Raises DownloadError, and cancels `sending` then."""
    reasons: list[str] = []
    try:
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(_insist(meter, pace), name="pace")
            result = await sending
            watch.cancel()
            return result
    except* DownloadError as slow:
        reasons += map(str, slow.exceptions)
    except* OSError:
        reasons.append("the client broke off")
    raise DownloadError(", ".join(reasons))


async def _insist(meter: Meter, pace: Pace) -> None:
    before = meter.taken_bytes
    while True:
        await asyncio.sleep(pace.every_s)
        now = meter.taken_bytes
        if now - before < pace.least_bytes:
            raise DownloadError(f"the client took only {now - before} bytes in {pace.every_s:g} s")
        before = now
