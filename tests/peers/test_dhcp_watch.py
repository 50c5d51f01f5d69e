"""Servers that should not be there, and addresses that are in use, on a real link."""

import asyncio
import random
import resource
import socket
from collections.abc import Iterator
from contextlib import closing
from ipaddress import IPv4Address
from pathlib import Path
from shutil import which

import msgspec
import pytest

from fibrix.domain.binding import BindingState
from fibrix.domain.network import AddressRange, SubnetMode
from fibrix.events.rack import ConflictSeen, ServerSeen
from fibrix.services.dhcp.watch import foreign
from fibrix.types import MacAddress
from fibrix.wire.dhcp4.message import BROADCAST_FLAG
from fibrix.wire.dhcp4.options import MESSAGE_TYPE, MessageType
from fibrix.wire.ethernet import ARP, BROADCAST, IPV4, EthernetFrame
from fibrix.wire.ipv4 import UdpDatagram
from tests.peers.dhcp_link import dnsmasq, link_rack, program
from tests.peers.dhcp_wire import RACK, SERVER, Talker, needs_namespaces
from tests.services.dhcp.rack import discover, request
from tests.support.netns import entered, ip
from tests.support.switch import Switch, switch
from tests.support.waiting import until

pytestmark = [needs_namespaces, pytest.mark.timeout(40)]

needs_dnsmasq = pytest.mark.skipif(which("dnsmasq") is None, reason="needs Debian's dnsmasq-base")

MAC = MacAddress("52:54:00:77:00:01")
OTHER = MacAddress("52:54:00:77:00:02")
THEIRS = MacAddress("52:54:00:99:00:01")
OTHER_SERVER = IPv4Address("10.77.0.9")
FEW = msgspec.structs.replace(
    RACK, ranges=(AddressRange(first=IPv4Address("10.77.0.100"), last=IPv4Address("10.77.0.101")),)
)


@pytest.fixture
def wired() -> Iterator[tuple[Switch, str, str]]:
    """The switch, and the namespaces of somebody else and of the client."""
    with switch("fxwatch") as (made, server):
        other, client = made.host("oth"), made.host("cli")
        made.plug(server, "s0", f"{SERVER}/24")
        made.plug(other, "d0", f"{OTHER_SERVER}/24", mac=THEIRS)
        made.plug(client, "c0", mac=MAC)
        yield made, other, client


@pytest.fixture
def client(wired: tuple[Switch, str, str]) -> Iterator[Talker]:
    with entered(wired[2]):
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.htons(IPV4))
    with closing(raw):
        raw.bind(("c0", IPV4))
        yield Talker(raw)


async def ask_loudly(client: Talker, xid: int) -> None:
    """A client that can only hear broadcasts: everyone on the link hears what it is answered."""
    await client.say(OTHER, discover(OTHER, flags=BROADCAST_FLAG).encode().replace(b"\0\0\x12\x34", xid.to_bytes(4), 1))


@needs_dnsmasq
@pytest.mark.parametrize("mode", [SubnetMode.SERVE, SubnetMode.OBSERVE, SubnetMode.PROXY])
async def test_a_real_server_that_answers_on_the_link_is_told_of_at_once(
    wired: tuple[Switch, str, str], client: Talker, tmp_path: Path, mode: SubnetMode
) -> None:
    subnet = msgspec.structs.replace(RACK, mode=mode)
    command = dnsmasq(tmp_path, "d0", "10.77.0.50", "10.77.0.60")
    async with link_rack(tmp_path, subnet) as rack, program(wired[1], *command):
        with rack.bus.subscribe(ServerSeen) as told:
            for xid in range(1, 20):
                await ask_loudly(client, xid)
                await asyncio.sleep(0.2)
            (seen,) = await told.batch()
        assert isinstance(seen, ServerSeen)
        assert (seen.address, seen.mac, seen.interface, seen.subnet) == (OTHER_SERVER, THEIRS, "s0", "rack")
        assert seen.expected is (mode is not SubnetMode.SERVE)
        words = foreign(rack.watch.servers())
        assert ("10.77.0.9, 52:54:00:99:00:01" in words) is (mode is SubnetMode.SERVE)


@needs_dnsmasq
@pytest.mark.skipif(which("udhcpc") is None, reason="needs Debian's udhcpc")
@pytest.mark.parametrize("mode", [SubnetMode.SERVE, SubnetMode.PROXY])
async def test_a_server_whose_answers_only_its_client_hears_is_found_by_the_clients_choice(
    wired: tuple[Switch, str, str], tmp_path: Path, mode: SubnetMode
) -> None:
    """The switch sends what goes to the client's MAC to the client alone; that it names the server, everyone hears."""
    full = msgspec.structs.replace(RACK, mode=mode, ranges=())
    command = dnsmasq(tmp_path, "d0", "10.77.0.50", "10.77.0.60")
    async with link_rack(tmp_path, full) as rack, program(wired[1], *command):
        with rack.bus.subscribe(ServerSeen) as told:
            async with program(wired[2], "udhcpc", "-f", "-t", "9", "-T", "1", "-i", "c0", "-s", "/bin/true"):
                (seen,) = await told.batch()
        assert isinstance(seen, ServerSeen)
        assert (seen.address, seen.mac, seen.answer) == (OTHER_SERVER, THEIRS, "REQUEST")
        assert seen.expected is (mode is SubnetMode.PROXY)


async def test_what_a_relay_sends_for_its_clients_does_not_reach_it(
    wired: tuple[Switch, str, str], client: Talker, tmp_path: Path
) -> None:
    """It comes from the port of servers, and there may be thousands a second of it."""
    with entered(wired[1]):
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    nobody = IPv4Address("10.77.0.8")
    said = discover(giaddr=nobody).encode()
    async with link_rack(tmp_path, RACK) as rack:
        with closing(raw):
            raw.bind(("d0", 0))
            for payload in (said, said, b"\2" + said[1:]):
                datagram = UdpDatagram(nobody, 67, SERVER, 67, payload).encode()
                raw.send(EthernetFrame(BROADCAST, THEIRS, IPV4, datagram).encode())
            await until(lambda: rack.watch.counts["answers"] > 0)
            assert rack.watch.counts["answers"] == 1
            assert rack.watch.counts["malformed"] == 0


async def test_our_own_answers_are_not_foreign(client: Talker, wired: tuple[Switch, str, str], tmp_path: Path) -> None:
    async with link_rack(tmp_path, RACK) as rack:
        offer = await client.ask(MAC, discover(flags=BROADCAST_FLAG))
        await client.ask(MAC, request(server=SERVER, requested=offer.yiaddr))
        await asyncio.sleep(0.3)
        assert rack.watch.servers() == ()


async def test_an_address_that_someone_sits_on_is_never_offered(
    wired: tuple[Switch, str, str], client: Talker, tmp_path: Path
) -> None:
    """Two addresses, and a host that took one of them for its own: whoever asks gets the other one, without waiting."""
    ip("-n", wired[1], "addr", "add", "10.77.0.100/24", "dev", "d0")
    async with link_rack(tmp_path, FEW) as rack:
        with rack.bus.subscribe(ConflictSeen) as told:
            (seen,) = await told.batch()
        assert isinstance(seen, ConflictSeen)
        assert (str(seen.address), seen.mac, seen.subnet, seen.found) == ("10.77.0.100", THEIRS, "rack", "probe")
        resting = await rack.bindings.all()
        assert [(str(one.address), one.state) for one in resting] == [("10.77.0.100", BindingState.DECLINED)]
        offer = await client.ask(MAC, discover(requested=IPv4Address("10.77.0.100")))
        assert str(offer.yiaddr) == "10.77.0.101"
        with pytest.raises(TimeoutError):
            await client.ask(OTHER, discover(OTHER), timeout_s=0.3)


async def test_a_clear_address_is_chosen_before_one_that_is_not_known(
    wired: tuple[Switch, str, str], client: Talker, tmp_path: Path
) -> None:
    async with link_rack(tmp_path, RACK) as rack:
        ten = range(int(IPv4Address("10.77.0.100")), int(IPv4Address("10.77.0.110")))
        await until(lambda: rack.watch.clear_of(ten) == list(ten))
        offer = await client.ask(MAC, discover())
        assert rack.watch.clear_of([int(offer.yiaddr)])
        assert rack.watch.counts["conflicts"] == 0


async def test_a_machine_that_announces_the_address_that_it_was_given_is_no_conflict(
    wired: tuple[Switch, str, str], client: Talker, tmp_path: Path
) -> None:
    async with link_rack(tmp_path, RACK) as rack:
        await until(lambda: bool(rack.watch.clear_of([int(IPv4Address("10.77.0.109"))])))
        offer = await client.ask(MAC, discover())
        await client.ask(MAC, request(server=SERVER, requested=offer.yiaddr))
        ip("-n", wired[2], "addr", "add", f"{offer.yiaddr}/24", "dev", "c0")
        with entered(wired[2]), closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as udp:
            udp.sendto(b"hello", (str(SERVER), 9))  # for which the kernel asks who has the server's address
        await asyncio.sleep(0.3)
        assert rack.watch.counts["conflicts"] == 0


async def test_a_machine_whose_lease_we_lost_is_found_on_its_address_and_may_renew_it(
    wired: tuple[Switch, str, str], client: Talker, tmp_path: Path
) -> None:
    ip("-n", wired[2], "addr", "add", "10.77.0.100/24", "dev", "c0")
    async with link_rack(tmp_path, FEW) as rack:
        await until(lambda: rack.watch.counts["conflicts"] == 1)
        renewed = await client.ask(MAC, request(requested=IPv4Address("10.77.0.100"), server=SERVER))
        assert renewed.get(MESSAGE_TYPE) is MessageType.ACK
        assert [(one.mac, one.state) for one in await rack.bindings.all()] == [(MAC, BindingState.BOUND)]


async def test_it_hears_again_when_the_interface_was_down_or_made_anew(
    wired: tuple[Switch, str, str], client: Talker, tmp_path: Path
) -> None:
    made, other, _ = wired
    async with link_rack(tmp_path, FEW) as rack:
        ip("link", "set", "s0", "down")
        await asyncio.sleep(0.3)
        ip("-n", other, "addr", "add", "10.77.0.100/24", "dev", "d0")
        ip("link", "set", "s0", "up")
        await until(lambda: rack.watch.counts["conflicts"] == 1)
        ip("link", "del", "s0")
        await until(lambda: "s0" in rack.watch.closed)
        made.plug(made.host_name("srv"), "s0", f"{SERVER}/24")
        ip("-n", other, "addr", "add", "10.77.0.101/24", "dev", "d0")
        await until(lambda: rack.watch.counts["conflicts"] == 2)
        assert rack.watch.closed == {}


async def test_any_frames_are_counted_and_take_no_memory(
    wired: tuple[Switch, str, str], client: Talker, tmp_path: Path
) -> None:
    chance = random.Random(4)
    with entered(wired[1]):
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    async with link_rack(tmp_path, RACK) as rack:
        with closing(raw):
            raw.bind(("d0", 0))
            before = 0
            for turn in range(3_000):
                noise = chance.randbytes(chance.randrange(0, 600))
                server = UdpDatagram(OTHER_SERVER, 67, IPv4Address("255.255.255.255"), 68, noise).encode()
                for kind, payload in ((IPV4, server), (ARP, noise[:46])):
                    raw.send(EthernetFrame(BROADCAST, THEIRS, kind, payload).encode())
                if turn == 1_000:
                    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
                if turn % 50 == 0:
                    await asyncio.sleep(0.005)
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        assert after - before < 4_096  # KiB
        assert rack.watch.counts["malformed"] > 1_000
        assert rack.watch.servers() == ()
        assert (await client.ask(MAC, discover())).yiaddr in RACK.network
