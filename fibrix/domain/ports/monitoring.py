"""What the API asks for monitoring systems: the controller's own metrics, and whom to watch besides."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from fibrix.domain.access import Caller


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A group of one, as Prometheus' HTTP service discovery wants it."""

    targets: Sequence[str]  # `address:port`
    labels: Mapping[str, str]  # each name begins with `__meta_fibrix_`


class Metrics(Protocol):
    """All that is counted."""

    async def text(self) -> bytes:
        """It, in Prometheus' text exposition format 0.0.4."""
        ...


class Targets(Protocol):
    """Machines that a monitoring system may watch."""

    def targets(self, caller: Caller, port: int) -> Sequence[Target]:
        """The deployed machines that the caller sees, those that have an address."""
        ...
