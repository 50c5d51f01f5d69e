"""What the API asks of the region about hosts that were heard on the wire."""

from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Annotated, Protocol

import msgspec
from msgspec import Meta

from fibrix.domain.census.bmc_guess import BmcGuess
from fibrix.domain.census.discovery import Discovery
from fibrix.domain.census.hiding import HiddenNetwork
from fibrix.domain.machine import Machine
from fibrix.domain.network_spec import Words
from fibrix.domain.ports.machines import Tags
from fibrix.domain.ports.networks import Vid
from fibrix.domain.power import PowerSettings
from fibrix.types import MacAddress

Label = Annotated[str, Meta(max_length=100)]
"""What people call a thing."""


class MarkChanges(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What people say of a host; what is left out stays as it is."""

    name: Label | None = None
    note: Words | None = None
    hidden: bool | None = None
    ignored: bool | None = None


class NewMachine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a host becomes a machine. Nothing of its power is guessed: what is left out is not known."""

    name: str = ""  # empty: a two-word name is made
    bmc: str = ""  # MAC of the host that is its BMC: `power` gets that one's address
    power: PowerSettings | None = None
    power_password: str = ""
    zone: str | None = None
    pool: str | None = None
    tags: Tags | None = None


class HiddenSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A network that is hidden for good: addresses, or a place on the wire."""

    network: str = ""  # CIDR
    interface: str = ""
    vlan: Vid | None = None  # on the interface; 0: untagged frames; null: whatever the tag
    note: Words = ""


class Discoveries(Protocol):
    """Hosts. NotFoundError: no such host was heard, or nothing is kept of it. All of it may raise StoreError."""

    def pages(self, after: str) -> AsyncGenerator[Sequence[Discovery], None]:
        """All of them by MAC, from behind a MAC on, some at a time."""
        ...

    async def some(self, macs: Sequence[MacAddress]) -> Sequence[Discovery]:
        """Those of these that are there, in any order."""
        ...

    def in_subnet(self, subnet: str) -> Callable[[Discovery], bool]:
        """Make the test of having an address in a subnet, by its name or CIDR. Raises InvalidError."""
        ...

    async def get(self, mac: str) -> Discovery:
        """One of them, by its MAC as people write it. Raises NotFoundError, InvalidError."""
        ...

    async def candidates(self, discovery: Discovery) -> Sequence[BmcGuess]:
        """Hosts that may be its BMC, the likeliest first."""
        ...

    async def mark(self, mac: str, changes: MarkChanges) -> Discovery:
        """Say something of it. Raises NotFoundError, InvalidError."""
        ...

    async def forget(self, mac: str) -> None:
        """Forget it, with what people say of it, until it is heard again. Raises NotFoundError, InvalidError."""
        ...

    async def add_machine(self, mac: str, spec: NewMachine) -> Machine:
        """Make a machine of it; accept the one that waits for that.

        Raises NotFoundError, InvalidError, ConflictError: it is one already, or can be none.
        """
        ...


class HiddenNetworks(Protocol):
    """Networks of whose hosts nothing is kept."""

    def all(self) -> Sequence[HiddenNetwork]:
        """All of them, in the order in which they were made."""
        ...

    def get(self, hidden: str) -> HiddenNetwork:
        """One of them, by id. Raises NotFoundError."""
        ...

    async def add(self, spec: HiddenSpec) -> HiddenNetwork:
        """Hide one; what is kept of its hosts is forgotten. Raises InvalidError, ConflictError."""
        ...

    async def delete(self, hidden: str) -> None:
        """Hide it no more. Raises NotFoundError."""
        ...
