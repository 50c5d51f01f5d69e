"""Request bodies and queries into values; faults into words that say where and what to do, all of them at once."""

from collections.abc import Mapping
from typing import TypeVar

import msgspec
from multidict import MultiMapping

from fibrix.api.faults import faults_of
from fibrix.api.problems import NotJsonError
from fibrix.errors import InvalidError

S = TypeVar("S", bound=msgspec.Struct)


def body(data: bytes, kind: type[S]) -> S:
    """Read a request body; none at all stands for `{}`. Raises NotJsonError, InvalidError with every fault."""
    try:
        return msgspec.json.decode(data or b"{}", type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _refusal(_json(data), kind) from None


def _json(data: bytes) -> object:
    """Read JSON of any shape: what is wrong with the shape is looked at once it is JSON at all. Raises NotJsonError."""
    try:
        return msgspec.json.decode(data or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise NotJsonError(f"the body is not JSON: {exc}") from exc


def joined(parameters: MultiMapping[str]) -> dict[str, str]:
    """Read the parameters of a query; one that is repeated counts as a list with commas."""
    return {name: ",".join(parameters.getall(name)) for name in parameters}


def query(given: Mapping[str, str], kind: type[S]) -> S:
    """Read the parameters of a query. Raises InvalidError."""
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError:
        fault = _refusal(given, kind, strict=False)
        raise InvalidError(f"query parameter {fault.pointer.removeprefix('/')}: {fault}", faults=fault.faults) from None


def flag(parameters: dict[str, str], name: str) -> bool:
    """Take a yes or no out of the parameters of a query. Raises InvalidError."""
    word = parameters.pop(name, "false")
    if word not in {"true", "false"}:
        raise InvalidError(f"query parameter {name}: write true or false", pointer=f"/{name}")
    return word == "true"


def _refusal(value: object, kind: type[msgspec.Struct], *, strict: bool = True) -> InvalidError:
    """Say all that is wrong with a value."""
    found = faults_of(value, kind, strict=strict)
    first = found[0].detail
    return InvalidError(first if len(found) == 1 else f"{first} (and {len(found) - 1} more: see faults)", faults=found)
