"""A filter that was read, against items: what fits."""

import operator
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from fibrix.api.lists.grammar import Op, Term
from fibrix.api.lists.shape import Path, Shape, Sort, find, reach, reach_all, scalar
from fibrix.api.lists.values import Scalar, read
from fibrix.api.lists.wrong import wrong

Fits = Callable[[Any], bool]

_ORDER: Final[Mapping[Op, Callable[[Any, Any], bool]]] = {
    Op.LESS: operator.lt,
    Op.AT_MOST: operator.le,
    Op.MORE: operator.gt,
    Op.AT_LEAST: operator.ge,
}
_NO_ORDER: Final = frozenset({Sort.FLAG, Sort.CHOICE})
_WITH_TEXT: Final = frozenset({Sort.TEXT, Sort.CHOICE, Sort.ANY})


def matcher(terms: Sequence[Term], shape: Shape, now: datetime) -> Fits:
    """Make the test that an item must pass: all terms hold. Raises InvalidError for a field or value that cannot be."""
    tests = [_test(term, shape, now) for term in terms]
    if len(tests) == 1:
        return tests[0]
    return lambda item: all(test(item) for test in tests)


def _test(term: Term, whole: Shape, now: datetime) -> Fits:
    """Make the test of one term."""
    path = find("filter", term.name, whole, term.at)
    one = _one(term, path, now)
    steps = path.steps
    if term.op is Op.UNEQUAL:
        equal = _any_of(one, steps, many=path.many)
        return lambda item: not equal(item)
    return _any_of(one, steps, many=path.many)


def _any_of(one: Callable[[Scalar], bool], steps: tuple[str, ...], *, many: bool) -> Fits:
    """Test a field's value; of a list, one fitting member is enough, and an empty one counts as null."""
    if not many:
        return lambda item: one(scalar(reach(item, steps)))

    def test(item: Any) -> bool:
        values = reach_all(item, steps) or (None,)
        return any(one(scalar(value)) for value in values)

    return test


def _one(term: Term, path: Path, now: datetime) -> Callable[[Scalar], bool]:
    """Make the test of one value. Raises InvalidError."""
    _check(term, path)
    if term.op is Op.HAS:
        return _has([word.text.casefold() for word in term.words])
    wanted = [read(word, path.shape, now) for word in term.words]
    if term.op in {Op.EQUAL, Op.UNEQUAL}:
        return frozenset(wanted).__contains__
    if None in wanted:
        raise wrong("filter", f"null is neither more nor less than anything: {term.name}=null", term.at)
    return _ordered(_ORDER[term.op], wanted)


def _check(term: Term, path: Path) -> None:
    """Refuse what a field cannot be asked. Raises InvalidError."""
    sort = path.shape.sort
    if sort is Sort.OBJECT:
        parts = ", ".join(f"{term.name}.{name}" for name in path.shape.fields) or f"{term.name}.NAME"
        if term.op not in {Op.EQUAL, Op.UNEQUAL} or any(word.quoted or word.text != "null" for word in term.words):
            raise wrong(
                "filter", f"{term.name!r} is an object: compare it with null, or a part of it: {parts}", term.at
            )
    elif term.op in _ORDER and sort in _NO_ORDER:
        raise wrong("filter", f"{term.name!r} is {sort.value}, which has no order: use = or !=", term.at)
    elif term.op is Op.HAS and sort not in _WITH_TEXT:
        raise wrong("filter", f"{term.name!r} is {sort.value}, not text: ~ is for text", term.at)


def _has(parts: list[str]) -> Callable[[Scalar], bool]:
    """Look for text in text, whatever the case."""

    def has(value: Scalar) -> bool:
        text = value.casefold() if isinstance(value, str) else "" if value is None else str(value)
        return value is not None and any(part in text for part in parts)

    return has


def _ordered(compare: Callable[[Any, Any], bool], wanted: list[Scalar]) -> Callable[[Scalar], bool]:
    """Compare numbers with numbers and text with text; null is in no order with anything."""

    def ordered(value: Scalar) -> bool:
        if value is None:
            return False
        textual = isinstance(value, str)
        return any(isinstance(each, str) == textual and compare(value, each) for each in wanted)

    return ordered
