"""Real clients behind a real relay, or behind two, on networks that the server is not in."""

import socket
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager, suppress
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from shutil import which
from signal import SIGUSR1, SIGUSR2

import msgspec
import pytest

from fibrix.domain.binding import BindingState
from fibrix.domain.network import AddressRange, Subnet
from fibrix.errors import MalformedPacketError
from fibrix.wire.dhcp4.message import Message, Op
from fibrix.wire.ethernet import EthernetFrame
from fibrix.wire.ipv4 import UdpDatagram
from tests.peers.dhcp_link import link_rack, program
from tests.peers.dhcp_wire import RACK, SERVER, needs_namespaces
from tests.peers.test_dhcp_clients import UDHCPC_SCRIPT, Client, needs_udhcpc, script, until
from tests.support.netns import entered, ip
from tests.support.switch import Switch, switch

pytestmark = [
    needs_namespaces,
    needs_udhcpc,
    pytest.mark.timeout(60),
    pytest.mark.skipif(which("dhcrelay") is None, reason="needs Debian's isc-dhcp-relay"),
]


def behind(hop: int) -> Subnet:
    """The subnet behind a relay: 10.77.HOP.0/24, whose router is the relay."""
    network = IPv4Network(f"10.77.{hop}.0/24")
    return msgspec.structs.replace(
        RACK,
        name=f"behind-{hop}",
        network=network,
        relayed=True,
        ranges=(AddressRange(first=network[100], last=network[109]),),
        routers=(network[1],),
    )


class Site:
    """The server, then relays in a row, each with a network behind it; the client is in the last one."""

    def __init__(self, made: Switch, server: str, hops: int) -> None:
        self.relays: list[str] = []
        self.client = made.host("cli")
        made.plug(server, "s0", f"{SERVER}/24")
        link = made
        for hop in range(1, hops + 1):
            link = self._relay(made, link, hop)
        link.plug(self.client, "c0")

    def _relay(self, made: Switch, link: Switch, hop: int) -> Switch:
        """One more relay, between a link and a new one; everybody nearer to the server knows the way there."""
        relay = made.host(f"r{hop}")
        link.plug(relay, "u0", f"10.77.{hop - 1}.2/24")
        beyond = made.another(f"n{hop}")
        beyond.plug(relay, "d0", f"10.77.{hop}.1/24")
        with entered(relay):
            Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        if hop > 1:
            ip("-n", relay, "route", "add", "10.77.0.0/24", "via", f"10.77.{hop - 1}.1")
        for nearer, known in enumerate(self.relays):
            ip("-n", known, "route", "add", f"10.77.{hop}.0/24", "via", f"10.77.{nearer + 1}.2")
        ip("route", "add", f"10.77.{hop}.0/24", "via", "10.77.0.2")
        self.relays.append(relay)
        return beyond


@pytest.fixture(params=[1, 2], ids=["one hop", "two hops"])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    with switch("fxrel") as (made, server):
        yield Site(made, server, request.param)


async def relaying(stack: AsyncExitStack, site: Site, *options: str) -> None:
    """A relay in each hop, which hands on to the next one towards the server."""
    for hop, relay in enumerate(site.relays):
        upward = str(SERVER) if hop == 0 else f"10.77.{hop}.1"
        command = ("dhcrelay", "-4", "-d", "-iu", "u0", "-id", "d0", *options, upward)
        await stack.enter_async_context(program(relay, *command, "--no-pid"))


@contextmanager
def overheard(interface: str) -> Iterator[Callable[[], list[Message]]]:
    """All that relays and server say to each other on an interface, in the order in which it went by."""
    everything = 3  # ETH_P_ALL: what is sent as well
    kind = socket.SOCK_RAW | socket.SOCK_NONBLOCK
    with socket.socket(socket.AF_PACKET, kind, socket.htons(everything)) as raw:
        raw.bind((interface, everything))

        def take() -> list[Message]:
            said = []
            with suppress(BlockingIOError):
                while frame := raw.recv(2048):
                    with suppress(MalformedPacketError):
                        datagram = UdpDatagram.decode(EthernetFrame.decode(frame).payload)
                        if (datagram.source_port, datagram.destination_port) == (67, 67):
                            said.append(Message.decode(datagram.payload))
            return said

        yield take


async def test_what_the_relay_says_of_the_client_comes_back_to_it(tmp_path: Path) -> None:
    path, log = script(tmp_path, UDHCPC_SCRIPT)
    with switch("fxrel") as (made, server), ExitStack() as late:
        site = Site(made, server, 1)
        take = late.enter_context(overheard("s0"))
        async with link_rack(tmp_path, RACK, behind(1)), AsyncExitStack() as stack:
            await relaying(stack, site, "-a", "-m", "append")
            command = ("udhcpc", "-f", "-q", "-t", "20", "-T", "1", "-i", "c0", "-s", path)
            client = Client(await stack.enter_async_context(program(site.client, *command)), log)
            await client.told(r"^bound (.*)$")
            said = take()
    asked = {message.xid: message.options[82] for message in said if message.op is Op.REQUEST}
    answers = [message for message in said if message.op is Op.REPLY]
    assert len(answers) >= 2
    assert all(message.options[82] == asked[message.xid] for message in answers)
    assert all(list(message.options)[-1] == 82 for message in answers)


@pytest.mark.parametrize("options", [(), ("-a", "-m", "append")], ids=["plain", "option 82"])
async def test_udhcpc_behind_relays_gets_renews_and_releases(
    site: Site, tmp_path: Path, options: tuple[str, ...]
) -> None:
    path, log = script(tmp_path, UDHCPC_SCRIPT)
    hop = len(site.relays)
    async with link_rack(tmp_path, RACK, behind(1), behind(2)) as rack, AsyncExitStack() as stack:
        await relaying(stack, site, *options)
        command = ("udhcpc", "-f", "-t", "20", "-T", "1", "-i", "c0", "-s", path)
        client = Client(await stack.enter_async_context(program(site.client, *command)), log)
        bound = (await client.told(r"^bound (.*)$")).split()
        address = IPv4Address(bound[0])
        assert address in IPv4Network(f"10.77.{hop}.0/24")
        assert bound[2] == f"10.77.{hop}.1"
        assert await until(rack, BindingState.BOUND) == address
        ip("-n", site.client, "route", "add", "default", "via", f"10.77.{hop}.1")
        client.process.send_signal(SIGUSR1)
        assert await client.told(r"^renew (\S+)") == str(address)
        client.process.send_signal(SIGUSR2)
        assert await until(rack, BindingState.RELEASED) == address
        assert rack.watch.servers() == ()
