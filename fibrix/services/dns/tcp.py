"""DNS over TCP (RFC 7766): 2 octets of length before each message, many questions in one connection, and transfers."""

import asyncio
import socket
from collections import Counter
from contextlib import suppress
from ipaddress import IPv4Address
from typing import Final

import structlog

from fibrix.services.dns.desk import Desk
from fibrix.services.dns.engine import Asker, Drop, Forward, Reply, Transfer
from fibrix.services.dns.settings import DnsSettings
from fibrix.services.dns.transfer import messages

log = structlog.get_logger()

_BACKLOG: Final = 64
_LENGTH_OCTETS: Final = 2
_CHUNK: Final = 65_536
_PAUSE_S: Final = 0.1  # after a connection could not be taken
_TURN: Final = 16  # questions answered before others get their turn
_AT_ONCE: Final = 32  # questions of one connection that wait for forwarders


class Stream:
    """One connection: messages in, messages out."""

    def __init__(self, sock: socket.socket, idle_s: float) -> None:
        self._socket = sock
        self._idle_s = idle_s
        self._read = bytearray()
        self._writing = asyncio.Lock()

    async def next(self) -> bytes | None:
        """Wait for a message; None: there are no more. Raises OSError, and TimeoutError when it takes too long."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self._idle_s):
            while True:
                end = _LENGTH_OCTETS + int.from_bytes(self._read[:_LENGTH_OCTETS])
                if len(self._read) >= max(end, _LENGTH_OCTETS):
                    message = bytes(self._read[_LENGTH_OCTETS:end])
                    del self._read[:end]
                    return message
                more = await loop.sock_recv(self._socket, _CHUNK)
                if not more:
                    return None
                self._read += more

    async def send(self, message: bytes) -> None:
        """Send a message whole. Raises OSError, and TimeoutError when it is not taken."""
        loop = asyncio.get_running_loop()
        async with self._writing, asyncio.timeout(self._idle_s):
            await loop.sock_sendall(self._socket, len(message).to_bytes(_LENGTH_OCTETS) + message)


class TcpEndpoint:
    """Listens from the start; `run` serves. Raises OSError as UdpEndpoint does."""

    def __init__(
        self, address: IPv4Address, port: int, desk: Desk, settings: DnsSettings, forwards: asyncio.TaskGroup
    ) -> None:
        """`forwards` owns what is asked of forwarders: others may wait for it when a connection is gone."""
        self._desk = desk
        self._forwards = forwards
        self._settings = settings
        self._open: Counter[str] = Counter()
        self._socket = sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((str(address), port))
            sock.listen(_BACKLOG)
        except OSError:
            sock.close()
            raise

    def close(self) -> None:
        """Close the socket that listens."""
        self._socket.close()

    async def run(self) -> None:
        """Take connections until cancelled; then all are closed."""
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as group:
            while True:
                try:
                    sock, peer = await loop.sock_accept(self._socket)
                except OSError:
                    self._desk.counts["accept_failed"] += 1
                    await asyncio.sleep(_PAUSE_S)
                    continue
                if self._full(peer[0]):
                    self._desk.counts["refused_connections"] += 1
                    sock.close()
                    continue
                self._open[peer[0]] += 1
                group.create_task(self._serve(sock, peer[0]), name="dns.connection")

    def _full(self, address: str) -> bool:
        return (
            self._open[address] >= self._settings.connections_each or self._open.total() >= self._settings.connections
        )

    async def _serve(self, sock: socket.socket, address: str) -> None:
        try:
            with sock:
                await self._talk(Stream(sock, self._settings.idle_s), IPv4Address(address))
        finally:
            self._open[address] -= 1
            if not self._open[address]:
                del self._open[address]

    async def _talk(self, stream: Stream, address: IPv4Address) -> None:
        """Answer until there are no more questions, or it takes too long."""
        async with asyncio.TaskGroup() as group:
            room, count = asyncio.Semaphore(_AT_ONCE), 0
            with suppress(OSError):  # TimeoutError is one
                while (message := await stream.next()) is not None:
                    count += 1
                    if count % _TURN == 0:
                        await asyncio.sleep(0)
                    await self._answer(stream, message, self._desk.asker(address, stream=True), (group, room))

    async def _answer(
        self, stream: Stream, message: bytes, asker: Asker, later: tuple[asyncio.TaskGroup, asyncio.Semaphore]
    ) -> None:
        match self._desk.decide(message, asker):
            case Reply(octets):
                await stream.send(octets)
            case Transfer() as transfer:
                await self._transfer(stream, transfer, asker)
            case Forward() as asked:
                group, room = later
                await room.acquire()
                group.create_task(self._forward(stream, asked, asker, room), name="dns.wait")
            case Drop():
                pass

    async def _forward(self, stream: Stream, asked: Forward, asker: Asker, room: asyncio.Semaphore) -> None:
        """Answer once the forwarders have; they are given up in time, and so is this."""
        answered: asyncio.Queue[bytes] = asyncio.Queue()
        try:
            with suppress(OSError):
                async with asyncio.timeout(2 * self._settings.forward_s):
                    self._desk.forward(asked, asker, answered.put_nowait, self._forwards)
                    await stream.send(await answered.get())
        finally:
            room.release()

    async def _transfer(self, stream: Stream, transfer: Transfer, asker: Asker) -> None:
        """Send a zone, giving way to others after each message."""
        zone, count = transfer.zone, 0
        for message in messages(transfer.query, zone):
            await stream.send(transfer.seal.sign(message, int(self._desk.wall())))
            count += 1
            await asyncio.sleep(0)
        self._desk.counts["transfers"] += 1
        self._desk.answers["NOERROR"] += 1
        log.info(
            "dns.transferred",
            zone=zone.name,
            serial=zone.serial,
            kind=transfer.kind,
            since=transfer.query.serial,
            peer=str(asker.address),
            messages=count,
        )
