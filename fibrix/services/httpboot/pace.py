"""How far a download has come, and whether it comes on fast enough: asked of the kernel, connection by connection."""

import asyncio
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


def acknowledged_bytes(transport: asyncio.Transport) -> int:
    """What the client's kernel has confirmed on this connection since it was opened, headers included."""
    sock: socket.socket = transport.get_extra_info("socket")
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
    except OSError:  # closed meanwhile
        return 0
    return int(struct.unpack_from("=Q", info, _BYTES_ACKED_AT)[0])


async def keep_pace(transport: asyncio.Transport, pace: Pace, sending: Coroutine[Any, Any, T]) -> T:
    """Send on a connection for as long as the client keeps pace. Raises DownloadError, and cancels `sending` then."""
    reasons: list[str] = []
    try:
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(_insist(transport, pace), name="pace")
            result = await sending
            watch.cancel()
            return result
    except* DownloadError as slow:
        reasons += map(str, slow.exceptions)
    except* OSError:
        reasons.append("the client broke off")
    except* RuntimeError:  # asyncio's word for a connection that was lost a moment before sendfile began
        if not transport.is_closing():
            raise
        reasons.append("the client broke off")
    raise DownloadError(", ".join(reasons))


async def _insist(transport: asyncio.Transport, pace: Pace) -> None:
    before = acknowledged_bytes(transport)
    while True:
        await asyncio.sleep(pace.every_s)
        now = acknowledged_bytes(transport)
        if now - before < pace.least_bytes:
            raise DownloadError(f"the client took only {now - before} bytes in {pace.every_s:g} s")
        before = now
