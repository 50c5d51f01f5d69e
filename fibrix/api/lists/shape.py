"""What fields a type of items has, and what kind of values: worked out once, from the type alone."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Any, Final

import msgspec
from msgspec import inspect

from fibrix.api.lists.wrong import unknown


class Sort(Enum):
    """What kind of value a field has."""

    TEXT = "text"
    NUMBER = "a number"
    SIZE = "a size"  # in octets: a number whose field is called *_bytes
    FLAG = "true or false"
    TIME = "a time"
    CHOICE = "one of a few names"
    OBJECT = "an object"
    ANY = "anything"


@dataclass(frozen=True, slots=True)
class Shape:
    """One field, or the whole of an item."""

    sort: Sort
    many: bool = False  # a list of such
    fields: Mapping[str, "Field"] = field(default_factory=dict)  # of an object
    others: "Shape | None" = None  # what an object holds under names that nobody knows before
    choices: tuple[str, ...] = ()

    def step(self, name: str) -> "Field | None":
        """Go to a field of an object."""
        found = self.fields.get(name)
        if found is None and self.others is not None:
            return Field(name, self.others)
        return found


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an object: its name in the struct, and its shape."""

    attribute: str
    shape: Shape


@dataclass(frozen=True, slots=True)
class Path:
    """The way to a field: names in the structs; `many` where a list lies on it."""

    name: str
    steps: tuple[str, ...]
    shape: Shape
    many: bool


_ANY: Final = Shape(Sort.ANY)
_SORTS: Final[Mapping[type, Sort]] = {
    inspect.StrType: Sort.TEXT,
    inspect.IntType: Sort.NUMBER,
    inspect.FloatType: Sort.NUMBER,
    inspect.BoolType: Sort.FLAG,
    inspect.DateTimeType: Sort.TIME,
}
_LISTS: Final = (inspect.ListType, inspect.VarTupleType, inspect.SetType, inspect.FrozenSetType)


@cache
def shape_of(kind: type[msgspec.Struct]) -> Shape:
    """Work out the shape of a struct."""
    return _shape(inspect.type_info(kind), "")


def find(parameter: str, name: str, whole: Shape, at: int | None = None) -> Path:
    """Find a field by its dotted name. Raises InvalidError that lists the fields there are."""
    steps: list[str] = []
    shape, many = whole, False
    for word in name.split("."):
        found = shape.step(word) if shape.sort is Sort.OBJECT else None
        if found is None:
            known = shape.fields if shape.sort is Sort.OBJECT else ()
            before = ".".join(name.split(".")[: len(steps)])
            raise unknown(parameter, name, [f"{before}.{each}" if before else each for each in known], at)
        steps.append(found.attribute)
        shape = found.shape
        many = many or shape.many
    return Path(name, tuple(steps), shape, many)


def reach(item: object, steps: tuple[str, ...]) -> Any:
    """Walk to a field where no list lies on the way; None where there is nothing on the way."""
    value: Any = item
    for step in steps:
        if value is None:
            return None
        value = value.get(step) if isinstance(value, dict) else getattr(value, step, None)
    return value


def reach_all(item: object, steps: tuple[str, ...]) -> list[Any]:
    """Walk to a field through lists; gives every value that is there."""
    values: list[Any] = [item]
    for step in steps:
        values = _flat([reach(value, (step,)) for value in values])
    return [value for value in values if value is not None]


def scalar(value: object) -> str | int | float | None:
    """Give a value in the form in which it is compared: time in microseconds, a name for what has one."""
    form = _FORMS.get(type(value))
    if form is not None:
        return form(value)
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, msgspec.Struct):
        return "{}"  # all that is asked of an object is whether it is there
    return str(msgspec.to_builtins(value))


def _same(value: Any) -> Any:
    return value


def _finite(value: float) -> float | None:
    return None if math.isnan(value) else value  # as JSON has it


def _microseconds(value: datetime) -> int:
    return round(value.timestamp() * 1_000_000)


def _decoded(value: msgspec.Raw) -> str | int | float | None:
    return scalar(msgspec.json.decode(value))


_FORMS: Final[Mapping[type, Callable[[Any], str | int | float | None]]] = {
    str: _same,
    int: _same,
    type(None): _same,
    bool: int,
    float: _finite,
    datetime: _microseconds,
    msgspec.Raw: _decoded,
}


def _flat(values: list[Any]) -> list[Any]:
    """Open the lists among values."""
    flat: list[Any] = []
    for value in values:
        if isinstance(value, list | tuple | set | frozenset):
            flat.extend(value)
        else:
            flat.append(value)
    return flat


def _shape(kind: inspect.Type, name: str) -> Shape:
    """Work out the shape of a field."""
    match kind:
        case inspect.Metadata(type=inner):
            return _shape(inner, name)
        case inspect.UnionType(types=types):
            return _either([_shape(one, name) for one in types if not isinstance(one, inspect.NoneType)])
        case inspect.StructType() | inspect.DictType():
            return _object(kind)
        case _ if isinstance(kind, _LISTS):
            return dataclasses.replace(_shape(kind.item_type, name), many=True)
        case _:
            return _plain(kind, name)


def _object(kind: inspect.StructType | inspect.DictType) -> Shape:
    """Work out the shape of what has fields."""
    if isinstance(kind, inspect.DictType):
        return Shape(Sort.OBJECT, others=_shape(kind.value_type, ""))
    fields = {each.encode_name: Field(each.name, _shape(each.type, each.encode_name)) for each in kind.fields}
    return Shape(Sort.OBJECT, fields=fields)


def _plain(kind: inspect.Type, name: str) -> Shape:
    """Work out the shape of a single value."""
    match kind:
        case inspect.EnumType(cls=cls):
            return Shape(Sort.CHOICE, choices=tuple(str(member.value) for member in cls))
        case inspect.LiteralType(values=values):
            return Shape(Sort.CHOICE, choices=tuple(map(str, values)))
        case _:
            sort = _SORTS.get(type(kind), Sort.ANY)
            return Shape(Sort.SIZE if sort is Sort.NUMBER and name.endswith("_bytes") else sort)


def _either(shapes: list[Shape]) -> Shape:
    """Join the alternatives of a union: objects have the fields of all; what differs in kind can be anything."""
    if len(shapes) == 1:
        return shapes[0]
    if shapes and all(shape.sort is Sort.OBJECT and not shape.many for shape in shapes):
        return Shape(Sort.OBJECT, fields={name: found for shape in shapes for name, found in shape.fields.items()})
    return _ANY
