"""IPv6 packets and UDP in them, against scapy and any bytes."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import UDP
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    PadN,
)
from scapy.layers.ipsec import AH
from scapy.packet import Packet

from fibrix.errors import MalformedPacketError
from fibrix.wire import ipv6
from fibrix.wire.ipv6 import Ipv6Packet, Udp6Datagram

ENDS: dict[str, Any] = {"src": "fe80::1", "dst": "ff02::fb"}
DATAGRAM = UDP(sport=5353, dport=5353) / b"payload"


@pytest.mark.parametrize(
    "between",
    [
        [],
        [IPv6ExtHdrHopByHop()],
        [IPv6ExtHdrHopByHop(options=[PadN(optdata=b"x" * 20)]), IPv6ExtHdrRouting(), IPv6ExtHdrDestOpt()],
        [AH(nh=17, payloadlen=4, icv=b"x" * 12, spi=1, seq=1)],
    ],
    ids=len,
)
def test_a_datagram_is_found_behind_every_extension_header(between: list[Packet]) -> None:
    built: Packet = IPv6(**ENDS, hlim=255)
    for header in between:
        built /= header
    packet = Ipv6Packet.decode(bytes(built / DATAGRAM))
    assert (packet.protocol, packet.hop_limit, len(packet.payload)) == (ipv6.UDP, 255, 15)
    read = Udp6Datagram.decode(packet)
    assert (str(read.source), str(read.destination)) == (ENDS["src"], ENDS["dst"])
    assert (read.source_port, read.destination_port, read.payload) == (5353, 5353, b"payload")


def test_padding_is_left_out_and_the_checksum_holds() -> None:
    packet = Ipv6Packet.decode(bytes(IPv6(**ENDS) / DATAGRAM) + bytes(6))
    assert packet.payload == bytes(DATAGRAM)[:6] + packet.payload[6:8] + b"payload"
    assert packet.sums_up()
    assert Ipv6Packet.decode(bytes(IPv6(**ENDS) / ICMPv6EchoRequest(data=b"odd"))).sums_up()
    assert not Ipv6Packet.decode(bytes(IPv6(**ENDS) / ICMPv6EchoRequest(cksum=1))).sums_up()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "too few"),
        (bytes(40), "version 0"),
        (bytes(IPv6(**ENDS) / DATAGRAM)[:-1], "of which 54 are here"),
        (bytes(IPv6(src="ff02::1", dst="::1") / DATAGRAM), "group"),
        (bytes(IPv6(**ENDS) / IPv6ExtHdrFragment() / DATAGRAM), "fragment"),
        (bytes(IPv6(**ENDS) / IPv6ExtHdrHopByHop(len=9) / DATAGRAM), "no end"),
        (bytes(IPv6(**ENDS, nh=0)), "no end"),
        (bytes(IPv6(**ENDS, nh=0, plen=7)) + bytes(7), "no end"),
        (bytes(IPv6(**ENDS, nh=60, plen=72)) + bytes.fromhex("3c00000000000000") * 9, "no end"),
    ],
)
def test_what_does_not_check_out_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(MalformedPacketError, match=reason):
        Ipv6Packet.decode(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (bytes(IPv6(**ENDS) / ICMPv6EchoRequest()), "not UDP"),
        (bytes(IPv6(**ENDS, nh=17)), "ends at octet 0"),
        (bytes(IPv6(**ENDS) / UDP(len=7)), "length 7"),
        (bytes(IPv6(**ENDS) / UDP(len=9)), "length 9"),
    ],
)
def test_a_datagram_that_does_not_fit_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(MalformedPacketError, match=reason):
        Udp6Datagram.decode(Ipv6Packet.decode(data))


@given(st.binary(max_size=100), st.sampled_from([0, 17, 43, 51, 58, 60, 135]))
def test_any_bytes_are_read_or_refused(data: bytes, protocol: int) -> None:
    for whole in (data, bytes(IPv6(**ENDS, nh=protocol, plen=len(data))) + data):
        with suppress(MalformedPacketError):
            packet = Ipv6Packet.decode(whole)
            packet.sums_up()
            Udp6Datagram.decode(packet)
