"""What the controllers ask of the parts beside them; `app.py` connects these to the store and the secrets."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol, TypeVar

from fibrix.domain.dns import Zone, ZoneChange
from fibrix.domain.foreseen import Foreseen
from fibrix.domain.machine import Machine, ScriptRun
from fibrix.domain.network import Reservation
from fibrix.domain.ports.keys import SshKey
from fibrix.domain.power import PowerState
from fibrix.domain.state import State
from fibrix.domain.zones.things import ZoneRecord
from fibrix.events.base import Event
from fibrix.types import MacAddress, MachineId, RunId, TenantId

T = TypeVar("T")


class Thing(Protocol):
    """What is kept whole: a struct with an id."""

    @property
    def id(self) -> str:
        """Its id, for life."""
        ...


S = TypeVar("S", bound=Thing)
S_co = TypeVar("S_co", bound=Thing, covariant=True)


class Rows(Protocol[S_co]):
    """The things of one kind, as of the last commit."""

    def get(self, wanted: str) -> S_co:
        """Find by id. Raises NotFoundError."""
        ...

    def by_key(self, key: str) -> S_co | None:
        """Find by what is unique: the name, where it has one."""
        ...

    def all(self) -> Sequence[S_co]:
        """All of them, in the order in which they were made."""
        ...


class UnitRows(Protocol[S]):
    """The things of one kind, as one transaction sees and changes them."""

    def read(self, wanted: str) -> S:
        """Read one. Raises NotFoundError."""
        ...

    def by_key(self, key: str) -> S | None:
        """Read the one that has what is unique."""
        ...

    def all(self) -> Sequence[S]:
        """Read all."""
        ...

    def insert(self, value: S) -> None:
        """Add one. Raises ConflictError (its name is in use)."""
        ...

    def update(self, value: S) -> None:
        """Put a new version in place of the one before. Raises NotFoundError, ConflictError."""
        ...

    def delete(self, wanted: str) -> S:
        """Remove one; give back what it was. Raises NotFoundError."""
        ...


class Things(Protocol):
    """Reading what is kept whole: users, tenants, keys, sessions, operations."""

    def of(self, kind: type[S]) -> Rows[S]:
        """The things of one kind."""
        ...


class Unit(Protocol):
    """One transaction, in the writer's thread: all of it is stored, or none. Reads see the writes before them."""

    def of(self, kind: type[S]) -> UnitRows[S]:
        """The things of one kind."""
        ...

    def append(self, event: Event) -> None:
        """Add an event to the journal; it is published after the commit."""
        ...

    def foresee(self, tell: Callable[[], Iterable[Foreseen]]) -> None:
        """Where the unit is only rehearsed, note what would follow besides that which the unit itself changes."""
        ...

    def machine(self, machine: MachineId) -> Machine:
        """Read a machine. Raises NotFoundError."""
        ...

    def machines(self, *, state: State | None = None, tenant: TenantId | None = None) -> list[Machine]:
        """Read the machines in a state, of a tenant, or both, oldest first."""
        ...

    def reservations(self, subnet: str = "") -> list[Reservation]:
        """Read the reservations of a subnet, or of all."""
        ...

    def insert(self, machine: Machine) -> None:
        """Add a machine. Raises ConflictError where its name or a MAC is in use."""
        ...

    def update(self, machine: Machine) -> None:
        """Store a machine that was read in this unit and changed. Raises ConflictError as `insert`."""
        ...

    def delete(self, machine: MachineId) -> None:
        """Remove a machine with its runs and its secret. Raises NotFoundError."""
        ...

    def runs(self, machine: MachineId) -> list[ScriptRun]:
        """Read a machine's script runs, oldest first."""
        ...

    def insert_run(self, run: ScriptRun) -> None:
        """Add a script run."""
        ...

    def update_run(self, run: ScriptRun) -> None:
        """Store a script run that was read in this unit and changed."""
        ...

    def append_output(self, run: RunId, offset: int, data: bytes) -> int:
        """Keep output from byte `offset` on; says how many bytes were received so far, without holes."""
        ...

    def seal_password(self, machine: MachineId, password: str) -> None:
        """Keep the password of a machine's BMC, encrypted."""
        ...

    def secret(self, owner: str) -> str:
        """Read the secret of an owner, as `webhooks/w012345678/secret`; empty where there is none."""
        ...

    def seal_secret(self, owner: str, secret: str) -> None:
        """Keep a secret, encrypted, in place of the owner's one before."""
        ...

    def forget_secret(self, owner: str) -> None:
        """Forget the secret of an owner, if there is one."""
        ...

    def insert_reservation(self, subnet: str, reservation: Reservation) -> None:
        """Reserve an address. Raises ConflictError: the client has one there, or the address is taken."""
        ...

    def update_reservation(self, subnet: str, reservation: Reservation) -> None:
        """Change what is reserved for a client. Raises NotFoundError, ConflictError: the address is taken."""
        ...

    def delete_reservation(self, subnet: str, client: str) -> None:
        """Give an address back. Raises NotFoundError."""
        ...

    def insert_ssh_key(self, key: SshKey) -> SshKey:
        """Add an SSH key; `created_at` is filled in. Raises ConflictError: the name or the key is in use."""
        ...

    def delete_ssh_key(self, tenant: TenantId, name: str) -> SshKey:
        """Remove an SSH key; gives back what it was. Raises NotFoundError."""
        ...

    def ssh_keys(self, tenant: TenantId) -> Sequence[SshKey]:
        """Read the SSH keys of a tenant, by name."""
        ...

    def records_at(self, zone: str, owner: str) -> Sequence[ZoneRecord]:
        """Read the records that were added at one name of a zone."""
        ...

    def insert_record(self, record: ZoneRecord) -> None:
        """Add a record to a zone. Raises ConflictError."""
        ...

    def delete_record(self, record: str) -> ZoneRecord:
        """Remove a record that was added; gives back what it was. Raises NotFoundError."""
        ...

    def delete_records_of(self, zone: str) -> int:
        """Remove all records that were added to a zone; says how many there were."""
        ...

    def publish_zone(self, zone: Zone, change: ZoneChange | None) -> None:
        """Serve this zone from now on; `change` leads to it from the one before. None: its records are the same."""
        ...

    def withdraw_zone(self, zone: str) -> None:
        """Serve a zone no more."""
        ...


class Store(Things, Protocol):
    """Reading what is stored, and changing it."""

    async def change(self, work: Callable[[Unit], T]) -> T:
        """Run one unit. What `work` raises is raised here, and nothing of it is stored. Raises StoreError."""
        ...

    def post(self, work: Callable[[Unit], object]) -> None:
        """Run one unit some time soon and do not wait; a failure is logged. For what may be lost."""
        ...

    def machine(self, machine: MachineId) -> Machine:
        """Read a machine as of the last commit. Raises NotFoundError."""
        ...

    def find(self, key: str) -> Machine:
        """Find a machine by id, name or MAC. Raises NotFoundError."""
        ...

    def by_mac(self, mac: MacAddress) -> Machine | None:
        """Find a machine by one of its MACs."""
        ...

    def machines(self) -> Sequence[Machine]:
        """All machines, oldest first."""
        ...

    async def runs(self, machine: MachineId) -> list[ScriptRun]:
        """Read a machine's script runs, oldest first."""
        ...

    async def runs_of(self, machines: Sequence[MachineId]) -> Mapping[MachineId, Sequence[ScriptRun]]:
        """Read the script runs of many machines, each one's oldest first; a machine that had none is left out."""
        ...

    async def output(self, run: RunId) -> bytes:
        """Read what a run printed."""
        ...

    def password(self, machine: MachineId) -> str:
        """The password of a machine's BMC; empty where none was given."""
        ...

    def secret(self, owner: str) -> str:
        """The secret that was sealed for an owner; empty where there is none."""
        ...

    def reservations(self, subnet: str) -> Sequence[Reservation]:
        """The reservations of a subnet, by address; the very same sequence until one of them changes."""
        ...

    @property
    def served(self) -> "Served":
        """The zones as they are served."""
        ...

    @property
    def zone_records(self) -> "AddedRecords":
        """The records that people added to zones."""
        ...


class Served(Protocol):
    """Zones as they are served, as of the last commit."""

    def all(self) -> Mapping[str, Zone]:
        """All of them, by name."""
        ...

    def serial_of(self, zone: str) -> int:
        """The last serial that a zone of this name had; 0: there never was one."""
        ...


class AddedRecords(Protocol):
    """Records that people added, as of the last commit."""

    def get(self, zone: str, record: str) -> ZoneRecord:
        """Find one by id. Raises NotFoundError."""
        ...

    def at(self, zone: str, owner: str) -> Sequence[ZoneRecord]:
        """Those at one name of a zone."""
        ...

    def owners(self, zone: str) -> Iterable[str]:
        """The names of a zone at which there are any."""
        ...


class Keys(Protocol):
    """Secrets that are derived from the controller's key, and therefore stored nowhere."""

    def derive(self, label: str) -> str:
        """Give 64 hex digits that nobody can guess who does not have the key; always the same for one label."""
        ...


class ManualPower(Protocol):
    """The part of the manual power driver that hears the operator."""

    def confirm(self, machine: MachineId, state: PowerState) -> None:
        """Take the operator's word for a machine's power."""
        ...
