"""Files on their way out, all by one hand: sendfile in small bites, and never longer than a turn.

Left to the event loop, each writable connection would get as much as its buffer takes, megabytes, before anything else
had its turn: with many downloads that adds up. So the connections are on an epoll of their own, which stands in the
loop as one descriptor; what is not served within a turn is still ready in the next. No disk is waited for: what the
kernel would have to read first is read by a thread.
"""

import asyncio
import errno
import os
import select
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import BinaryIO, Final

from fibrix.runtime.clock import monotonic_s
from fibrix.services.httpboot.choose import Span
from fibrix.services.httpboot.pace import DownloadError

_BITE_BYTES: Final = 1 << 20  # some 0.2 ms; smaller ones cost more processor time in all
_BATCH: Final = 4  # connections looked at before the clock is
_TURN_S: Final = 0.002
_COLD_BYTES: Final = 4 << 20  # read at once when it is not in memory
_PROBE_BYTES: Final = 256 * 1024  # the kernel reads ahead in steps of this order
_DISK_THREADS: Final = 4


@dataclass(slots=True)
class _Job:
    """A part of a file, and how far it is; `over` is done when it went, or a disk is to be waited for."""

    out: int
    file: int
    at: int
    end: int
    over: asyncio.Future[None]


class Pump:
    """Sends parts of files. Opens nothing before it is used."""

    def __init__(self) -> None:
        self._disk = ThreadPoolExecutor(_DISK_THREADS, "httpboot disk")
        self._jobs: dict[int, _Job] = {}
        self._epoll: select.epoll | None = None

    def close(self) -> None:
        """Give back what was opened; nothing may be on its way any more."""
        if self._epoll is not None:
            asyncio.get_running_loop().remove_reader(self._epoll)
            self._epoll.close()
            self._epoll = None

    async def send(self, transport: asyncio.Transport, file: BinaryIO, span: Span) -> None:
        """Send a part of a file on a connection whose own buffer is empty.

        Raises DownloadError when the file cannot be read or is not all there, OSError of the network.
        """
        loop = asyncio.get_running_loop()
        out = os.dup(transport.get_extra_info("socket").fileno())  # the loop lets nobody else wait for its own
        at, end = span[0], span[0] + span[1]
        try:
            while at < end:
                if not is_in_memory(file.fileno(), at, min(_BITE_BYTES, end - at)):
                    await loop.run_in_executor(self._disk, bring_in, file.fileno(), at, min(_COLD_BYTES, end - at))
                job = _Job(out, file.fileno(), at, end, loop.create_future())
                await self._carry_out(job)
                at = job.at
        finally:
            os.close(out)

    async def _carry_out(self, job: _Job) -> None:
        epoll = self._opened()
        _bite(job)
        if job.over.done():
            return await job.over
        self._jobs[job.out] = job
        epoll.register(job.out, select.EPOLLOUT)
        try:
            await job.over
        finally:
            if not epoll.closed:
                epoll.unregister(job.out)
            del self._jobs[job.out]

    def _opened(self) -> select.epoll:
        if self._epoll is None:
            self._epoll = select.epoll()
            asyncio.get_running_loop().add_reader(self._epoll, self._turn)
        return self._epoll

    def _turn(self) -> None:
        until = monotonic_s() + _TURN_S
        while self._epoll is not None and monotonic_s() < until:
            ready = self._epoll.poll(0, _BATCH)
            for descriptor, _ in ready:
                job = self._jobs[descriptor]
                if job.over.done():  # its task has still to wake up
                    return
                _step(job)
            if not ready:
                return


def _step(job: _Job) -> None:
    """Go on, if no disk is to be waited for."""
    if is_in_memory(job.file, job.at, min(_BITE_BYTES, job.end - job.at)):
        _bite(job)
    else:
        job.over.set_result(None)


def _bite(job: _Job) -> None:
    """Hand the next octets to the kernel."""
    try:
        sent = os.sendfile(job.out, job.file, job.at, min(_BITE_BYTES, job.end - job.at))
    except BlockingIOError:
        return
    except OSError as exc:
        job.over.set_exception(DownloadError("reading failed") if exc.errno == errno.EIO else exc)
        return
    job.at += sent
    if sent == 0:
        job.over.set_exception(DownloadError("the file became shorter while it was sent"))
    elif job.at >= job.end:
        job.over.set_result(None)


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
