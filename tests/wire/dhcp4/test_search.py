from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibrix.errors import MalformedPacketError
from fibrix.wire.dhcp4.options import DOMAIN_SEARCH
from fibrix.wire.dhcp4.search import SEARCH_LIST

NAMES = st.lists(
    st.lists(st.from_regex(r"[a-z0-9_-]{1,63}", fullmatch=True), min_size=1, max_size=5)
    .map(".".join)
    .filter(lambda name: len(name) <= 253),
    max_size=8,
).map(tuple)


@pytest.mark.parametrize(
    ("octets", "names"),
    [
        ("", ()),
        ("03 656e67 05 6170706c65 03 636f6d 00", ("eng.apple.com",)),
        # RFC 3397 §2's example: the second name ends in a pointer to octet 4 of the first
        (
            "03 656e67 05 6170706c65 03 636f6d 00  09 6d61726b6574696e67 c004",
            ("eng.apple.com", "marketing.apple.com"),
        ),
        ("01 61 00  c000", ("a", "a")),
        ("01 61 00  01 62 c000  01 63 c003", ("a", "b.a", "c.b.a")),  # a pointer to a pointer
    ],
)
def test_a_list_of_names_has_these_octets_both_ways(octets: str, names: tuple[str, ...]) -> None:
    assert SEARCH_LIST.decode(bytes.fromhex(octets)) == names
    assert SEARCH_LIST.encode(names) == bytes.fromhex(octets)


def test_capital_letters_are_no_other_name() -> None:
    assert SEARCH_LIST.encode(("Rack.Example", "rack.example")) == b"\4rack\7example\0\xc0\0"
    assert SEARCH_LIST.decode(b"\4RaCK\7example\0") == ("rack.example",)


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        ("c000", "does not point back"),  # to itself
        ("0161 c000", "does not point back"),  # into the name that it ends
        ("01610001 62c002 c007", "does not point back"),
        ("c005 016100", "does not point back"),  # forward
        ("0161 00 c0", "has no end"),
        ("0161", "has no end"),
        ("0361", "ends at octet"),
        ("40" + "61" * 64 + "00", "length octet 64"),
        ("80 61 00", "length octet 128"),
        ("00", "0 characters"),
        (("3f" + "61" * 63) * 4 + "00", "255 characters"),
        ("03 612e62 00", "not of a host's domain"),  # a dot inside a label
        ("02 c3a4 00", "not of a host's domain"),
        ("01 20 00", "not of a host's domain"),
    ],
)
def test_a_list_that_cannot_be_is_refused_with_the_reason(octets: str, reason: str) -> None:
    with pytest.raises(MalformedPacketError, match=f"option 119 .*{reason}"):
        DOMAIN_SEARCH.decode(bytes.fromhex(octets))


@given(NAMES)
def test_what_is_written_is_read_again(names: tuple[str, ...]) -> None:
    assert SEARCH_LIST.decode(SEARCH_LIST.encode(names)) == names


@given(st.binary(max_size=300))
def test_any_octets_end_in_names_or_a_refusal(octets: bytes) -> None:
    with suppress(MalformedPacketError):
        names = SEARCH_LIST.decode(octets)
        assert SEARCH_LIST.decode(SEARCH_LIST.encode(names)) == names


def test_pointers_do_not_make_much_of_little() -> None:
    longest = b"".join(b"\x3f" + b"a" * 63 for _ in range(3)) + b"\0"
    names = SEARCH_LIST.decode(longest + b"\xc0\0" * 600)
    assert len(names) == 601
    assert sum(map(len, names)) < 601 * 254
