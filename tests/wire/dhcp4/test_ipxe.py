"""The version in iPXE's own options."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibrix.errors import MalformedPacketError
from fibrix.wire.dhcp4.ipxe import ipxe_version


@pytest.mark.parametrize(
    ("data", "version"),
    [
        ("b105011af41000 eb03010000 170101", "1.0.0"),
        ("00 eb03011503 ff eb03020000", "1.21.3"),
        ("b00101", ""),
        ("eb020100", ""),
        ("", ""),
    ],
    ids=["as iPXE sends it", "padded, ended", "none", "of two octets", "nothing"],
)
def test_it_is_read(data: str, version: str) -> None:
    assert ipxe_version(bytes.fromhex(data)) == version


@pytest.mark.parametrize("data", ["eb", "eb0301", "b00101eb0301", "eb03010000b1"])
def test_what_has_no_end_is_refused(data: str) -> None:
    with pytest.raises(MalformedPacketError):
        ipxe_version(bytes.fromhex(data))


@given(st.binary(max_size=255))
def test_any_octets_are_read_or_refused(data: bytes) -> None:
    with suppress(MalformedPacketError):
        ipxe_version(data)
