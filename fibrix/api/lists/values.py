"""The values of a filter, read as what their field holds: numbers, sizes with units, times, names."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Final

import msgspec

from fibrix.api.lists.grammar import Word
from fibrix.api.lists.shape import Shape, Sort, scalar
from fibrix.api.lists.wrong import wrong

Scalar = str | int | float | None

_DECIMAL: Final = "kMGTPE"
_UNITS: Final[Mapping[str, int]] = (
    {"": 1, "B": 1}
    | {f"{letter}B": 1000**power for power, letter in enumerate(_DECIMAL, 1)}
    | {f"{letter.upper()}iB": 1024**power for power, letter in enumerate(_DECIMAL, 1)}
)
_SIZE: Final = re.compile(r"(\d{1,20}(?:\.\d{1,9})?)\s*([A-Za-z]*)")
_NUMBER: Final = re.compile(r"-?\d{1,20}(\.\d{1,20})?")
_RELATIVE: Final = re.compile(r"([+-])(\d{1,6})([smhdw])")
_SPAN: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_FLAGS: Final = {"true": 1, "false": 0}


def read(word: Word, shape: Shape, now: datetime) -> Scalar:
    """Read one value as a field of this shape holds it; None: null. Raises InvalidError."""
    if not word.quoted and word.text == "null":
        return None
    if shape.sort is Sort.TIME:
        return _time(word, now)
    if shape.sort is Sort.CHOICE:
        return _choice(word, shape.choices)
    return _READERS.get(shape.sort, _text)(word)


def _text(word: Word) -> Scalar:
    return word.text


def _number(word: Word) -> Scalar:
    if not _NUMBER.fullmatch(word.text):
        raise wrong("filter", f"{word.text!r} is not a number", word.at)
    return float(word.text) if "." in word.text else int(word.text)


def _size(word: Word) -> Scalar:
    found = _SIZE.fullmatch(word.text)
    if found is None or found[2] not in _UNITS:
        units = ", ".join(unit for unit in _UNITS if unit)
        raise wrong("filter", f"{word.text!r} is not a size: write a number of octets, or one with {units}", word.at)
    return int(Decimal(found[1]) * _UNITS[found[2]])


def _flag(word: Word) -> Scalar:
    if word.text not in _FLAGS:
        raise wrong("filter", f"{word.text!r} is neither true nor false", word.at)
    return _FLAGS[word.text]


def _time(word: Word, now: datetime) -> Scalar:
    """Read a moment: RFC 3339 with its zone, `now`, or so long before or after now."""
    if word.text == "now":
        return scalar(now)
    relative = _RELATIVE.fullmatch(word.text)
    try:
        if relative is not None:
            span = timedelta(**{_SPAN[relative[3]]: int(relative[2])})
            return scalar(now - span if relative[1] == "-" else now + span)
        moment = msgspec.convert(word.text, datetime, strict=False)
        if moment.tzinfo is not None:
            return scalar(moment)
    except (msgspec.ValidationError, OverflowError, ValueError):
        pass
    form = "write 2026-01-02T03:04:05Z, now, or -90m, -12h, -1d, +2w"
    raise wrong("filter", f"{word.text!r} is not a time: {form}", word.at)


def _choice(word: Word, choices: tuple[str, ...]) -> Scalar:
    """Read a name, in any case, with spaces, dashes or underscores between its words."""
    plain = _plain(word.text)
    for choice in choices:
        if _plain(choice) == plain:
            return choice
    raise wrong("filter", f"{word.text!r} is none of {', '.join(choices)}", word.at)


def _anything(word: Word) -> Scalar:
    """Read a value for a field that may hold anything: as a number or a flag where it is written as one."""
    if word.quoted:
        return word.text
    if word.text in _FLAGS:
        return _FLAGS[word.text]
    try:
        return float(Decimal(word.text)) if _NUMBER.fullmatch(word.text) else word.text
    except InvalidOperation:
        return word.text


_READERS: Final[Mapping[Sort, Callable[[Word], Scalar]]] = {
    Sort.NUMBER: _number,
    Sort.SIZE: _size,
    Sort.FLAG: _flag,
    Sort.ANY: _anything,
}


def _plain(name: str) -> str:
    return name.strip().lower().replace("-", " ").replace("_", " ")
