"""Items of every kind of field, to make lists of."""

from datetime import UTC, datetime
from enum import Enum

import msgspec

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Colour(Enum):
    """A few names."""

    DEEP_RED = "Deep red"
    BLUE = "Blue"


class Disk(msgspec.Struct, frozen=True, kw_only=True):
    """An object in a list."""

    name: str
    size_bytes: int = 0


class Box(msgspec.Struct, frozen=True, kw_only=True):
    """An object in an object."""

    memory_bytes: int = 0
    disks: tuple[Disk, ...] = ()


class Thing(msgspec.Struct, frozen=True, kw_only=True):
    """One item."""

    id: str
    name: str = ""
    count: int = 0
    share: float = 0.0
    colour: Colour = Colour.BLUE
    ready: bool = False
    since: datetime | None = None
    tags: tuple[str, ...] = ()
    box: Box | None = None
    words: dict[str, str] = {}
    values: dict[str, msgspec.Raw] = {}
    renamed: str = msgspec.field(default="", name="otherName")


def key(thing: Thing) -> str:
    """What no two things have in common."""
    return thing.id
