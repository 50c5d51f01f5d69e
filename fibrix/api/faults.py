"""Finds everything that is wrong with a value, where msgspec stops at the first thing."""

import difflib
import re
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

import msgspec

from fibrix.errors import Fault

MOST: Final = 50
"""So many faults are told at once."""

_PLACE: Final = re.compile(r"^(?P<what>.*?)(?: - at `.*`)?$", re.DOTALL)


def faults_of(value: object, kind: Any, *, strict: bool = True) -> tuple[Fault, ...]:
    """List what keeps a value (of JSON's types) from being of a kind; at least one thing does."""
    found = tuple(islice(_walk(value, kind, "", strict=strict), MOST))
    return found or (Fault("it does not fit", ""),)


def _walk(value: object, kind: Any, pointer: str, *, strict: bool) -> Iterator[Fault]:
    """Go down as long as what is given has the right shape; what is left is msgspec's to judge."""
    struct = _struct_in(kind)
    if struct is not None and isinstance(value, Mapping):
        yield from _fields(value, struct, pointer, strict=strict)
        return
    item = _item_in(kind)
    if item is not None and isinstance(value, list):
        for index, one in enumerate(value):
            yield from _walk(one, item, f"{pointer}/{index}", strict=strict)
        return
    try:
        msgspec.convert(value, kind, strict=strict)
    except msgspec.ValidationError as exc:
        yield Fault(_words(str(exc)), pointer)


def _fields(
    value: Mapping[str, object], struct: type[msgspec.Struct], pointer: str, *, strict: bool
) -> Iterator[Fault]:
    """Look at the fields that nobody knows (what is mistyped is missing elsewhere), then at each of the struct's."""
    known = {field.encode_name: field for field in msgspec.structs.fields(struct)}
    if struct.__struct_config__.forbid_unknown_fields:
        for name in value:
            if name not in known:
                yield Fault(_meant(name, tuple(known)), f"{pointer}/{_escaped(name)}")
    for name, field in known.items():
        if name in value:
            yield from _walk(value[name], field.type, f"{pointer}/{_escaped(name)}", strict=strict)
        elif field.required:
            yield Fault(f"object missing required field `{name}`", pointer)


def _struct_in(kind: Any) -> type[msgspec.Struct] | None:
    """Find the struct that an object is to be read as."""
    for one in _alternatives(kind):
        if isinstance(one, type) and issubclass(one, msgspec.Struct):
            return one
    return None


def _item_in(kind: Any) -> Any:
    """Find the type of a list's items; None: it is no list, or one of a fixed length."""
    for one in _alternatives(kind):
        origin, arguments = typing.get_origin(one), typing.get_args(one)
        if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:  # noqa: PLR2004 - `tuple[T, ...]`
            return arguments[0]
        if origin in {list, Sequence} or getattr(origin, "__name__", "") == "Sequence":
            return arguments[0]
    return None


def _alternatives(kind: Any) -> tuple[Any, ...]:
    """Take a type apart: without annotations, the members of a union."""
    if typing.get_origin(kind) is typing.Annotated:
        return ()  # it has limits of its own, which msgspec judges as a whole
    if typing.get_origin(kind) in {typing.Union, types.UnionType}:
        return typing.get_args(kind)
    return (kind,)


def _words(message: str) -> str:
    """Take the place out of msgspec's words: the pointer says it."""
    found = _PLACE.match(message)
    what = found["what"] if found else message
    return what[:1].lower() + what[1:]


def _meant(name: str, known: tuple[str, ...]) -> str:
    """Say that a field is unknown, and which one may be meant."""
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f"unknown field {name!r}: did you mean {near[0]!r}?"
    return f"unknown field {name!r}: " + (f"the fields are {', '.join(known)}" if known else "there are none here")


def _escaped(step: str) -> str:
    """Write one step of a JSON pointer (RFC 6901 §3)."""
    return step.replace("~", "~0").replace("/", "~1")
