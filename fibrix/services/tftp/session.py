"""One transfer under way: its own socket, its file, its client."""

import asyncio

import structlog

from fibrix.domain.network import Subnet
from fibrix.errors import MalformedPacketError
from fibrix.runtime.clock import monotonic_s
from fibrix.runtime.files import BootFiles, relative_name
from fibrix.services.tftp.burst import Address, Sender
from fibrix.services.tftp.content import open_content
from fibrix.services.tftp.engine import Ended, Outcome, Transfer
from fibrix.services.tftp.options import agree
from fibrix.services.tftp.sockets import DATAGRAM_BYTES, block_limit, bound, is_error, send_error
from fibrix.wire.tftp import Error, ErrorCode, Request

log = structlog.get_logger()


class Session:
    """Owns the socket that is the server's transfer id, and the open file. Close it when its task is over."""

    def __init__(self, request: Request, peer: Address, subnet: Subnet, files: BootFiles) -> None:
        """Open file and socket. Raises NotFoundError, InvalidError for the file, OSError for the socket."""
        self.request = request
        self.peer = peer
        self.malformed = 0  # datagrams from the client
        self.strangers = 0  # datagrams from someone else
        self.name = relative_name(request.file)
        self._content = open_content(files, request)
        try:
            self._socket = bound(subnet.address, 0)
        except OSError:
            self._content.close()
            raise
        self.size = self._content.size
        self._transfer = Transfer(self._content.read, self.size, agree(request.options, self.size, block_limit(subnet)))

    @property
    def untouched(self) -> bool:
        """The client has not answered at all yet."""
        return self._transfer.untouched

    def close(self) -> None:
        """Give the socket and the file back."""
        self._socket.close()
        self._content.close()

    async def run(self) -> Ended:
        """Carry the transfer out. Faults of disk or network end it with a reason, they do not raise."""
        try:
            return await self._exchange()
        except OSError as exc:
            reason = f"reading or sending failed: {exc.strerror or exc}"
            send_error(self._socket, self.peer, Error(ErrorCode.NOT_DEFINED, reason))
            return Ended(self._transfer.sent_bytes, reason)

    async def _exchange(self) -> Ended:
        """Turn the transfer's wishes into datagrams until it is over."""
        sender = Sender(self._socket, self.peer)
        outcome = self._transfer.start(monotonic_s())
        while True:
            await sender.send(outcome.datagrams)
            if outcome.ended:
                return outcome.ended
            try:
                async with asyncio.timeout(self._transfer.deadline - monotonic_s()):
                    datagram = await self._heard()
            except TimeoutError:
                outcome = self._transfer.due(monotonic_s())
            else:
                outcome = self._receive(datagram)

    def _receive(self, datagram: bytes) -> Outcome:
        try:
            return self._transfer.receive(datagram, monotonic_s())
        except MalformedPacketError as exc:
            self.malformed += 1
            log.debug("tftp.malformed", peer=self.peer[0], reason=str(exc))
            return Outcome()

    async def _heard(self) -> bytes:
        """The client's next datagram. Anyone else is told that this transfer is not theirs (RFC 1350 §4)."""
        loop = asyncio.get_running_loop()
        while True:
            datagram, sender = await loop.sock_recvfrom(self._socket, DATAGRAM_BYTES)
            if sender == self.peer:
                return datagram
            self.strangers += 1
            if not is_error(datagram):
                send_error(self._socket, sender, Error(ErrorCode.UNKNOWN_TRANSFER_ID, "not your transfer"))
            await asyncio.sleep(0)  # a flood must not keep the loop from everyone else
