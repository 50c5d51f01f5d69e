"""The sniffer on a wire of its own: what it tells, what it outlives, and that it says nothing."""

import asyncio
import json
import socket
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from fibrix.bus import Bus, Subscription
from fibrix.domain.census.hiding import HiddenNetwork
from fibrix.domain.census.sighting import Means
from fibrix.domain.rack import RackSnapshot
from fibrix.events.discovery import HostMoved, HostSeen
from fibrix.events.rack import HostTold
from fibrix.runtime.cell import Cell
from fibrix.services.sniffer.service import Sniffer, SnifferSettings
from fibrix.store.db import Database
from fibrix.store.hosts import Hosts
from fibrix.types import MacAddress
from tests.peers.dhcp_wire import RACK, needs_namespaces
from tests.services.sniffer.frames import SOURCE, arp
from tests.support.netns import Wire, add_vlan, entered, ip, wire
from tests.support.waiting import until

pytestmark = needs_namespaces

MAC = SOURCE.hex(":")
OTHER = bytes.fromhex("525400770002")
BURST = 60_000


@pytest.fixture
def wired() -> Iterator[Wire]:
    with wire("fxsniff") as made:
        for name in (made.server, made.client):
            with entered(name):  # no kernel speaks by itself
                Path("/proc/sys/net/ipv6/conf/default/disable_ipv6").write_text("1")
        made.plug("10.77.0.1/24")
        yield made


class Out:
    """The client's end."""

    def __init__(self, wired: Wire, interface: str = "c0") -> None:
        with entered(wired.client):
            self.raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.htons(3))
            self.raw.bind((interface, 3))

    def heard(self) -> Iterator[bytes]:
        """What came from the other end."""
        with suppress(BlockingIOError):
            while True:
                data, address = self.raw.recvfrom(2048)
                if address[2] != socket.PACKET_OUTGOING:
                    yield data

    def close(self) -> None:
        self.raw.close()


class Rig(NamedTuple):
    """The service, what it serves from, and what it tells from the start."""

    sniffer: Sniffer
    snapshot: Cell[RackSnapshot]
    told: Subscription


@asynccontextmanager
async def sniffing(
    folder: Path,
    settings: SnifferSettings | None = None,
    *interfaces: str,
    vendor: Callable[[MacAddress], str] = lambda _: "",
) -> AsyncIterator[Rig]:
    """The service on subnets of these interfaces."""
    subnets = tuple(msgspec.structs.replace(RACK, name=name, interface=name) for name in interfaces or ("s0",))
    async with Database(folder / "rack.db", "rack") as database, AsyncExitStack() as stack:
        bus = Bus()
        told = stack.enter_context(bus.subscribe(HostTold))
        snapshot = Cell(RackSnapshot(subnets=subnets))
        sniffer = Sniffer(snapshot, Hosts(database), bus, settings or SnifferSettings(), vendor)
        async with asyncio.TaskGroup() as group:
            ready = asyncio.Event()
            task = group.create_task(sniffer.run(ready), name="sniffer")
            await ready.wait()
            yield Rig(sniffer, snapshot, told)
            task.cancel()


async def first(told: Subscription, limit_s: float = 5) -> HostTold:
    async with asyncio.timeout(limit_s):
        one = (await told.batch())[0]
    assert isinstance(one, HostTold)
    return one


async def test_what_comes_while_the_registry_of_makers_is_read_is_told_afterwards(wired: Wire, tmp_path: Path) -> None:
    read = threading.Event()

    def vendor(_: MacAddress) -> str:
        return "Contoso" if read.wait(5) else ""

    async with sniffing(tmp_path, vendor=vendor) as (sniffer, _, told):
        with closing(Out(wired)) as out:
            out.raw.send(arp(bytes.fromhex("001422770001")))
        await asyncio.sleep(0.2)
        assert not sniffer.frames
        read.set()
        one = await first(told)
    assert isinstance(one.said[0], HostSeen)
    assert (one.said[0].mac, one.said[0].vendor) == ("00:14:22:77:00:01", "Contoso")


@pytest.mark.parametrize(("tags", "vlan"), [((), 0), ((0x8100_000A,), 10), ((0x88A8_0064, 0x8100_000A), 100)])
async def test_a_host_that_speaks_is_told_at_once(
    wired: Wire, tmp_path: Path, tags: tuple[int, ...], vlan: int
) -> None:
    async with sniffing(tmp_path) as (sniffer, _, told):
        with closing(Out(wired)) as out:
            began = time.monotonic()
            out.raw.send(arp(tags=tags))
            one = await first(told)
        assert time.monotonic() - began < 3  # 10 ms, on a machine that does nothing else
        assert one.host is not None
        assert (one.host.mac, one.host.interface, one.host.vlan) == (MAC, "s0", vlan)
        assert [type(event) for event in one.said] == [HostSeen]
        assert (sniffer.known, sniffer.frames["s0"], sniffer.counts[Means.ARP].read) == (1, 1, 1)


async def test_what_was_known_is_no_news_after_a_restart(wired: Wire, tmp_path: Path) -> None:
    with closing(Out(wired)) as out:
        async with sniffing(tmp_path) as (sniffer, _, _):
            out.raw.send(arp())
            await until(lambda: sniffer.known == 1)
        async with sniffing(tmp_path) as (sniffer, _, told):
            assert sniffer.known == 1
            out.raw.send(arp())
            out.raw.send(arp(OTHER))
            one = await first(told)
            assert one.host is not None
            assert one.host.mac == OTHER.hex(":")


async def test_an_interface_that_goes_and_comes_anew_is_followed(wired: Wire, tmp_path: Path) -> None:
    async with sniffing(tmp_path) as (sniffer, _, _):
        wired.unplug()
        await until(lambda: "s0" in sniffer.closed)
        wired.plug("10.77.0.2/24")
        await until(lambda: not sniffer.closed)
        with closing(Out(wired)) as out:
            out.raw.send(arp())
            await until(lambda: sniffer.known == 1)


async def test_an_interface_that_is_down_is_named_and_heard_again_when_it_is_up(wired: Wire, tmp_path: Path) -> None:
    async with sniffing(tmp_path) as (sniffer, _, _):
        ip("link", "set", "s0", "down")
        await until(lambda: sniffer.closed == {"s0": "the interface is down"})
        ip("link", "set", "s0", "up")
        await until(lambda: not sniffer.closed)
        with closing(Out(wired)) as out:
            out.raw.send(arp())
            await until(lambda: sniffer.known == 1)


async def test_an_interface_that_is_not_there_yet_is_named_and_heard_when_it_comes(wired: Wire, tmp_path: Path) -> None:
    settings = SnifferSettings(roles={"s0": "rack", "s9": "rack"})
    async with sniffing(tmp_path, settings) as (sniffer, _, _):
        assert "no interface with this name" in sniffer.closed["s9"]
        ip("link", "add", "s9", "type", "veth", "peer", "name", "c9", "netns", wired.client)
        ip("link", "set", "s9", "up")
        ip("-n", wired.client, "link", "set", "c9", "up")
        await until(lambda: not sniffer.closed)
        with closing(Out(wired, "c9")) as out:
            out.raw.send(arp())
            await until(lambda: sniffer.frames["s9"] == 1)


async def test_the_controllers_own_interfaces_are_marked_with_the_macs_that_they_have_now(
    wired: Wire, tmp_path: Path
) -> None:
    """As heard from a switch that reflects what was sent to it."""
    ip("link", "set", "s0", "address", MAC)
    async with sniffing(tmp_path) as (_, _, told):
        with closing(Out(wired)) as out:
            out.raw.send(arp())
            one = await first(told)
            assert one.host is not None
            assert one.host.own
            ip("link", "set", "s0", "address", OTHER.hex(":"))
            await asyncio.sleep(1.2)
            out.raw.send(arp(OTHER))
            one = await first(told)
            assert one.host is not None
            assert (one.host.mac, one.host.own) == (OTHER.hex(":"), True)


async def test_subnets_that_come_and_go_are_followed(wired: Wire, tmp_path: Path) -> None:
    async with sniffing(tmp_path, None, "none0") as (sniffer, snapshot, _):
        snapshot.replace(RackSnapshot(subnets=(RACK,)))
        await until(lambda: not sniffer.closed)
        with closing(Out(wired)) as out:
            out.raw.send(arp())
            await until(lambda: sniffer.known == 1)
            snapshot.replace(RackSnapshot())
            await until(lambda: not sniffer._ears)


async def test_nothing_is_told_or_kept_of_a_hidden_network(wired: Wire, tmp_path: Path) -> None:
    hidden = (HiddenNetwork(id="h1", interface="s0", vlan=10),)
    async with sniffing(tmp_path) as (sniffer, snapshot, told):
        snapshot.replace(msgspec.structs.replace(snapshot.value, hidden=hidden))
        await until(lambda: bool(sniffer._veil))
        with closing(Out(wired)) as out:
            out.raw.send(arp(tags=(0x8100_000A,)))
            out.raw.send(arp(OTHER))
            one = await first(told)
        assert one.host is not None
        assert (one.host.mac, sniffer.known) == (OTHER.hex(":"), 2)
    async with sniffing(tmp_path) as (sniffer, _, _):
        assert sniffer.known == 1


async def test_the_outside_is_never_heard(wired: Wire, tmp_path: Path) -> None:
    async with sniffing(tmp_path, SnifferSettings(roles={"s0": "wan"})) as (sniffer, _, _):
        with closing(Out(wired)) as out:
            out.raw.send(arp())
        await asyncio.sleep(0.1)
        assert (sniffer.known, sniffer.closed, sniffer._ears) == (0, {}, {})


async def test_a_vlan_with_an_interface_of_its_own_is_heard_there_alone(wired: Wire, tmp_path: Path) -> None:
    add_vlan("s0", "s0.10", 10)
    ip("link", "set", "s0.10", "up")
    async with sniffing(tmp_path, None, "s0", "s0.10") as (sniffer, _, told):
        with closing(Out(wired)) as out:
            for _ in range(3):
                out.raw.send(arp(tags=(0x8100_000A,)))
            one = await first(told)
            assert one.host is not None
            assert (one.host.interface, one.host.vlan) == ("s0.10", 0)
            await until(lambda: sniffer.frames["s0.10"] == 3)
        assert sniffer.frames["s0"] == 0


async def test_a_host_that_moves_to_another_interface_is_told(wired: Wire, tmp_path: Path) -> None:
    ip("link", "add", "s1", "type", "veth", "peer", "name", "c1", "netns", wired.client)
    ip("link", "set", "s1", "up")
    ip("-n", wired.client, "link", "set", "c1", "up")
    async with sniffing(tmp_path, None, "s0", "s1") as (_, _, told):
        with closing(Out(wired)) as old, closing(Out(wired, "c1")) as new:
            old.raw.send(arp())
            await first(told)
            said: list[object] = []
            async with asyncio.timeout(9):
                while not any(isinstance(event, HostMoved) for event in said):
                    new.raw.send(arp())
                    await asyncio.sleep(0.2)
                    said += [event for one in told._events if isinstance(one, HostTold) for event in one.said]


async def test_what_the_kernel_dropped_is_counted(wired: Wire, tmp_path: Path) -> None:
    """The loop stands still while the burst comes."""
    async with sniffing(tmp_path) as (sniffer, _, _):
        with closing(Out(wired)) as out:
            out.raw.settimeout(5)
            said = arp()
            for _ in range(BURST):
                out.raw.send(said)
        await until(lambda: sniffer.dropped["s0"] > 0)
        await until(lambda: sniffer.dropped["s0"] + sniffer.frames["s0"] == BURST)


@pytest.mark.parametrize("promiscuous", [False, True])
async def test_promiscuous_is_what_was_asked_for(wired: Wire, tmp_path: Path, *, promiscuous: bool) -> None:
    settings = SnifferSettings(promiscuous=frozenset({"s0"} if promiscuous else ()))
    async with sniffing(tmp_path, settings):
        assert shown("s0")["promiscuity"] == promiscuous
    assert shown("s0")["promiscuity"] == 0


def shown(name: str) -> dict[str, int]:
    text = subprocess.run(("ip", "-j", "-d", "link", "show", name), check=True, capture_output=True, text=True).stdout
    found: dict[str, int] = json.loads(text)[0]
    return found


async def test_nothing_is_ever_sent(wired: Wire, tmp_path: Path) -> None:
    with closing(Out(wired)) as out:
        async with sniffing(tmp_path, SnifferSettings(promiscuous=frozenset({"s0"}))) as (sniffer, _, _):
            for address in range(1, 200):
                out.raw.send(arp(address=bytes([10, 77, 1, address])))
            await until(lambda: sniffer.frames["s0"] == 199)
            ip("link", "set", "s0", "down")
            await asyncio.sleep(1.1)
            ip("link", "set", "s0", "up")
            await until(lambda: not sniffer.closed)
        assert list(out.heard()) == []


async def test_a_flood_of_made_up_macs_is_refused_and_known_hosts_are_still_heard(wired: Wire, tmp_path: Path) -> None:
    async with sniffing(tmp_path, SnifferSettings(most_hosts=1000)) as (sniffer, _, _):
        with closing(Out(wired)) as out:
            out.raw.settimeout(5)
            for part in range(40):
                for number in range(250):
                    out.raw.send(arp(b"\x02" + (part * 250 + number).to_bytes(5)))
                await asyncio.sleep(0.005)
            await until(lambda: sniffer.frames["s0"] + sniffer.dropped["s0"] == 10_000)
        assert sniffer.known <= 1000
        assert sniffer.losses["refused"] + sniffer.losses["forgotten"] >= 9000 - sniffer.dropped["s0"]
