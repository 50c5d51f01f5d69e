"""What the API asks about the controller's own services."""

from collections.abc import Sequence
from typing import Protocol


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
