"""Reading a table into structs, field by field: one wrong value does not hide the next."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from pathlib import Path
from types import UnionType
from typing import Any, Final, get_args, get_origin

import msgspec
from msgspec import inspect


@dataclass(frozen=True, slots=True)
class FromEnvironment:
    """A value that an environment variable gives: text, whatever the type of its key."""

    variable: str
    text: str


class _Faulty:
    """Stands for a value that could not be read."""


_FAULTY: Final = _Faulty()


class Reader:
    """Collects faults while it reads. `unsound` names the top-level keys that have any."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.unsound: set[str] = set()

    def fields(self, kind: type[msgspec.Struct], table: Mapping[str, Any], path: str) -> dict[str, Any]:
        """Read the fields of a struct that are there and sound. Unknown and missing keys are faults."""
        known = {field.name: field for field in msgspec.structs.fields(kind)}
        for key in sorted(table.keys() - known.keys()):
            self._fault(f"{path}{key}", f"there is no such key{suggestion(key, known)}")
        values: dict[str, Any] = {}
        for name, field in known.items():
            if name in table:
                value = self._value(field.type, table[name], f"{path}{name}")
                if value is not _FAULTY:
                    values[name] = value
            elif field.required:
                self._fault(f"{path}{name}", "it is missing")
        return values

    def _value(self, annotation: Any, raw: object, path: str) -> Any:
        """Read one value of the type that the annotation names."""
        origin, arguments = get_origin(annotation), get_args(annotation)
        if origin is UnionType:  # a value or none: TOML has no null, so what is there is the value
            return self._value(arguments[0], raw, path)
        if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
            return self._struct(annotation, raw, path)
        if origin is tuple:
            return self._items(arguments[0], raw, path)
        if origin is dict:
            return self._entries(arguments[1], raw, path)
        return self._scalar(annotation, raw, path)

    def _struct(self, kind: type[msgspec.Struct], raw: object, path: str) -> Any:
        """Read a table that is a struct."""
        if not isinstance(raw, dict):
            return self._unexpected(path, raw, "a table")
        before = len(self.faults)
        values = self.fields(kind, raw, f"{path}.")
        return kind(**values) if len(self.faults) == before else _FAULTY

    def _items(self, annotation: Any, raw: object, path: str) -> Any:
        """Read a list; what is wrong with one item does not hide the others."""
        if isinstance(raw, FromEnvironment):
            parts = [part.strip() for part in raw.text.split(",")]
            raw = [FromEnvironment(raw.variable, part) for part in parts if part]
        if not isinstance(raw, list):
            return self._unexpected(path, raw, "a list")
        items = [self._value(annotation, item, f"{path}[{index}]") for index, item in enumerate(raw)]
        return tuple(item for item in items if item is not _FAULTY)

    def _entries(self, annotation: Any, raw: object, path: str) -> Any:
        """Read a table whose keys are free."""
        if not isinstance(raw, dict):
            return self._unexpected(path, raw, "a table")
        entries = {key: self._value(annotation, item, f"{path}.{key}") for key, item in raw.items()}
        return {key: value for key, value in entries.items() if value is not _FAULTY}

    def _scalar(self, annotation: Any, raw: object, path: str) -> Any:
        """Read a number, a text, an address or a path."""
        given = raw.text if isinstance(raw, FromEnvironment) else raw
        strict = not isinstance(raw, FromEnvironment)
        try:
            return msgspec.convert(given, annotation, strict=strict, dec_hook=_decode)
        except msgspec.ValidationError:
            return self._unexpected(path, raw, _expected(inspect.type_info(annotation)))

    def _unexpected(self, path: str, raw: object, expected: str) -> _Faulty:
        """Note a value of the wrong kind, under the name by which it was given."""
        if isinstance(raw, FromEnvironment):
            self._fault(path, f"expected {expected}, not {raw.text!r}", name=raw.variable)
        else:
            self._fault(path, f"expected {expected}, not {raw!r}")
        return _FAULTY

    def _fault(self, path: str, what: str, *, name: str = "") -> None:
        """Note a fault and what it makes unsound."""
        self.faults.append(f"{name or path}: {what}")
        self.unsound.add(path.partition(".")[0].partition("[")[0])


def suggestion(word: str, known: Mapping[str, object]) -> str:
    """Name the key that was probably meant, if one is near."""
    near = get_close_matches(word, known, n=1, cutoff=0.7)
    return f"; did you mean {near[0]}?" if near else f" (there are: {', '.join(known)})"


_CUSTOM: Final[Mapping[type, str]] = {
    IPv4Address: "an IPv4 address, as 192.168.1.1",
    IPv4Interface: "an IPv4 address with its prefix length, as 192.168.1.1/24",
    IPv4Network: "a network, as 192.168.1.0/24",
    Path: "a path",
}


def _decode(kind: type, raw: object) -> object:
    """Read what TOML has no type for. ValueError becomes msgspec's ValidationError."""
    if kind not in _CUSTOM or not isinstance(raw, str) or (kind is IPv4Interface and "/" not in raw):
        raise ValueError
    made: object = kind(raw)
    return made


def _expected(info: inspect.Type) -> str:
    """Say in words what a type accepts."""
    match info:
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType() | inspect.FloatType():
            return f"a {'whole ' if isinstance(info, inspect.IntType) else ''}number{_limits(info)}"
        case inspect.LiteralType():
            return " or ".join(f'"{value}"' for value in info.values)
        case inspect.CustomType():
            return _CUSTOM[info.cls]
        case inspect.StrType():
            most = "" if info.max_length is None else f", of at most {info.max_length} characters"
            return f"text that is not empty{most}" if info.min_length else "text"
        case _:
            raise AssertionError(f"the configuration has a {type(info).__name__}, which has no words yet")


def _limits(info: inspect.IntType | inspect.FloatType) -> str:
    """Say the bounds of a number."""
    if info.ge is not None and info.le is not None:
        return f" from {info.ge} to {info.le}"
    if info.gt is not None:
        return f" above {info.gt:g}"
    return f" of at least {info.ge:g}" if info.ge is not None else ""
