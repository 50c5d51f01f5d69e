"""One UDP socket that serves many BMCs: questions out, each answer to the one who awaits it."""

import asyncio
import errno
import socket
import struct
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

from fibrix.errors import MalformedPacketError, PowerError
from fibrix.wire.ipmi.faults import StrayPacketError

T = TypeVar("T")
Peer = tuple[str, int]
"""IPv4 address and UDP port of a BMC."""

_BATCH: Final = 256  # datagrams taken per wake-up; the loop is level-triggered and comes again
_BUFFER_BYTES: Final = 1 << 20  # a whole rack answers in one burst
_DATAGRAM_BYTES: Final = 2048
_IP_RECVERR: Final = 11  # ip(7); Python 3.11 has no name for it
_EXTENDED_ERROR: Final = struct.Struct("=IBBBxII")  # sock_extended_err of ip(7): errno first
_FULL: Final = frozenset({errno.EAGAIN, errno.ENOBUFS, errno.ENOMEM})
_UNREACHABLE: Final = {
    errno.ECONNREFUSED: "it answers, but nothing listens on that UDP port: is IPMI over LAN enabled in the BMC?",
    errno.EHOSTUNREACH: "nobody on the network has that address: is the BMC plugged in?",
    errno.ENETUNREACH: "there is no route to that network",
    errno.EACCES: "it is a broadcast address, or the way there is forbidden",
    errno.EPERM: "the way there is forbidden by this machine's own firewall",
}


class NoAnswerError(PowerError):
    """Nothing that can be used came within the time limit."""


@dataclass(slots=True)
class _Awaited:
    """Somebody who awaits an answer of one BMC."""

    receive: Callable[[bytes], None]  # raises MalformedPacketError for what is not the answer
    fail: Callable[[PowerError], None]
    garbage: str = ""  # why the last unreadable datagram was not the answer


class Datagrams:
    """The socket. `dropped` counts what was thrown away: malformed, stray, unawaited answers; questions not sent."""

    def __init__(self) -> None:
        self.dropped: Counter[str] = Counter()
        self._socket: socket.socket | None = None
        self._awaited: dict[Peer, _Awaited] = {}

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Have the socket open for as long as the block runs."""
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as source:
            source.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
            source.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
            source.bind(("", 0))
            loop.add_reader(source, self._drain, source)
            self._socket = source
            try:
                yield
            finally:
                self._socket = None
                loop.remove_reader(source)

    async def exchange(
        self, peer: Peer, question: Callable[[], bytes], take: Callable[[bytes], T], waits_s: Sequence[float]
    ) -> T:
        """Send, and send again after each wait, until `take` accepts an answer. One exchange per peer at a time.

        `take` raises MalformedPacketError for what is not the answer: it is counted, and the wait goes on. Raises
        NoAnswerError, and PowerError when the network says that the peer cannot be reached or `take` does.
        """
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        awaited = _awaiting(answer, take)
        self._awaited[peer] = awaited
        try:
            for wait_s in waits_s:
                self.send(question(), peer)
                await asyncio.wait((answer,), timeout=wait_s)
                if answer.done():
                    return answer.result()
        finally:
            del self._awaited[peer]
            # When we were cancelled just after a failure, nobody else will look at it.
            answer.cancel() or answer.exception()
        raise NoAnswerError(_silence(sum(waits_s), awaited.garbage))

    def send(self, datagram: bytes, peer: Peer) -> None:
        """Send one datagram. A full buffer loses it, as the wire may. Raises PowerError where there is no way."""
        if self._socket is None:
            raise PowerError("the IPMI driver is not running")
        for attempt in ("first", "second"):
            try:
                self._socket.sendto(datagram, peer)
            except OSError as exc:
                if exc.errno in _FULL:
                    self.dropped["unsent"] += 1
                elif attempt == "first":  # it may be the report of another datagram that nobody could deliver
                    self._drain_errors(self._socket)
                    continue
                else:
                    raise PowerError(_unreachable(exc.errno or 0)) from exc
            return

    def _drain(self, source: socket.socket) -> None:
        for _ in range(_BATCH):
            try:
                datagram, peer = source.recvfrom(_DATAGRAM_BYTES)
            except BlockingIOError:
                return
            except OSError:
                self._drain_errors(source)
                continue
            self._receive(datagram, peer)

    def _receive(self, datagram: bytes, peer: Peer) -> None:
        awaited = self._awaited.get(peer)
        if awaited is None:
            self.dropped["unawaited"] += 1
            return
        try:
            awaited.receive(datagram)
        except StrayPacketError:
            self.dropped["stray"] += 1
        except MalformedPacketError as exc:
            self.dropped["malformed"] += 1
            awaited.garbage = str(exc)

    def _drain_errors(self, source: socket.socket) -> None:
        """Read what ICMP said of datagrams that could not be delivered (ip(7), IP_RECVERR)."""
        while True:
            try:
                _data, ancillary, _flags, peer = source.recvmsg(0, 512, socket.MSG_ERRQUEUE)
            except OSError:
                return  # the queue is empty
            awaited = self._awaited.get(peer)
            for _level, kind, data in ancillary:
                if awaited is not None and kind == _IP_RECVERR and len(data) >= _EXTENDED_ERROR.size:
                    awaited.fail(PowerError(_unreachable(_EXTENDED_ERROR.unpack_from(data)[0])))


def _awaiting(answer: asyncio.Future[T], take: Callable[[bytes], T]) -> _Awaited:
    def receive(datagram: bytes) -> None:
        if answer.done():
            raise StrayPacketError("the answer is there already")
        try:
            answer.set_result(take(datagram))
        except PowerError as exc:
            answer.set_exception(exc)

    def fail(exc: PowerError) -> None:
        if not answer.done():
            answer.set_exception(exc)

    return _Awaited(receive, fail)


def _silence(waited_s: float, garbage: str) -> str:
    if garbage:
        return f"no answer that can be used in {waited_s:g} s, the last one was garbage: {garbage}"
    return f"no answer in {waited_s:g} s"


def _unreachable(number: int) -> str:
    return _UNREACHABLE.get(number) or f"it cannot be reached: {errno.errorcode.get(number, str(number))}"
