"""Cooked packets become the frames that they were, as far as is known."""

import pytest

from fibrix.errors import MalformedPacketError
from fibrix.wire.capture.linktype import FRAMES, cooked, cooked2, refusal

SOURCE = bytes.fromhex("525400770001")
SLL = "{kind:04x} {hardware:04x} {length:04x} 525400770001 0000 {type:04x}"
SLL2 = "{type:04x} 0000 00000003 {hardware:04x} {kind:02x} {length:02x} 525400770001 0000"
BOTH = pytest.mark.parametrize(("frame_of", "form"), [(cooked, SLL), (cooked2, SLL2)], ids=["SLL", "SLL2"])


def packet(form: str, payload: bytes, **fields: int) -> bytes:
    values = {"kind": 0, "hardware": 1, "length": 6, "type": 0x0806} | fields
    return bytes.fromhex(form.format(**values)) + payload


@BOTH
@pytest.mark.parametrize(
    ("kind", "destination"),
    [(0, "000000000000"), (1, "ffffffffffff"), (2, "010000000000"), (3, "000000000000"), (4, "000000000000")],
)
def test_the_destination_is_as_the_kernel_says(frame_of, form: str, kind: int, destination: str) -> None:  # type: ignore[no-untyped-def]
    made = frame_of(packet(form, b"payload", kind=kind))
    assert made == bytes.fromhex(destination) + SOURCE + b"\x08\x06payload"


@BOTH
def test_a_tag_of_a_vlan_stays(frame_of, form: str) -> None:  # type: ignore[no-untyped-def]
    made = frame_of(packet(form, b"\x00\x0a\x08\x06payload", type=0x8100))
    assert made[12:] == b"\x81\x00\x00\x0a\x08\x06payload"


@BOTH
def test_a_frame_of_llc_has_its_length_back(frame_of, form: str) -> None:  # type: ignore[no-untyped-def]
    assert frame_of(packet(form, b"\xaa\xaa\x03payload", type=4))[12:14] == b"\x00\x0a"
    assert frame_of(packet(form, bytes(70_000), type=4))[12:14] == b"\x05\xdc"


@BOTH
@pytest.mark.parametrize("fields", [{"hardware": 772}, {"hardware": 65534, "length": 0}, {"length": 0}])
def test_what_was_no_ethernet_is_no_frame(frame_of, form: str, fields: dict[str, int]) -> None:  # type: ignore[no-untyped-def]
    assert frame_of(packet(form, b"payload", **fields)) == b""


@BOTH
def test_a_short_one_is_refused(frame_of, form: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(MalformedPacketError, match="a cooked packet of 15 octets is shorter"):
        frame_of(packet(form, b"")[:15])


def test_ethernet_is_as_it_is() -> None:
    assert FRAMES[1](b"frame") == b"frame"


def test_a_refusal_says_what_can_be_read() -> None:
    assert refusal(101).startswith("packets of link type 101 (RAW) have no Ethernet header")
    assert "(113, 276)" in refusal(220)
