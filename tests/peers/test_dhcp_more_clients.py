"""More real clients: dhcpcd, systemd-networkd, and what the others do that is rare."""

import subprocess
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from shutil import which

import msgspec
import pytest
from scapy.layers.dhcp import BOOTP, DHCP

from fibrix.domain.binding import BindingState
from fibrix.domain.network import AddressRange
from fibrix.types import MacAddress
from fibrix.wire.ipv4 import UdpDatagram
from tests.peers.dhcp_link import link_rack, program
from tests.peers.dhcp_wire import RACK, SERVER, Talker, needs_namespaces, rack_on, talker
from tests.peers.test_dhcp_clients import (
    UDHCPC_SCRIPT,
    Client,
    needs_udhcpc,
    running,
    script,
    until,
)
from tests.support.netns import Wire, ip, wire
from tests.support.waiting import until as until_so

pytestmark = [needs_namespaces, pytest.mark.timeout(60)]

NETWORKD = Path("/lib/systemd/systemd-networkd")
needs_dhcpcd = pytest.mark.skipif(which("dhcpcd") is None, reason="needs Debian's dhcpcd-base")
needs_networkd = pytest.mark.skipif(not NETWORKD.exists(), reason="needs Debian's systemd: systemd-networkd")

MAC = MacAddress("52:54:00:77:00:01")

DHCPCD_SCRIPT = """#!/bin/sh
echo "$reason $new_ip_address $new_routers $new_dhcp_lease_time" >> {log}
"""

# Both keep what they know below /run and /var/lib: here that is a mount of this process' own.
DHCPCD = "mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /var/lib/dhcpcd && exec dhcpcd -4 -B --noipv4ll {} c0"
NETWORKD_START = """
mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/network /run/systemd/netif && mount -o remount,ro /sys || exit 1
cat > /run/systemd/network/c0.network <<END
[Match]
Name=c0
[Network]
DHCP=ipv4
LinkLocalAddressing=no
IPv6AcceptRA=no
END
exec {}
"""


@pytest.fixture
def cable() -> Iterator[Wire]:
    with wire("fxmore") as unplugged:
        unplugged.plug(f"{SERVER}/24")
        yield unplugged


@needs_dhcpcd
async def test_dhcpcd_gets_renews_and_releases(cable: Wire, tmp_path: Path) -> None:
    path, log = script(tmp_path, DHCPCD_SCRIPT)
    (conf := tmp_path / "conf").write_text("release\nnoarp\n")
    command = ("sh", "-c", DHCPCD.format(f"-f {conf} --script {path}"))
    async with rack_on(tmp_path, msgspec.structs.replace(RACK, lease_s=8)) as rack:
        async with running(cable, log, *command) as client:
            bound = await client.told(r"^BOUND (.*)$")
            address = await until(rack, BindingState.BOUND)
            assert bound == f"{address} 10.77.0.254 8"
            assert await client.told(r"^RENEW (\S+)") == str(address)
        assert await until(rack, BindingState.RELEASED) == address


def addresses(cable: Wire) -> str:
    """What the client's end of the cable has."""
    return subprocess.run(("ip", "-n", cable.client, "addr"), check=True, capture_output=True, text=True).stdout


@needs_networkd
async def test_systemd_networkd_gets_and_releases(cable: Wire, tmp_path: Path) -> None:
    async with rack_on(tmp_path) as rack:
        async with running(cable, tmp_path / "log", "sh", "-c", NETWORKD_START.format(NETWORKD)):
            address = await until(rack, BindingState.BOUND)
            await until_so(lambda: f"{address}/24" in addresses(cable))
        assert await until(rack, BindingState.RELEASED) == address


@needs_udhcpc
async def test_udhcpc_whose_server_is_out_of_reach_rebinds_by_broadcast(cable: Wire, tmp_path: Path) -> None:
    path, log = script(tmp_path, UDHCPC_SCRIPT)
    async with (
        rack_on(tmp_path, msgspec.structs.replace(RACK, lease_s=10)) as rack,
        running(cable, log, "udhcpc", "-f", "-i", "c0", "-s", path) as client,
    ):
        address = await client.told(r"^bound (\S+)")
        ip("-n", cable.client, "route", "add", "blackhole", f"{SERVER}/32")
        assert await client.told(r"^renew (\S+)") == address
        assert rack.service.received["request"] == 2
        assert [str(one.address) for one in await rack.bindings.all()] == [address]


@needs_udhcpc
async def test_udhcpc_that_can_only_hear_broadcasts_gets_an_address(cable: Wire, tmp_path: Path) -> None:
    path, log = script(tmp_path, UDHCPC_SCRIPT)
    async with rack_on(tmp_path) as rack, running(cable, log, "udhcpc", "-B", "-f", "-i", "c0", "-s", path) as client:
        assert await client.told(r"^bound (\S+)") == str(await until(rack, BindingState.BOUND))


@needs_udhcpc
async def test_clients_of_two_interfaces_get_addresses_of_their_own_subnets(cable: Wire, tmp_path: Path) -> None:
    ip("-n", cable.server, "link", "add", "s1", "type", "veth", "peer", "name", "c1", "netns", cable.client)
    ip("-n", cable.server, "addr", "add", "10.78.0.1/24", "dev", "s1")
    ip("-n", cable.server, "link", "set", "s1", "up")
    ip("-n", cable.client, "link", "set", "c1", "up")
    second = msgspec.structs.replace(
        RACK,
        name="second",
        interface="s1",
        network=IPv4Network("10.78.0.0/24"),
        address=IPv4Address("10.78.0.1"),
        ranges=(AddressRange(first=IPv4Address("10.78.0.10"), last=IPv4Address("10.78.0.12")),),
        routers=(),
    )
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    first_path, first_log = script(tmp_path / "one", UDHCPC_SCRIPT)
    path, log = script(tmp_path / "two", UDHCPC_SCRIPT)
    async with (
        link_rack(tmp_path, RACK, second),
        program(cable.client, "udhcpc", "-f", "-i", "c0", "-s", first_path) as one,
        program(cable.client, "udhcpc", "-f", "-i", "c1", "-s", path) as two,
    ):
        assert (await Client(one, first_log).told(r"^bound (\S+)")).startswith("10.77.0.10")
        assert (await Client(two, log).told(r"^bound (\S+)")).startswith("10.78.0.1")


@pytest.fixture
def client(cable: Wire) -> Iterator[Talker]:
    with talker(cable) as speaking:
        yield speaking


class Scapy:
    """A client whose messages are scapy's, and which reads the answers by it."""

    def __init__(self, speaking: Talker) -> None:
        self._talker = speaking
        self._xid = 100

    async def say(self, kind: str, *options: tuple[str, str], ciaddr: str = "0.0.0.0") -> None:
        self._xid += 1
        head = BOOTP(op=1, xid=self._xid, chaddr=bytes.fromhex(MAC.replace(":", "")), ciaddr=ciaddr)
        await self._talker.say(MAC, bytes(head / DHCP(options=[("message-type", kind), *options, "end"])))

    async def ask(
        self, kind: str, *options: tuple[str, str], ciaddr: str = "0.0.0.0"
    ) -> tuple[BOOTP, dict[str, object]]:
        await self.say(kind, *options, ciaddr=ciaddr)
        answer = BOOTP(UdpDatagram.decode((await self._talker.hear(self._xid))[14:]).payload)
        return answer, {one[0]: one[1] for one in answer[DHCP].options if isinstance(one, tuple)}


async def test_scapy_as_a_client_is_understood_and_understands(client: Talker, cable: Wire, tmp_path: Path) -> None:
    server = ("server_id", str(SERVER))
    async with rack_on(tmp_path) as rack:
        scapy = Scapy(client)
        offer, told = await scapy.ask("discover")
        assert (told["message-type"], told["server_id"], told["subnet_mask"]) == (2, str(SERVER), "255.255.255.0")
        ack, told = await scapy.ask("request", server, ("requested_addr", offer.yiaddr))
        assert (told["message-type"], ack.yiaddr, told["lease_time"]) == (5, offer.yiaddr, 600)
        ip("-n", cable.client, "addr", "add", f"{offer.yiaddr}/24", "dev", "c0")
        ip("-n", cable.client, "link", "set", "c0", "address", MAC)
        _, told = await scapy.ask("inform", ciaddr=offer.yiaddr)
        assert (told["message-type"], "lease_time" in told, told["router"]) == (5, False, "10.77.0.254")
        await scapy.say("decline", server, ("requested_addr", offer.yiaddr))
        assert await until(rack, BindingState.DECLINED) == IPv4Address(offer.yiaddr)
        another, _ = await scapy.ask("discover")
        assert another.yiaddr != offer.yiaddr
