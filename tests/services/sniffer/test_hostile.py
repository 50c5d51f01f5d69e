"""Whatever comes: no error, no end of memory, and the same of the same."""

from ipaddress import IPv4Address
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibrix.domain.census.gate import Pace
from fibrix.domain.census.moment import SECOND
from fibrix.domain.census.sighting import DhcpClient, Means, NetService, Role, Sighting
from fibrix.domain.census.track import MOST_ADDRESSES, MOST_SERVICES, MOST_STEPS
from fibrix.events.rack import HostTold
from fibrix.services.sniffer.engine import Engine
from fibrix.services.sniffer.settings import CensusSettings
from fibrix.types import mac_from_octets
from fibrix.wire.ipmi.presence import Pong
from tests.services.sniffer.peers import A4, lldp, udp
from tests.services.sniffer.test_names import MDNS, answer, said
from tests.services.sniffer.test_offers import HELLO, REDFISH, SSDP, alive, slp
from tests.services.sniffer.wire import START_US, A, arp, tagged
from tests.support.mutated import mutated
from tests.support.pcap import frames

CAPTURES = Path(__file__).parents[2] / "captures" / "dhcp4"
SMALL = CensusSettings(silence_s=60, refresh_s=20, most_hosts=6, newcomers=Pace(burst=5, per_s=1))
FRAMES = [
    arp(A, A4),
    tagged(arp(A, A4), 7),
    lldp(A, name="sw1", capabilities={"mac_bridge": 1}),
    udp(A, said(answer("server-7.local.", A4)), 5353, to=MDNS),
    udp(A, alive(REDFISH, f"https://{A4}/"), 1900, to=SSDP),
    udp(A, HELLO.encode(), 3702, to=SSDP),
    udp(A, slp(f"service:x://{A4}"), 427, to=SSDP),
    udp(A, Pong(1, 343, ipmi=True, asf=True).encode(), 40_000, to="10.0.0.255", sport=623),
    *(one.frame for one in frames(CAPTURES / "uefi-pxe.pcap")),
]


@given(st.binary(max_size=400))
def test_any_octets_are_taken(data: bytes) -> None:
    Engine().receive(data, "eth1", 0, START_US)


@given(mutated(FRAMES))
def test_a_frame_that_was_changed_on_its_way_is_taken(frame: bytes) -> None:
    engine = Engine()
    engine.receive(FRAMES[0], "eth1", 0, START_US)
    for told in engine.receive(frame, "eth1", 0, START_US + SECOND):
        check(told)


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: frame[12:14].hex())
def test_a_frame_that_is_cut_off_tells_nothing_that_the_whole_does_not(frame: bytes) -> None:
    whole = Engine()
    whole.receive(frame, "eth1", 0, START_US)
    for end in range(len(frame)):
        engine = Engine()
        engine.receive(frame[:end], "eth1", 0, START_US)
        assert len(engine.census) <= len(whole.census)


Step: TypeAlias = tuple[Sighting, str, int, int]


@st.composite
def steps(draw: st.DrawFn) -> Step:
    few = st.integers(0, 9)
    sighting = Sighting(
        mac=mac_from_octets(b"\0\x25\x90\0\0" + bytes([draw(few)])),
        means=draw(st.sampled_from(Means)),
        spoke=draw(st.booleans()),
        addresses=tuple(IPv4Address(0x0A000000 + n) for n in draw(st.lists(st.integers(1, 40), max_size=3))),
        given_up=draw(st.none() | few.map(lambda n: IPv4Address(0x0A000000 + n))),
        name=draw(st.sampled_from(["", "a", "b"])),
        client=draw(st.none() | few.map(lambda n: DhcpClient(wants=(n,), vendor_class="iDRAC" if n == 3 else ""))),
        services=tuple(NetService(kind=f"_{n}._tcp") for n in draw(st.lists(st.integers(0, 50), max_size=4))),
        roles=tuple(draw(st.lists(st.sampled_from(Role), max_size=2))),
        routers=tuple(IPv4Address(0x0A000000 + n) for n in draw(st.lists(st.integers(1, 40), max_size=2))),
    )
    time = st.sampled_from([0, 1_000, SECOND // 2, 3 * SECOND, 40 * SECOND, 200 * SECOND, -30 * SECOND])
    return sighting, draw(st.sampled_from(["eth1", "eth2"])), draw(st.sampled_from([0, 5])), draw(time)


def run(sequence: list[Step]) -> list[HostTold]:
    engine, at_us, told = Engine(SMALL), START_US, list[HostTold]()
    for sighting, interface, vlan, later_us in sequence:
        at_us += later_us
        told += engine.due(at_us)
        told += engine.see(sighting, interface, vlan, at_us)
        assert len(engine.census) <= SMALL.most_hosts
    for _ in range(3):
        at_us += 30 * SECOND
        told += engine.due(at_us)
    return told


@given(st.lists(steps(), max_size=60))
def test_any_sequence_keeps_the_bounds_and_tells_the_same_again(sequence: list[Step]) -> None:
    told = run(sequence)
    for one in told:
        check(one)
    assert told == run(sequence)


@given(st.lists(steps(), max_size=60))
def test_who_is_gone_is_gone_once_until_it_returns(sequence: list[Step]) -> None:
    comings: dict[str, list[str]] = {}
    for told in run(sequence):
        for event in told.said:
            if event.type in ("host.seen", "host.gone", "host.returned"):
                comings.setdefault(event.subject, []).append(event.type)
    for types in comings.values():
        assert types[0] == "host.seen"
        assert all((before == "host.gone") == (after == "host.returned") or after == "host.seen"
                   for before, after in pairwise(types))  # fmt: skip


def check(told: HostTold) -> None:
    """What holds of all that is told."""
    msgspec.json.encode(told)
    if told.host is None:
        return
    host = told.host
    assert host.first <= host.last
    assert len(host.addresses) <= MOST_ADDRESSES
    assert len(host.services) <= MOST_SERVICES
    assert len(host.history) <= MOST_STEPS
    assert len({one.address for one in host.addresses}) == len(host.addresses)
    assert all(event.subject == f"discoveries/{host.mac}" for event in told.said)
