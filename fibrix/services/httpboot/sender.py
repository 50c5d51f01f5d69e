"""The thread that serves connections as they become writable. It alone touches the descriptors of what it was given."""

import asyncio
import os
import select
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from fibrix.services.httpboot.pace import DownloadError

BITE_BYTES: Final = 4 << 20  # some 0.5 ms where nothing else is slower; smaller ones cost more processor time in all
_YIELD: Final = 10  # by so much nicer than the rest: where processors are short, DHCP and DNS come first
_READY: Final = 32  # connections taken at once


@dataclass(slots=True, eq=False)
class Job:
    """A part of a file, and how far it is. The descriptors are duplicates, closed when the job ends."""

    out: int
    file: int
    at: int
    end: int
    warm: int  # up to where it is known to be in memory
    over: asyncio.Future[int]  # how far it came
    dropped: bool = False  # nobody waits for it any more

    @classmethod
    def of(cls, out: int, file: int, at: int, end: int, warm: int) -> "Job":
        """Make one for descriptors that somebody else goes on to own."""
        copy = os.dup(out)
        try:
            return cls(copy, os.dup(file), at, end, warm, asyncio.get_running_loop().create_future())
        except OSError:
            os.close(copy)
            raise


class Sender:
    """Runs from the start until `close`. `bite` does a step of a job, and says whether it is over."""

    def __init__(self, bite: Callable[[Job], bool]) -> None:
        self._bite = bite
        self._epoll = select.epoll()
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._epoll.register(self._bell, select.EPOLLIN)
        self._new: deque[Job] = deque()
        self._jobs: dict[int, Job] = {}
        self._stop = False
        self._thread = threading.Thread(target=self._run, name="httpboot sender", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether jobs are still taken."""
        return self._thread.is_alive()

    @property
    def load(self) -> int:
        """Connections that it has now, or will look at in a moment."""
        return len(self._jobs) + len(self._new)

    def put(self, job: Job) -> None:
        """Begin with a job; its `over` tells of the end."""
        self._new.append(job)
        os.eventfd_write(self._bell, 1)

    def drop(self, job: Job) -> None:
        """Give a job up; its descriptors are closed a moment later."""
        job.dropped = True
        if self.alive:
            os.eventfd_write(self._bell, 1)

    def close(self) -> None:
        """Stop, and wait for the thread: it is never longer than a bite away."""
        self._stop = True
        if self.alive:
            os.eventfd_write(self._bell, 1)
        self._thread.join()
        self._epoll.close()
        os.close(self._bell)

    def _run(self) -> None:
        own = threading.get_native_id()  # to Linux, niceness is a thread's
        os.setpriority(os.PRIO_PROCESS, own, os.getpriority(os.PRIO_PROCESS, own) + _YIELD)
        try:
            while not self._stop:
                for descriptor, _ in self._epoll.poll(-1, _READY):
                    if descriptor == self._bell:
                        self._look()
                    elif job := self._jobs.get(descriptor):
                        self._step(job)
        finally:
            for job in (*self._jobs.values(), *self._new):
                self._end(job, DownloadError("the service stopped sending"))

    def _look(self) -> None:
        """Take what is new, and give up what nobody waits for."""
        os.eventfd_read(self._bell)
        while self._new:
            job = self._new.popleft()
            self._jobs[job.out] = job
            self._epoll.register(job.out, select.EPOLLOUT)
        for job in [job for job in self._jobs.values() if job.dropped]:
            self._end(job, None)

    def _step(self, job: Job) -> None:
        try:
            if job.dropped or self._bite(job):
                self._end(job, None)
        except (DownloadError, OSError) as exc:
            self._end(job, exc)

    def _end(self, job: Job, error: Exception | None) -> None:
        if self._jobs.pop(job.out, None):
            self._epoll.unregister(job.out)
        os.close(job.out)
        os.close(job.file)
        if not job.dropped:
            job.over.get_loop().call_soon_threadsafe(_settle, job, error)


def _settle(job: Job, error: Exception | None) -> None:
    """Tell who waits, in the event loop."""
    if job.over.done():
        return
    if error is None:
        job.over.set_result(job.at)
    else:
        job.over.set_exception(error)
