"""Neighbour discovery, against scapy, RFC 4861's rules and any bytes."""

from contextlib import suppress
from ipaddress import IPv6Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6ND_RA,
    ICMPv6ND_RS,
    ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptMTU,
    ICMPv6NDOptPrefixInfo,
    ICMPv6NDOptSrcLLAddr,
    IPv6,
)
from scapy.packet import Packet

from fibrix.errors import MalformedPacketError
from fibrix.wire import nd
from fibrix.wire.ipv6 import ICMPV6, Ipv6Packet

MAC = "52:54:00:77:00:01"
OCTETS = bytes.fromhex("525400770001")
HOST, TARGET, NODES, NOWHERE = "fe80::1", "2001:db8::5", "ff02::1:ff00:5", "::"
OURS = ICMPv6NDOptSrcLLAddr(lladdr=MAC)
THEIRS = ICMPv6NDOptDstLLAddr(lladdr=MAC)


def packed(address: str) -> bytes:
    return IPv6Address(address).packed


def sent(message: Packet, source: str = HOST, destination: str = "ff02::1", **fields: Any) -> Ipv6Packet:
    return Ipv6Packet.decode(bytes(IPv6(src=source, dst=destination, **{"hlim": 255, **fields}) / message))


@pytest.mark.parametrize(
    ("packet", "message"),
    [
        (sent(ICMPv6ND_RS()), nd.RouterSolicitation(packed(HOST), None)),
        (sent(ICMPv6ND_RS(), NOWHERE), nd.RouterSolicitation(nd.UNSPECIFIED, None)),
        (sent(ICMPv6ND_RS() / ICMPv6NDOptMTU() / OURS), nd.RouterSolicitation(packed(HOST), OCTETS)),
        (sent(ICMPv6ND_NS(tgt=TARGET) / OURS), nd.NeighborSolicitation(packed(HOST), packed(TARGET), OCTETS)),
        (sent(ICMPv6ND_NS(tgt=TARGET) / THEIRS), nd.NeighborSolicitation(packed(HOST), packed(TARGET), None)),
        (sent(ICMPv6ND_NS(tgt=TARGET), NOWHERE, NODES), nd.NeighborSolicitation(bytes(16), packed(TARGET), None)),
        (
            sent(ICMPv6ND_NA(tgt=TARGET, R=1, S=0, O=1) / THEIRS),
            nd.NeighborAdvertisement(
                packed(HOST), packed(TARGET), router=True, solicited=False, override=True, mac=OCTETS
            ),
        ),
        (
            sent(ICMPv6ND_NA(tgt=TARGET, R=0, S=1, O=0), TARGET, HOST),
            nd.NeighborAdvertisement(
                packed(TARGET), packed(TARGET), router=False, solicited=True, override=False, mac=None
            ),
        ),
        (sent(ICMPv6EchoRequest()), None),
        (Ipv6Packet(packed(HOST), packed(TARGET), 255, ICMPV6, b""), None),
        (Ipv6Packet(packed(HOST), packed(TARGET), 255, 17, bytes(9)), None),
    ],
)
def test_a_message_is_read(packet: Ipv6Packet, message: nd.Message | None) -> None:
    assert nd.read(packet) == message


def test_a_router_tells_its_prefixes_and_how_long_it_routes() -> None:
    options = OURS / ICMPv6NDOptMTU(mtu=1400)
    for number in range(3):
        options /= ICMPv6NDOptPrefixInfo(
            prefix=f"2001:db8:{number}::", prefixlen=64, L=number % 2, A=1, validlifetime=7200, preferredlifetime=3600
        )
    built = ICMPv6ND_RA(routerlifetime=1800, chlim=64, M=1, O=0) / options
    read = nd.read(sent(built))
    assert isinstance(read, nd.RouterAdvertisement)
    assert (read.source, read.hop_limit, read.managed, read.other) == (packed(HOST), 64, True, False)
    assert (read.lifetime_s, read.mac) == (1800, OCTETS)
    assert read.prefixes == tuple(
        nd.Prefix(packed(f"2001:db8:{number}::"), 64, number == 1, autonomous=True, valid_s=7200, preferred_s=3600)
        for number in range(3)
    )


def test_an_advertisement_full_of_prefixes_keeps_a_few() -> None:
    built: Packet = ICMPv6ND_RA()
    for _ in range(100):
        built /= ICMPv6NDOptPrefixInfo()
    read = nd.read(sent(built))
    assert isinstance(read, nd.RouterAdvertisement)
    assert len(read.prefixes) == nd.MOST_PREFIXES


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (sent(ICMPv6ND_RS(), hlim=254), "hop limit 254"),
        (sent(ICMPv6ND_NS(tgt=TARGET, code=1)), "code"),
        (sent(ICMPv6ND_NS(tgt=TARGET, cksum=1)), "checksum"),
        (Ipv6Packet(packed(HOST), packed(TARGET), 255, ICMPV6, bytes.fromhex("87000000")), "4 octets"),
        (sent(ICMPv6ND_RS() / OURS, NOWHERE), "from nowhere"),
        (sent(ICMPv6ND_NS(tgt=TARGET) / OURS, NOWHERE, NODES), "from nowhere"),
        (sent(ICMPv6ND_NS(tgt=TARGET), NOWHERE, "ff02::1"), "solicited-node"),
        (sent(ICMPv6ND_NS(tgt="ff02::1")), "target is a group"),
        (sent(ICMPv6ND_NA(tgt="ff02::1", S=0)), "target is a group"),
        (sent(ICMPv6ND_NA(tgt=TARGET, S=1)), "to a group"),
        (sent(ICMPv6ND_RA(), "2001:db8::1"), "not link-local"),
        (sent(ICMPv6ND_RA() / ICMPv6NDOptPrefixInfo(prefixlen=129)), "129 bits"),
        (sent(ICMPv6ND_RS() / ICMPv6NDOptSrcLLAddr(len=0, lladdr=MAC)), "no length"),
        (sent(ICMPv6ND_RS() / ICMPv6NDOptSrcLLAddr(len=2, lladdr=MAC)), "no end"),
        (sent(ICMPv6ND_RS() / b"\x01"), "no length"),
    ],
)
def test_what_is_to_be_discarded_is_refused(packet: Ipv6Packet, reason: str) -> None:
    with pytest.raises(MalformedPacketError, match=reason):
        nd.read(packet)


class Summed(Ipv6Packet, frozen=True):
    """A packet of which the sum is right whatever it holds."""

    def sums_up(self) -> bool:
        return True


@given(st.sampled_from([133, 134, 135, 136]), st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(kind: int, data: bytes) -> None:
    for source in (HOST, NOWHERE):
        with suppress(MalformedPacketError):
            nd.read(Summed(packed(source), packed(NODES), 255, ICMPV6, bytes((kind, 0, 0, 0)) + data))
        with suppress(MalformedPacketError):
            nd.read(Ipv6Packet(packed(source), packed(NODES), 255, ICMPV6, bytes((kind,)) + data))
