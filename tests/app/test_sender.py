"""A capture that is sent on a wire: who listens there hears what a replay tells, and nobody else hears it."""

import os
import time
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fibrix.app.replay import Replay
from fibrix.app.sender import Sender
from fibrix.errors import InvalidError, ListenError
from fibrix.events.rack import HostTold
from fibrix.runtime.vendor import vendor
from fibrix.services.sniffer.engine import Engine
from fibrix.services.sniffer.sockets import Ear
from tests.cli.conftest import run_command
from tests.support.netns import Wire, entered, ip, needs_root, wire

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason=needs_root)

CASES = Path(__file__).parents[1] / "captures"
FOLDERS = ("format", "vlan", "boot")  # all forms of files; tags, one and two; long frames beside short ones


@pytest.fixture(scope="module")
def cable() -> Iterator[Wire]:
    with wire("fx-send") as laid:
        for end in (laid.server, laid.client):  # else the kernel has its own say
            ip("netns", "exec", end, "sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
        laid.plug("192.0.2.1/24")
        ip("-n", laid.server, "link", "set", "s0", "mtu", "9000")  # some captures have frames that are too long
        ip("-n", laid.client, "link", "set", "c0", "mtu", "9000")
        yield laid


class Live:
    """The engine, which hears of the capture only what came over the wire."""

    def __init__(self, heard: deque[tuple[bytes, int]]) -> None:
        self._heard = heard
        self._engine = Engine(vendor=vendor)

    def receive(self, frame: bytes, interface: str, vlan: int, at_us: int) -> tuple[HostTold, ...]:
        if not self._heard:
            return ()
        came, tag = self._heard[0]
        if came not in (frame, frame[:12] + frame[16:]):  # the kernel takes the outermost tag out
            return ()
        self._heard.popleft()
        return self._engine.receive(came, interface, tag, at_us)

    def due(self, at_us: int) -> tuple[HostTold, ...]:
        return self._engine.due(at_us)


def taken(ear: Ear) -> deque[tuple[bytes, int]]:
    """All that comes until nothing comes any more."""
    found: deque[tuple[bytes, int]] = deque()
    quiet = time.monotonic() + 0.1
    while time.monotonic() < quiet:
        if frames := ear.take(1000):
            found += [(frame, vlan) for frame, vlan, _ in frames]
            quiet = time.monotonic() + 0.1
        time.sleep(0.005)  # noqa: TID251 - there is no loop here
    return found


def told(replay: Replay, capture: Path) -> list[bytes]:
    with capture.open("rb") as file:
        return [entry.cloudevent() for entry in replay.run([(capture.name, file.read)])]


@pytest.mark.parametrize("folder", FOLDERS)
def test_who_listens_hears_what_a_replay_tells(cable: Wire, folder: str) -> None:
    captures = sorted((CASES / folder).glob("*.pcap*"))
    with entered(cable.client):
        sender = Sender("c0")
    with closing(sender), entered(cable.server), closing(Ear("s0", promiscuous=False)) as ear:
        replayed = [told(Replay(Engine(vendor=vendor), send=sender.send), capture) for capture in captures]
        heard = taken(ear)
    assert [told(Replay(Live(heard)), capture) for capture in captures] == replayed
    assert all(replayed)
    assert not heard
    assert sender.left_out == 0


async def test_a_capture_is_sent_by_the_command_too(cable: Wire) -> None:
    capture = CASES / "boot" / "whole-host.pcap"
    with entered(cable.client):
        ended = await run_command("replay", "--json", "--into", "c0", "--speed", "0", str(capture))
    assert (ended.status, ended.err) == (0, "")
    assert "fibrix.host.seen" in ended.out


def test_it_is_sent_where_others_cannot_hear_it_only(cable: Wire) -> None:
    with entered(cable.server):
        ip("link", "add", "br0", "type", "bridge")
        with pytest.raises(InvalidError, match="br0 is an interface of the driver bridge, on which others may hear"):
            Sender("br0")
        with pytest.raises(ListenError, match="cannot send on eth77: No such device"):
            Sender("eth77")


def test_an_interface_that_is_down_is_said(cable: Wire) -> None:
    with entered(cable.server):
        ip("link", "add", "d0", "type", "veth", "peer", "name", "d1")
        with closing(Sender("d0")) as sender, pytest.raises(ListenError, match="sending ended: Network is down"):
            sender.send(bytes(60))
        for end in ("d0", "d1"):
            ip("link", "set", end, "up")
        with closing(Sender("d0")) as sender:
            sender.send(bytes(9000))
            sender.send(bytes(5))
            sender.send(bytes(60))
            assert sender.left_out == 2
