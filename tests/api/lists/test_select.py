"""Parts of items, and what a page is besides its items."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from fibrix.api import versions
from fibrix.api.listing import ListQuery, listing
from tests.api.lists.thing import NOW, Box, Disk, Thing, key


def as_read(value: object) -> Any:
    """What a client reads."""
    return msgspec.json.decode(msgspec.json.encode(value))


DISKS = (Disk(name="sda", size_bytes=2), Disk(name="sdb"))
FULL = Thing(
    id="a",
    name="n",
    box=Box(memory_bytes=1, disks=DISKS),
    words={"k": "v"},
)


def items(fields: str, *things: Thing) -> list[Any]:
    """What is given of things."""
    read: list[Any] = msgspec.json.decode(listing(Thing, things, ListQuery(fields=fields), key).value.data)["items"]
    return read


@pytest.mark.parametrize(
    ("fields", "part"),
    [
        ("name", {"name": "n"}),
        (" name , id ", {"name": "n", "id": "a"}),
        ("otherName", {"otherName": ""}),
        ("box.memory_bytes", {"box": {"memory_bytes": 1}}),
        ("box.disks.name,box.memory_bytes", {"box": {"disks": [{"name": "sda"}, {"name": "sdb"}], "memory_bytes": 1}}),
        ("box.disks.name,box.disks.size_bytes", {"box": {"disks": as_read(DISKS)}}),
        ("words.k,words.other", {"words": {"k": "v"}}),
        ("box.memory_bytes,box", {"box": as_read(FULL.box)}),
        ("box,box.memory_bytes", {"box": as_read(FULL.box)}),
    ],
)
def test_only_these_fields_are_given(fields: str, part: dict[str, Any]) -> None:
    assert items(fields, FULL) == [part]


def test_a_part_of_nothing_is_nothing() -> None:
    assert items("box.disks.name", Thing(id="a")) == [{"box": None}]


def test_no_fields_are_all_fields() -> None:
    assert items("", FULL) == [as_read(FULL)]


def test_the_link_leads_to_the_next_page_of_the_same_list() -> None:
    query = ListQuery(sort="name", filter="name~n", limit=1)
    reply = listing(Thing, [FULL, Thing(id="b", name="n2")], query, key)
    reference, relation = reply.headers["Link"].split(";")
    given = parse_qs(urlsplit(reference.strip("<>")).query)
    assert relation.strip() == 'rel="next"'
    assert given == {
        "sort": ["name"],
        "filter": ["name~n"],
        "limit": ["1"],
        "after": [msgspec.json.decode(reply.value.data)["next"]],
    }
    assert "Link" not in listing(Thing, [FULL], query, key).headers


def test_the_tag_of_a_page_changes_with_what_is_in_it_and_only_then() -> None:
    def tag(*things: Thing, limit: int = 2) -> str:
        return listing(Thing, things, ListQuery(limit=limit), key).value.etag

    other = Thing(id="b")
    assert tag(FULL, other) == tag(other, FULL)
    assert tag(FULL, other) != tag(FULL, msgspec.structs.replace(other, since=NOW))
    assert tag(FULL, limit=1) != tag(FULL, other, limit=1), "there is more now"
    assert tag(FULL) != versions.etag_of(b"")
