"""The text of a filter: what is written is read, and what is wrong is told with its place."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibrix.api.lists.grammar import Op, Term, Word, parse, write
from fibrix.errors import InvalidError

NAME = st.from_regex(r"\A[A-Za-z_][A-Za-z0-9_-]{0,8}\Z")
STEP = st.from_regex(r"\A[A-Za-z0-9_-]{1,8}\Z")
PATH = st.tuples(NAME, st.lists(STEP, max_size=2)).map(lambda both: (both[0], *both[1]))
BARE = st.text(max_size=12).map(str.strip).filter(lambda t: not set(t) & set(',|"') and t[:1] not in tuple("=!<>~"))
WORD = st.one_of(st.text(max_size=12).map(lambda t: Word(t, quoted=True)), BARE.map(Word))
TERM = st.builds(Term, PATH, st.sampled_from(Op), st.lists(WORD, min_size=1, max_size=3).map(tuple))


@given(st.lists(TERM, max_size=5).map(tuple))
def test_what_is_written_is_read_again(terms: tuple[Term, ...]) -> None:
    assert parse(write(terms)) == terms


@given(st.text(max_size=60) | st.text(alphabet='ab.=!<>~,|"\\ 1', max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(InvalidError):
        assert parse(write(parse(text))) == parse(text)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", ()),
        ("  ", ()),
        ("a=1", (Term(("a",), Op.EQUAL, (Word("1"),)),)),
        ("a=", (Term(("a",), Op.EQUAL, (Word(""),)),)),
        (" a . b=1", None),
        (" a.b >= 1 | 2 , c != x y ", (Term(("a", "b"), Op.AT_LEAST, (Word("1"), Word("2"))),
                                       Term(("c",), Op.UNEQUAL, (Word("x y"),)))),
        (r'a~"x, \"y\" | \\"', (Term(("a",), Op.HAS, (Word(r'x, "y" | \ '.strip(), quoted=True),)),)),
        ("a=b=c", (Term(("a",), Op.EQUAL, (Word("b=c"),)),)),
        ("a=null|\"null\"", (Term(("a",), Op.EQUAL, (Word("null"), Word("null", quoted=True))),)),
    ],
)  # fmt: skip
def test_a_filter_is_taken_apart(text: str, terms: tuple[Term, ...] | None) -> None:
    if terms is None:
        with pytest.raises(InvalidError):
            parse(text)
    else:
        assert parse(text) == terms


@pytest.mark.parametrize(
    ("text", "at", "words"),
    [
        ("name", 5, "one of = !="),
        ("name=a,", 8, "a field's name"),
        (",", 1, "a field's name"),
        ("name=a,=b", 8, "a field's name"),
        ("name==b", 6, "double quotes"),
        ('name="b', 6, "quoted"),
        ('name=b"c"', 7, "quoted"),
        ('name="a"b', 9, "quoted"),
        ('name="a\\x"', 6, "quoted"),
    ],
)
def test_a_wrong_filter_is_refused_with_its_place(text: str, at: int, words: str) -> None:
    with pytest.raises(InvalidError) as refused:
        parse(text)
    assert f"filter: character {at}: " in str(refused.value)
    assert words in str(refused.value)


@pytest.mark.parametrize("text", ["a=" + "x" * 2000, ",".join(["a=1"] * 21)])
def test_a_filter_has_limits(text: str) -> None:
    with pytest.raises(InvalidError, match="the most"):
        parse(text)
