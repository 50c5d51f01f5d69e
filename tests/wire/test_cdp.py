"""CDP, against scapy, Cisco's switches and any bytes."""

from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.contrib.cdp import (
    CDPAddrRecordIPv4,
    CDPAddrRecordIPv6,
    CDPMsgAddr,
    CDPMsgCapabilities,
    CDPMsgDeviceID,
    CDPMsgMgmtAddr,
    CDPMsgNativeVLAN,
    CDPMsgPlatform,
    CDPMsgPortID,
    CDPMsgSoftwareVersion,
    CDPv2_HDR,
)
from scapy.layers.l2 import Dot3
from scapy.packet import Packet

from fibrix.errors import MalformedPacketError
from fibrix.wire.cdp import MOST_ADDRESSES, Announcement
from fibrix.wire.frame import CDP, Frame
from fibrix.wire.ipv4 import checksum
from tests.support.mutated import mutated
from tests.support.peer_captures import captured

BOTH = [CDPAddrRecordIPv4(addr="10.77.0.2"), CDPAddrRecordIPv6(addr="2001:db8::7")]
FULL = bytes(
    CDPv2_HDR(
        ttl=180,
        msg=[
            CDPMsgDeviceID(val=b"sw1"),
            CDPMsgAddr(addr=BOTH),
            CDPMsgPortID(iface=b"GigabitEthernet0/5"),
            CDPMsgCapabilities(cap=0x29),
            CDPMsgSoftwareVersion(val=b"IOS\n12.2"),
            CDPMsgPlatform(val=b"cisco WS-C3560"),
            CDPMsgNativeVLAN(vlan=77),
            CDPMsgMgmtAddr(addr=BOTH[:1]),
        ],
    )
)


def summed(body: bytes) -> bytes:
    """Version 2 with a right checksum."""
    return b"\x02\xb4" + checksum(b"\x02\xb4\0\0" + body).to_bytes(2) + body


def test_all_that_a_device_says_is_read() -> None:
    assert Announcement.decode(FULL) == Announcement(
        ttl_s=180,
        device="sw1",
        port="GigabitEthernet0/5",
        platform="cisco WS-C3560",
        version="IOS 12.2",
        capabilities=("router", "switch", "igmp"),
        addresses=(IPv4Address("10.77.0.2"), IPv6Address("2001:db8::7")),
        management=(IPv4Address("10.77.0.2"),),
        vlan=77,
    )


@pytest.mark.parametrize("last", [b"a", b"ab", b"\x7f", b"\x81", b"\xe9", b"\xff"])
def test_an_odd_octet_at_the_end_may_be_summed_as_cisco_does(last: bytes) -> None:
    message = bytes(CDPv2_HDR(msg=[CDPMsgDeviceID(val=b"x" + last)]))
    assert Announcement.decode(message).ttl_s == 180
    assert Announcement.decode(summed(message[4:])).ttl_s == 180


def test_addresses_beyond_a_few_are_left_out() -> None:
    many = [CDPAddrRecordIPv4(addr=f"10.0.0.{number}") for number in range(50)]
    assert len(Announcement.decode(bytes(CDPv2_HDR(msg=[CDPMsgAddr(addr=many)]))).addresses) == MOST_ADDRESSES


def test_addresses_of_other_protocols_are_passed_over() -> None:
    two = bytes.fromhex("0002 0019 00000002 0101810003490001 0101cc0004 0a4d0002")
    assert Announcement.decode(summed(two)).addresses == (IPv4Address("10.77.0.2"),)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x02\xb4", "too short"),
        (b"\x03" + FULL[1:], "version"),
        (FULL[:-1] + b"\x07", "checksum"),
        (summed(b"\0\x01\0\x03"), "no length"),
        (summed(b"\0\x01\0\x08sw"), "cut off"),
        (summed(b"\0\x01"), "cut off"),
        (summed(bytes.fromhex("0002 000a 00000001 0101")), "does not fit"),
        (summed(bytes.fromhex("0002 000d 00000001 0101cc0004")), "does not fit"),
        (summed(bytes.fromhex("0002 000a 00000001 0100")), "does not fit"),
    ],
)
def test_what_does_not_check_out_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(MalformedPacketError, match=reason):
        Announcement.decode(data)


@pytest.mark.parametrize("name", ["3560_CDP", "LLDP_and_CDP"])
def test_a_switch_of_cisco_is_read_as_another_reader_does(name: str) -> None:
    read = 0
    for octets in captured(name):
        frame = Frame.decode(octets)
        if frame.protocol != CDP:
            continue
        parts: dict[int, Packet] = {part.type: part for part in Dot3(octets)[CDPv2_HDR].msg}
        said = Announcement.decode(frame.payload)
        assert (said.device, said.port) == (parts[1].val.decode(), parts[3].iface.decode())
        assert (said.platform, said.vlan) == (parts[6].val.decode(), parts[10].vlan)
        assert said.version == " ".join(parts[5].val.decode().split())
        assert [str(address) for address in said.addresses] == [one.addr for one in parts[2].addr]
        assert [str(address) for address in said.management] == [one.addr for one in parts[0x16].addr]
        assert said.capabilities == ("switch", "igmp")
        read += 1
    assert read > 2


@given(mutated([FULL]) | st.binary(max_size=300), st.booleans())
def test_any_bytes_are_read_or_refused(data: bytes, right: bool) -> None:  # noqa: FBT001
    with suppress(MalformedPacketError):
        said = Announcement.decode(summed(data[4:]) if right else data)
        words = (said.device, said.port, said.platform, said.version)
        assert all(word.isprintable() and len(word) <= 255 for word in words)
