"""The order of a list, and the places in it that its pages begin after."""

import base64
import binascii
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import msgspec

from fibrix.api.lists.shape import Path, Shape, Sort, find, reach, scalar
from fibrix.api.lists.wrong import wrong

T = TypeVar("T")

TERMS: Final = 4
TEXT: Final = 100
"""Texts are put in order by so many of their first characters, so that a cursor fits into a URL."""

_CURSOR_CHARACTERS: Final = 4000


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """A place in a list: the values by which its last item was put in order, so that it stays good without the item."""

    sort: str
    values: tuple[int | float | str | None, ...]
    key: str


class _Down:
    """A value, where less is more."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __lt__(self, other: "_Down") -> bool:
        return bool(other.value < self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Down) and bool(other.value == self.value)

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class _By:
    """One field that a list is put in order by."""

    path: Path
    down: bool

    def value(self, item: object) -> int | float | str | None:
        """What the item is compared by."""
        found = scalar(reach(item, self.path.steps))
        return found[:TEXT] if isinstance(found, str) else found


class Order(Generic[T]):
    """By some fields, and where these are the same, by the key, which is an item's own. Null comes last, always."""

    def __init__(self, text: str, shape: Shape, key: Callable[[T], str]) -> None:
        """Read `name,-since`. Raises InvalidError."""
        words = [word.strip() for word in text.split(",") if word.strip()]
        if len(words) > TERMS:
            raise wrong("sort", f"it has {len(words)} fields: {TERMS} are the most")
        self._by = [_by(word, shape) for word in words]
        self._text = ",".join(words)
        self._key = key

    def put(self, items: Sequence[T]) -> list[T]:
        """Put items in order."""
        return [items[number] for number in self.arrange([self.weigh(item) for item in items])]

    def weigh(self, item: T) -> tuple[Any, ...]:
        """Give what an item is put in order by: a weight for each field, and the key."""
        return (*(_weight(by, by.value(item)) for by in self._by), self._key(item))

    def arrange(self, weights: Sequence[tuple[Any, ...]]) -> list[int]:
        """Put weights in order; gives the number of each. By the last one first: sorting keeps what was before."""
        numbers = list(range(len(weights)))
        for field in reversed(range(len(self._by) + 1)):
            column = [weight[field] for weight in weights]
            down = field < len(self._by) and self._by[field].down
            numbers.sort(key=column.__getitem__, reverse=down)
        return numbers

    def place(self, item: T) -> tuple[Any, ...]:
        """Give what can be compared with the places of other items."""
        return self._place([by.value(item) for by in self._by], self._key(item))

    def rest(self, ordered: Sequence[Any], after: str, item: Callable[[Any], T]) -> int:
        """Find where what follows a cursor begins; `item` gives the item for a member. Raises InvalidError."""
        place = self.begin(after)
        return 0 if place is None else bisect_right(ordered, place, key=lambda each: self.place(item(each)))

    def begin(self, after: str) -> tuple[Any, ...] | None:
        """Give the place that a cursor names, to compare with those of items. None: none. Raises InvalidError."""
        if not after:
            return None
        cursor = self._read(after)
        return self._place(cursor.values, cursor.key)

    @property
    def by_key(self) -> bool:
        """Whether the key alone is the order."""
        return not self._by

    def cursor(self, item: T) -> str:
        """Name the place of an item."""
        made = Cursor(self._text, tuple(by.value(item) for by in self._by), self._key(item))
        return base64.urlsafe_b64encode(msgspec.json.encode(made)).rstrip(b"=").decode()

    def _place(self, values: Sequence[Any], key: str) -> tuple[Any, ...]:
        return (*map(_placed, self._by, values), key)

    def _read(self, text: str) -> Cursor:
        """Read a cursor. Raises InvalidError."""
        try:
            if len(text) > _CURSOR_CHARACTERS:
                raise wrong("after", "it is too long for a cursor: give the `next` of the page before, as it is")
            data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            cursor = msgspec.json.decode(data, type=Cursor)
        except (binascii.Error, ValueError) as exc:  # msgspec's errors and those of UTF-8 are ValueErrors
            raise wrong("after", "give the `next` of the page before, as it is") from exc
        if cursor.sort != self._text or len(cursor.values) != len(self._by):
            raise wrong(
                "after", "this cursor is of a list in another order: keep `sort`, or begin anew without `after`"
            )
        return cursor


def _by(word: str, shape: Shape) -> _By:
    """Read one field of a sort. Raises InvalidError."""
    down = word.startswith("-")
    path = find("sort", word.removeprefix("-"), shape)
    if path.many:
        raise wrong("sort", f"{path.name!r} is in a list, and has no one value to put items in order by")
    if path.shape.sort is Sort.OBJECT:
        parts = ", ".join(f"{path.name}.{name}" for name in path.shape.fields)
        raise wrong("sort", f"{path.name!r} is an object: name a part of it: {parts or path.name + '.NAME'}")
    return _By(path, down)


def _ranked(value: Any) -> tuple[int, Any]:
    """Numbers before texts: any two can be compared."""
    return (isinstance(value, str), value)


def _weight(by: _By, value: Any) -> tuple[Any, ...]:
    """Give what a value is sorted by; backwards, null is the least, so that it comes last as well."""
    return (not by.down,) if value is None else (by.down, _ranked(value))


def _placed(by: _By, value: Any) -> tuple[Any, ...]:
    """Give the same for a single comparison, where nothing can be turned round afterwards."""
    if value is None:
        return (True,)
    return (False, _Down(_ranked(value)) if by.down else _ranked(value))
