"""Real DHCP clients get, keep and give back an address."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from ipaddress import IPv4Address
from pathlib import Path
from shutil import which
from signal import SIGUSR1, SIGUSR2

import msgspec
import pytest

from fibrix.domain.binding import BindingState
from tests.peers.dhcp_link import LinkRack
from tests.peers.dhcp_wire import RACK, SERVER, Rack, needs_namespaces, rack_on
from tests.support.netns import Wire, ip, wire

pytestmark = [needs_namespaces, pytest.mark.timeout(40)]

needs_udhcpc = pytest.mark.skipif(which("udhcpc") is None, reason="needs Debian's udhcpc")
needs_dhclient = pytest.mark.skipif(which("dhclient") is None, reason="needs Debian's isc-dhcp-client")

UDHCPC_SCRIPT = """#!/bin/sh
[ "$1" = deconfig ] && ip addr flush dev "$interface"
[ "$1" = bound ] && ip addr replace "$ip/$mask" dev "$interface"
echo "$1 $ip $subnet $router $dns $domain $lease" >> {log}
"""

DHCLIENT_SCRIPT = """#!/bin/sh
[ -n "$new_ip_address" ] && ip addr replace "$new_ip_address/24" dev "$interface"
[ "$reason" = RELEASE ] && ip addr flush dev "$interface"
echo "$reason $new_ip_address $new_subnet_mask $new_routers $new_domain_name_servers $new_domain_name" >> {log}
"""


class Client:
    """A client program in the client's namespace; `told` is what its script was told."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self.process = process
        self._log = log

    async def told(self, pattern: str, timeout_s: float = 20) -> str:
        """Wait until the script was told something. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while True:
                text = self._log.read_text() if self._log.exists() else ""
                if found := re.findall(pattern, text, re.MULTILINE):
                    return str(found[-1])
                await asyncio.sleep(0.05)


@pytest.fixture
def cable() -> Iterator[Wire]:
    with wire("fxdhcp") as unplugged:
        unplugged.plug(f"{SERVER}/24")
        yield unplugged


def script(folder: Path, text: str) -> tuple[Path, Path]:
    """Write a client's script; give it and the log that it writes."""
    path, log = folder / "script", folder / "log"
    path.write_text(text.format(log=log))
    path.chmod(0o755)
    return path, log


@asynccontextmanager
async def running(wire_: Wire, log: Path, *command: str | Path) -> AsyncIterator[Client]:
    """A client program, ended with the block."""
    process = await asyncio.create_subprocess_exec(
        "ip",
        "netns",
        "exec",
        wire_.client,
        *command,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield Client(process, log)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def until(rack: Rack | LinkRack, state: BindingState) -> IPv4Address:
    """Wait until the only binding in the store is in a state."""
    async with asyncio.timeout(10):
        while True:
            stored = await rack.bindings.all()
            if [one.state for one in stored] == [state]:
                return stored[0].address
            await asyncio.sleep(0.05)


@needs_udhcpc
async def test_udhcpc_gets_renews_and_releases(cable: Wire, tmp_path: Path) -> None:
    path, log = script(tmp_path, UDHCPC_SCRIPT)
    command = ("udhcpc", "-f", "-i", "c0", "-s", path, "-x", "hostname:box")
    async with rack_on(tmp_path) as rack, running(cable, log, *command) as client:
        bound = await client.told(r"^bound (.*)$")
        address = await until(rack, BindingState.BOUND)
        assert bound == f"{address} 255.255.255.0 10.77.0.254 10.77.0.1 rack.example 600"
        assert [one.hostname for one in await rack.bindings.all()] == ["box"]
        client.process.send_signal(SIGUSR1)
        assert (await client.told(r"^renew (\S+)")) == str(address)
        client.process.send_signal(SIGUSR2)
        assert await until(rack, BindingState.RELEASED) == address
        assert rack.service.counts["acknowledged"] == 2


@needs_dhclient
async def test_dhclient_gets_renews_and_releases_and_gets_the_same_again(cable: Wire, tmp_path: Path) -> None:
    path, log = script(tmp_path, DHCLIENT_SCRIPT)
    files = ("-sf", path, "-lf", tmp_path / "leases", "-pf", tmp_path / "pid", "-cf", "/dev/null")
    async with rack_on(tmp_path, msgspec.structs.replace(RACK, lease_s=8)) as rack:
        async with running(cable, log, "dhclient", "-d", *files, "c0") as client:
            bound = await client.told(r"^BOUND (.*)$")
            address = await until(rack, BindingState.BOUND)
            assert bound == f"{address} 255.255.255.0 10.77.0.254 10.77.0.1 rack.example"
            assert (await client.told(r"^RENEW (\S+)")) == str(address)
        async with running(cable, log, "dhclient", "-r", *files, "c0") as client:
            assert await client.process.wait() == 0
            assert await until(rack, BindingState.RELEASED) == address
        log.unlink()
        async with running(cable, log, "dhclient", "-d", *files, "c0") as client:
            assert (await client.told(r"^(?:BOUND|REBOOT) (\S+)")) == str(address)


@needs_udhcpc
async def test_a_declined_address_rests_and_udhcpc_gets_another(cable: Wire, tmp_path: Path) -> None:
    """The address that it is offered is in use: udhcpc's own ARP probe (-a) finds the server's end answering for it."""
    path, log = script(tmp_path, UDHCPC_SCRIPT)
    command = ("udhcpc", "-f", "-i", "c0", "-s", path, "-a", "-A", "1")
    async with rack_on(tmp_path) as rack:
        in_use = await first_choice(cable, rack, tmp_path)
        occupy(cable, in_use)
        async with running(cable, log, *command) as client:
            bound = await client.told(r"^bound (\S+)")
        states = {one.address: one.state for one in await rack.bindings.all()}
    assert states[in_use] is BindingState.DECLINED
    assert states[IPv4Address(bound)] is BindingState.BOUND


async def first_choice(cable: Wire, rack: Rack, folder: Path) -> IPv4Address:
    """Let udhcpc take an address and give it back: it will be offered the same one again."""
    path, log = script(folder, UDHCPC_SCRIPT)
    async with running(cable, log, "udhcpc", "-f", "-q", "-n", "-R", "-i", "c0", "-s", path) as client:
        address = IPv4Address(await client.told(r"^bound (\S+)"))
        await client.process.wait()
    log.unlink()
    return address


def occupy(cable: Wire, address: IPv4Address) -> None:
    """Have the server's end answer ARP for an address of the range."""
    ip("-n", cable.server, "addr", "add", f"{address}/32", "dev", "s0")
