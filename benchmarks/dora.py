"""A DHCP relay that asks for leases at a steady rate, and measures how long each answer takes."""

import asyncio
import socket
import time
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from statistics import quantiles
from typing import Final, cast

from fibrix.domain.network import AddressRange, Subnet, SubnetMode
from fibrix.types import parse_mac
from fibrix.wire.dhcp4.message import Message
from tests.services.dhcp.rack import discover, request

SERVER: Final = IPv4Address("127.0.0.1")
RELAY: Final = IPv4Address("127.64.0.1")
PORT: Final = 15067
RATE: Final = 200
SUBNET: Final = Subnet(
    name="bench",
    interface="lo",
    network=IPv4Network("127.64.0.0/16"),
    address=SERVER,
    mode=SubnetMode.SERVE,
    ranges=(AddressRange(first=IPv4Address("127.64.1.0"), last=IPv4Address("127.64.200.255")),),
    lease_s=600,
)


class Relay(asyncio.DatagramProtocol):
    """Sends what clients ask, and wakes them with what they are told."""

    def __init__(self) -> None:
        self.waiting: dict[int, asyncio.Future[Message]] = {}
        self.took_s: list[float] = []
        self.lost = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, _: object) -> None:
        answer = Message.decode(data)
        waiter = self.waiting.pop(answer.xid, None)
        if waiter is not None and not waiter.done():
            waiter.set_result(answer)

    async def ask(self, message: Message) -> Message:
        """Send a message and wait for its answer."""
        began_s = time.perf_counter()
        waiter = self.waiting[message.xid] = asyncio.get_running_loop().create_future()
        self._transport.sendto(message.encode(1472), (str(SERVER), PORT))
        async with asyncio.timeout(2):
            answer: Message = await waiter
        self.took_s.append(time.perf_counter() - began_s)
        return answer

    async def client(self, number: int) -> None:
        """One client's DISCOVER, OFFER, REQUEST, ACK."""
        mac = parse_mac(f"5254{number:08x}")
        try:
            offer = await self.ask(replace(discover(mac, giaddr=RELAY), xid=2 * number, hops=1))
            wanted = request(mac, server=SERVER, requested=offer.yiaddr, giaddr=RELAY)
            await self.ask(replace(wanted, xid=2 * number + 1, hops=1))
        except TimeoutError:
            self.lost += 1


async def ask_for(seconds: float, first: int) -> dict[str, float]:
    """Do RATE exchanges a second; gives the 99th percentile of an answer in ms, and how many had none."""
    loop = asyncio.get_running_loop()
    transport, relay = await loop.create_datagram_endpoint(Relay, sock=_socket())
    began_s = loop.time()
    async with asyncio.TaskGroup() as group:
        for number in range(int(seconds * RATE)):
            await asyncio.sleep(began_s + number / RATE - loop.time())
            group.create_task(relay.client(first + number))
    transport.close()
    took_ms = [took_s * 1000 for took_s in relay.took_s]
    return {"p99_ms": quantiles(took_ms, n=100)[98], "most_ms": max(took_ms), "lost": relay.lost}


def _socket() -> socket.socket:
    """Open the port that the server has on the same interface, on the relay's own address."""
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, SUBNET.interface.encode())
    opened.bind((str(RELAY), PORT))
    return opened
