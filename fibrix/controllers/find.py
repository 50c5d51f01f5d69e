"""Finding things by what people call them."""

from typing import TypeVar

from fibrix.controllers.ports import Rows, Thing
from fibrix.errors import NotFoundError

S = TypeVar("S", bound=Thing)


def by_id_or_name(rows: Rows[S], noun: str, key: str) -> S:
    """Find by id, else by name. Raises NotFoundError."""
    try:
        return rows.get(key)
    except NotFoundError:
        found = rows.by_key(key)
    if found is None:
        raise NotFoundError(f"there is no {noun} {key!r}")
    return found
