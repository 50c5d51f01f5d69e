"""What the controllers of discoveries ask of the store besides what all do."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from fibrix.controllers.ports import Store, Unit
from fibrix.domain.census.host import Host
from fibrix.types import MacAddress

T = TypeVar("T")


class Hosts(Protocol):
    """Hosts that were heard, as of the last commit. All of it may raise StoreError."""

    async def get(self, mac: MacAddress) -> Host | None:
        """Read one."""
        ...

    async def page(self, after: str) -> Sequence[Host]:
        """Read the next ones by MAC; none: that was all."""
        ...

    async def some(self, macs: Sequence[MacAddress]) -> Sequence[Host]:
        """Read those of these that are there, in any order."""
        ...

    async def beside(self, mac: MacAddress, count: int) -> Sequence[Host]:
        """Read those whose MACs are the next to one, so many on each side, without itself."""
        ...

    async def bmcs(self, count: int) -> Sequence[Host]:
        """Read those that are BMCs, by MAC, at most so many."""
        ...

    async def count(self) -> int:
        """How many there are."""
        ...


class ChangedHosts(Protocol):
    """The hosts as one transaction changes them."""

    def put(self, hosts: Sequence[Host]) -> None:
        """Store what is known of hosts now."""
        ...

    def drop(self, macs: Sequence[MacAddress]) -> None:
        """Forget these, as far as they are there."""
        ...

    def drop_silent(self, before: datetime, count: int) -> int:
        """Forget hosts that were last heard before a time, at most so many; how many. What people marked stays."""
        ...

    def drop_oldest(self, count: int) -> int:
        """Forget the longest silent ones, at most so many; how many. What people marked stays."""
        ...


class HostUnit(Unit, Protocol):
    """One transaction."""

    @property
    def hosts(self) -> ChangedHosts:
        """The hosts as it changes them."""
        ...


class HostStore(Store, Protocol):
    """Reading what is stored, and changing it."""

    @property
    def hosts(self) -> Hosts:
        """The hosts that were heard."""
        ...

    async def change(self, work: Callable[[HostUnit], T]) -> T:
        """Run one unit. What `work` raises is raised here, and nothing of it is stored. Raises StoreError."""
        ...
