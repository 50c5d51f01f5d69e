"""Conditions and ranges, by table."""

from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibrix.services.httpboot.choose import Asked, Version, choose

FILE = Version(size=1000, modified_ns=1_700_000_000_123_456_789)
BEFORE, AT, AFTER = (f"Tue, 14 Nov 2023 22:13:{second} GMT" for second in (19, 20, 21))


@pytest.mark.parametrize(
    ("ranges", "spans"),
    [
        ("bytes=0-0", [(0, 1)]),
        ("bytes=0-", [(0, 1000)]),
        ("bytes=999-5000", [(999, 1)]),
        ("bytes=-1", [(999, 1)]),
        ("bytes=-5000", [(0, 1000)]),
        ("BYTES = 1-2 , 4-5,", [(1, 2), (4, 2)]),
        ("bytes=0-9,2000-,-5", [(0, 10), (995, 5)]),
        ("bytes=1000-", []),
        ("bytes=-0", []),
        ("bytes=", None),
        ("bytes=-", None),
        ("bytes=9-1", None),
        ("bytes=a-b", None),
        ("bytes=1-2,x", None),
        ("bytes=\u0661-", None),
        ("lines=0-1", None),
        ("bytes=" + "9" * 5000 + "-", None),
        ("bytes=0-,0-", None),  # more than the whole file
        ("bytes=" + ",".join(f"{n}-{n}" for n in range(17)), None),
    ],
    ids=lambda value: str(value)[:40],
)
def test_ranges_are_read_as_the_rfc_says_and_odd_ones_left_alone(
    ranges: str, spans: list[tuple[int, int]] | None
) -> None:
    chosen = choose(Asked(ranges=ranges), FILE)
    if spans is None:
        assert (chosen.status, chosen.spans) == (HTTPStatus.OK, ((0, 1000),))
    else:
        status = HTTPStatus.PARTIAL_CONTENT if spans else HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
        assert (chosen.status, chosen.spans) == (status, tuple(spans))


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (Asked(), 200),
        (Asked(if_none_match=FILE.etag), 304),
        (Asked(if_none_match=f'"a", W/{FILE.etag}'), 304),
        (Asked(if_none_match="*"), 304),
        (Asked(if_none_match='"other"'), 200),
        (Asked(if_none_match='"other"', if_modified_since=AFTER), 200),
        (Asked(if_modified_since=BEFORE), 200),
        (Asked(if_modified_since=AT), 304),
        (Asked(if_modified_since="yesterday"), 200),
        (Asked(if_match=FILE.etag), 200),
        (Asked(if_match=f"W/{FILE.etag}"), 412),
        (Asked(if_match='"other"', if_none_match=FILE.etag), 412),
        (Asked(if_unmodified_since=BEFORE), 412),
        (Asked(if_unmodified_since=AT), 200),
        (Asked(ranges="bytes=1-2", if_range=FILE.etag), 206),
        (Asked(ranges="bytes=1-2", if_range=f"W/{FILE.etag}"), 200),
        (Asked(ranges="bytes=1-2", if_range='"other"'), 200),
        (Asked(ranges="bytes=1-2", if_range=AT), 206),
        (Asked(ranges="bytes=1-2", if_range=AFTER), 200),
        (Asked(ranges="bytes=1-2", if_range=BEFORE), 200),
        (Asked(ranges="bytes=1-2", if_none_match=FILE.etag), 304),
    ],
    ids=str,
)
def test_conditions_decide_in_the_order_of_the_rfc(asked: Asked, status: int) -> None:
    assert choose(asked, FILE).status == status


texts = st.text('bytes=0123456789-, W/"*', max_size=40) | st.text(max_size=20)


@given(st.builds(Asked, **dict.fromkeys(Asked.__dataclass_fields__, texts)), st.integers(0, 2000))
def test_whatever_is_asked_lies_within_the_file(asked: Asked, size: int) -> None:
    for offset, length in choose(asked, Version(size=size, modified_ns=0)).spans:
        assert 0 <= offset <= offset + length <= size
