"""One transfer under way: its own port, its file, its client."""

import errno
from typing import Final

import structlog

from fibrix.domain.network import Subnet
from fibrix.errors import MalformedPacketError
from fibrix.runtime.files import BootFiles, relative_name
from fibrix.services.tftp.burst import Address, Sender
from fibrix.services.tftp.content import open_content
from fibrix.services.tftp.engine import Ended, Outcome, Transfer
from fibrix.services.tftp.options import agree
from fibrix.services.tftp.sockets import (
    ANSWER_BYTES,
    DATAGRAM_BYTES,
    block_limit,
    is_error,
    send_error,
    transfer_sockets,
)
from fibrix.wire.tftp import Error, ErrorCode, Request

log = structlog.get_logger()

_PASSING: Final = (
    errno.ENETUNREACH,
    errno.EHOSTUNREACH,
    errno.ENETDOWN,
    errno.ENOBUFS,
    errno.EPERM,  # a firewall
)
"""What keeps a datagram from leaving just now. It is as good as lost on the wire: it is sent again in time."""


class Session:
    """Owns the port that is the server's transfer id, and the open file. Never waits: its owner says when to go on.

    The port has two sockets. `line` is connected to the client: the kernel hands it what the client sends, and needs
    no address for each block that goes out. `door` hears everyone else.
    """

    def __init__(self, request: Request, peer: Address, subnet: Subnet, files: BootFiles) -> None:
        """Open file and port. Raises NotFoundError, InvalidError for the file, OSError for the port."""
        self.request = request
        self.peer = peer
        self.malformed = 0  # datagrams from the client
        self.strangers = 0  # datagrams from someone else
        self.blocked = False  # the socket's buffer is full: `flush` when there is room
        self.ended: Ended | None = None
        self.name = relative_name(request.file)
        self._unsent = ""
        self._content = open_content(files, request)
        try:
            self.line, self.door = transfer_sockets(subnet.address, peer)
        except OSError:
            self._content.close()
            raise
        self._sender = Sender(self.line)
        self.size = self._content.size
        self._transfer = Transfer(self._content.read, self.size, agree(request.options, self.size, block_limit(subnet)))
        self._hear, self._say, self._follow = self.line.recv, self.line.send, self._transfer.follow

    @property
    def untouched(self) -> bool:
        """The client has not answered at all yet."""
        return self._transfer.untouched

    @property
    def deadline(self) -> float:
        """When `due` is to be called, in monotonic seconds."""
        return self._transfer.deadline

    def close(self) -> None:
        """Give the port and the file back."""
        self.line.close()
        self.door.close()
        self._content.close()

    def start(self, now: float) -> None:
        """Send the first datagrams."""
        try:
            self._carry_out(self._transfer.start(now))
        except OSError as exc:
            self._fail(exc)

    def hear(self, now: float) -> bool:
        """Take one datagram from the client, and do what it leads to; say whether that needs its owner's attention."""
        try:
            datagram = self._hear(ANSWER_BYTES)
            following = self._follow(datagram, now)
            if following:
                self._say(following)
                return False
        except BlockingIOError:  # nothing there; or no room for one block, which is as good as lost on the wire
            return False
        except OSError as exc:
            self._keep(exc)
            return True
        was_blocked = self.blocked
        self._receive(datagram, now)
        return was_blocked or self.blocked or self.ended is not None

    def _receive(self, datagram: bytes, now: float) -> None:
        try:
            self._carry_out(self._transfer.receive(datagram, now))
        except MalformedPacketError as exc:
            self.malformed += 1
            log.debug("tftp.malformed", peer=self.peer[0], reason=str(exc))
        except OSError as exc:
            self._fail(exc)

    def due(self, now: float) -> None:
        """Do what silence leads to, once the deadline is over."""
        try:
            self._carry_out(self._transfer.due(now))
        except OSError as exc:
            self._fail(exc)

    def flush(self) -> None:
        """Send what is left: there is room in the buffer."""
        try:
            self.blocked = not self._sender.flush()
        except OSError as exc:
            self._keep(exc)

    def turn_away(self) -> None:
        """Tell one stranger that this transfer is not theirs (RFC 1350 §4)."""
        try:
            datagram, stranger = self.door.recvfrom(DATAGRAM_BYTES)
        except OSError:
            return
        self.strangers += 1
        if not is_error(datagram):
            send_error(self.door, stranger, Error(ErrorCode.UNKNOWN_TRANSFER_ID, "not your transfer"))

    def _carry_out(self, outcome: Outcome) -> None:
        """Send; then the end, if it is one. Faults of the disk are raised."""
        if outcome.datagrams:
            try:
                self.blocked = not self._sender.send(outcome.datagrams)
            except OSError as exc:
                self._keep(exc)
        if outcome.ended:
            self._end(outcome.ended)

    def _keep(self, reason: OSError) -> None:
        """Go on after a failed send where a later one may succeed."""
        self.blocked = False
        if reason.errno in _PASSING:
            self._unsent = f", sending failed: {reason.strerror}"
        else:
            self._fail(reason)

    def _fail(self, reason: OSError) -> None:
        """End. A client whose port is closed is not there any more to be told."""
        if reason.errno == errno.ECONNREFUSED:
            self._end(Ended(self._transfer.sent_bytes, "the client closed its port"))
            return
        text = f"reading or sending failed: {reason.strerror or reason}"
        send_error(self.line, None, Error(ErrorCode.NOT_DEFINED, text))
        self._end(Ended(self._transfer.sent_bytes, text))

    def _end(self, ended: Ended) -> None:
        if self.ended is None:
            error = ended.error + self._unsent if ended.error else ""
            self.ended = Ended(ended.sent_bytes, error, ended.probe)
