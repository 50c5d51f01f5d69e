"""What the packet socket hears, on a wire of its own."""

import asyncio
import ctypes
import fcntl
import json
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fibrix.services.sniffer.ring import Heard
from fibrix.services.sniffer.sockets import Ear
from tests.peers.dhcp_wire import needs_namespaces
from tests.services.sniffer.frames import SOURCE, arp, frame, ipv4, udp
from tests.support.netns import Wire, add_vlan, entered, ip, wire

pytestmark = needs_namespaces

BURST = 40_000
SIOCETHTOOL = 0x8946
ETHTOOL_SFLAGS = 0x26
TAG_FLAGS = 1 << 7 | 1 << 8  # ETH_FLAG_TXVLAN, ETH_FLAG_RXVLAN


@pytest.fixture
def wired() -> Iterator[Wire]:
    with wire("fxear") as made:
        for name in (made.server, made.client):
            with entered(name):  # no kernel speaks by itself
                Path("/proc/sys/net/ipv6/conf/default/disable_ipv6").write_text("1")
        made.plug("10.77.0.1/24")
        for name, end in ((made.server, "s0"), (made.client, "c0")):
            ip("-n", name, "link", "set", end, "mtu", "9000")
        yield made


@pytest.fixture
def out(wired: Wire) -> Iterator[socket.socket]:
    with entered(wired.client):
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    with closing(raw):
        raw.bind(("c0", 0))
        yield raw


def handle_tags(interface: str, *, by_hardware: bool) -> None:
    """As `ethtool -K … txvlan … rxvlan …` does it: of <linux/ethtool.h>."""
    flags = ctypes.create_string_buffer(struct.pack("=II", ETHTOOL_SFLAGS, TAG_FLAGS if by_hardware else 0))
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as any_socket:
        fcntl.ioctl(any_socket, SIOCETHTOOL, struct.pack("@16sP16x", interface.encode(), ctypes.addressof(flags)))


async def heard(ear: Ear, count: int, limit_s: float = 5) -> list[Heard]:
    """Frames from our source, as many as that."""
    found: list[Heard] = []
    async with asyncio.timeout(limit_s):
        while len(found) < count:
            found += [one for one in ear.take(1000) if one[0][6:8] == SOURCE[:2]]
            await asyncio.sleep(0.002)
    return found


async def test_a_frame_is_heard_as_it_was_sent_with_its_time(wired: Wire, out: socket.socket) -> None:
    with closing(Ear("s0", promiscuous=False)) as ear:
        began = time.time()
        out.send(arp())
        ((said, vlan, at_us),) = await heard(ear, 1)
        assert (said, vlan) == (arp(), 0)
        assert began - 0.1 <= at_us / 1e6 <= time.time()


async def test_frames_of_every_size_come_in_their_order(wired: Wire, out: socket.socket) -> None:
    """Over many blocks, and the ring's end."""
    sizes = [(13 * n) % 8000 for n in range(1500)]
    with closing(Ear("s0", promiscuous=False)) as ear:
        said = [frame(0x0800, ipv4(17, udp(68, 67) + bytes(size))) for size in sizes]
        found: list[Heard] = []
        for part in range(0, len(said), 100):
            for one in said[part : part + 100]:
                out.send(one)
            found += await heard(ear, 100)
        assert [one[0] for one in found] == said
        assert ear.dropped() == 0


TAGGED = {
    "in the frame": ((0x8100_000A,), 10, ()),
    "with a priority": ((0x8100_E00A,), 10, ()),
    "priority alone": ((0x8100_E000,), 0, ()),
    "of a service": ((0x88A8_0064,), 100, ()),
    "in a tag": ((0x88A8_0064, 0x8100_000A), 100, (0x8100_000A,)),
}


@pytest.mark.parametrize("case", TAGGED)
async def test_the_kernel_takes_out_the_outer_tag_and_it_is_told(wired: Wire, out: socket.socket, case: str) -> None:
    tags, vlan, left = TAGGED[case]
    with closing(Ear("s0", promiscuous=False)) as ear:
        out.send(arp(tags=tags))
        ((said, told, _),) = await heard(ear, 1)
        assert (said, told) == (arp(tags=left), vlan)


@pytest.mark.parametrize("offload", [True, False])
async def test_a_tag_that_hardware_handles_is_told_as_well(wired: Wire, *, offload: bool) -> None:
    """From a VLAN interface: its tag is beside the frame on the wire, or in it."""
    for name, end in ((wired.server, "s0"), (wired.client, "c0")):
        with entered(name):
            handle_tags(end, by_hardware=offload)
    with entered(wired.client):
        add_vlan("c0", "c0.10", 10)
        ip("link", "set", "c0.10", "up")
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    with closing(raw), closing(Ear("s0", promiscuous=False)) as ear:
        raw.bind(("c0.10", 0))
        raw.send(arp())
        ((said, vlan, _),) = await heard(ear, 1)
        assert (said, vlan) == (arp(), 10)


async def test_vlans_can_be_left_out_and_taken_up_again(wired: Wire, out: socket.socket) -> None:
    with closing(Ear("s0", promiscuous=False, without={10})) as ear:
        for left, vlans in (({10}, [20]), ({20}, [10]), (set(), [10, 20])):
            ear.leave_out(left)
            out.send(arp(tags=(0x8100_000A,)))
            out.send(arp(tags=(0x8100_0014,)))
            assert [one[1] for one in await heard(ear, len(vlans))] == vlans


async def test_what_the_kernel_has_no_room_for_is_counted(wired: Wire, out: socket.socket) -> None:
    with closing(Ear("s0", promiscuous=False)) as ear:
        said = arp()
        for _ in range(BURST):
            out.send(said)
        found = await heard(ear, 20_000)
        await asyncio.sleep(0.05)
        found += ear.take(BURST)
        dropped = ear.dropped()
        assert dropped > 0
        assert len(found) + dropped == BURST
        out.send(said)
        await heard(ear, 1)
        assert ear.dropped() == 0


def shown(name: str) -> dict[str, int]:
    text = subprocess.run(("ip", "-j", "-d", "link", "show", name), check=True, capture_output=True, text=True).stdout
    found: dict[str, int] = json.loads(text)[0]
    return found


@pytest.mark.parametrize("promiscuous", [False, True])
async def test_promiscuous_only_on_request_and_only_while_it_hears(wired: Wire, *, promiscuous: bool) -> None:
    assert shown("s0")["promiscuity"] == 0
    with closing(Ear("s0", promiscuous=promiscuous)):
        assert shown("s0")["promiscuity"] == promiscuous
        assert shown("s0").get("allmulti", 1) == 1
    assert shown("s0")["promiscuity"] == 0


async def test_it_hears_again_when_the_interface_was_down(wired: Wire, out: socket.socket) -> None:
    with closing(Ear("s0", promiscuous=False)) as ear:
        ip("link", "set", "s0", "down")
        assert ear.take(1) == []
        assert ear.check() == ""
        ip("link", "set", "s0", "up")
        out.send(arp())
        await heard(ear, 1)


async def test_an_interface_that_was_made_anew_needs_another_ear(wired: Wire) -> None:
    with closing(Ear("s0", promiscuous=False)) as ear:
        wired.unplug()
        assert ear.take(1) == []
        assert "is gone" in ear.check()
        wired.plug("10.77.0.1/24")
        assert ear.check() == "the interface was replaced"


def test_an_interface_that_is_not_there_cannot_be_heard() -> None:
    with pytest.raises(OSError, match="no interface with this name"):
        Ear("fxnone0", promiscuous=False)
