"""What the API asks of the region about networks."""

from collections.abc import Sequence
from datetime import datetime
from ipaddress import IPv4Address
from typing import Annotated, Protocol

import msgspec
from msgspec import Meta

from fibrix.domain.binding import Binding
from fibrix.domain.machine import Machine
from fibrix.domain.network import Reservation, Subnet
from fibrix.domain.network_kept import Fabric, KeptSubnet, Vlan, Zone
from fibrix.domain.network_spec import Mtu, OptionSpec, RangeSpec, ReservedSpec, SubnetChanges, SubnetSpec, Words
from fibrix.domain.network_use import Holder, SubnetUse, Where

Vid = Annotated[int, Meta(ge=0, le=4094)]
"""The number of a VLAN; 0: untagged."""


class NamedSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A zone or a fabric to be made."""

    name: str
    note: Words = ""


class NoteChanges(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to change of a zone or a fabric; its name is for life."""

    note: Words | None = None


class VlanSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A VLAN to be made."""

    fabric: str
    vid: Vid
    name: Words = ""
    interface: str = ""  # of the rack, that carries it
    mtu: Mtu = 0
    note: Words = ""


class VlanChanges(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to change of a VLAN; its fabric and its number are for life."""

    name: Words | None = None
    interface: str | None = None
    mtu: Mtu | None = None
    note: Words | None = None


class ReservationSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An address to be kept for one client: a MAC or a client identifier. No address: the next one that is free."""

    mac: str = ""
    client_id: str = ""  # option 61, as hex digits
    address: str = ""
    where: Where = Where.OUTSIDE  # which free addresses, where none is given
    hostname: str = ""
    options: tuple[OptionSpec, ...] = ()


class ReservationChanges(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to change of a reservation."""

    address: str | None = None
    hostname: str | None = None
    options: tuple[OptionSpec, ...] | None = None


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A subnet with all that is known of it."""

    kept: KeptSubnet
    subnet: Subnet  # as it is served
    of_file: bool  # the configuration file declares it
    fault: str = ""  # why it is not served
    reservations: tuple[Reservation, ...] = ()


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """A binding, and the machine that it belongs to."""

    binding: Binding
    machine: Machine | None = None


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one address."""

    address: IPv4Address
    subnet: str  # empty: it is in none
    holders: tuple[Holder, ...]


class Networks(Protocol):
    """Subnets. NotFoundError: no such subnet. ConflictError: the configuration file declares it."""

    def all(self) -> Sequence[Listed]:
        """All subnets: those of the file in its order, then the others by name."""
        ...

    def get(self, subnet: str) -> Listed:
        """One of them. Raises NotFoundError."""
        ...

    async def add(self, spec: SubnetSpec) -> Listed:
        """Make one. Raises InvalidError, ConflictError (its name is in use)."""
        ...

    async def update(self, subnet: str, changes: SubnetChanges) -> Listed:
        """Change one. Raises NotFoundError, ConflictError, InvalidError."""
        ...

    async def delete(self, subnet: str, *, force: bool) -> None:
        """Remove one, with its reservations where it is forced. Raises NotFoundError, ConflictError (it is in use)."""
        ...

    async def add_range(self, subnet: str, span: RangeSpec | ReservedSpec) -> Listed:
        """Add a dynamic or a reserved range. Raises NotFoundError, ConflictError, InvalidError."""
        ...

    async def delete_range(self, subnet: str, first: str) -> Listed:
        """Remove the range that begins with an address. Raises NotFoundError, ConflictError."""
        ...


class Reservations(Protocol):
    """Addresses that are kept for one client. `client`: a MAC, `id:` and a client identifier, or the address."""

    def all(self, subnet: str) -> Sequence[Reservation]:
        """Those of a subnet, by address. Raises NotFoundError."""
        ...

    def get(self, subnet: str, client: str) -> Reservation:
        """One of them. Raises NotFoundError."""
        ...

    async def add(self, subnet: str, spec: ReservationSpec) -> Reservation:
        """Keep an address. Raises NotFoundError, InvalidError, ConflictError, QuotaError (of its machine's tenant)."""
        ...

    async def update(self, subnet: str, client: str, changes: ReservationChanges) -> Reservation:
        """Change one. Raises NotFoundError, InvalidError, ConflictError, QuotaError."""
        ...

    async def delete(self, subnet: str, client: str) -> None:
        """Give the address back. Raises NotFoundError."""
        ...


class Fabrics(Protocol):
    """Zones, fabrics and VLANs. Those that only machines or the configuration file name are there too."""

    def zones(self) -> Sequence[Zone]:
        """All zones, by name."""
        ...

    def zone(self, name: str) -> Zone:
        """One of them. Raises NotFoundError."""
        ...

    def machines_in(self, zone: str) -> int:
        """How many machines stand there."""
        ...

    async def add_zone(self, spec: NamedSpec) -> Zone:
        """Declare one. Raises InvalidError, ConflictError."""
        ...

    async def update_zone(self, name: str, changes: NoteChanges) -> Zone:
        """Change one. Raises NotFoundError."""
        ...

    async def delete_zone(self, name: str) -> None:
        """Remove one. Raises NotFoundError, ConflictError (machines stand there)."""
        ...

    def fabrics(self) -> Sequence[Fabric]:
        """All fabrics, by name."""
        ...

    def fabric(self, name: str) -> Fabric:
        """One of them. Raises NotFoundError."""
        ...

    async def add_fabric(self, spec: NamedSpec) -> Fabric:
        """Declare one. Raises InvalidError, ConflictError."""
        ...

    async def update_fabric(self, name: str, changes: NoteChanges) -> Fabric:
        """Change one. Raises NotFoundError, ConflictError (the configuration file names it)."""
        ...

    async def delete_fabric(self, name: str) -> None:
        """Remove one. Raises NotFoundError, ConflictError (it has VLANs)."""
        ...

    def vlans(self) -> Sequence[Vlan]:
        """All VLANs, by fabric and number."""
        ...

    def vlan(self, name: str) -> Vlan:
        """One of them, as `default.10`. Raises NotFoundError."""
        ...

    async def add_vlan(self, spec: VlanSpec) -> Vlan:
        """Declare one. Raises NotFoundError, InvalidError, ConflictError."""
        ...

    async def update_vlan(self, name: str, changes: VlanChanges) -> Vlan:
        """Change one. Raises NotFoundError, InvalidError, ConflictError."""
        ...

    async def delete_vlan(self, name: str) -> None:
        """Remove one. Raises NotFoundError, ConflictError (a subnet is on it)."""
        ...


class Addresses(Protocol):
    """Who holds which address, and which are free."""

    def use(self, subnet: str) -> SubnetUse | None:
        """How full it is; None where no rack keeps bindings, or it gives no addresses. Raises NotFoundError."""
        ...

    def next(self, subnet: str, where: Where) -> IPv4Address:
        """The next free address. Raises NotFoundError (also: there is none)."""
        ...

    def leases(self) -> Sequence[Lease]:
        """All bindings of the rack, by address."""
        ...

    def held(self, address: str) -> Held:
        """Who holds an address. Raises InvalidError."""
        ...

    def now(self) -> datetime:
        """The time that leases are held against."""
        ...
