"""Whatever octets there are: packets, or one error in words; and no end of work."""

import io
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from fibrix.errors import MalformedPacketError
from fibrix.wire.capture import pcap
from fibrix.wire.capture.linktype import FRAMES
from fibrix.wire.capture.reader import packets
from tests.support.pcapng import Writer

WRITER = Writer(">")
SOUND = [
    pcap.header(113) + pcap.record(1, bytes(60), 60) + pcap.record(2, bytes(61), 61),
    WRITER.section()
    + WRITER.interface("eth1", resolution=b"\x86")
    + WRITER.packet(bytes(61), 5)
    + WRITER.block(9, bytes(8))
    + WRITER.old_packet(bytes(60), 6)
    + WRITER.simple_packet(bytes(16)),
]
BEGINS = [sound[:count] for sound in SOUND for count in (4, 24, 28)]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    data = bytearray(draw(st.sampled_from(SOUND)))
    for _ in range(draw(st.integers(1, 4))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.integers(0, len(data)))])


@given(st.one_of(st.binary(), st.builds(bytes.__add__, st.sampled_from(BEGINS), st.binary()), mutated()))
def test_any_octets_give_packets_or_one_error(data: bytes) -> None:
    with suppress(MalformedPacketError):
        for packet in packets(io.BytesIO(data).read):
            assert len(packet.data) <= len(data)
            assert packet.at_us >= 0


@given(st.sampled_from([*FRAMES.values()]), st.binary(max_size=80))
def test_any_packet_becomes_a_frame_or_is_refused(frame_of: object, data: bytes) -> None:
    assert callable(frame_of)
    with suppress(MalformedPacketError):
        frame_of(data)
