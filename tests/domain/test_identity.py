"""Names, ids and UUIDs."""

import random

import pytest

from fibrix.domain.identity import sane_uuid
from fibrix.domain.names import check_host_name, opaque_id, two_words
from fibrix.errors import InvalidError
from fibrix.types import parse_mac


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4C4C4544-0037-3010-8054-B7C04F4A354A", "4c4c4544-0037-3010-8054-b7c04f4a354a"),
        ("00000000-0000-0000-0000-000000000000", ""),
        ("FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF", ""),
        ("03000200-0400-0500-0006-000700080009", ""),
        ("Not Settable", ""),
    ],
)
def test_a_uuid_that_many_boards_share_is_no_identity(text: str, expected: str) -> None:
    assert sane_uuid(text) == expected


def test_ids_and_names_are_drawn_from_chance_alone() -> None:
    draw = random.Random(7).randrange
    made = opaque_id("m", draw)
    assert len(made) == 10
    assert made[0] == "m"
    assert check_host_name(two_words(draw))


@pytest.mark.parametrize("name", ["", "-a", "a-", "A", "a.b", "a" * 64, "ä"])
def test_what_cannot_be_a_host_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidError, match="cannot be a host name"):
        check_host_name(name)


@pytest.mark.parametrize("text", ["52:54:00:77:00:01", "52-54-00-77-00-01", "5254.0077.0001", " 525400770001 "])
def test_a_mac_is_read_however_people_write_it(text: str) -> None:
    assert parse_mac(text) == "52:54:00:77:00:01"


@pytest.mark.parametrize("text", ["", "52:54:00:77:00", "52:54:00:77:00:0g", "52:54:00:77:00:01:02"])
def test_what_is_no_mac_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InvalidError, match="write it as"):
        parse_mac(text)
