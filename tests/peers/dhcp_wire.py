"""A DHCP service on a wire of its own, and what tests do to it."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Self

import pytest

from fibrix.bus import Bus
from fibrix.domain.network import AddressRange, Subnet, SubnetMode
from fibrix.domain.rack import RackSnapshot
from fibrix.runtime.cell import Cell
from fibrix.services.dhcp.service import DhcpService, DhcpSettings
from fibrix.store.bindings import Bindings
from fibrix.store.db import Database
from fibrix.types import MacAddress
from fibrix.wire.dhcp4.message import Message
from fibrix.wire.ethernet import BROADCAST, IPV4, EthernetFrame
from fibrix.wire.ipv4 import UdpDatagram
from tests.support.netns import Wire, entered, needs_root

SERVER = IPv4Address("10.77.0.1")
EVERYONE = IPv4Address("255.255.255.255")
NOBODY = IPv4Address(0)
RCVBUFFORCE = 33  # of <asm-generic/socket.h>

RACK = Subnet(
    name="rack",
    interface="s0",
    network=IPv4Network("10.77.0.0/24"),
    address=SERVER,
    mode=SubnetMode.SERVE,
    ranges=(AddressRange(first=IPv4Address("10.77.0.100"), last=IPv4Address("10.77.0.109")),),
    routers=(IPv4Address("10.77.0.254"),),
    dns_servers=(IPv4Address("10.77.0.1"),),
    domain_name="rack.example",
    lease_s=600,
)

needs_namespaces = pytest.mark.skipif(os.geteuid() != 0, reason=needs_root)


class Rack:
    """The service with what stands around it."""

    def __init__(self, database: Database, subnet: Subnet = RACK) -> None:
        self.bus = Bus()
        self.snapshot = Cell(RackSnapshot(subnets=(subnet,)))
        self.bindings = Bindings(database)
        self.service = DhcpService(self.snapshot, self.bindings, self.bus, DhcpSettings(http_port=5248))

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Self]:
        """Run the service for as long as the block runs."""
        ready = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.service.run(ready), name="dhcp")
            await ready.wait()
            yield self
            task.cancel()


@asynccontextmanager
async def rack_on(folder: Path, subnet: Subnet = RACK) -> AsyncIterator[Rack]:
    """A rack whose store is in a folder, serving."""
    async with Database(folder / "rack.db", "rack") as database, Rack(database, subnet).serving() as rack:
        yield rack


class Talker:
    """Speaks raw frames on the client's end of a wire."""

    def __init__(self, raw: socket.socket) -> None:
        self._raw = raw

    async def say(self, mac: MacAddress, payload: bytes, *, source: IPv4Address = NOBODY) -> None:
        """Broadcast a UDP payload from port 68 to port 67."""
        datagram = UdpDatagram(source, 68, EVERYONE, 67, payload)
        frame = EthernetFrame(BROADCAST, mac, IPV4, datagram.encode())
        await asyncio.get_running_loop().sock_sendall(self._raw, frame.encode())

    async def hear(self, xid: int, timeout_s: float = 3.0, *, port: int = 68) -> bytes:
        """Wait for the frame of the reply to a port with this transaction id. Raises TimeoutError."""
        ports = (67).to_bytes(2) + port.to_bytes(2)
        async with asyncio.timeout(timeout_s):
            while True:
                frame = await asyncio.get_running_loop().sock_recv(self._raw, 2048)
                if frame[12:14] == b"\x08\0" and frame[34:38] == ports and frame[46:50] == xid.to_bytes(4):
                    return frame

    async def ask(self, mac: MacAddress, message: Message, timeout_s: float = 3.0) -> Message:
        """Say something and wait for its answer. Raises TimeoutError."""
        await self.say(mac, message.encode())
        return Message.decode(UdpDatagram.decode((await self.hear(message.xid, timeout_s))[14:]).payload)


@contextmanager
def talker(wire: Wire) -> Iterator[Talker]:
    """A packet socket on the client's end."""
    with entered(wire.client):
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.htons(IPV4))
    with closing(raw):
        raw.setsockopt(socket.SOL_SOCKET, RCVBUFFORCE, 16 << 20)  # so that no flood makes it deaf
        raw.bind(("c0", IPV4))
        yield Talker(raw)
