"""TFTP on every subnet whose machines boot from here: one socket for requests, and a port more for each transfer.

RFC 1350 §4. An address that is missing keeps nobody else from being served: it is tried again, and the reason shown.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final

import structlog

from fibrix.bus import Bus
from fibrix.domain.network import Subnet
from fibrix.domain.rack import RackSnapshot
from fibrix.errors import InvalidError, ListenError, MalformedPacketError, NotFoundError
from fibrix.events.rack import TransferEnded
from fibrix.runtime.cell import Cell
from fibrix.runtime.clock import utc_now
from fibrix.runtime.files import BootFiles
from fibrix.runtime.listen import listening_on
from fibrix.services.tftp.burst import Address
from fibrix.services.tftp.engine import Ended
from fibrix.services.tftp.listener import Listener
from fibrix.services.tftp.session import Session
from fibrix.services.tftp.sockets import is_error
from fibrix.services.tftp.transfers import Transfers
from fibrix.wire.tftp import Error, ErrorCode, Request, decode

log = structlog.get_logger()

_CHECK_S: Final = 2.0  # how often an address that is not there is tried


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
    """Serves boot files, read-only, on the own address of each subnet of the snapshot whose machines boot from here."""

    name = "tftp"

    def __init__(self, rack: Cell[RackSnapshot], files: BootFiles, bus: Bus, settings: TftpSettings) -> None:
        self.counters = TftpCounters()
        self.closed: dict[str, str] = {}  # addresses that should be served and are not, with the reason
        self._rack = rack
        self._files = files
        self._bus = bus
        self._settings = settings
        self._transfers: Transfers | None = None
        self._listeners: dict[IPv4Address, Listener] = {}

    @property
    def transfers(self) -> int:
        """Under way now."""
        return 0 if self._transfers is None else self._transfers.count

    async def run(self, ready: asyncio.Event) -> None:
        """Listen wherever the newest snapshot says, until cancelled. `ready` once each address was tried."""
        settings = self._settings
        transfers = Transfers(self._tell, most=settings.transfers, per_client=settings.transfers_per_client)
        self._transfers = transfers
        try:
            while True:
                self._open_and_close(by_address(self._rack.value.subnets))
                ready.set()
                with suppress(TimeoutError):
                    async with asyncio.timeout(_CHECK_S):
                        await self._rack.changed()
        finally:
            for listener in self._listeners.values():
                listener.close()
            self._listeners.clear()
            transfers.close()
            self._transfers = None

    def _open_and_close(self, places: Mapping[IPv4Address, tuple[Subnet, ...]]) -> None:
        for address, listener in list(self._listeners.items()):
            if address in places and not listener.fault:
                listener.subnets = places[address]
                continue
            self._listeners.pop(address).close()
            log.info("tftp.closed", address=str(address), reason=listener.fault or "no subnet is served on it any more")
        for gone in self.closed.keys() - {str(address) for address in places}:
            del self.closed[gone]
        for address in places.keys() - self._listeners.keys():
            self._open(address, places[address])

    def _open(self, address: IPv4Address, subnets: tuple[Subnet, ...]) -> None:
        port = self._settings.port
        try:
            with listening_on(subnets[0], port):
                self._listeners[address] = Listener(subnets, port, self._take)
        except ListenError as exc:
            if self.closed.get(str(address)) != str(exc):
                log.warning("tftp.not_serving", address=str(address), reason=str(exc), retry_s=_CHECK_S)
            self.closed[str(address)] = str(exc)
            return
        self.closed.pop(str(address), None)
        log.info("tftp.listening", subnet=subnets[0].name, address=str(address), port=port)

    def _take(self, datagram: bytes, peer: Address, listener: Listener) -> Error | None:
        """Do what a datagram to port 69 asks, and count it; gives the ERROR to answer with."""
        try:
            refusal = self._receive(datagram, peer, listener)
        except MalformedPacketError as exc:
            self.counters.malformed += 1
            log.info("tftp.malformed", peer=peer[0], reason=str(exc))
            return None if is_error(datagram) else Error(ErrorCode.ILLEGAL_OPERATION, "malformed")
        self.counters.refused += refusal is not None
        return refusal

    def _receive(self, datagram: bytes, peer: Address, listener: Listener) -> Error | None:
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
        return self._begin(request, peer, listener)

    def _begin(self, request: Request, peer: Address, listener: Listener) -> Error | None:
        transfers = self._transfers
        if transfers is None or _is_repeated(transfers, request, peer):
            return None
        if not transfers.has_room(peer[0]):
            self.counters.over_limit += 1  # the client is told nothing: it asks again, and there may be room then
            return None
        try:
            session = Session(request, peer, listener.subnet_of(peer), self._files)
        except (NotFoundError, InvalidError, OSError) as exc:
            log.info("tftp.refused", peer=peer[0], file=request.file, reason=str(exc))
            return _refusal(exc)
        transfers.begin(session)
        return None

    def _tell(self, session: Session) -> None:
        """Count a transfer that is over, and tell the bus."""
        ended = session.ended
        self.counters.malformed += session.malformed
        self.counters.strangers += session.strangers
        if ended is None or ended.probe:
            log.debug("tftp.probed", peer=session.peer[0], file=session.request.file)
            return
        event = _event(session, ended)
        self.counters.failed += bool(ended.error)
        self.counters.sent += not ended.error
        self.counters.sent_bytes += ended.sent_bytes
        log.info("tftp.ended", peer=session.peer[0], file=event.file, sent_bytes=event.sent_bytes, error=event.error)
        self._bus.publish(event)


def by_address(subnets: Sequence[Subnet]) -> dict[IPv4Address, tuple[Subnet, ...]]:
    """Where to listen, and for whom: those behind relays share the address of a subnet on the wire, which is first."""
    places: dict[IPv4Address, tuple[Subnet, ...]] = {}
    for subnet in sorted((subnet for subnet in subnets if subnet.boots), key=lambda subnet: subnet.relayed):
        places[subnet.address] = (*places.get(subnet.address, ()), subnet)
    return places


def _is_repeated(transfers: Transfers, request: Request, peer: Address) -> bool:
    """Say whether the request is being answered already. A new one from the same port ends the one before."""
    session = transfers.find(peer)
    if session is None:
        return False
    if session.request == request and session.untouched:
        return True  # sent twice: the transfer itself repeats its first datagram
    transfers.drop(session)
    return False


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
