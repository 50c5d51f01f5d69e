"""Frames for passive listening, against scapy and any bytes."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.l2 import LLC, SNAP, Dot1AD, Dot1Q, Dot3, Ether
from scapy.packet import Packet, Raw

from fibrix.errors import MalformedPacketError
from fibrix.wire import frame
from fibrix.wire.frame import Frame

ENDS: dict[str, Any] = {"dst": "01:00:5e:00:00:fb", "src": "52:54:00:77:00:01"}
BODY = Raw(b"payload")


@pytest.mark.parametrize(
    ("built", "protocol", "vlans"),
    [
        (Ether(**ENDS, type=0x0800) / BODY, frame.IPV4, ()),
        (Ether(**ENDS, type=0x88CC) / BODY, frame.LLDP, ()),
        (Ether(**ENDS) / Dot1Q(vlan=100, prio=5, type=0x86DD) / BODY, frame.IPV6, (100,)),
        (Ether(**ENDS) / Dot1Q(vlan=0, prio=7, type=0x0806) / BODY, frame.ARP, ()),
        (Ether(**ENDS) / Dot1AD(vlan=2000) / Dot1Q(vlan=30, type=0x0806) / BODY, frame.ARP, (2000, 30)),
        (Dot3(**ENDS) / LLC(dsap=0x42, ssap=0x42, ctrl=3) / BODY, frame.SPANNING_TREE, ()),
        (Dot3(**ENDS) / LLC(ctrl=3) / SNAP(OUI=0xC, code=0x2000) / BODY, frame.CDP, ()),
        (Dot3(**ENDS) / LLC(ctrl=3) / SNAP(OUI=0, code=0x0806) / BODY, frame.ARP, ()),
    ],
)
def test_a_frame_that_another_wrote_is_read(built: Packet, protocol: int, vlans: tuple[int, ...]) -> None:
    read = Frame.decode(bytes(built))
    assert (read.destination.hex(":"), read.source.hex(":")) == (ENDS["dst"], ENDS["src"])
    assert (read.protocol, read.payload, read.vlans) == (protocol, b"payload", vlans)


def test_padding_goes_where_a_length_tells_it_apart() -> None:
    spanning = bytes(Dot3(**ENDS) / LLC(dsap=0x42, ssap=0x42, ctrl=3) / BODY).ljust(60, b"\0")
    assert Frame.decode(spanning).payload == b"payload"
    assert Frame.decode(bytes(Ether(**ENDS, type=0x0806) / BODY).ljust(60, b"\0")).payload == b"payload".ljust(
        46, b"\0"
    )


HEAD = bytes.fromhex("01005e0000fb 525400770001")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "too few"),
        (HEAD + b"\x08", "too few"),
        (HEAD[:6] + HEAD[:6] + b"\x08\0", "no station"),
        (HEAD[:6] + bytes(6) + b"\x08\0", "no station"),
        (HEAD + bytes.fromhex("8100 0064"), "VLAN tags"),
        (HEAD + bytes.fromhex("8100 0064") * 9 + bytes(40), "VLAN tags"),
        (HEAD + bytes.fromhex("8100 ffff 0800"), "4095"),
        (HEAD + bytes.fromhex("05dd") + bytes(1600), "length 1501"),
        (HEAD + bytes.fromhex("0010 aaaa03"), "length 16"),
        (HEAD + bytes.fromhex("0002 4242 03"), "length 2"),
        (HEAD + bytes.fromhex("0005 aaaa03 0000"), "SNAP"),
    ],
)
def test_a_frame_that_does_not_check_out_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(MalformedPacketError, match=reason):
        Frame.decode(data)


@given(st.binary(max_size=80), st.sampled_from(["", "8100", "88a8", "0010", "0030aaaa03"]))
def test_any_bytes_are_read_or_refused(data: bytes, kind: str) -> None:
    with suppress(MalformedPacketError):
        read = Frame.decode(HEAD + bytes.fromhex(kind) + data)
        assert read.source == HEAD[6:]
        assert all(0 < vlan < 4095 for vlan in read.vlans)
        assert read.payload in data
    with suppress(MalformedPacketError):
        Frame.decode(data)
