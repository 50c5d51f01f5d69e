from contextlib import suppress
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.l2 import ARP

from fibrix.errors import MalformedPacketError
from fibrix.types import MacAddress
from fibrix.wire.arp import ArpOperation, ArpPacket

REPLY = ArpPacket(
    ArpOperation.REPLY,
    MacAddress("52:54:00:77:00:01"),
    IPv4Address("10.77.0.5"),
    MacAddress("52:54:00:77:00:02"),
    IPv4Address("10.77.0.1"),
)


def test_another_reader_sees_the_same_packet() -> None:
    seen = ARP(REPLY.encode())
    assert (seen.op, seen.hwsrc, seen.psrc) == (2, REPLY.sender_mac, "10.77.0.5")
    assert (seen.hwdst, seen.pdst) == (REPLY.target_mac, "10.77.0.1")


def test_the_padding_of_short_frames_is_ignored() -> None:
    assert ArpPacket.decode(REPLY.encode().ljust(46, b"\0")) == REPLY


@pytest.mark.parametrize("data", [bytes(28), REPLY.encode()[:27], REPLY.encode()[:7] + b"\x09" + REPLY.encode()[8:]])
def test_other_protocols_short_packets_and_unknown_operations_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedPacketError):
        ArpPacket.decode(data)


@given(st.binary(max_size=40) | st.binary(max_size=30).map(lambda rest: REPLY.encode()[:6] + rest))
def test_any_bytes_decode_to_what_they_were_or_are_refused(data: bytes) -> None:
    with suppress(MalformedPacketError):
        assert ArpPacket.decode(data).encode() == data[:28]
