"""The options that say where a machine stands and what it may be drawn for, for add and edit."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import click

F = TypeVar("F", bound=Callable[..., object])

_OPTIONS: Final = (
    click.option("--zone", help="Where it stands: a name for a rack, a room, a power feed."),
    click.option("--pool", help="The resource pool that tenants draw it from."),
    click.option("--tag", "tags", multiple=True, help="All its tags from now on; may be repeated."),
)


def place_options(command: F) -> F:
    """Give a command these options."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def given_place(options: Mapping[str, Any]) -> dict[str, Any]:
    """Make the part of a body that these options ask for."""
    given = {field: options[field] for field in ("zone", "pool") if options[field] is not None}
    return given | ({"tags": options["tags"]} if options["tags"] else {})
