"""A host on a wire solicits a router, as iPXE does: it is answered while it boots from the network, and only then."""

import asyncio
import os
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest
from scapy.layers.inet6 import ICMPv6ND_RA, ICMPv6ND_RS, ICMPv6NDOptSrcLLAddr

from fibrix.bus import Bus
from fibrix.domain.rack import RackSnapshot
from fibrix.events.rack import DiscoverSeen
from fibrix.runtime.cell import Cell
from fibrix.runtime.clock import utc_now
from fibrix.services.ndp.service import NdpService
from fibrix.types import MacAddress
from tests.peers.dhcp_wire import RACK, SERVER, needs_namespaces
from tests.support.netns import Wire, entered, ip, wire

pytestmark = needs_namespaces

MAC = MacAddress("52:54:00:77:00:01")
SOLICITATION = bytes(ICMPv6ND_RS() / ICMPv6NDOptSrcLLAddr(lladdr=MAC))


@pytest.fixture
def cable() -> Iterator[Wire]:
    with wire("fxndp") as plugged:
        for name in (plugged.server, plugged.client):
            # Addresses are there at once, not after a second's look for doubles.
            ip("netns", "exec", name, "sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0")
        plugged.plug(f"{SERVER}/24")
        yield plugged


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[NdpService, Bus]]:
    bus, ready = Bus(), asyncio.Event()
    service = NdpService(Cell(RackSnapshot(subnets=(RACK,))), bus)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(service.run(ready), name="ndp")
        await ready.wait()
        yield service, bus
        task.cancel()


@contextmanager
def host(cable: Wire) -> Iterator[socket.socket]:
    """An ICMPv6 socket on the client's end, that knows the hop limit of what it gets."""
    with entered(cable.client):
        raw = socket.socket(socket.AF_INET6, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.IPPROTO_ICMPV6)
        index = socket.if_nametoindex("c0")
    with raw:
        raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 0)
        raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
        raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
        yield raw


async def say(raw: socket.socket, message: bytes, group: str) -> None:
    """Send, as soon as the interface has an address to send from."""
    while True:
        try:
            raw.sendto(message, (group, 0))
        except OSError:
            await asyncio.sleep(0.02)
        else:
            return


async def advertised(raw: socket.socket, wait_s: float = 1.0) -> tuple[ICMPv6ND_RA, int] | None:
    """Solicit until there is an advertisement; give it with its hop limit."""
    for _ in range(round(wait_s / 0.05)):
        await say(raw, SOLICITATION, "ff02::2")
        await asyncio.sleep(0.05)
        while True:
            try:
                data, ancillary, _, _ = raw.recvmsg(2048, 64)
            except BlockingIOError:
                break
            if data[0] == 134:
                return ICMPv6ND_RA(data), struct.unpack("=i", ancillary[0][2])[0]
    return None


async def test_a_machine_is_answered_while_it_boots_from_the_network(cable: Wire) -> None:
    async with serving() as (service, bus):
        with host(cable) as raw:
            assert await advertised(raw, 0.3) is None
            assert service.counts["not_booting"] > 0
            bus.publish(DiscoverSeen(at=utc_now(), mac=MAC, interface="s0", network_boot=True))
            found = await advertised(raw)
    assert found is not None
    advertisement, hop_limit = found
    assert (advertisement.routerlifetime, advertisement.M, advertisement.O, hop_limit) == (0, 0, 0, 255)
    assert not advertisement.payload  # no prefix: no address and no route for anyone


async def test_an_operating_system_that_asks_for_an_address_is_not(cable: Wire) -> None:
    async with serving() as (service, bus):
        bus.publish(DiscoverSeen(at=utc_now(), mac=MAC, interface="s0", network_boot=False))
        with host(cable) as raw:
            assert await advertised(raw, 0.3) is None
        assert service.counts["not_booting"] > 0


async def test_where_a_router_speaks_for_itself_we_are_silent(cable: Wire) -> None:
    async with serving() as (service, bus):
        bus.publish(DiscoverSeen(at=utc_now(), mac=MAC, interface="s0", network_boot=True))
        with host(cable) as raw:
            await say(raw, bytes(ICMPv6ND_RA(routerlifetime=1800)), "ff02::1")
            assert await advertised(raw, 0.3) is None
        assert service.counts["left_to_router"] > 0


async def test_any_bytes_are_counted_and_the_next_machine_is_answered(cable: Wire) -> None:
    async with serving() as (service, bus):
        bus.publish(DiscoverSeen(at=utc_now(), mac=MAC, interface="s0", network_boot=True))
        with host(cable) as raw:
            for _ in range(200):
                await say(raw, b"\x85" + os.urandom(3 + os.urandom(1)[0]), "ff02::2")
            assert await advertised(raw) is not None
        assert service.counts["malformed"] > 0


async def test_an_interface_that_is_made_anew_is_answered_on_again(cable: Wire) -> None:
    async with serving() as (_, bus):
        cable.unplug()
        await asyncio.sleep(0.1)
        cable.plug(f"{SERVER}/24")
        with host(cable) as raw:
            async with asyncio.timeout(8):
                while True:
                    bus.publish(DiscoverSeen(at=utc_now(), mac=MAC, interface="s0", network_boot=True))
                    if await advertised(raw, 0.3) is not None:
                        break
