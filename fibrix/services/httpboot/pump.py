"""Files on their way out, by a thread or a few: sendfile in small bites, connection by connection.

The kernel copies megabytes in one call, during which Python's interpreter is free for the event loop: DHCP and DNS are
answered meanwhile, however many downloads there are. Done by the loop itself, each bite would make them wait. No disk
is waited for by those threads: what the kernel would have to read first is read by others.
"""

import asyncio
import errno
import os
from concurrent.futures import ThreadPoolExecutor
from typing import BinaryIO, Final

from fibrix.services.httpboot.cached import Memory
from fibrix.services.httpboot.choose import Span
from fibrix.services.httpboot.pace import DownloadError
from fibrix.services.httpboot.sender import BITE_BYTES, Job, Sender

_COLD_BYTES: Final = BITE_BYTES  # read at once when it is not in memory
_READ_BYTES: Final = 256 * 1024
_DISK_THREADS: Final = 4
_SENDERS: Final = min(len(os.sched_getaffinity(0)), 4)
_SHORTER: Final = "the file became shorter while it was sent"


class Pump:
    """Sends parts of files. Opens nothing before it is used."""

    def __init__(self) -> None:
        self._disk = ThreadPoolExecutor(_DISK_THREADS, "httpboot disk")
        self._memory = Memory()
        self._senders: list[Sender] = []

    def close(self) -> None:
        """Give back what was opened. What is still on its way ends in a DownloadError."""
        while self._senders:
            self._senders.pop().close()

    async def send(self, transport: asyncio.Transport, file: BinaryIO, span: Span) -> None:
        """Send a part of a file on a connection whose own buffer is empty.

        Raises DownloadError when the file cannot be read or is not all there, OSError of the network.
        """
        loop = asyncio.get_running_loop()
        at, warm, end = span[0], 0, span[0] + span[1]
        while at < end:
            at = await self._carry_out(transport, file, at, end, warm)
            if at < end:
                warm = min(at + _COLD_BYTES, end)
                await loop.run_in_executor(self._disk, bring_in, file.fileno(), at, warm - at)

    async def _carry_out(self, transport: asyncio.Transport, file: BinaryIO, at: int, end: int, warm: int) -> int:
        """Send as far as there is no disk to wait for; how far that was. `warm`: up to where that is known."""
        sender = self._least_busy()
        job = Job.of(transport.get_extra_info("socket").fileno(), file.fileno(), at, end, warm)
        sender.put(job)
        try:
            return await job.over
        finally:
            if not job.over.done() or job.over.cancelled():
                sender.drop(job)

    def _least_busy(self) -> Sender:
        """Who has the fewest connections. One more is started when all have some, while there are processors for it."""
        for dead in [one for one in self._senders if not one.alive]:
            self._senders.remove(dead)
            dead.close()
        sender = min(self._senders, key=lambda one: one.load, default=None)
        if sender is None or (sender.load and len(self._senders) < _SENDERS):
            sender = Sender(self._bite)
            self._senders.append(sender)
        return sender

    def _bite(self, job: Job) -> bool:
        """Hand the next octets to the kernel; whether the job is over: all went, or a disk is to be waited for.

        Raises DownloadError, OSError of the network.
        """
        end, known = min(job.at + BITE_BYTES, job.end), max(job.at, job.warm)
        if end > known:
            if self._memory.has(job.file, known, end - known):
                job.warm = end
            elif job.at < known:
                end = known
            else:
                return True
        try:
            sent = os.sendfile(job.out, job.file, job.at, end - job.at)
        except BlockingIOError:
            return False
        except OSError as exc:
            if exc.errno == errno.EIO:
                raise DownloadError("reading failed") from exc
            raise
        if sent == 0:
            raise DownloadError(_SHORTER)
        job.at += sent
        return job.at >= job.end


def bring_in(descriptor: int, at: int, count: int) -> None:
    """Wait for the disk, in a thread: what was read stays in the kernel's memory for a while. Raises DownloadError.

    It counts as in memory then, whatever a file system says that keeps its files elsewhere or cannot tell.
    A download that ends meanwhile closes the file: what is read then is thrown away like all the rest.
    """
    scratch = [bytearray(_READ_BYTES)]
    try:
        for offset in range(at, at + count, _READ_BYTES):
            if not os.preadv(descriptor, scratch, offset):
                raise DownloadError(_SHORTER)
    except OSError as exc:
        raise DownloadError(f"reading failed: {exc.strerror}") from exc
