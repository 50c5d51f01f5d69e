"""Port 4011, where boot clients ask what to boot once another server gave them an address (PXE 2.1 §2.2)."""

import asyncio
import socket
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final

import structlog

from fibrix.domain.network import SubnetMode
from fibrix.domain.rack import RackSnapshot
from fibrix.errors import MalformedPacketError
from fibrix.runtime.cell import Cell
from fibrix.services.dhcp.proxy import Proposal, acknowledge
from fibrix.services.dhcp.query import Arrival, Query, read

log = structlog.get_logger()

PXE_PORT: Final = 4011

_CHECK_S: Final = 2.0  # how often an address that is not there is tried again
_MOST_OCTETS: Final = 4096
_DRAIN: Final = 64  # datagrams taken per wake-up, before others get their turn


@dataclass(frozen=True, slots=True)
class PxePortSettings:
    """What the service needs of the configuration."""

    http_port: int  # of the HTTP boot service, for boot URLs
    port: int = PXE_PORT


class _Socket:
    """An open socket on one address."""

    def __init__(self, address: IPv4Address, port: int, take: Callable[["_Socket", bytes, str, int], None]) -> None:
        """Open. Raises OSError: the address is not on this machine, the port is taken."""
        self.address = address
        self.fault = ""
        self._take = take
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            self._udp.bind((str(address), port))
        except OSError:
            self._udp.close()
            raise
        asyncio.get_running_loop().add_reader(self._udp, self._drain)

    def close(self) -> None:
        """Close it."""
        asyncio.get_running_loop().remove_reader(self._udp)
        self._udp.close()

    def send(self, payload: bytes, host: str, port: int) -> None:
        """Send from this address. Raises OSError."""
        self._udp.sendto(payload, (host, port))

    def _drain(self) -> None:
        try:
            for _ in range(_DRAIN):
                data, (host, port) = self._udp.recvfrom(_MOST_OCTETS)
                self._take(self, data, host, port)
        except BlockingIOError:
            return
        except ConnectionRefusedError:  # a client has closed its port: an answer to it came back
            return
        except OSError as exc:
            self.fault = f"cannot receive: {exc}"
            asyncio.get_running_loop().remove_reader(self._udp)


class PxePort:
    """Answers on the address of every subnet in proxy mode. `counts` counts what became of datagrams."""

    name = "pxe_port"

    def __init__(self, snapshot: Cell[RackSnapshot], settings: PxePortSettings) -> None:
        self.counts: Counter[str] = Counter()
        self.closed: dict[str, str] = {}  # addresses that should be served and are not, with the reason
        self._snapshot = snapshot
        self._settings = settings
        self._sockets: dict[IPv4Address, _Socket] = {}

    async def run(self, ready: asyncio.Event) -> None:
        """Open and close sockets as the snapshot and the addresses change, until cancelled."""
        try:
            while True:
                self._fit()
                ready.set()
                try:
                    async with asyncio.timeout(_CHECK_S):
                        await self._snapshot.changed()
                except TimeoutError:
                    continue
        finally:
            for address in list(self._sockets):
                self._sockets.pop(address).close()

    @property
    def serving(self) -> tuple[str, ...]:
        """Addresses that are served."""
        return tuple(map(str, self._sockets))

    def _fit(self) -> None:
        wanted = {one.address for one in self._snapshot.value.subnets if one.mode is SubnetMode.PROXY}
        for address, open_ in list(self._sockets.items()):
            if open_.fault or address not in wanted:
                self._sockets.pop(address).close()
                log.info("pxe_port.closed", address=str(address), reason=open_.fault or "not in proxy mode any more")
        for name in self.closed.keys() - {str(address) for address in wanted}:
            del self.closed[name]
        for address in wanted - self._sockets.keys():
            self._open(address)

    def _open(self, address: IPv4Address) -> None:
        try:
            self._sockets[address] = _Socket(address, self._settings.port, self._take)
        except OSError as exc:
            if self.closed.get(str(address)) != str(exc):
                log.warning("pxe_port.not_serving", address=str(address), reason=str(exc), retry_s=_CHECK_S)
            self.closed[str(address)] = str(exc)
            return
        self.closed.pop(str(address), None)
        log.info("pxe_port.serving", address=str(address), port=self._settings.port)

    def _take(self, socket_: _Socket, datagram: bytes, host: str, port: int) -> None:
        """Answer one datagram, or count why not."""
        try:
            query = read(datagram, Arrival("", socket_.address))
            proposal = acknowledge(query, IPv4Address(host), self._snapshot.value, http_port=self._settings.http_port)
        except MalformedPacketError as exc:
            self.counts["malformed"] += 1
            log.info("pxe_port.malformed", address=host, size=len(datagram), reason=str(exc))
            return
        self._answer(socket_, query, proposal, (host, port))

    def _answer(self, socket_: _Socket, query: Query, proposal: Proposal | str, peer: tuple[str, int]) -> None:
        if isinstance(proposal, str) or proposal.reply is None:
            reason = proposal if isinstance(proposal, str) else proposal.reason
            self.counts["ignored"] += 1
            log.debug("pxe_port.ignored", mac=query.mac, address=peer[0], reason=reason)
            return
        try:
            socket_.send(proposal.reply.payload, *peer)
        except OSError as exc:
            self.counts["unsent"] += 1
            log.warning("pxe_port.unsent", mac=query.mac, address=peer[0], reason=str(exc))
            return
        self.counts["acknowledged"] += 1
        log.info("pxe_port.answered", mac=query.mac, address=peer[0], subnet=proposal.subnet.name)
