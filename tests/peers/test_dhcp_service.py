"""The DHCP service on a real wire: frames, sockets, interfaces that come and go, a disk that is full."""

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import IPv4Network
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

from fibrix.domain.network import AddressRange, SubnetMode
from fibrix.domain.rack import RackSnapshot
from fibrix.events.rack import DiscoverSeen, LeaseGranted
from fibrix.types import MacAddress
from fibrix.wire.dhcp4.message import Message
from fibrix.wire.dhcp4.options import MESSAGE_TYPE, MessageType
from fibrix.wire.ipv4 import UdpDatagram
from tests.peers.dhcp_wire import RACK, SERVER, Talker, needs_namespaces, rack_on, talker
from tests.services.dhcp.rack import discover, request
from tests.support.netns import Wire, ip, wire

pytestmark = needs_namespaces

MAC = MacAddress("52:54:00:77:00:01")
OTHER = MacAddress("52:54:00:77:00:02")


@pytest.fixture
def cable() -> Iterator[Wire]:
    with wire("fxdhcp") as unplugged:
        yield unplugged


@pytest.fixture
def client(cable: Wire) -> Iterator[Talker]:
    cable.plug(f"{SERVER}/24")
    with talker(cable) as speaking:
        yield speaking


async def bind(client: Talker, mac: MacAddress = MAC) -> Message:
    """Go through DISCOVER, OFFER, REQUEST, and give the answer."""
    offer = await client.ask(mac, discover(mac))
    return await client.ask(mac, request(mac, server=SERVER, requested=offer.yiaddr))


async def test_a_pxe_rom_gets_its_boot_file_in_a_frame_to_its_mac_with_right_checksums(
    client: Talker, tmp_path: Path
) -> None:
    options = [("message-type", "discover"), ("vendor_class_id", b"PXEClient:Arch:00000:UNDI:002001"), "end"]
    datagram = bytes(BOOTP(op=1, xid=0xBEEF, chaddr=bytes.fromhex("525400770001")) / DHCP(options=options))
    async with rack_on(tmp_path):
        await client.say(MAC, datagram)
        frame = await client.hear(0xBEEF)
    seen = Ether(frame)
    assert (seen.dst, seen[IP].src, seen[IP].dst) == (MAC, "10.77.0.1", seen[BOOTP].yiaddr)
    assert (seen[UDP].sport, seen[UDP].dport) == (67, 68)
    assert (seen[BOOTP].siaddr, seen[BOOTP].file.rstrip(b"\0")) == ("10.77.0.1", b"undionly.kpxe")
    sent = (seen[IP].chksum, seen[UDP].chksum)
    del seen[IP].chksum, seen[UDP].chksum
    counted = Ether(bytes(seen))
    assert (counted[IP].chksum, counted[UDP].chksum) == sent


async def test_the_bus_hears_of_a_discover_and_of_the_lease_once_it_is_stored(client: Talker, tmp_path: Path) -> None:
    async with rack_on(tmp_path) as rack:
        with rack.bus.subscribe(DiscoverSeen, LeaseGranted) as listener:
            ack = await bind(client)
            seen = await listener.batch()
            stored = await rack.bindings.all()
    assert [type(event) for event in seen] == [DiscoverSeen, LeaseGranted]
    assert [(one.mac, one.address) for one in stored] == [(MAC, ack.yiaddr)]
    assert ack.get(MESSAGE_TYPE) is MessageType.ACK


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(("mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", folder), check=True)
    yield folder
    subprocess.run(("umount", "-l", folder), check=True)


def fill(folder: Path) -> Path:
    """Take up all room."""
    filler = folder / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    return filler


async def test_an_acknowledgement_is_withheld_while_the_disk_is_full(client: Talker, small_disk: Path) -> None:
    async with rack_on(small_disk) as rack:
        offer = await client.ask(MAC, discover())
        asked = request(server=SERVER, requested=offer.yiaddr)
        filler = fill(small_disk)
        with pytest.raises(TimeoutError):
            await client.ask(MAC, asked, timeout_s=0.5)
        assert rack.service.counts["withheld"] == 1
        assert (await client.ask(OTHER, discover(OTHER))).yiaddr != offer.yiaddr  # the rest goes on
        filler.unlink()
        assert (await client.ask(MAC, asked)).get(MESSAGE_TYPE) is MessageType.ACK
        assert [one.address for one in await rack.bindings.all()] == [offer.yiaddr]


async def test_a_restart_forgets_no_binding(client: Talker, tmp_path: Path) -> None:
    async with rack_on(tmp_path):
        address = (await bind(client)).yiaddr
    async with rack_on(tmp_path):
        confirmed = await client.ask(MAC, request(requested=address))
        refused = await client.ask(OTHER, request(OTHER, server=SERVER, requested=address))
    assert confirmed.get(MESSAGE_TYPE) is MessageType.ACK
    assert refused.get(MESSAGE_TYPE) is MessageType.NAK


async def test_malformed_datagrams_are_counted_and_harm_nothing(client: Talker, tmp_path: Path) -> None:
    whole = discover().encode()
    async with rack_on(tmp_path) as rack:
        for broken in (
            b"",
            b"\xff" * 5000,
            whole[:239],
            whole[:-61] + b"\x35\xff",
            whole.replace(b"\x35\1\1", b"\x35\1\x0e"),
        ):
            await client.say(MAC, broken[:1472])
        offer = await client.ask(MAC, discover())
        assert rack.service.counts["malformed"] == 5
    assert offer.get(MESSAGE_TYPE) is MessageType.OFFER


async def test_an_observed_subnet_is_not_answered_and_a_change_takes_effect_at_once(
    client: Talker, tmp_path: Path
) -> None:
    async with rack_on(tmp_path, msgspec.structs.replace(RACK, mode=SubnetMode.OBSERVE)) as rack:
        with pytest.raises(TimeoutError):
            await client.ask(MAC, discover(), timeout_s=0.3)
        rack.snapshot.replace(RackSnapshot(subnets=(RACK,)))
        await asyncio.sleep(0.05)
        assert (await client.ask(MAC, discover(), timeout_s=0.5)).get(MESSAGE_TYPE) is MessageType.OFFER
        rack.snapshot.replace(RackSnapshot())
        with pytest.raises(TimeoutError):
            await client.ask(MAC, discover(), timeout_s=0.3)


@pytest.mark.timeout(40)
async def test_an_interface_that_is_not_there_is_waited_for_and_one_made_anew_is_served(
    cable: Wire, tmp_path: Path
) -> None:
    async with rack_on(tmp_path) as rack:
        assert "s0" in rack.service.closed
        for _ in range(2):
            cable.plug(f"{SERVER}/24")
            with talker(cable) as client:
                assert (await until_answered(client)).get(MESSAGE_TYPE) is MessageType.OFFER
            assert rack.service.closed == {}
            cable.unplug()


async def until_answered(client: Talker) -> Message:
    """Ask again and again, as clients do."""
    async with asyncio.timeout(15):
        while True:
            with suppress(TimeoutError):
                return await client.ask(MAC, discover(), timeout_s=0.3)


async def test_a_relay_is_answered_on_the_servers_port(client: Talker, cable: Wire, tmp_path: Path) -> None:
    relay = RACK.network.network_address + 200
    ip("-n", cable.client, "addr", "add", f"{relay}/24", "dev", "c0")  # the kernel there answers ARP for it
    async with rack_on(tmp_path):
        await client.say(MAC, replace(discover(), giaddr=relay, options={53: b"\1", 82: b"\1\1x"}).encode())
        datagram = UdpDatagram.decode((await client.hear(discover().xid, port=67))[14:])
    assert (datagram.source, datagram.destination) == (SERVER, relay)
    assert Message.decode(datagram.payload).options[82] == b"\1\1x"


async def test_a_reply_that_cannot_be_sent_is_counted_and_harms_nothing(client: Talker, tmp_path: Path) -> None:
    beyond = IPv4Network("10.78.0.0/24")
    remote = msgspec.structs.replace(
        RACK,
        name="remote",
        interface="s9",
        network=beyond,
        address=beyond[1],  # which no interface here has: the kernel does not send from it
        ranges=(AddressRange(first=beyond[100], last=beyond[109]),),
        routers=(),
    )
    async with rack_on(tmp_path) as rack:
        rack.snapshot.replace(RackSnapshot(subnets=(RACK, remote)))
        await client.say(MAC, discover(giaddr=beyond[254]).encode())
        assert (await client.ask(OTHER, discover(OTHER))).get(MESSAGE_TYPE) is MessageType.OFFER
        assert rack.service.counts["unsent"] == 1


async def test_a_subnet_that_boots_nobody_gives_addresses_all_the_same(client: Talker, tmp_path: Path) -> None:
    async with rack_on(tmp_path, msgspec.structs.replace(RACK, boot=False)):
        offer = await client.ask(MAC, discover(options={60: b"PXEClient:Arch:00000:UNDI:002001"}))
    assert offer.get(MESSAGE_TYPE) is MessageType.OFFER
    assert (offer.yiaddr in RACK.network, offer.file) == (True, b"")
