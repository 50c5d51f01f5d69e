"""The classic capture format: every variant of it, cut anywhere, and as tcpdump and scapy write and read it."""

import io
import struct
import subprocess
from pathlib import Path
from shutil import which

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.utils import RawPcapReader, RawPcapWriter

from fibrix.errors import MalformedPacketError
from fibrix.wire.capture import pcap
from fibrix.wire.capture.packet import Packet
from fibrix.wire.capture.reader import packets

AT_US = 1_700_000_000_123_456
FRAMES = [bytes(range(60)), b"\xff" * 14 + bytes(1486), b"x" * 61]
ARP = bytes.fromhex("ffffffffffff 525400770001 0806 0001 0800 06 04 0001 525400770001 0a4d0001 000000000000 0a4d0002")


def read(data: bytes) -> list[Packet]:
    return list(packets(io.BytesIO(data).read))


def written(frames: list[bytes]) -> bytes:
    return pcap.header(1) + b"".join(pcap.record(AT_US + i, frame, len(frame)) for i, frame in enumerate(frames))


def tcpdump(*arguments: str) -> str:
    return subprocess.run(("tcpdump", *arguments), check=True, capture_output=True, text=True, timeout=5).stdout


@pytest.mark.parametrize("order", ["<", ">"], ids=["little", "big"])
@pytest.mark.parametrize(
    ("magic", "fraction", "more"),
    [(0xA1B2C3D4, 123_456, b""), (0xA1B23C4D, 123_456_789, b""), (0xA1B2CD34, 123_456, bytes(8))],
    ids=["microseconds", "nanoseconds", "modified"],
)
def test_every_variant_is_read(order: str, magic: int, fraction: int, more: bytes) -> None:
    data = struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 65535, 113)
    for frame in FRAMES:
        data += struct.pack(f"{order}IIII", 1_700_000_000, fraction, len(frame), 2000) + more + frame
    assert read(data) == [Packet("", AT_US, 113, frame, 2000) for frame in FRAMES]


def test_what_is_written_is_read() -> None:
    assert read(written(FRAMES)) == [Packet("", AT_US + i, 1, frame, len(frame)) for i, frame in enumerate(FRAMES)]


def test_the_link_type_is_the_lower_half() -> None:
    data = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 0x24000001)  # 4 octets of check sequence are told
    assert [packet.linktype for packet in read(data + pcap.record(0, b"", 0))] == [1]


@given(cut=st.integers(0, len(written(FRAMES)) - 1), piece=st.integers(1, 4096))
def test_a_cut_capture_gives_what_came_before_and_says_where_it_ends(cut: int, piece: int) -> None:
    whole, begins = written(FRAMES), [24, 100, 1616]
    stream, found = io.BytesIO(whole[:cut]), list[Packet]()
    reader = packets(lambda count: stream.read(min(count, piece)))
    if cut in begins:
        assert len(list(reader)) == begins.index(cut)
        return
    with pytest.raises(MalformedPacketError) as refusal:
        found.extend(reader)
    assert [packet.data for packet in found] == FRAMES[: max(0, sum(begin < cut for begin in begins) - 1)]
    if cut >= 4:
        assert f"ends at octet {cut}, in the middle of" in str(refusal.value)
        assert f"at octet {max([0, *(begin for begin in begins if begin < cut)])}" in str(refusal.value)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"GET / HTTP/1.1", "no capture: pcap and pcapng are read, and it begins with 47 45 54 20"),
        (b"\x1f\x8b\x08\0", "compressed with gzip"),
        (struct.pack("<IHHiIII", 0xA1B2C3D4, 1, 0, 0, 0, 0, 1), "version 1.0"),
        (pcap.header(1) + struct.pack("<IIII", 0, 0, 262_145, 0), "at octet 24 says that it has 262145 octets"),
    ],
)
def test_what_is_no_capture_is_refused_in_words(data: bytes, reason: str) -> None:
    with pytest.raises(MalformedPacketError, match=reason):
        read(data)


@pytest.mark.parametrize("nano", [False, True])
@pytest.mark.parametrize("endianness", ["<", ">"])
def test_what_scapy_writes_is_read(tmp_path: Path, endianness: str, *, nano: bool) -> None:
    file = tmp_path / "scapy.pcap"
    with RawPcapWriter(str(file), linktype=1, endianness=endianness, nano=nano) as writer:
        writer.write_header(None)
        for frame in FRAMES:
            writer.write_packet(frame, sec=1_700_000_000, usec=123_456_000 if nano else 123_456)
    assert read(file.read_bytes()) == [Packet("", AT_US, 1, frame, len(frame)) for frame in FRAMES]


def test_scapy_reads_what_is_written(tmp_path: Path) -> None:
    file = tmp_path / "ours.pcap"
    file.write_bytes(written(FRAMES))
    with RawPcapReader(str(file)) as reader:
        found = [(data, meta.sec * 1_000_000 + meta.usec, meta.wirelen) for data, meta in reader]
    assert found == [(frame, AT_US + i, len(frame)) for i, frame in enumerate(FRAMES)]


@pytest.mark.skipif(not which("tcpdump"), reason="needs tcpdump")
@pytest.mark.parametrize("precision", ["micro", "nano"])
def test_tcpdump_reads_what_is_written_and_writes_what_is_read(tmp_path: Path, precision: str) -> None:
    ours, theirs = tmp_path / "ours.pcap", tmp_path / "theirs.pcap"
    ours.write_bytes(written([ARP, ARP]))
    shown = tcpdump("-n", "-tt", "-r", str(ours)).splitlines()
    assert [line.split(",")[0] for line in shown] == [f"1700000000.12345{i} ARP" for i in (6, 7)]
    tcpdump(f"--time-stamp-precision={precision}", "-r", str(ours), "-w", str(theirs))
    assert read(theirs.read_bytes()) == read(ours.read_bytes())
