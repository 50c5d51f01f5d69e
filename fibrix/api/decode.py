"""Request bodies and queries into values; faults into words that say where and what to do."""

import difflib
import re
from typing import Any, Final, TypeVar

import msgspec
from multidict import MultiMapping

from fibrix.errors import InvalidError

S = TypeVar("S", bound=msgspec.Struct)

_PLACE: Final = re.compile(r"^(?P<what>.*?)(?: - at `\$(?P<place>.*)`)?$", re.DOTALL)
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(?P<name>.*)`")
_STEP: Final = re.compile(r"\.([^.\[]+)|\[(\d+)\]")


class NotJsonError(InvalidError):
    """The body is not JSON at all; API status 400."""


def body(data: bytes, kind: type[S]) -> S:
    """Read a request body; none at all stands for `{}`. Raises NotJsonError, InvalidError with a pointer."""
    try:
        return msgspec.json.decode(data or b"{}", type=kind)
    except msgspec.ValidationError as exc:
        raise _explained(str(exc), kind) from exc
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise NotJsonError(f"the body is not JSON: {exc}") from exc


def query(parameters: MultiMapping[str], kind: type[S]) -> S:
    """Read the parameters of a query; one that is repeated counts as a list with commas. Raises InvalidError."""
    given = {name: ",".join(parameters.getall(name)) for name in parameters}
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as exc:
        fault = _explained(str(exc), kind)
        raise InvalidError(f"query parameter {fault.pointer.removeprefix('/')}: {fault}") from exc


def _explained(message: str, kind: type[msgspec.Struct]) -> InvalidError:
    """Turn msgspec's words into ours: a JSON pointer (RFC 6901) and, for an unknown field, the one that was meant."""
    found = _PLACE.match(message)
    what, place = (found["what"], found["place"] or "") if found else (message, "")
    steps = [name or index for name, index in _STEP.findall(place)]
    unknown = _UNKNOWN.fullmatch(what)
    if unknown:
        what = _meant(unknown["name"], _fields_at(kind, steps))
        steps.append(unknown["name"])
    pointer = "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)
    return InvalidError(what[:1].lower() + what[1:], pointer=pointer)


def _meant(name: str, known: tuple[str, ...]) -> str:
    """Say that a field is unknown, and which one may be meant."""
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f"unknown field {name!r}: did you mean {near[0]!r}?"
    return f"unknown field {name!r}: " + (f"the fields are {', '.join(known)}" if known else "there are none here")


def _fields_at(kind: Any, steps: list[str]) -> tuple[str, ...]:
    """Name the fields of the struct that a path leads to."""
    node: Any = msgspec.inspect.type_info(kind)
    for step in steps:
        node = _child(node, step)
    return tuple(f.encode_name for f in getattr(node, "fields", ()))


def _child(node: Any, step: str) -> Any:
    """Go one step down in msgspec's description of a type; for a union, into its struct."""
    child = next((f.type for f in getattr(node, "fields", ()) if f.encode_name == step), None)
    if child is None:
        child = getattr(node, "item_type", getattr(node, "value_type", None))
    if isinstance(child, msgspec.inspect.UnionType):
        child = next((t for t in child.types if isinstance(t, msgspec.inspect.StructType)), None)
    return child
