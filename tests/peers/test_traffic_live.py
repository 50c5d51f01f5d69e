"""What is shown of DHCP after real datagrams, counted where they were counted."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from fibrix.app.rack import build_rack
from fibrix.app.shared import Shared
from fibrix.app.traffic import RackTraffic
from fibrix.bus import Bus
from fibrix.config import Config
from fibrix.controllers.heard import Heard
from fibrix.domain.ports.traffic import Talker as Loud
from fibrix.domain.rack import RackSnapshot
from fibrix.runtime.cell import Cell
from fibrix.runtime.clock import utc_now
from fibrix.store.bindings import Bindings
from fibrix.store.db import Database
from fibrix.types import MacAddress
from fibrix.wire.dhcp4.message import Op
from fibrix.wire.dhcp4.options import MessageType
from fibrix.wire.ethernet import BROADCAST, IPV4, EthernetFrame
from fibrix.wire.ipv4 import UdpDatagram
from tests.peers.dhcp_wire import EVERYONE, RACK, SERVER, Talker, needs_namespaces, talker
from tests.services.dhcp.rack import discover, message, request
from tests.support.netns import wire
from tests.support.waiting import until

pytestmark = needs_namespaces

MAC = MacAddress("52:54:00:77:00:01")
FOREIGN = MacAddress("52:54:00:77:00:99")


@pytest.fixture
def client() -> Iterator[Talker]:
    with wire("fxstat") as cable:
        cable.plug(f"{SERVER}/24")
        with talker(cable) as speaking:
            yield speaking


async def test_an_exchange_a_broken_datagram_and_another_server_are_all_shown(client: Talker, tmp_path: Path) -> None:
    elsewhere = replace(RACK, name="elsewhere", interface="nowhere0")
    snapshot = Cell(RackSnapshot(subnets=(replace(RACK, probe=False), elsewhere)))
    shared = Shared(config=Config(state_dir=tmp_path), bus=Bus(), snapshot=snapshot, heard=Heard(utc_now))
    async with Database(tmp_path / "rack.db", "rack") as database, asyncio.TaskGroup() as group:
        meters = build_rack(shared, Bindings(database)).meters
        assert meters is not None
        tasks = []
        for service in (meters.dhcp, meters.watch):
            ready = asyncio.Event()
            tasks.append(group.create_task(service.run(ready), name=service.name))
            await ready.wait()
        offer = await client.ask(MAC, discover())
        await client.ask(MAC, request(server=SERVER, requested=offer.yiaddr))
        await client.say(MAC, b"x" * 20)
        await foreign_offer(client)
        traffic = RackTraffic(meters)
        await until(lambda: bool(traffic.dhcp().servers and traffic.dhcp().faults))
        shown = traffic.dhcp()
        for task in tasks:
            task.cancel()
    assert (shown.received, shown.sent) == ({"discover": 1, "request": 1}, {"offer": 1, "ack": 1})
    assert (shown.verdicts, shown.faults) == ({"offered": 1, "acknowledged": 1}, {"malformed": 1})
    assert (shown.serving, [one.where for one in shown.closed]) == (("s0",), ["nowhere0"])
    assert [one.where for one in shown.link.deaf] == ["nowhere0"]
    assert [(one.mac, one.answer, one.expected) for one in shown.servers] == [(FOREIGN, "OFFER", False)]
    assert shown.talkers == (Loud(mac=MAC, messages=2),)


async def foreign_offer(client: Talker) -> None:
    """Somebody else's server makes an offer to everyone."""
    source = RACK.ranges[0].last
    payload = replace(message(MessageType.OFFER, server=source), op=Op.REPLY).encode()
    frame = EthernetFrame(BROADCAST, FOREIGN, IPV4, UdpDatagram(source, 67, EVERYONE, 68, payload).encode())
    await asyncio.get_running_loop().sock_sendall(client._raw, frame.encode())
