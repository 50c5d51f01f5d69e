import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibrix.errors import MalformedPacketError
from fibrix.wire.dhcp4.area import END, collect, lay_out, written_size

options = st.dictionaries(st.integers(1, 254), st.binary(max_size=600), max_size=12)


def read(area: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    collect(area, found, name="the option field")
    return found


@given(options)
def test_options_that_fit_come_back_in_order_with_the_long_ones_whole(written: dict[int, bytes]) -> None:
    (area,) = lay_out(written, (1 << 16,))
    assert len(area) == written_size(written)
    assert list(read(area + bytes((END,))).items()) == list(written.items())


@given(options, st.lists(st.integers(0, 700), min_size=1, max_size=3))
def test_options_that_do_not_fit_are_left_out_whole(written: dict[int, bytes], rooms: list[int]) -> None:
    areas = lay_out(written, rooms)
    assert all(len(area) <= room for area, room in zip(areas, rooms, strict=True))
    found: dict[int, bytes] = {}
    for area in areas:
        collect(area, found, name="an area")
    assert found.items() <= written.items()


def test_padding_is_skipped_and_nothing_is_read_behind_the_end() -> None:
    assert read(bytes.fromhex("00 00 0c0161 00 ff 0c0162")) == {12: b"a"}


def test_fragments_of_one_option_are_joined() -> None:
    assert read(bytes.fromhex("0c0161 0f0178 0c0162 ff")) == {12: b"ab", 15: b"x"}


def test_a_missing_end_is_forgiven() -> None:
    assert read(bytes.fromhex("0c0161")) == {12: b"a"}


@pytest.mark.parametrize("octets", ["0c", "0c05", "0c0561", "0c0161 0c"])
def test_an_option_that_is_cut_off_is_refused_by_name(octets: str) -> None:
    with pytest.raises(MalformedPacketError, match="option 12 reaches beyond the end of the option field"):
        read(bytes.fromhex(octets))
