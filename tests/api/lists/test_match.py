"""What a filter finds."""

from contextlib import suppress
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibrix.api.lists.grammar import parse
from fibrix.api.lists.match import matcher
from fibrix.api.lists.shape import shape_of
from fibrix.errors import InvalidError
from tests.api.lists.thing import NOW, Box, Colour, Disk, Thing

THINGS = (
    Thing(id="a", name="Web-1", count=1, share=0.5, colour=Colour.DEEP_RED, ready=True, since=NOW, tags=("ssd", "new")),
    Thing(id="b", name="web,2", count=2, since=NOW - timedelta(days=2), box=Box(memory_bytes=8 << 30)),
    Thing(
        id="c", name="null", count=-3, share=2, box=Box(memory_bytes=1, disks=(Disk(name="sda", size_bytes=10**12),))
    ),
    Thing(id="d", words={"k": "v"}, values={"n": msgspec.Raw(b"4"), "t": msgspec.Raw(b'"x"')}, renamed="r"),
)


def found(text: str) -> str:
    """The ids of what fits."""
    fits = matcher(parse(text), shape_of(Thing), NOW)
    return "".join(thing.id for thing in THINGS if fits(thing))


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("name=Web-1", "a"),
        ("name=web-1", ""),
        ("name~WEB", "ab"),
        ("name~web|NUL", "abc"),
        ('name="web,2"', "b"),
        ("name!=Web-1", "bcd"),
        ("name!=Web-1|null", "bcd"),
        ("name=", "d"),
        ("name=null", ""),
        ('name="null"', "c"),
        ("name>null", None),
        ('name>"null"', "b"),
        ("count>=1", "ab"),
        ("count<0|>1", None),
        ("count=-3|1", "ac"),
        ("count<1.5", "acd"),
        ("share=0.5", "a"),
        ("share=2", "c"),
        ("colour=deep_red", "a"),
        ("colour=Deep-Red|blue", "abcd"),
        ("colour~RED", "a"),
        ("ready=true", "a"),
        ("ready!=true", "bcd"),
        ("since=2026-01-02T03:04:05Z", "a"),
        ("since=2026-01-02T04:04:05+01:00", "a"),
        ("since<-1d", "b"),
        ("since>=now", "a"),
        ("since<+1w", "ab"),
        ("since=null", "cd"),
        ("since!=null", "ab"),
        ("tags=ssd", "a"),
        ("tags=ssd|hdd", "a"),
        ("tags!=ssd", "bcd"),
        ("tags~S", "a"),
        ("tags=null", "bcd"),
        ("box=null", "ad"),
        ("box!=null", "bc"),
        ("box.memory_bytes>=8GiB", "b"),
        ("box.memory_bytes<8 GB", "c"),
        ("box.memory_bytes=1|8589934592", "bc"),
        ("box.disks.size_bytes=1TB", "c"),
        ("box.disks.size_bytes>0.9TiB", "c"),
        ("box.disks.name=sda,count=-3", "c"),
        ("box.disks=null", "abd"),
        ("words.k=v", "d"),
        ("words.other=null", "abcd"),
        ("values.n>3", "d"),
        ("values.n=4", "d"),
        ("values.t=x", "d"),
        ("values.t>3", ""),
        ("otherName=r", "d"),
        ("name~web,count=2", "b"),
    ],
)
def test_a_filter_finds_what_fits(text: str, ids: str | None) -> None:
    if ids is None:
        with pytest.raises(InvalidError):
            found(text)
    else:
        assert found(text) == ids


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nmae=x", "did you mean 'name'? the fields are box, colour, count"),
        ("renamed=x", "no field 'renamed'"),
        ("box.memory=1", "the fields are box.disks, box.memory_bytes"),
        ("name.x=1", "no field 'name.x'"),
        ("words=x", "words.NAME"),
        ("box=1", "box.memory_bytes"),
        ("box>null", "an object"),
        ("count=x", "'x' is not a number"),
        ("count=1e9", "not a number"),
        ("count=1GiB", "not a number"),
        ("count~1", "not text"),
        ("count>null", "neither more nor less"),
        ("box.memory_bytes=8G", "kB, MB"),
        ("box.memory_bytes=-1", "not a size"),
        ("ready=yes", "neither true nor false"),
        ("ready>false", "no order"),
        ("colour=green", "none of Deep red, Blue"),
        ("colour<Blue", "no order"),
        ("since>2026-01-02", "not a time"),
        ("since>2026-01-02T03:04:05", "not a time"),
        ("since>-999999w", "not a time"),
        ("name=a,since>x", "character 14: 'x'"),
    ],
)
def test_a_filter_that_cannot_be_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(InvalidError) as refused:
        found(text)
    assert words in str(refused.value)


FIELDS = st.sampled_from("name count share colour ready since tags box box.disks.size_bytes words.k values.n".split())
OPS = st.sampled_from("= != < <= > >= ~".split())
VALUES = st.sampled_from("1 -2.5 99999999999999999999 8GiB true null x Blue -1d now 2026-01-02T03:04:05Z".split())


@given(FIELDS, OPS, VALUES | st.text(max_size=5))
def test_any_filter_is_answered_or_refused(field: str, op: str, value: str) -> None:
    with suppress(InvalidError):
        assert set(found(f"{field}{op}{value}")) <= set("abcd")
