import pytest

from fibrix.errors import MalformedPacketError
from fibrix.wire.cursor import Cursor


def test_octets_and_numbers_are_taken_in_order() -> None:
    at = Cursor(bytes.fromhex("01 0203 04050607 08"), "thing")
    assert (at.number(1), at.number(2), at.octets(4), at.left, at.rest()) == (1, 0x0203, b"\4\5\6\7", 1, b"\x08")


def test_running_out_says_what_ends_where() -> None:
    at = Cursor(b"\0\0\0", "thing")
    at.octets(2)
    with pytest.raises(MalformedPacketError, match="thing ends at octet 3, 4 are needed"):
        at.number(2)
    assert at.left == 1  # and nothing was taken
