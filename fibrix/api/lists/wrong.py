"""What a bad parameter of a list is told."""

import difflib
from collections.abc import Iterable

from fibrix.errors import InvalidError


def wrong(parameter: str, what: str, at: int | None = None) -> InvalidError:
    """Make the error: which parameter, where in it (from 0; told from 1), what is wrong."""
    where = "" if at is None else f"character {at + 1}: "
    return InvalidError(f"query parameter {parameter}: {where}{what}", pointer=f"/{parameter}")


def unknown(parameter: str, name: str, known: Iterable[str], at: int | None = None) -> InvalidError:
    """Make the error for a field that the caller does not see: which ones there are."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    meant = f"did you mean {near[0]!r}? " if near else ""
    there = f"the fields are {', '.join(names)}" if names else "it has no fields"
    return wrong(parameter, f"there is no field {name!r}: {meant}{there}", at)
