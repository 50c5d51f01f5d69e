"""The store of bindings as the DHCP service needs it."""

from collections.abc import Sequence
from typing import Protocol

from fibrix.domain.binding import Binding


class Bindings(Protocol):
    """Bindings that outlive the process and the power supply. Every call raises StoreError."""

    async def all(self) -> Sequence[Binding]:
        """The newest binding of each address, in the order in which they were committed."""
        ...

    async def commit(self, bindings: Sequence[Binding], *, shift_us: int = 0) -> None:
        """Store bindings, oldest first, and return when all of them are durable: one commit for all.

        A binding replaces what was stored for its address; what its machine `left` is dropped, unless it is bound
        anew in the same commit: by another machine, or by the same one since a later time. Before that the times of
        all that is stored move by `shift_us`, because the clock was set.
        """
        ...
