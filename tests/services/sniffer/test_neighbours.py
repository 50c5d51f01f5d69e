"""Neighbour discovery of IPv6."""

import pytest
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6ND_RA,
    ICMPv6ND_RS,
    ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptSrcLLAddr,
    IPv6,
)
from scapy.layers.l2 import Ether
from scapy.packet import Packet

from fibrix.domain.census.sighting import Means
from tests.services.sniffer.peers import A4
from tests.services.sniffer.wire import A, B, Wire, arp

LINK, GLOBAL = "fe80::225:90ff:fe00:a", "2001:db8::10"
ALL = "ff02::1"


def nd(message: Packet, *, source: str = LINK, to: str = ALL, mac: str = A, hops: int = 255) -> bytes:
    return bytes(Ether(src=mac, dst="33:33:00:00:00:01") / IPv6(src=source, dst=to, hlim=hops) / message)


@pytest.mark.parametrize(
    ("frame", "addresses", "roles"),
    [
        (nd(ICMPv6ND_RS() / ICMPv6NDOptSrcLLAddr(lladdr=A), to="ff02::2"), {LINK}, ()),
        (nd(ICMPv6ND_NS(tgt="fe80::1") / ICMPv6NDOptSrcLLAddr(lladdr=A), to="ff02::1:ff00:1"), {LINK}, ()),
        (nd(ICMPv6ND_NA(tgt=GLOBAL, R=0, S=0, O=1) / ICMPv6NDOptDstLLAddr(lladdr=A)), {LINK, GLOBAL}, ()),
        (nd(ICMPv6ND_NA(tgt=GLOBAL, R=0, S=0, O=0) / ICMPv6NDOptDstLLAddr(lladdr=A)), {LINK}, ()),  # anycast
        (nd(ICMPv6ND_NS(tgt=LINK), source="::", to="ff02::1:ff00:a"), set(), ()),  # tests whether it may have it
        (nd(ICMPv6ND_RA(routerlifetime=1800) / ICMPv6NDOptSrcLLAddr(lladdr=A)), {LINK}, ("gateway",)),
        (nd(ICMPv6ND_RA(routerlifetime=0) / ICMPv6NDOptSrcLLAddr(lladdr=A)), {LINK}, ()),
    ],
    ids=["RS", "NS", "NA", "NA of anycast", "DAD", "RA", "RA without a lifetime"],
)
def test_a_host_shows_its_addresses(frame: bytes, addresses: set[str], roles: tuple[str, ...]) -> None:
    wire = Wire()
    wire.hears(frame)
    host = wire.host(A)
    assert ({one.address for one in host.addresses}, host.roles) == (addresses, roles)


def test_a_router_is_told_as_gateway() -> None:
    wire = Wire()
    wire.hears(nd(ICMPv6ND_RA() / ICMPv6NDOptSrcLLAddr(lladdr=A)))
    assert wire.said == [f"host.seen {A} eth1 nd Supermicro {LINK}", f"gateway.seen {A} eth1 {LINK}"]


def test_who_speaks_for_another_is_not_believed() -> None:
    wire = Wire()
    wire.hears(nd(ICMPv6ND_NA(tgt=GLOBAL) / ICMPv6NDOptDstLLAddr(lladdr=B)))
    assert wire.told == []
    assert wire.engine.counts[Means.ND].unproved == 1


@pytest.mark.parametrize("message", [ICMPv6EchoRequest(), ICMPv6ND_NS(tgt="fe80::1")], ids=["echo", "loopback"])
def test_what_says_nothing_of_neighbours_tells_nothing(message: Packet) -> None:
    wire = Wire()
    wire.hears(nd(message, source="::1" if isinstance(message, ICMPv6ND_NS) else LINK))
    assert wire.told == []


def test_what_came_through_a_router_is_not_read() -> None:
    wire = Wire()
    wire.hears(nd(ICMPv6ND_RA() / ICMPv6NDOptSrcLLAddr(lladdr=A), hops=64))
    assert wire.told == []
    assert wire.engine.counts[Means.ND].malformed == 1


def advertises(lifetime_s: int, source: str = LINK) -> bytes:
    return nd(ICMPv6ND_RA(routerlifetime=lifetime_s) / ICMPv6NDOptSrcLLAddr(lladdr=A), source=source)


def test_a_router_that_stops_is_no_gateway_and_is_one_again_when_it_starts() -> None:
    wire = Wire()
    wire.hears(advertises(1800), 0)
    wire.hears(advertises(0), 10)
    wire.waits(15)
    assert wire.said[2:] == [f"host.changed {A} eth1 roles {LINK}"]
    assert wire.host(A).roles == ()
    wire.hears(advertises(1800), 20)
    wire.waits(25)
    assert wire.said[3:] == [f"host.changed {A} eth1 roles {LINK}"]
    assert wire.host(A).roles == ("gateway",)


def test_one_that_changes_its_mind_all_the_time_is_told_of_now_and_then() -> None:
    wire = Wire()
    for number in range(2_000):
        wire.hears(advertises(1800 * (number % 2)), number / 100)
    assert wire.said[:2] == [f"host.seen {A} eth1 nd Supermicro {LINK}", f"gateway.seen {A} eth1 {LINK}"]
    assert len(wire.said) < 20


def test_another_address_of_a_router_takes_nothing_back() -> None:
    wire = Wire()
    wire.hears(advertises(1800), 0)
    wire.hears(advertises(0, "fe80::2"), 10)
    wire.waits(15)
    assert wire.host(A).roles == ("gateway",)


@pytest.mark.parametrize("named_first", [True, False])
def test_nor_does_it_what_a_dhcp_server_gave(*, named_first: bool) -> None:
    wire = Wire()
    wire.hears(arp(A, A4), 0)
    frames = [advertises(1800), names_router(A4)]
    for frame in reversed(frames) if named_first else frames:
        wire.hears(frame, 5)
    wire.hears(advertises(0), 10)
    wire.waits(15)
    assert wire.host(A).roles == ("gateway",)


def names_router(address: str) -> bytes:
    """A DHCP server offers it as router."""
    said = BOOTP(op=2, yiaddr="10.0.0.77", chaddr=bytes.fromhex("525400000001")) / DHCP(
        options=[("message-type", 2), ("router", address), "end"]
    )
    return bytes(Ether(src=B) / IP(src="10.0.0.1", dst="255.255.255.255") / UDP(sport=67, dport=68) / said)
