"""The frames of a scan, octet by octet, and by scapy's reading."""

from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import (
    ICMPv6EchoReply,
    ICMPv6EchoRequest,
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptSrcLLAddr,
    IPv6,
)
from scapy.layers.l2 import ARP, Ether

from fibrix.domain.scan import ScanKind
from fibrix.errors import MalformedPacketError
from fibrix.services.scan.engine import ALL_NODES, Heard, Probe
from fibrix.services.scan.frames import Station, frame_of, read_arp, read_echo, read_ipv6
from fibrix.types import MacAddress

OWN = Station(MacAddress("52:54:00:77:00:01"), IPv4Address("10.1.0.1"), IPv6Address("fe80::1"), 0xBEEF, 40_000)
THEM = MacAddress("52:54:00:77:00:09")
HOST = IPv4Address("10.1.0.9")
K = ScanKind


def test_an_arp_request_comes_from_our_own_address() -> None:
    assert frame_of(Probe(K.ARP, "racks", HOST), OWN).hex(" ") == (
        "ff ff ff ff ff ff 52 54 00 77 00 01 08 06 00 01 08 00 06 04 00 01 "
        "52 54 00 77 00 01 0a 01 00 01 00 00 00 00 00 00 0a 01 00 09"
    )


def rebuilt(frame: bytes) -> bytes:
    """The frame as scapy writes it, with checksums of its own."""
    packet = Ether(frame)
    for layer, field in (
        (IP, "chksum"),
        (ICMP, "chksum"),
        (UDP, "chksum"),
        (ICMPv6EchoRequest, "cksum"),
        (ICMPv6ND_NS, "cksum"),
    ):
        if layer in packet:
            delattr(packet[layer], field)
    return bytes(packet)


def test_a_ping_goes_to_the_mac_that_answered() -> None:
    frame = frame_of(Probe(K.PING, "racks", HOST, THEM), OWN)
    packet = Ether(frame)
    assert (packet.dst, packet[IP].dst, packet[IP].src) == (THEM, "10.1.0.9", "10.1.0.1")
    assert (packet[ICMP].type, packet[ICMP].id) == (8, 0xBEEF)
    assert rebuilt(frame) == frame


def test_an_rmcp_ping_comes_from_the_port_that_is_listened_on() -> None:
    frame = frame_of(Probe(K.RMCP, "racks", HOST, THEM), OWN)
    packet = Ether(frame)
    assert (packet[UDP].sport, packet[UDP].dport) == (40_000, 623)
    assert bytes(packet[UDP].payload).hex() == "0600ff06000011be80000000"
    assert rebuilt(frame) == frame


def test_all_nodes_are_asked_for_an_echo() -> None:
    frame = frame_of(Probe(K.ND, "racks", ALL_NODES), OWN)
    packet = Ether(frame)
    assert (packet.dst, packet[IPv6].dst, packet[IPv6].src) == ("33:33:00:00:00:01", "ff02::1", "fe80::1")
    assert packet[ICMPv6EchoRequest].id == 0xBEEF
    assert rebuilt(frame) == frame


def test_a_named_neighbour_is_asked_by_its_group() -> None:
    frame = frame_of(Probe(K.ND, "racks", IPv6Address("2001:db8::12:3456")), OWN)
    packet = Ether(frame)
    assert (packet.dst, packet[IPv6].dst, packet[IPv6].hlim) == ("33:33:ff:12:34:56", "ff02::1:ff12:3456", 255)
    assert packet[ICMPv6ND_NS].tgt == "2001:db8::12:3456"
    assert packet[ICMPv6NDOptSrcLLAddr].lladdr == OWN.mac
    assert rebuilt(frame) == frame


def test_what_is_no_frame_is_said_to_be_none() -> None:
    with pytest.raises(ValueError, match="is no frame"):
        frame_of(Probe(K.REDFISH, "racks", HOST, THEM), OWN)


def test_answers_are_read() -> None:
    reply = Ether(src=THEM, dst=OWN.mac) / ARP(op=2, hwsrc=THEM, psrc=str(HOST), hwdst=OWN.mac, pdst="10.1.0.1")
    assert read_arp(bytes(reply)) == Heard(K.ARP, HOST, THEM)
    assert read_arp(frame_of(Probe(K.ARP, "racks", HOST), OWN)) is None  # a question
    outer = Ether(src=THEM, dst=OWN.mac) / IPv6(src="fe80::9", dst="fe80::1", hlim=255)
    assert read_ipv6(bytes(outer / ICMPv6EchoReply(id=0xBEEF)), 0xBEEF) == Heard(K.ND, IPv6Address("fe80::9"), THEM)
    assert read_ipv6(bytes(outer / ICMPv6EchoReply(id=1)), 0xBEEF) is None  # somebody else's
    told = outer / ICMPv6ND_NA(tgt="2001:db8::7") / ICMPv6NDOptDstLLAddr(lladdr=THEM)
    assert read_ipv6(bytes(told), 0xBEEF) == Heard(K.ND, IPv6Address("2001:db8::7"), THEM)
    routed = Ether(src=THEM) / IPv6(src="fe80::9", hlim=64) / ICMPv6ND_NA(tgt="2001:db8::7")
    with pytest.raises(MalformedPacketError):
        read_ipv6(bytes(routed), 0xBEEF)
    assert read_echo(bytes(IP(src=str(HOST)) / ICMP(type=0, id=0xBEEF)), 0xBEEF)
    assert not read_echo(bytes(IP(src=str(HOST)) / ICMP(type=0, id=7)), 0xBEEF)


@given(st.binary(max_size=120))
def test_any_octets_are_read_or_refused(data: bytes) -> None:
    for read in (read_arp, lambda octets: read_ipv6(octets, 1), lambda octets: read_echo(octets, 1)):
        with suppress(MalformedPacketError):
            read(data)
