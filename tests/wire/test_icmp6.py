"""Router solicitations and advertisements, against scapy and any bytes."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet6 import ICMPv6ND_RA, ICMPv6ND_RS, ICMPv6NDOptMTU, ICMPv6NDOptSrcLLAddr

from fibrix.errors import MalformedPacketError
from fibrix.wire.icmp6 import RouterAdvertisement, RouterSolicitation

MAC = "52:54:00:77:00:01"


@pytest.mark.parametrize(
    ("message", "mac"),
    [
        (ICMPv6ND_RS(), None),
        (ICMPv6ND_RS() / ICMPv6NDOptSrcLLAddr(lladdr=MAC), MAC),
        (ICMPv6ND_RS() / ICMPv6NDOptMTU() / ICMPv6NDOptSrcLLAddr(lladdr=MAC), MAC),
    ],
)
def test_a_solicitation_tells_the_mac_of_its_sender(message: ICMPv6ND_RS, mac: str | None) -> None:
    assert RouterSolicitation.decode(bytes(message)).mac == mac


@pytest.mark.parametrize(
    ("hexadecimal", "words"),
    [
        ("", "ends"),
        ("850000", "ends"),
        ("8600000000000000", "type 134"),
        ("8501000000000000", "code 1"),
        ("85000000000000000100", "no length"),
        ("850000000000000001015254", "ends"),
    ],
)
def test_what_is_no_solicitation_is_refused(hexadecimal: str, words: str) -> None:
    with pytest.raises(MalformedPacketError, match=words):
        RouterSolicitation.decode(bytes.fromhex(hexadecimal))


def test_an_advertisement_without_lifetime_offers_nothing() -> None:
    read = ICMPv6ND_RA(RouterAdvertisement(lifetime_s=0).encode())
    assert (read.routerlifetime, read.M, read.O, read.chlim, read.reachabletime, read.retranstimer) == (
        0,
        0,
        0,
        0,
        0,
        0,
    )
    assert not read.payload


def test_an_advertisement_is_read() -> None:
    assert RouterAdvertisement.decode(bytes(ICMPv6ND_RA(routerlifetime=1800) / ICMPv6NDOptMTU())).lifetime_s == 1800
    with pytest.raises(MalformedPacketError, match="type 133"):
        RouterAdvertisement.decode(bytes(ICMPv6ND_RS()) + bytes(8))


@given(st.binary(max_size=100))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for kind in (RouterSolicitation, RouterAdvertisement):
        for start in (b"", b"\x85\0", b"\x86\0"):
            with suppress(MalformedPacketError):
                kind.decode(start + data)
