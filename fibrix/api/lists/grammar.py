r"""The text of a filter, taken apart and put together again: `state=Ready|Deployed,hardware.memory_bytes>=64GiB`.

    filter = term *( "," term )                 all terms must hold
    term   = field op value *( "|" value )      one of the values is enough
    field  = name *( "." name )
    op     = "=" / "!=" / "<" / "<=" / ">" / ">=" / "~"
    value  = quoted / bare
    quoted = %x22 *( any but %x22 and "\" / "\" %x22 / "\\" ) %x22
    bare   = *( any but "," "|" and %x22 )      not beginning with a character of an op

Spaces around fields, ops and values do not count. A repeated parameter is the same as one with a comma between.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from fibrix.api.lists.wrong import wrong

CHARACTERS: Final = 2000
TERMS: Final = 20

_FIELD: Final = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*)\s*")
_OP: Final = re.compile(r"!=|<=|>=|=|<|>|~")
_QUOTED: Final = re.compile(r'\s*"((?:[^"\\]|\\["\\])*)"\s*')
_BARE: Final = re.compile(r'[^,|"]*')
_ESCAPED: Final = re.compile(r"\\(.)")
_OP_CHARACTERS: Final = frozenset("=!<>~")


class Op(Enum):
    """How a field and a value are compared."""

    EQUAL = "="
    UNEQUAL = "!="
    LESS = "<"
    AT_MOST = "<="
    MORE = ">"
    AT_LEAST = ">="
    HAS = "~"


@dataclass(frozen=True, slots=True)
class Word:
    """One value as it was written. A quoted one is always text: `"null"` is four letters, `null` is nothing."""

    text: str
    quoted: bool = False
    at: int = field(default=0, compare=False)  # where in the filter, from 0


@dataclass(frozen=True, slots=True)
class Term:
    """One condition."""

    path: tuple[str, ...]
    op: Op
    words: tuple[Word, ...]
    at: int = field(default=0, compare=False)

    @property
    def name(self) -> str:
        """The field, as it is written."""
        return ".".join(self.path)


def parse(text: str) -> tuple[Term, ...]:
    """Take a filter apart; an empty one has no terms. Raises InvalidError that says what is wrong and where."""
    if not text.strip():
        return ()
    if len(text) > CHARACTERS:
        raise wrong("filter", f"it has {len(text)} characters: {CHARACTERS} are the most")
    terms, at = [], 0
    while True:
        term, at = _term(text, at)
        terms.append(term)
        if at == len(text):
            break
        at += 1  # the comma
    if len(terms) > TERMS:
        raise wrong("filter", f"it has {len(terms)} terms: {TERMS} are the most")
    return tuple(terms)


def write(terms: Iterable[Term]) -> str:
    """Put a filter together, so that `parse` gives the same terms."""
    return ",".join(f"{term.name}{term.op.value}{'|'.join(map(_written, term.words))}" for term in terms)


def _term(text: str, at: int) -> tuple[Term, int]:
    """Read one term; gives where it ends: at a comma, or at the end."""
    found = _FIELD.match(text, at)
    if found is None:
        raise wrong("filter", "a field's name belongs here", at)
    op = _OP.match(text, found.end())
    if op is None:
        raise wrong("filter", f"after {found[1]!r} belongs one of = != < <= > >= ~", found.end())
    words, end = [], op.end()
    while True:
        word, end = _word(text, end)
        words.append(word)
        if text[end : end + 1] != "|":
            break
        end += 1
    return Term(tuple(found[1].split(".")), Op(op[0]), tuple(words), found.start(1)), end


def _word(text: str, at: int) -> tuple[Word, int]:
    """Read one value; gives where it ends: at a comma, a bar, or the end."""
    quoted = _QUOTED.match(text, at)
    if quoted is not None:
        word, end = Word(_ESCAPED.sub(r"\1", quoted[1]), True, quoted.start(1)), quoted.end()  # noqa: FBT003
    else:
        bare = _BARE.match(text, at)
        assert bare is not None  # noqa: S101 - it matches the empty text too
        plain = bare[0].strip()
        word, end = Word(plain, at=at), bare.end()
        if plain[:1] in _OP_CHARACTERS and plain:
            raise wrong("filter", f"a value that begins with {plain[0]!r} goes into double quotes", at)
    if end < len(text) and text[end] not in ",|":
        raise wrong("filter", 'a quoted value ends with " and then comes a comma, a | or the end', end)
    return word, end


def _written(word: Word) -> str:
    """Write one value."""
    if not word.quoted:
        return word.text
    escaped = word.text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
