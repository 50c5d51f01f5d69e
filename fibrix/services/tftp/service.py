"""TFTP on every served subnet: one socket for requests, and one more for each transfer (RFC 1350 §4)."""

import asyncio
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address

import structlog

from fibrix.bus import Bus
from fibrix.domain.network import Subnet, SubnetMode
from fibrix.domain.rack import RackSnapshot
from fibrix.errors import InvalidError, MalformedPacketError, NotFoundError
from fibrix.events.rack import TransferEnded
from fibrix.runtime.cell import Cell
from fibrix.runtime.clock import utc_now
from fibrix.runtime.files import BootFiles
from fibrix.runtime.listen import listening_on
from fibrix.services.tftp.burst import Address
from fibrix.services.tftp.engine import Ended
from fibrix.services.tftp.session import Session
from fibrix.services.tftp.sockets import DATAGRAM_BYTES, bound, is_error, send_error
from fibrix.wire.tftp import Error, ErrorCode, Request, decode

log = structlog.get_logger()

_Place = tuple[IPv4Address, str, int]
"""What makes a listener: the subnet's own address, its interface, its MTU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TftpSettings:
    """Where to listen, and how much at once."""

    port: int = 69  # UDP
    transfers: int = 256  # in all
    transfers_per_client: int = 8


@dataclass(slots=True)
class TftpCounters:
    """Since the start."""

    requests: int = 0
    malformed: int = 0  # datagrams
    over_limit: int = 0  # requests left unanswered: the client asks again
    strangers: int = 0  # datagrams to a transfer's socket from someone else
    refused: int = 0  # requests answered with an ERROR: no such file, a write
    sent: int = 0  # transfers that sent the file whole
    failed: int = 0  # transfers that did not
    sent_bytes: int = 0  # of all of them


class TftpService:
    """Serves boot files, read-only, on the own address of each served subnet of the snapshot."""

    name = "tftp"

    def __init__(self, rack: Cell[RackSnapshot], files: BootFiles, bus: Bus, settings: TftpSettings) -> None:
        self.counters = TftpCounters()
        self._rack = rack
        self._files = files
        self._bus = bus
        self._settings = settings
        self._sessions: dict[Address, tuple[Session, asyncio.Task[None]]] = {}

    @property
    def transfers(self) -> int:
        """Under way now."""
        return len(self._sessions)

    async def run(self, ready: asyncio.Event) -> None:
        """Listen wherever the newest snapshot says, until cancelled. Raises ListenError."""
        listeners: dict[_Place, asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as group:
            while True:
                snapshot = self._rack.value
                places = {_place(subnet): subnet for subnet in snapshot.subnets if subnet.mode is SubnetMode.SERVE}
                await _stop([listeners.pop(gone) for gone in listeners.keys() - places.keys()])
                for new in places.keys() - listeners.keys():
                    listeners[new] = self._open(places[new], group)
                ready.set()
                if self._rack.value is snapshot:
                    await self._rack.changed()

    def _open(self, subnet: Subnet, group: asyncio.TaskGroup) -> asyncio.Task[None]:
        with listening_on(subnet, self._settings.port):
            sock = bound(subnet.address, self._settings.port)
        log.info("tftp.listening", subnet=subnet.name, address=str(subnet.address), port=self._settings.port)
        task = group.create_task(self._listen(sock, subnet, group), name=f"tftp {subnet.name}")
        task.add_done_callback(lambda _: sock.close())
        return task

    async def _listen(self, sock: socket.socket, subnet: Subnet, group: asyncio.TaskGroup) -> None:
        loop = asyncio.get_running_loop()
        while True:
            datagram, peer = await loop.sock_recvfrom(sock, DATAGRAM_BYTES)
            try:
                refusal = self._receive(datagram, peer, subnet, group)
            except MalformedPacketError as exc:
                self.counters.malformed += 1
                log.info("tftp.malformed", peer=peer[0], reason=str(exc))
                refusal = None if is_error(datagram) else Error(ErrorCode.ILLEGAL_OPERATION, "malformed")
            else:
                self.counters.refused += refusal is not None
            if refusal:
                send_error(sock, peer, refusal)
            await asyncio.sleep(0)  # a flood must not keep the loop from everyone else

    def _receive(self, datagram: bytes, peer: Address, subnet: Subnet, group: asyncio.TaskGroup) -> Error | None:
        """Begin a transfer, or say why not; None too when the datagram is best left unanswered."""
        match decode(datagram):
            case Request() as request:
                self.counters.requests += 1
            case Error():
                return None
            case _:
                return Error(ErrorCode.UNKNOWN_TRANSFER_ID, "this port takes requests only")
        if request.write:
            return Error(ErrorCode.ACCESS_VIOLATION, "read-only")
        if request.mode not in ("octet", "netascii"):
            return Error(ErrorCode.ILLEGAL_OPERATION, "the mode is neither octet nor netascii")
        if self._is_repeated(request, peer) or self._is_crowded(peer):
            return None
        return self._begin(request, peer, subnet, group)

    def _is_repeated(self, request: Request, peer: Address) -> bool:
        """Say whether the request is being answered already. A new one from the same port ends the one before."""
        session, task = self._sessions.get(peer, (None, None))
        if session and session.request == request and session.untouched:
            return True  # sent twice: the transfer itself repeats its first datagram
        if task:
            task.cancel()
            del self._sessions[peer]
        return False

    def _is_crowded(self, peer: Address) -> bool:
        """Say whether a limit is reached. The client is told nothing: it asks again, and there may be room then."""
        mine = sum(1 for host, _ in self._sessions if host == peer[0])
        crowded = len(self._sessions) >= self._settings.transfers or mine >= self._settings.transfers_per_client
        self.counters.over_limit += crowded
        return crowded

    def _begin(self, request: Request, peer: Address, subnet: Subnet, group: asyncio.TaskGroup) -> Error | None:
        try:
            session = Session(request, peer, subnet, self._files)
        except (NotFoundError, InvalidError, OSError) as exc:
            log.info("tftp.refused", peer=peer[0], file=request.file, reason=str(exc))
            return _refusal(exc)
        task = group.create_task(self._carry_out(session), name=f"tftp to {peer[0]}:{peer[1]}")
        task.add_done_callback(lambda _: self._close(session))
        self._sessions[peer] = session, task
        return None

    def _close(self, session: Session) -> None:
        session.close()
        self.counters.malformed += session.malformed
        self.counters.strangers += session.strangers
        if self._sessions.get(session.peer, (None,))[0] is session:
            del self._sessions[session.peer]

    async def _carry_out(self, session: Session) -> None:
        ended = await session.run()
        if ended.probe:
            log.debug("tftp.probed", peer=session.peer[0], file=session.request.file)
            return
        event = _event(session, ended)
        self.counters.failed += bool(ended.error)
        self.counters.sent += not ended.error
        self.counters.sent_bytes += ended.sent_bytes
        log.info("tftp.ended", peer=session.peer[0], file=event.file, sent_bytes=event.sent_bytes, error=event.error)
        self._bus.publish(event)


def _place(subnet: Subnet) -> _Place:
    return subnet.address, subnet.interface, subnet.mtu


async def _stop(listeners: list[asyncio.Task[None]]) -> None:
    """Stop these; their addresses are free when this returns: another listener may want one at once."""
    for listener in listeners:
        listener.cancel()
    if listeners:
        await asyncio.wait(listeners)


def _event(session: Session, ended: Ended) -> TransferEnded:
    return TransferEnded(
        at=utc_now(),
        address=IPv4Address(session.peer[0]),
        file=session.name,
        protocol="tftp",
        sent_bytes=ended.sent_bytes,
        total_bytes=session.size,
        error=ended.error,
    )


def _refusal(reason: Exception) -> Error:
    """The ERROR for a file that is not served."""
    text = str(reason).encode("ascii", "backslashreplace").decode()
    match reason:
        case NotFoundError():
            return Error(ErrorCode.FILE_NOT_FOUND, text)
        case InvalidError():
            return Error(ErrorCode.ACCESS_VIOLATION, text)
        case _:
            return Error(ErrorCode.NOT_DEFINED, text)
