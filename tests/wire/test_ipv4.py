from contextlib import suppress
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, UDP

from fibrix.errors import MalformedPacketError
from fibrix.wire.ipv4 import UdpDatagram, checksum

ports = st.integers(0, 0xFFFF)
datagrams = st.builds(UdpDatagram, st.ip_addresses(v=4), ports, st.ip_addresses(v=4), ports, st.binary(max_size=1472))


def a_datagram(payload: bytes) -> UdpDatagram:
    return UdpDatagram(IPv4Address("10.77.0.1"), 67, IPv4Address("10.77.0.5"), 68, payload)


@given(st.one_of(st.binary(max_size=64), st.lists(st.sampled_from([0, 255]), max_size=9).map(bytes)))
def test_a_checksum_is_the_sum_of_words_with_its_carries_added(data: bytes) -> None:
    padded = data + bytes(len(data) % 2)
    total = sum(int.from_bytes(padded[at : at + 2]) for at in range(0, len(padded), 2))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    assert checksum(data) == total ^ 0xFFFF


@pytest.mark.parametrize("payload", [b"", b"odd", b"even", bytes(1472)])
def test_another_writer_fills_in_the_same_checksums(payload: bytes) -> None:
    other = IP(src="10.77.0.1", dst="10.77.0.5", id=0, ttl=64) / UDP(sport=67, dport=68) / payload
    assert a_datagram(payload).encode() == bytes(other)


def test_the_sum_of_rfc_1071_is_found() -> None:
    assert checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0xFFFF ^ 0xDDF2  # RFC 1071 §3


@given(datagrams)
def test_what_is_written_is_read_back(datagram: UdpDatagram) -> None:
    packet = datagram.encode()
    assert UdpDatagram.decode(packet) == datagram
    assert checksum(packet[:20]) == 0
    assert packet[26:28] != b"\0\0"  # a UDP checksum of 0 would mean: none


@given(datagrams, st.binary(min_size=1, max_size=18))
def test_the_padding_of_short_frames_is_ignored(datagram: UdpDatagram, padding: bytes) -> None:
    assert UdpDatagram.decode(datagram.encode() + padding) == datagram


@pytest.mark.parametrize(
    ("at", "octet", "reason"),
    [
        (0, 0x65, "no IPv4 header"),
        (0, 0x44, "no IPv4 header"),
        (3, 0xFF, "no IPv4 header"),
        (8, 0x01, "checksum"),
    ],
)
def test_broken_headers_are_refused_with_the_reason(at: int, octet: int, reason: str) -> None:
    packet = bytearray(a_datagram(b"x" * 20).encode())
    packet[at] = octet
    with pytest.raises(MalformedPacketError, match=reason):
        UdpDatagram.decode(bytes(packet))


@pytest.mark.parametrize("packet", [IP(proto=6) / (b"x" * 20), IP(proto=17, flags="MF") / (b"x" * 20)])
def test_fragments_and_other_protocols_are_refused(packet: IP) -> None:
    with pytest.raises(MalformedPacketError, match="fragment or not UDP"):
        UdpDatagram.decode(bytes(packet))


def test_a_udp_length_beyond_the_packet_is_refused() -> None:
    packet = bytes(IP(src="10.0.0.1", dst="10.0.0.2") / UDP(len=100) / b"x")
    with pytest.raises(MalformedPacketError, match="UDP length 100"):
        UdpDatagram.decode(packet)


@given(st.binary(max_size=60))
def test_any_bytes_decode_or_are_refused(data: bytes) -> None:
    with suppress(MalformedPacketError):
        UdpDatagram.decode(data)
