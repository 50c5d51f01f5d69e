"""Lists, whole or page by page."""

from collections.abc import Sequence
from typing import Annotated, Generic, TypeVar

import msgspec

from fibrix.domain.machine import Machine
from fibrix.errors import InvalidError

T = TypeVar("T")

Limit = Annotated[int, msgspec.Meta(ge=1, le=10_000)]
"""How many at most."""


class Items(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """A list, whole."""

    items: Sequence[T]


class Page(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """A part of a list; `next` goes into the query's `after` to get what follows. Empty: this is the end."""

    items: Sequence[T]
    next: str


def page(machines: Sequence[Machine], after: str, limit: int) -> tuple[Sequence[Machine], str]:
    """Cut a page out of machines that are ordered by age; gives the next cursor too. Raises InvalidError.

    The cursor holds the age, not only the id, so that it stays good when its machine is deleted.
    """
    start = _parse(after) if after else (0, "")
    rest = [machine for machine in machines if _place(machine) > start]
    shown = rest[:limit]
    return shown, _cursor(shown[-1]) if len(rest) > limit else ""


def _place(machine: Machine) -> tuple[int, str]:
    return int(machine.created_at.timestamp() * 1_000_000), machine.id


def _cursor(machine: Machine) -> str:
    moment, key = _place(machine)
    return f"{moment}-{key}"


def _parse(cursor: str) -> tuple[int, str]:
    moment, dash, key = cursor.partition("-")
    if not moment.isdecimal() or not dash:
        raise InvalidError("query parameter after: give the `next` of the page before, as it is", pointer="/after")
    return int(moment), key
