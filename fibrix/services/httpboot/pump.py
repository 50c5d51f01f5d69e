"""Files on their way out, all by one thread: sendfile in small bites, connection by connection.

The kernel copies megabytes in one call, during which Python's interpreter is free for the event loop: DHCP and DNS are
answered meanwhile, however many downloads there are. Done by the loop itself, each bite would make them wait. No disk
is waited for by that thread: what the kernel would have to read first is read by others.
"""

import asyncio
import errno
import os
from concurrent.futures import ThreadPoolExecutor
from typing import BinaryIO, Final

from fibrix.services.httpboot.choose import Span
from fibrix.services.httpboot.pace import DownloadError
from fibrix.services.httpboot.sender import BITE_BYTES, Job, Sender

_COLD_BYTES: Final = 4 << 20  # read at once when it is not in memory
_AHEAD_BYTES: Final = 8 << 20  # looked for in memory at once: the kernel takes what there is room for, often little
_PROBE_BYTES: Final = 256 * 1024  # the kernel reads ahead in steps of this order
_DISK_THREADS: Final = 4


class Pump:
    """Sends parts of files. Opens nothing before it is used."""

    def __init__(self) -> None:
        self._disk = ThreadPoolExecutor(_DISK_THREADS, "httpboot disk")
        self._sender: Sender | None = None

    def close(self) -> None:
        """Give back what was opened. What is still on its way ends in a DownloadError."""
        if self._sender is not None:
            self._sender.close()
            self._sender = None

    async def send(self, transport: asyncio.Transport, file: BinaryIO, span: Span) -> None:
        """Send a part of a file on a connection whose own buffer is empty.

        Raises DownloadError when the file cannot be read or is not all there, OSError of the network.
        """
        loop = asyncio.get_running_loop()
        at, end = span[0], span[0] + span[1]
        while at < end:
            at = await self._carry_out(transport, file, at, end)
            if at < end:
                await loop.run_in_executor(self._disk, bring_in, file.fileno(), at, min(_COLD_BYTES, end - at))

    async def _carry_out(self, transport: asyncio.Transport, file: BinaryIO, at: int, end: int) -> int:
        """Send as far as there is no disk to wait for; how far that was."""
        if self._sender is None or not self._sender.alive:
            self._sender = Sender(bite)
        job = Job.of(transport.get_extra_info("socket").fileno(), file.fileno(), at, end)
        self._sender.put(job)
        try:
            return await job.over
        finally:
            if not job.over.done() or job.over.cancelled():
                self._sender.drop(job)


def bite(job: Job) -> bool:
    """Hand the next octets to the kernel; whether the job is over: all went, or a disk is to be waited for.

    Raises DownloadError, OSError of the network.
    """
    count = min(BITE_BYTES, job.end - job.at)
    if job.at + count > job.warm:
        ahead = min(_AHEAD_BYTES, job.end - job.at)
        if is_in_memory(job.file, job.at, ahead):
            job.warm = job.at + ahead
        elif not is_in_memory(job.file, job.at, count):
            return True
    try:
        sent = os.sendfile(job.out, job.file, job.at, count)
    except BlockingIOError:
        return False
    except OSError as exc:
        if exc.errno == errno.EIO:
            raise DownloadError("reading failed") from exc
        raise
    if sent == 0:
        raise DownloadError("the file became shorter while it was sent")
    job.at += sent
    return job.at >= job.end


def is_in_memory(descriptor: int, at: int, count: int) -> bool:
    """Ask whether the kernel could go on without a disk (RWF_NOWAIT); a file system that cannot tell might not."""
    octet = [bytearray(1)]
    try:
        for offset in (*range(at, at + count, _PROBE_BYTES), at + count - 1):
            os.preadv(descriptor, octet, offset, os.RWF_NOWAIT)
    except OSError:
        return False
    return True


def bring_in(descriptor: int, at: int, count: int) -> None:
    """Wait for the disk, in a thread: what was read stays in the kernel's memory for a while. Raises DownloadError.

    A download that ends meanwhile closes the file: what is read then is thrown away like all the rest.
    """
    scratch = [bytearray(_PROBE_BYTES)]
    try:
        for offset in range(at, at + count, _PROBE_BYTES):
            os.preadv(descriptor, scratch, offset)
    except OSError as exc:
        raise DownloadError(f"reading failed: {exc.strerror}") from exc
