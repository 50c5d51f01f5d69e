"""Strangers' texts come out printable and short."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibrix.wire.text import text


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (b"", ""),
        (b"plain", "plain"),
        (b" ends \0", "ends"),
        (b"zero\0filled\0\0", "zero"),
        ("Büro 楼".encode(), "Büro 楼"),
        (b"Cisco IOS\r\nVersion 12.2 \t (44)", "Cisco IOS Version 12.2 (44)"),
        (b"\x1b[31mred", "\N{REPLACEMENT CHARACTER}[31mred"),
        (b"\xff\xfe", "\N{REPLACEMENT CHARACTER}" * 2),
        ("turned\u202earound".encode(), "turned\N{REPLACEMENT CHARACTER}around"),
    ],
)
def test_a_text_is_one_printable_line(octets: bytes, words: str) -> None:
    assert text(octets) == words


@given(st.binary(max_size=600) | st.text(max_size=300).map(str.encode), st.integers(1, 300))
def test_any_octets_become_something_short(octets: bytes, longest: int) -> None:
    words = text(octets, longest)
    assert words.isprintable()
    assert len(words) <= longest
    assert text(words.encode(), longest) == words
