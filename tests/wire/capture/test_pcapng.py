"""The next-generation capture format: sections, interfaces, every block of packets, and lies about lengths."""

import io
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.l2 import Ether
from scapy.utils import PcapNgReader, PcapNgWriter

from fibrix.errors import MalformedPacketError
from fibrix.wire.capture.packet import Packet
from fibrix.wire.capture.reader import packets
from tests.support.pcapng import Writer

AT_US = 1_700_000_000_123_456
FRAME = bytes(range(61))
LITTLE, BIG = Writer("<"), Writer(">")


def read(data: bytes) -> list[Packet]:
    return list(packets(io.BytesIO(data).read))


def seen(name: str = "eth1", at_us: int = AT_US, linktype: int = 1, data: bytes = FRAME, length: int = 61) -> Packet:
    return Packet(name, at_us, linktype, data, length)


@pytest.mark.parametrize("writer", [LITTLE, BIG], ids=["little", "big"])
def test_every_block_of_packets_is_read(writer: Writer) -> None:
    data = writer.section() + writer.interface("eth1") + writer.interface("eth2", linktype=276)
    data += writer.packet(FRAME, AT_US, length=1500) + writer.old_packet(FRAME, AT_US + 1, interface=1)
    data += writer.simple_packet(FRAME)  # has no time: that of the one before
    assert read(data) == [seen(length=1500), seen("eth2", AT_US + 1, 276), seen(at_us=AT_US + 1)]


def test_a_simple_packet_is_as_long_as_its_interface_keeps() -> None:
    data = LITTLE.section() + LITTLE.interface("eth1", kept=40) + LITTLE.simple_packet(FRAME[:40], length=61)
    assert read(data) == [seen(at_us=0, data=FRAME[:40])]


def test_sections_have_an_order_and_interfaces_of_their_own() -> None:
    data = LITTLE.section() + LITTLE.interface("eth1") + LITTLE.packet(FRAME, AT_US)
    data += BIG.section() + BIG.interface("eth9") + BIG.packet(FRAME, AT_US)
    assert read(data) == [seen(), seen("eth9")]


@pytest.mark.parametrize(
    ("ticks", "options"),
    [
        (1_700_000_000_123_456_789, {"resolution": b"\x09"}),
        (1_700_000_000_123, {"resolution": b"\x03"}),
        (1_700_000_000 << 10 | 512, {"resolution": b"\x8a"}),
        (123_456, {"offset": struct.pack("<q", 1_700_000_000)}),
        (1_700_000_100_123_456, {"offset": struct.pack("<q", -100)}),
    ],
)
def test_times_are_in_the_unit_of_their_interface(ticks: int, options: dict[str, Any]) -> None:
    data = LITTLE.section() + LITTLE.interface("eth1", **options) + LITTLE.packet(FRAME, ticks)
    fraction = {1_700_000_000_123: 123_000, 1_700_000_000 << 10 | 512: 500_000}.get(ticks, 123_456)
    assert read(data) == [seen(at_us=1_700_000_000_000_000 + fraction)]


@pytest.mark.parametrize("octets", [0, 4, 1 << 20, (1 << 21) + 8], ids=str)
def test_other_blocks_are_passed_over(octets: int) -> None:
    other = LITTLE.block(0x0BAD, bytes(octets))
    data = LITTLE.section() + other + LITTLE.interface("eth1") + other + other + LITTLE.packet(FRAME, AT_US) + other
    assert read(data) == [seen()]
    with pytest.raises(MalformedPacketError, match=rf"ends at octet {len(data) - 1}, in the middle of the block"):
        read(data[:-1])


def test_a_hundred_thousand_small_blocks_are_no_work() -> None:
    data = LITTLE.section() + LITTLE.block(0x0BAD, b"") * 100_000
    assert read(data) == []


def test_names_of_interfaces_are_made_printable() -> None:
    data = LITTLE.section() + LITTLE.interface("\x1b[31mred\0\n" + "x" * 100) + LITTLE.packet(FRAME, AT_US)
    assert read(data)[0].interface == "[31mred" + "x" * 57


WHOLE = LITTLE.section() + LITTLE.interface("eth1") + LITTLE.packet(FRAME, AT_US) + LITTLE.packet(FRAME, AT_US)


@given(cut=st.integers(4, len(WHOLE) - 1), piece=st.integers(1, 200))
def test_a_cut_capture_gives_what_came_before_and_says_where_it_ends(cut: int, piece: int) -> None:
    stream, found = io.BytesIO(WHOLE[:cut]), list[Packet]()
    size = len(LITTLE.packet(FRAME, AT_US))
    begins = [0, 28, len(WHOLE) - 2 * size, len(WHOLE) - size]
    reader = packets(lambda count: stream.read(min(count, piece)))
    if cut in begins:
        assert list(reader) == [seen()] * max(0, begins.index(cut) - 2)
        return
    with pytest.raises(MalformedPacketError) as refusal:
        found.extend(reader)
    assert found == [seen()] * max(0, sum(begin < cut for begin in begins) - 3)
    last = max(begin for begin in begins if begin < cut)
    assert str(refusal.value) == f"the capture ends at octet {cut}, in the middle of the block at octet {last}"


HEAD = LITTLE.section() + LITTLE.interface("eth1")
PACKET = LITTLE.packet(FRAME, AT_US)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (LITTLE.section(major=2), "block at octet 0 .* version 2.0 is not read"),
        (b"\x0a\x0d\x0d\x0a" + bytes(24), "section at octet 0 .* no byte order: 00 00 00 00"),
        (HEAD + struct.pack("<II", 6, 8) + bytes(20), f"block at octet {len(HEAD)} .* cannot have 8 octets"),
        (HEAD + struct.pack("<II", 6, 33) + bytes(33), "cannot have 33 octets"),
        (HEAD + struct.pack("<II", 6, 1 << 30) + bytes(33), "cannot have 1073741824 octets"),
        (HEAD + PACKET[:-4] + struct.pack("<I", 16), "ends with another length"),
        (HEAD + LITTLE.block(6, bytes(16)), "too short"),
        (HEAD + LITTLE.block(6, struct.pack("<IIIII", 0, 0, 0, 61, 61) + bytes(60)), "61 octets of packet do not fit"),
        (HEAD + LITTLE.block(3, struct.pack("<I", 300_000) + bytes(8)), "300000 octets of packet do not fit"),
        (HEAD + LITTLE.packet(FRAME, AT_US, interface=1), "there is no interface 1 before it"),
        (HEAD + LITTLE.packet(FRAME, (1 << 64) - 1), "its time is"),
        (LITTLE.section() + LITTLE.simple_packet(FRAME), "there is no interface 0 before it"),
        (LITTLE.section() + LITTLE.interface("x", resolution=b""), "0 octets instead of 1"),
        (LITTLE.section() + LITTLE.interface("x", offset=b"12345"), "too short"),
        (LITTLE.section() + LITTLE.block(1, bytes(8) + b"\2\0\xff\0"), "option 2 of 255 octets does not fit"),
    ],
)
def test_lies_are_refused_in_words(data: bytes, reason: str) -> None:
    with pytest.raises(MalformedPacketError, match=reason):
        read(data)


def test_what_scapy_writes_is_read(tmp_path: Path) -> None:
    file = tmp_path / "scapy.pcapng"
    frame = Ether(src="52:54:00:77:00:01", dst="ff:ff:ff:ff:ff:ff") / FRAME
    frame.time = 1_700_000_000.25
    with PcapNgWriter(str(file)) as writer:
        writer.write(frame)
    assert [(each.at_us, each.linktype, each.data) for each in read(file.read_bytes())] == [
        (1_700_000_000_250_000, 1, bytes(frame))
    ]


def test_scapy_reads_the_same_of_what_the_tests_write(tmp_path: Path) -> None:
    file = tmp_path / "ours.pcapng"
    file.write_bytes(HEAD + LITTLE.block(0x0BAD, b"1234") + PACKET)
    with PcapNgReader(str(file)) as reader:
        found = [(int(each.time * 1_000_000), bytes(each)) for each in reader]
    assert found == [(each.at_us, each.data) for each in read(file.read_bytes())]
