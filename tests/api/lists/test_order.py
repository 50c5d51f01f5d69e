"""Lists in order, page by page: nothing is missed and nothing comes twice, whatever happens between two pages."""

import base64
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibrix.api.listing import ListQuery, listing
from fibrix.api.lists.order import Order
from fibrix.api.lists.shape import shape_of
from fibrix.errors import InvalidError
from tests.api.lists.thing import NOW, Box, Colour, Thing, key

SORTS = ("", "name", "-name", "count,-name", "-box.memory_bytes", "box.memory_bytes,-count", "-values.x,since", "ready")

THING = st.builds(
    Thing,
    id=st.uuids().map(str),
    name=st.text(max_size=3) | st.just("x" * 150) | st.just("x" * 150 + "y"),
    count=st.integers(-2, 2),
    ready=st.booleans(),
    colour=st.sampled_from(Colour),
    since=st.none() | st.just(NOW),
    box=st.none() | st.builds(Box, memory_bytes=st.integers(0, 3)),
    values=st.dictionaries(
        st.just("x"), st.sampled_from([msgspec.Raw(b"1"), msgspec.Raw(b'"a"'), msgspec.Raw(b"null")])
    ),
)
THINGS = st.lists(THING, max_size=25, unique_by=key)


def page(things: list[Thing], **query: Any) -> dict[str, Any]:
    """One page, as a client reads it."""
    read: dict[str, Any] = msgspec.json.decode(listing(Thing, things, ListQuery(**query), key).value.data)
    return read


def walk(things: list[Thing], sort: str, limit: int) -> list[str]:
    """All pages."""
    ids: list[str] = []
    after = ""
    while True:
        got = page(things, sort=sort, limit=limit, after=after)
        assert len(got["items"]) <= limit
        ids += [item["id"] for item in got["items"]]
        after = got["next"]
        if not after:
            return ids


@given(THINGS, st.sampled_from(SORTS), st.integers(1, 7))
def test_pages_put_together_are_the_list(things: list[Thing], sort: str, limit: int) -> None:
    order = Order(sort, shape_of(Thing), key)
    assert walk(things, sort, limit) == [thing.id for thing in order.put(things)]
    assert sorted(walk(things, sort, limit)) == sorted(thing.id for thing in things)


@given(THINGS, st.sampled_from(SORTS), st.integers(1, 7), st.data())
def test_what_stays_comes_once_whatever_is_deleted_or_changed(
    things: list[Thing], sort: str, limit: int, data: st.DataObject
) -> None:
    first = page(things, sort=sort, limit=limit)
    gone = {item["id"] for item in first["items"]}
    changed = data.draw(st.booleans())
    left = [thing for thing in things if thing.id not in gone]
    if changed:  # of what was given already; that may be given again under its new place, but nothing else is lost
        left += [Thing(id=each, name="changed", count=9) for each in gone]
    if first["next"]:
        rest = walk_from(left, sort, limit, first["next"])
        assert [each for each in rest if each not in gone] == [
            each for each in walk(things, sort, 100) if each not in gone
        ]
        assert len(rest) == len(set(rest))


def walk_from(things: list[Thing], sort: str, limit: int, after: str) -> list[str]:
    """All pages after a cursor."""
    ids: list[str] = []
    while after:
        got = page(things, sort=sort, limit=limit, after=after)
        ids += [item["id"] for item in got["items"]]
        after = got["next"]
    return ids


@pytest.mark.parametrize(
    ("sort", "ids"), [("since", "cab"), ("-since", "cab"), ("since,-name", "cab"), ("-since,name", "cba")]
)
def test_null_comes_last_both_ways(sort: str, ids: str) -> None:
    things = [Thing(id="a", name="y"), Thing(id="b", name="x"), Thing(id="c", name="z", since=NOW)]
    assert "".join(item["id"] for item in page(things, sort=sort)["items"]) == ids


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"sort": "nmae"}, "did you mean 'name'"),
        ({"sort": "tags"}, "in a list"),
        ({"sort": "box"}, "box.memory_bytes"),
        ({"sort": "words"}, "words.NAME"),
        ({"sort": "a,b,c,d,e"}, "the most"),
        ({"fields": "nmae"}, "did you mean 'name'"),
        ({"fields": "name.x"}, "no field 'name.x'"),
        ({"fields": ",".join(["name"] * 51)}, "the most"),
        ({"after": "!"}, "as it is"),
        ({"after": "é"}, "as it is"),
        ({"after": "A"}, "as it is"),
        ({"after": "W10"}, "as it is"),
        ({"after": "x" * 5000}, "too long"),
    ],
)
def test_a_wrong_query_is_refused_in_words(query: dict[str, str], words: str) -> None:
    with pytest.raises(InvalidError, match=words):
        page([], **query)


def test_a_cursor_of_another_order_is_refused() -> None:
    things = [Thing(id="a"), Thing(id="b")]
    cursor = page(things, sort="name", limit=1)["next"]
    with pytest.raises(InvalidError, match="another order"):
        page(things, sort="-name", limit=1, after=cursor)


@given(st.sampled_from(SORTS), st.binary(max_size=40) | st.sampled_from([b'["name",[1],"a"]', b'["name",[null],"a"]']))
def test_any_cursor_is_taken_or_refused(sort: str, data: bytes) -> None:
    things = [Thing(id="a", name="n"), Thing(id="b", since=NOW)]
    with suppress(InvalidError):
        page(things, sort=sort, after=base64.urlsafe_b64encode(data).decode())


def test_a_cursor_fits_into_a_url() -> None:
    things = [Thing(id=each, name="\N{GRINNING FACE}" * 5000) for each in "ab"]
    assert len(page(things, sort="name,-name,name,-name", limit=1)["next"]) < 4000
