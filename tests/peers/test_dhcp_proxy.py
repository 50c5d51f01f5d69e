"""Proxy mode beside a real dnsmasq that gives the addresses."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from ipaddress import IPv4Address
from pathlib import Path
from shutil import which

import msgspec
import pytest
from msgspec.structs import replace

from fibrix.domain.network import SubnetMode
from fibrix.types import MacAddress
from fibrix.wire.dhcp4.message import ANY, Message
from fibrix.wire.dhcp4.options import MESSAGE_TYPE, SERVER_IDENTIFIER, VENDOR_CLASS, MessageType
from fibrix.wire.ethernet import BROADCAST, IPV4, EthernetFrame
from fibrix.wire.ipv4 import UdpDatagram
from tests.peers.dhcp_link import LinkRack, dnsmasq, link_rack, program
from tests.peers.dhcp_wire import RACK, SERVER, needs_namespaces
from tests.services.dhcp.rack import discover, request
from tests.services.dhcp.test_proxy import BIOS, IPXE, SCRIPT, UEFI_HTTP
from tests.support.netns import entered, ip
from tests.support.switch import Switch, switch
from tests.support.waiting import until

pytestmark = [
    needs_namespaces,
    pytest.mark.timeout(40),
    pytest.mark.skipif(which("dnsmasq") is None, reason="needs Debian's dnsmasq-base"),
]

OTHER_SERVER = IPv4Address("10.77.0.9")
MAC = MacAddress("52:54:00:77:00:01")
EVERYONE = IPv4Address("255.255.255.255")
PROXIED = msgspec.structs.replace(RACK, mode=SubnetMode.PROXY, ranges=())


class Rom:
    """A boot ROM: it collects offers for a while, takes an address from one and the boot file from another."""

    def __init__(self, raw: socket.socket, host: str) -> None:
        self._raw = raw
        self._host = host

    async def offers(self, spoken: Message, wanted: int) -> dict[IPv4Address, Message]:
        """Look for servers, again and again, until so many have answered."""
        found: dict[IPv4Address, Message] = {}
        while len(found) < wanted:
            await self.say(spoken)
            try:
                async with asyncio.timeout(0.5):
                    while len(found) < wanted:
                        said = await self.hear(spoken.xid)
                        found[said.get(SERVER_IDENTIFIER) or ANY] = said
            except TimeoutError:
                continue
        return found

    async def say(self, spoken: Message) -> None:
        packet = UdpDatagram(ANY, 68, EVERYONE, 67, spoken.encode())
        frame = EthernetFrame(BROADCAST, MAC, IPV4, packet.encode())
        await asyncio.get_running_loop().sock_sendall(self._raw, frame.encode())

    async def hear(self, xid: int) -> Message:
        while True:
            frame = await asyncio.get_running_loop().sock_recv(self._raw, 2048)
            if frame[34:38] == b"\0\x43\0\x44" and frame[46:50] == xid.to_bytes(4):
                return Message.decode(UdpDatagram.decode(frame[14:]).payload)

    async def ask_pxe_port(self, spoken: Message) -> Message:
        """Unicast to port 4011, as firmware does it once it has an address."""
        with entered(self._host):
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        with closing(udp):
            udp.bind((str(spoken.ciaddr), 68))
            loop = asyncio.get_running_loop()
            async with asyncio.timeout(3):
                await loop.sock_sendto(udp, spoken.encode(), (str(SERVER), 4011))
                return Message.decode(await loop.sock_recv(udp, 2048))


@pytest.fixture
def wired() -> Iterator[tuple[Switch, str, str]]:
    """The switch, and the namespaces of the other server and of the client."""
    with switch("fxprox") as (made, server):
        other, client = made.host("dns"), made.host("cli")
        made.plug(server, "s0", f"{SERVER}/24")
        made.plug(other, "d0", f"{OTHER_SERVER}/24")
        made.plug(client, "c0", mac=MAC)
        yield made, other, client


@asynccontextmanager
async def beside(wired: tuple[Switch, str, str], folder: Path) -> AsyncIterator[tuple[LinkRack, Rom]]:
    _, other, client = wired
    with entered(client):
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.htons(IPV4))
    with closing(raw):
        raw.bind(("c0", IPV4))
        command = dnsmasq(folder, "d0", "10.77.0.50", "10.77.0.60")
        async with link_rack(folder, PROXIED) as rack, program(other, *command):
            yield rack, Rom(raw, client)


async def test_a_rom_gets_its_address_from_dnsmasq_and_its_boot_file_from_us(
    wired: tuple[Switch, str, str], tmp_path: Path
) -> None:
    async with beside(wired, tmp_path) as (rack, rom):
        offers = await rom.offers(discover(options=BIOS), 2)
        ours, theirs = offers[SERVER], offers[OTHER_SERVER]
        assert (ours.yiaddr, ours.file, ours.get(VENDOR_CLASS)) == (ANY, b"undionly.kpxe", "PXEClient")
        assert theirs.yiaddr in (IPv4Address("10.77.0.50") + n for n in range(11))
        taken = replace(request(server=OTHER_SERVER, requested=theirs.yiaddr, options=BIOS), xid=0x77)
        await rom.say(taken)
        acknowledged = await rom.hear(0x77)
        assert acknowledged.get(MESSAGE_TYPE) is MessageType.ACK
        assert acknowledged.get(SERVER_IDENTIFIER) == OTHER_SERVER
        ip("-n", wired[2], "addr", "add", f"{theirs.yiaddr}/24", "dev", "c0")
        told = await rom.ask_pxe_port(request(ciaddr=theirs.yiaddr, options=BIOS))
        assert (told.get(MESSAGE_TYPE), told.file, told.siaddr) == (MessageType.ACK, b"undionly.kpxe", SERVER)
        assert await rack.bindings.all() == []
        assert rack.watch.counts["foreign"] == 0


@pytest.mark.parametrize(
    ("options", "file", "vendor_class"),
    [
        (IPXE, SCRIPT, "PXEClient"),
        (UEFI_HTTP, "http://10.77.0.1:5248/boot/files/ipxe.efi", "HTTPClient"),
    ],
)
async def test_ipxe_and_http_boot_are_offered_their_url(
    wired: tuple[Switch, str, str], tmp_path: Path, options: dict[int, bytes], file: str, vendor_class: str
) -> None:
    async with beside(wired, tmp_path) as (_, rom):
        ours = (await rom.offers(discover(options=options), 2))[SERVER]
        assert (ours.file, ours.get(VENDOR_CLASS)) == (file.encode(), vendor_class)


async def test_an_operating_system_hears_the_other_server_only(wired: tuple[Switch, str, str], tmp_path: Path) -> None:
    async with beside(wired, tmp_path) as (rack, rom):
        assert list(await rom.offers(discover(), 1)) == [OTHER_SERVER]
        await asyncio.sleep(0.2)
        assert rack.dhcp.counts["ignored"] >= 1
        assert rack.dhcp.sent == {}


async def test_the_pxe_port_is_opened_once_the_address_is_there(wired: tuple[Switch, str, str], tmp_path: Path) -> None:
    ip("addr", "del", f"{SERVER}/24", "dev", "s0")
    async with beside(wired, tmp_path) as (rack, rom):
        assert list(rack.pxe_port.closed) == [str(SERVER)]
        ip("addr", "add", f"{SERVER}/24", "dev", "s0")
        ip("-n", wired[2], "addr", "add", "10.77.0.70/24", "dev", "c0")
        await until(lambda: not rack.pxe_port.closed)
        told = await rom.ask_pxe_port(request(ciaddr=IPv4Address("10.77.0.70"), options=BIOS))
        assert told.file == b"undionly.kpxe"


async def test_any_octets_to_the_pxe_port_are_counted(wired: tuple[Switch, str, str], tmp_path: Path) -> None:
    ip("-n", wired[2], "addr", "add", "10.77.0.70/24", "dev", "c0")
    async with beside(wired, tmp_path) as (rack, rom):
        with entered(wired[2]):
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        with closing(udp):
            whole = request(ciaddr=IPv4Address("10.77.0.70"), options=BIOS).encode()
            for size in range(0, len(whole), 3):
                await asyncio.get_running_loop().sock_sendto(udp, whole[:size], (str(SERVER), 4011))
                await asyncio.sleep(0.001)
        told = await rom.ask_pxe_port(request(ciaddr=IPv4Address("10.77.0.70"), options=BIOS))
        assert told.file == b"undionly.kpxe"
        assert rack.pxe_port.counts["malformed"] >= 70
