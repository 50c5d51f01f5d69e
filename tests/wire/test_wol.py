"""The magic packet: bytes both ways, a captured one, and any garbage."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibrix.errors import MalformedPacketError
from fibrix.types import MacAddress, mac_from_octets
from fibrix.wire.wol import MagicPacket

MAC = MacAddress("52:54:00:77:00:01")
SOURCE = MacAddress("02:00:00:00:00:01")
OCTETS = bytes.fromhex("525400770001")

macs = st.binary(min_size=6, max_size=6).map(mac_from_octets)
passwords = st.sampled_from([0, 4, 6]).flatmap(lambda size: st.binary(min_size=size, max_size=size))


def test_the_payload_is_six_ff_and_the_mac_sixteen_times() -> None:
    assert MagicPacket(MAC).encode() == b"\xff" * 6 + OCTETS * 16


def test_the_frame_is_a_broadcast_of_the_registered_type() -> None:
    frame = MagicPacket(MAC).encode_frame(SOURCE)
    assert frame[:14] == b"\xff" * 6 + bytes.fromhex("0200000000010842")
    assert MagicPacket.decode_frame(frame) == MagicPacket(MAC)


@given(macs, passwords)
def test_what_is_encoded_is_read_back(mac: MacAddress, password: bytes) -> None:
    packet = MagicPacket(mac, password)
    assert MagicPacket.decode(packet.encode()) == packet
    assert MagicPacket.decode_frame(packet.encode_frame(SOURCE)) == packet


@given(st.binary(max_size=300))
def test_any_bytes_decode_or_are_refused(data: bytes) -> None:
    for decode in (MagicPacket.decode, MagicPacket.decode_frame):
        with suppress(MalformedPacketError):
            assert decode(data).mac


@given(st.binary(max_size=40).filter(lambda data: not data.endswith(b"\xff")))
def test_the_pattern_is_found_behind_anything(before: bytes) -> None:
    assert MagicPacket.decode(before + MagicPacket(MAC).encode() + b"padding").mac == MAC


@pytest.mark.parametrize("fault", ["short", "one octet wrong", "other type"])
def test_a_damaged_frame_is_refused(fault: str) -> None:
    frame = bytearray(MagicPacket(MAC).encode_frame(SOURCE))
    match fault:
        case "short":
            del frame[-1]
        case "one octet wrong":
            frame[60] ^= 1
        case _:
            frame[13] = 0
    with pytest.raises(MalformedPacketError):
        MagicPacket.decode_frame(bytes(frame))
