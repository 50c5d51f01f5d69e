"""Interfaces that go down, are renamed, or change their address while DHCP is served on them."""

import asyncio
import random
import resource
import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from fibrix.types import MacAddress
from fibrix.wire.dhcp4.message import Message
from fibrix.wire.dhcp4.options import MESSAGE_TYPE, MessageType
from tests.peers.dhcp_link import link_rack
from tests.peers.dhcp_wire import RACK, SERVER, Talker, needs_namespaces, talker
from tests.services.dhcp.rack import discover, request
from tests.support.netns import Wire, entered, ip, wire
from tests.support.waiting import until

pytestmark = [needs_namespaces, pytest.mark.timeout(40)]

MAC = MacAddress("52:54:00:77:00:01")


@pytest.fixture
def cable() -> Iterator[Wire]:
    with wire("fxheave") as unplugged:
        unplugged.plug(f"{SERVER}/24")
        yield unplugged


@pytest.fixture
def client(cable: Wire) -> Iterator[Talker]:
    with talker(cable) as speaking:
        yield speaking


async def answered(client: Talker) -> Message:
    """Ask again and again, as clients do."""
    async with asyncio.timeout(12):
        while True:
            with suppress(TimeoutError, OSError):
                return await client.ask(MAC, discover(), timeout_s=0.3)
            await asyncio.sleep(0.05)


async def test_an_interface_that_was_down_is_served_as_soon_as_it_is_up(client: Talker, tmp_path: Path) -> None:
    async with link_rack(tmp_path, RACK) as rack:
        before = await answered(client)
        ip("link", "set", "s0", "down")
        await asyncio.sleep(2.5)
        ip("link", "set", "s0", "up")
        assert (await answered(client)).yiaddr == before.yiaddr
        assert rack.dhcp.closed == {}
        assert rack.watch.closed == {}


async def test_an_interface_that_is_renamed_is_missed_by_name_and_served_when_it_is_back(
    client: Talker, tmp_path: Path
) -> None:
    async with link_rack(tmp_path, RACK) as rack:
        await answered(client)
        for name, new in (("s0", "moved"), ("moved", "s0")):
            ip("link", "set", name, "down")
            ip("link", "set", name, "name", new)
            ip("link", "set", new, "up")
            if new == "moved":
                await until(lambda: "s0" in rack.dhcp.closed and "s0" in rack.watch.closed)
        await answered(client)
        assert rack.dhcp.closed == {}
        assert rack.watch.closed == {}


async def test_an_address_that_is_taken_off_the_interface_and_put_back_costs_no_lease(
    client: Talker, cable: Wire, tmp_path: Path
) -> None:
    async with link_rack(tmp_path, RACK) as rack:
        offer = await answered(client)
        await client.ask(MAC, request(server=SERVER, requested=offer.yiaddr))
        ip("addr", "del", f"{SERVER}/24", "dev", "s0")
        confirmed = await client.ask(MAC, request(requested=offer.yiaddr))
        assert confirmed.get(MESSAGE_TYPE) is MessageType.ACK  # in a frame, which needs no address of the kernel's
        ip("addr", "add", f"{SERVER}/24", "dev", "s0")
        assert (await client.ask(MAC, request(requested=offer.yiaddr))).yiaddr == offer.yiaddr
        assert [one.address for one in await rack.bindings.all()] == [offer.yiaddr]


async def test_any_datagrams_to_the_servers_port_are_counted_and_take_no_memory(
    client: Talker, cable: Wire, tmp_path: Path
) -> None:
    chance = random.Random(67)
    whole = discover(options={55: bytes(range(60)), 60: b"PXEClient:Arch:00000", 82: b"\1\4abcd", 93: b"\0\0"}).encode()
    with entered(cable.client):
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        ip("-n", cable.client, "addr", "add", "10.77.0.60/24", "dev", "c0")
    async with link_rack(tmp_path, RACK) as rack:
        with closing(udp):
            before = 0
            for turn in range(6_000):
                noise = bytearray(whole)
                for _ in range(chance.randrange(1, 12)):
                    noise[chance.randrange(len(noise))] = chance.randrange(256)
                udp.sendto(bytes(noise) if turn % 2 else chance.randbytes(chance.randrange(1400)), (str(SERVER), 67))
                if turn == 3_000:
                    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
                if turn % 40 == 0:
                    await asyncio.sleep(0.003)
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        assert rack.dhcp.counts["malformed"] > 2_500
        assert after - before < 8_192  # KiB
        assert (await answered(client)).yiaddr in RACK.network
