"""The store of hosts on the wire as the sniffer needs it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from fibrix.domain.census.host import Host
from fibrix.types import MacAddress


class Hosts(Protocol):
    """Hosts that outlive the process. Not one of them is worth waiting for the disk."""

    async def page(self, after: MacAddress | None, most: int) -> Sequence[Host]:
        """Hosts in the order of their MACs, those that follow one. Empty: there are no more. Raises StoreError."""
        ...

    async def commit(self, hosts: Sequence[Host], *, most: int, since: datetime) -> None:
        """Store hosts as they are now. At most so many are kept, and none that is silent since then.

        Those that are silent the longest go first. Raises StoreError: nothing has changed.
        """
        ...

    async def drop(self, macs: Sequence[MacAddress]) -> None:
        """Forget these hosts. Raises StoreError: nothing has changed."""
        ...

    def post(self, hosts: Sequence[Host], *, most: int, since: datetime) -> None:
        """Do the same some time soon, and do not wait."""
        ...
