"""What one request brings along into the store: its id, who asks, and whether it is only rehearsed.

It travels as a context variable, so that no controller between the API and the store has to hand it on. Outside of
requests (a tick, a datagram) there is none.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final

from fibrix.domain.access import NOBODY, Caller
from fibrix.domain.attempt import Attempt
from fibrix.domain.foreseen import Foreseen
from fibrix.domain.machine import Machine
from fibrix.events.base import Event


@dataclass(slots=True)
class Rehearsal:
    """What a request would have done."""

    events: list[Event] = field(default_factory=list)
    machines: list[tuple[Machine | None, Machine | None]] = field(default_factory=list)  # before, after
    foreseen: list[Foreseen] = field(default_factory=list)  # what else would change
    acts: list[str] = field(default_factory=list)  # done outside of the store, in words: `power on quick-otter`


@dataclass(slots=True)
class Scope:
    """One request."""

    request: str
    caller: Caller = NOBODY
    rehearsal: Rehearsal | None = None  # None: it is meant
    attempt: Attempt | None = None  # written with the first unit that the request changes the store by
    noted: bool = False  # the attempt is in the store

    def note(self) -> None:
        """Take note that the attempt is in the store."""
        self.noted = True


_SCOPE: Final[ContextVar[Scope | None]] = ContextVar("scope", default=None)


def scope() -> Scope | None:
    """The request that is being served here, if it is one."""
    return _SCOPE.get()


def rehearsal() -> Rehearsal | None:
    """Where to note what would be done; None: do it."""
    found = _SCOPE.get()
    return None if found is None else found.rehearsal


@contextmanager
def within(entered: Scope) -> Iterator[Scope]:
    """Serve a request."""
    token = _SCOPE.set(entered)
    try:
        yield entered
    finally:
        _SCOPE.reset(token)
