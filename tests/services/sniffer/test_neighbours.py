"""Neighbour discovery of IPv6."""

import pytest
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
from tests.services.sniffer.wire import A, B, Wire

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
