"""All types of events that reach the journal, and with it integrators."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import fibrix.events
from fibrix.events.base import Event

_OF_THE_WIRE: Final = "rack."  # high-rate facts, for the controllers only


@dataclass(frozen=True, slots=True)
class Described:
    """One type of event, as integrators see it."""

    name: str  # its CloudEvents type without `fibrix.`
    kind: type[Event]

    @property
    def words(self) -> str:
        """What it tells of, without who publishes it."""
        return (inspect.getdoc(self.kind) or "").partition("\n")[0].partition(" By ")[0]

    @property
    def fields(self) -> tuple[str, ...]:
        """Its own fields, which are its `data`."""
        return tuple(name for name in self.kind.__struct_fields__ if name not in Event.__struct_fields__)


def catalogue() -> tuple[Described, ...]:
    """Describe every type, by name."""
    for module in pkgutil.iter_modules(fibrix.events.__path__, f"{fibrix.events.__name__}."):
        importlib.import_module(module.name)
    found = [Described(name, kind) for kind in _journaled(Event) for name in kind.types()]
    return tuple(sorted(found, key=lambda described: described.name))


def _journaled(kind: type[Event]) -> Iterator[type[Event]]:
    """Walk the classes that derive from one, of ours, and have a type."""
    for derived in kind.__subclasses__():
        ours = derived.__module__.startswith(f"{fibrix.events.__name__}.")
        if ours and "TYPE" in vars(derived) and not derived.TYPE.startswith(_OF_THE_WIRE):
            yield derived
        yield from _journaled(derived)
