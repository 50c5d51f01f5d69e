"""The store of bindings as the DHCP service needs it."""

from collections.abc import Sequence
from typing import Protocol

from fibrix.domain.lease import Binding


class Bindings(Protocol):
    """Bindings that outlive the process and the power supply. Every call raises StoreError."""

    async def all(self) -> Sequence[Binding]:
        """Every binding there is."""
        ...

    async def commit(self, bindings: Sequence[Binding]) -> None:
        """Store bindings, oldest first, and return when all of them are durable: one commit for all.

        A binding replaces what was stored for its address, and what was stored of its machine in its subnet unless
        that is a declined address.
        """
        ...
