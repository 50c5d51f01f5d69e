"""DHCP when it goes wrong around it: floods, kill -9 under load, a disk that hangs, clocks that are set."""

import asyncio
import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from fibrix.bus import Bus
from fibrix.domain.network import AddressRange
from fibrix.domain.rack import BootAction, BootEntry, RackSnapshot
from fibrix.runtime.cell import Cell
from fibrix.runtime.clock import monotonic_s
from fibrix.services.dhcp.service import DhcpService, DhcpSettings
from fibrix.store.bindings import Bindings
from fibrix.store.db import Database
from fibrix.types import MacAddress, MachineId, mac_from_octets
from fibrix.wire.dhcp4.message import Message
from fibrix.wire.dhcp4.options import MESSAGE_TYPE, MessageType
from tests.peers.dhcp_wire import RACK, RCVBUFFORCE, SERVER, Talker, needs_namespaces, rack_on, talker
from tests.services.dhcp.rack import discover, message, request
from tests.support.dhcp_server import NETWORK
from tests.support.netns import Wire, entered, ip, wire

pytestmark = needs_namespaces

ROOT = Path(__file__).parents[2]
MAC = MacAddress("52:54:00:77:00:01")
OTHER = MacAddress("52:54:00:77:00:02")
RELAY = IPv4Address("10.77.0.200")
KNOWN = {MAC: BootEntry(machine=MachineId("m000000001"), action=BootAction.DISK)}


@pytest.fixture
def cable() -> Iterator[Wire]:
    with wire("fxfault") as unplugged:
        unplugged.plug(f"{SERVER}/16")
        yield unplugged


@pytest.fixture
def client(cable: Wire) -> Iterator[Talker]:
    with talker(cable) as speaking:
        yield speaking


async def test_in_a_flood_of_strangers_a_known_machine_is_served_within_a_second(
    client: Talker, tmp_path: Path
) -> None:
    loop = asyncio.get_running_loop()
    async with rack_on(tmp_path) as rack:
        rack.snapshot.replace(RackSnapshot(subnets=(RACK,), boot=KNOWN))
        for number in range(10_000):
            mac = mac_from_octets(b"\x06" + os.urandom(5))
            await client.say(mac, replace(discover(mac), xid=number + 0x10000).encode())
            if number % 50 == 0:
                await asyncio.sleep(0)
        began_s = loop.time()
        offer = await client.ask(MAC, discover(MAC))
        ack = await client.ask(MAC, request(MAC, server=SERVER, requested=offer.yiaddr))
        assert loop.time() - began_s < 1
        assert ack.get(MESSAGE_TYPE) is MessageType.ACK
        assert rack.service.queued <= 4_000
        assert await rack.bindings.all() != []


class Relay:
    """A relay's socket on the client's end, and what it was told."""

    def __init__(self, opened: socket.socket) -> None:
        self._socket = opened

    def say(self, spoken: Message) -> None:
        self._socket.sendto(replace(spoken, giaddr=RELAY, hops=1).encode(), (str(SERVER), 67))

    def hear(self, patience_s: float) -> Iterator[Message]:
        """All that comes until nothing does for a while."""
        self._socket.settimeout(patience_s)
        with suppress(TimeoutError, ConnectionRefusedError):
            while True:
                yield Message.decode(self._socket.recv(2048))


@contextmanager
def relay(cable: Wire) -> Iterator[Relay]:
    ip("-n", cable.client, "addr", "add", f"{RELAY}/16", "dev", "c0")
    with entered(cable.client):
        opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with closing(opened):
        opened.setsockopt(socket.SOL_SOCKET, RCVBUFFORCE, 8 << 20)
        opened.bind((str(RELAY), 67))
        yield Relay(opened)


@contextmanager
def server(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A server that serves, until it is killed."""
    command = (sys.executable, "-m", "tests.support.dhcp_server", str(folder))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "serves\n"
        try:
            yield process
        finally:
            process.kill()


def machine(number: int) -> MacAddress:
    return mac_from_octets(b"\x06\0\0\0" + number.to_bytes(2))


def offers(speaking: Relay, numbers: range) -> dict[int, IPv4Address]:
    for number in numbers:
        speaking.say(replace(discover(machine(number)), xid=number))
    return {offer.xid: offer.yiaddr for offer in speaking.hear(0.3) if offer.get(MESSAGE_TYPE) is MessageType.OFFER}


def acknowledged(speaking: Relay, patience_s: float = 0.3) -> dict[int, IPv4Address]:
    return {ack.xid: ack.yiaddr for ack in speaking.hear(patience_s) if ack.get(MESSAGE_TYPE) is MessageType.ACK}


@pytest.mark.timeout(30)
def test_after_kill_9_under_load_no_acknowledged_lease_is_missing_and_no_address_is_held_twice(
    cable: Wire, tmp_path: Path
) -> None:
    held: dict[int, IPv4Address] = {}
    with relay(cable) as speaking:
        for first in (0, 400, 800):
            with server(tmp_path) as process:
                offered = offers(speaking, range(first, first + 150))
                for place, (number, address) in enumerate(offered.items()):
                    speaking.say(replace(request(machine(number), server=SERVER, requested=address), xid=number))
                    if place == 100:
                        process.kill()
                        break
                    held |= acknowledged(speaking, 0.0005)
                held |= acknowledged(speaking)
        assert len(held) > 30
        assert len(set(held.values())) == len(held)
        with server(tmp_path):
            for number, address in held.items():
                speaking.say(replace(request(machine(number), requested=address), xid=number))
            assert acknowledged(speaking) == held
            assert set(offers(speaking, range(2_000, 2_300)).values()).isdisjoint(held.values())
    with closing(sqlite3.connect(tmp_path / "rack.db")) as database:
        stored = {mac: IPv4Address(number) for number, mac in database.execute("SELECT address, mac FROM binding_log")}
    assert {machine(number): address for number, address in held.items()}.items() <= stored.items()
    assert all(address in NETWORK for address in stored.values())


async def test_while_the_disk_hangs_nothing_is_acknowledged_and_retries_do_not_pile_up(
    client: Talker, tmp_path: Path
) -> None:
    async with rack_on(tmp_path) as rack:
        offer = await client.ask(MAC, discover())
        asked = request(server=SERVER, requested=offer.yiaddr)
        with closing(sqlite3.connect(tmp_path / "rack.db", isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")  # a write waits for this one to end
            for _ in range(50):
                await client.say(MAC, asked.encode())
            with pytest.raises(TimeoutError):
                await client.hear(asked.xid, 0.5)
            assert rack.service.queued <= 2
            assert (await client.ask(OTHER, replace(discover(OTHER), xid=0xBEEF))).yiaddr != offer.yiaddr
            holder.execute("ROLLBACK")
        assert Message.decode((await client.hear(asked.xid))[42:]).get(MESSAGE_TYPE) is MessageType.ACK
        assert [one.address for one in await rack.bindings.all()] == [offer.yiaddr]


class Clocks:
    """A wall clock that the test sets, and one that it only lets run."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.steady = 0

    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        self.steady += seconds * 1_000_000


@pytest.mark.parametrize("step", [timedelta(days=400), timedelta(days=-400)])
async def test_when_the_clock_is_set_a_running_lease_is_neither_lost_nor_endless(
    client: Talker, tmp_path: Path, step: timedelta
) -> None:
    clocks = Clocks()
    only = AddressRange(first=RACK.ranges[0].first, last=RACK.ranges[0].first)
    cell = Cell(RackSnapshot(subnets=(msgspec.structs.replace(RACK, ranges=(only,)),)))
    async with Database(tmp_path / "rack.db", "rack") as database, asyncio.TaskGroup() as group:
        service = DhcpService(
            cell, Bindings(database), Bus(), DhcpSettings(http_port=1), lambda: clocks.now, lambda: clocks.steady
        )
        ready = asyncio.Event()
        task = group.create_task(service.run(ready), name="dhcp")
        await ready.wait()
        offer = await client.ask(MAC, discover())
        await client.ask(MAC, request(server=SERVER, requested=offer.yiaddr))
        clocks.wait(100)
        clocks.now += step
        with pytest.raises(TimeoutError):
            await client.ask(OTHER, discover(OTHER), timeout_s=0.3)
        (stored,) = await Bindings(database).all()
        assert stored.expires_at - clocks.now == timedelta(seconds=500)
        clocks.wait(501)
        assert (await client.ask(OTHER, discover(OTHER))).yiaddr == offer.yiaddr
        task.cancel()


async def test_a_machine_that_floods_is_named(client: Talker, tmp_path: Path) -> None:
    async with rack_on(tmp_path) as rack:
        for _ in range(30):
            await client.say(OTHER, discover(OTHER).encode())
        await client.ask(MAC, replace(discover(MAC), xid=0xBEEF))
        await client.say(MAC, message(MessageType.LEASE_QUERY).encode())
        assert rack.service.talkers.top(1, monotonic_s()) == [(OTHER, 30)]
        assert rack.service.received["discover"] == 31
