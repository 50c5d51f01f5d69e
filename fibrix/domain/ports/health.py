"""What the API asks about the controller's own services, and about what it stands on."""

from collections.abc import Sequence
from typing import Protocol

import msgspec


class ServiceHealth(Protocol):
    """How one service fares."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def state(self) -> str:
        """`running`, or what it does instead: `starting`, `failed`, `stopped`."""
        ...

    @property
    def restarts(self) -> int:
        """How often it was started again after a failure."""
        ...

    @property
    def last_error(self) -> str:
        """Its last failure in words; empty: none."""
        ...


class HealthSource(Protocol):
    """The supervisor, as the API sees it."""

    def health(self) -> Sequence[ServiceHealth]:
        """How each service fares, in the order of their start."""
        ...


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One look at what the controller stands on."""

    name: str  # `database`, `disk`, `clock`, …
    reason: str = ""  # why all is not well, and what to do; empty: it is well
    vital: bool = False  # nothing works without it

    @property
    def ok(self) -> bool:
        """Whether all is well."""
        return not self.reason


class Checks(Protocol):
    """The controller's surroundings."""

    def checks(self) -> Sequence[Check]:
        """What the last look found; it is seconds old at most."""
        ...
