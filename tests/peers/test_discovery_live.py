"""What a controller tells of real hosts on its wire: real clients, daemons and servers, each in a namespace."""

import asyncio
import os
import socket
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from typing import Any

import pytest

from fibrix.runtime.api_stream import CloudEvent
from fibrix.runtime.client import Client
from tests.peers.dhcp_wire import needs_namespaces
from tests.support.netns import entered, ip
from tests.support.running import controller
from tests.support.switch import Switch, switch

pytestmark = [needs_namespaces, pytest.mark.timeout(60)]

MAC = "00:14:22:07:07:01"  # of Dell's
OTHER = "00:14:22:07:07:02"
CONFIG = """
[[interfaces]]
name = "s0"
role = "rack"
[[interfaces]]
name = "s1"
role = "rack"
[[subnets]]
name = "racks"
interface = "s0"
address = "10.77.0.1/24"
mode = "serve"
ranges = [{ first = "10.77.0.100", last = "10.77.0.110" }]
probe = false
"""
AVAHI = """
[server]
host-name=node9
allow-interfaces=c0
enable-dbus=no
disallow-other-stacks=no
[publish]
publish-workstation=yes
"""


@dataclass
class Site:
    """A controller on a switch, with a second one that hosts can be moved to."""

    client: Client
    switch: Switch
    second: Switch
    folder: Path

    async def knows(self, mac: str, told: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Ask until a host is known to be so."""
        while True:
            for found in (await self.client.get("discoveries"))["items"]:
                if found["mac"] == mac and told(found):
                    return dict(found)
            await asyncio.sleep(0.05)

    async def tells(self, kind: str, since: int = 0) -> CloudEvent:
        """Wait for an event of a type."""
        async for event in self.client.follow(since, types=(kind,)):
            return event
        raise AssertionError("the stream ended")


@asynccontextmanager
async def site(folder: Path, prefix: str) -> AsyncIterator[Site]:
    with switch(prefix) as (first, server):
        second = first.another("sw2")
        first.plug(server, "s0", "10.77.0.1/24")
        second.plug(server, "s1")
        async with controller(folder, server, CONFIG) as client:
            yield Site(client, first, second, folder)


@contextmanager
def running(namespace: str, *argv: str | Path) -> Iterator[None]:
    """A program of a host."""
    if which(str(argv[0])) is None:
        pytest.skip(f"needs the program {argv[0]}")
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(("ip", "netns", "exec", namespace, *argv), stdout=quiet, stderr=quiet)
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=5)


async def done(namespace: str, *argv: str | Path) -> None:
    process = await asyncio.create_subprocess_exec("ip", "netns", "exec", namespace, *argv)
    await process.wait()


def dhclient(folder: Path) -> tuple[str | Path, ...]:
    files = ("-lf", folder / "leases", "-pf", folder / "dhclient.pid")
    return ("dhclient", "-d", "-4", "-sf", "/bin/true", *files, "c0")


def lldpd(description: str) -> tuple[str, ...]:
    """Its socket is where it may write once it has dropped its rights."""
    return ("lldpd", "-d", "-I", "c0", "-S", description, "-u", f"/run/lldpd/fibrix-{os.getpid()}.socket")


def speaks(frame: bytes) -> set[str]:
    """Which of the two slow speakers a frame is of: LLDP, or an answer by mDNS."""
    if frame[12:14] == b"\x88\xcc":
        return {"lldp"}
    is_mdns = frame[12:14] == b"\x08\x00" and frame[23] == 17 and frame[36:38] == (5353).to_bytes(2)
    return {"mdns"} if is_mdns and frame[44] & 0x80 and b"_workstation" in frame else set()


async def both_spoke(namespace: str, interface: str) -> None:
    """Listen beside the controller until LLDP and mDNS were on the wire."""
    with entered(namespace), socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as raw:
        raw.bind((interface, 3))
        raw.settimeout(0)
        heard: set[str] = set()
        while heard != {"lldp", "mdns"}:
            heard |= speaks(await asyncio.get_running_loop().sock_recv(raw, 2048))


async def test_a_host_that_boots_and_speaks_is_one_discovery_with_all_of_it_within_two_seconds(tmp_path: Path) -> None:
    async with site(tmp_path, "fxlive") as here:
        host = here.switch.host("h1")
        forward = ("type", "bridge", "group_fwd_mask", "0x4000")  # LLDP too, as cheap switches do
        ip("-n", here.switch.host_name("sw"), "link", "set", "br0", *forward)
        avahi = tmp_path / "avahi.conf"
        avahi.write_text(AVAHI)
        await done(host, "mkdir", "-p", "/run/lldpd")
        here.switch.plug(host, "c0", "10.77.0.77/24", mac=MAC)
        with ExitStack() as stack:
            stack.enter_context(running(host, *dhclient(tmp_path)))
            await here.knows(MAC, lambda found: "dhcp" in found["means"])
            stack.enter_context(running(host, *lldpd("a server")))
            stack.enter_context(running(host, "avahi-daemon", "-f", avahi, "--no-chroot", "--no-drop-root"))
            await both_spoke(host, "c0")
            async with asyncio.timeout(2):
                found = await here.knows(
                    MAC, lambda found: bool(found["services"] and found["switch"] and found["names"])
                )
        assert found["vendor"].startswith("Dell")
        assert {"dhcp", "mdns", "lldp"} <= set(found["means"])
        assert "node9" in {name["name"] for name in found["names"]}
        assert found["switch"]["description"] == "a server"
        assert "_workstation._tcp" in {service["kind"] for service in found["services"]}
        assert {"10.77.0.77", "10.77.0.100"} & {address["address"] for address in found["addresses"]}
        assert found["interface"] == "s0"
        assert found["subnets"] == ["racks"]


async def test_a_host_that_moves_to_another_switch_is_told_of(tmp_path: Path) -> None:
    async with site(tmp_path, "fxmove") as here:
        before, after = here.switch.host("h1"), here.switch.host("h2")
        here.switch.plug(before, "c0", "10.77.0.7/24", mac=MAC)
        await done(before, "busybox", "ping", "-c", "1", "-W", "1", "10.77.0.1")
        await here.knows(MAC, lambda found: found["interface"] == "s0")
        await done(before, "ip", "link", "del", "c0")
        here.second.plug(after, "c0", "10.78.0.7/24", mac=MAC)
        await done(after, "busybox", "ping", "-c", "1", "-W", "1", "10.78.0.1")
        moved = await here.tells("host.moved")
        assert (moved.data["mac"], moved.data["from_interface"], moved.data["interface"]) == (MAC, "s0", "s1")
        found = await here.knows(MAC, lambda found: found["interface"] == "s1")
        assert "moved" in " ".join(step["what"] for step in found["history"])


async def test_two_hosts_with_one_address_are_told_of(tmp_path: Path) -> None:
    async with site(tmp_path, "fxtwo") as here:
        for name, mac in (("h1", MAC), ("h2", OTHER)):
            host = here.switch.host(name)
            here.switch.plug(host, "c0", "10.77.0.7/24", mac=mac)
        for _ in range(3):  # each asks for the controller, from the address that both have
            for name in ("h1", "h2"):
                host = here.switch.host_name(name)
                await done(host, "ip", "neighbour", "flush", "dev", "c0")
                await done(host, "busybox", "ping", "-c", "1", "-W", "1", "10.77.0.1")
        contested = await here.tells("address.contested")
        assert contested.data["address"] == "10.77.0.7"
        assert {contested.data["mac"], contested.data["other"]} == {MAC, OTHER}


async def test_a_second_dhcp_server_is_named_within_five_seconds_of_its_answer(tmp_path: Path) -> None:
    async with site(tmp_path, "fxsecond") as here:
        client, server = here.switch.host("h1"), here.switch.host("h2")
        here.switch.plug(client, "c0", mac=MAC)
        here.switch.plug(server, "c0", "10.77.0.9/24", mac=OTHER)
        options = ("--dhcp-range=10.77.0.200,10.77.0.210,1h", "--bind-interfaces", "--interface=c0", "--port=0")
        files = (f"--dhcp-leasefile={tmp_path}/dnsmasq", f"--pid-file={tmp_path}/dnsmasq.pid", "--conf-file=/dev/null")
        with ExitStack() as stack:
            stack.enter_context(running(server, "dnsmasq", "-k", "--user=root", *options, *files))
            stack.enter_context(running(client, "udhcpc", "-f", "-B", "-i", "c0", "-s", "/bin/true"))
            found = await here.knows(OTHER, lambda found: "dhcp server" in found["roles"])
            async with asyncio.timeout(5):
                foreign = await here.tells("dhcp.foreign_server")
        assert found["vendor"].startswith("Dell")
        assert (foreign.data["address"], foreign.data["mac"]) == ("10.77.0.9", OTHER)
