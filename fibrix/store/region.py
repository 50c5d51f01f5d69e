"""The region's store as a whole: opened once, read from memory, changed in units that see all of it."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from msgspec.structs import replace

from fibrix.bus import Bus
from fibrix.domain.dns import Zone, ZoneChange
from fibrix.domain.foresee import foresee_thing, given_back, record_comes, record_goes, reserved, secret_changed
from fibrix.domain.foreseen import Foreseen
from fibrix.domain.machine import Machine, ScriptRun
from fibrix.domain.network import Reservation
from fibrix.domain.ports.keys import SshKey
from fibrix.domain.state import State
from fibrix.domain.zones.things import ZoneRecord
from fibrix.errors import NotFoundError
from fibrix.events.base import Event
from fibrix.events.machine import MachineEvent
from fibrix.runtime.clock import utc_now
from fibrix.runtime.scope import Scope, rehearsal, scope
from fibrix.store import attempts
from fibrix.store.audit import AuditLog
from fibrix.store.db import Database
from fibrix.store.discoveries import DiscoveredHosts, UnitHosts
from fibrix.store.journal import Journal
from fibrix.store.keys import SshKeys
from fibrix.store.kinds import KINDS
from fibrix.store.ledger import Books
from fibrix.store.machines import Machines
from fibrix.store.rehearse import rehearsed
from fibrix.store.reservations import Reservations
from fibrix.store.rows import Rows, Stored, UnitRows
from fibrix.store.runs import Runs
from fibrix.store.secrets import Secrets
from fibrix.store.transaction import Transaction
from fibrix.store.zone_records import ZoneRecords
from fibrix.store.zones import ServedZones
from fibrix.types import MacAddress, MachineId, RunId, TenantId

T = TypeVar("T")
S = TypeVar("S", bound=Stored)


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """What the region knows. Reading sees the last commit."""

    db: Database
    now: Callable[[], datetime]
    journal: Journal
    secrets: Secrets
    books: Books
    audit: AuditLog
    machine_rows: Machines
    script_runs: Runs
    ssh_keys: SshKeys
    reserved: Reservations
    served: ServedZones
    zone_records: ZoneRecords
    hosts: DiscoveredHosts
    things: Mapping[type[Any], Rows[Any]]

    async def change(self, work: Callable[["RegionUnit"], T]) -> T:
        """Run one unit. What `work` raises is raised here, and nothing of it is stored. Raises StoreError.

        Within a request, what the request is goes into the same transaction; what is only rehearsed is undone, and
        noted in the rehearsal.
        """
        request = scope()
        if request is not None and request.rehearsal is not None:
            return await rehearsed(self.db, lambda tx: work(RegionUnit(self, tx, request)), request.rehearsal)

        def noted(tx: Transaction) -> T:
            result = work(RegionUnit(self, tx, request))
            if request is not None and request.attempt is not None and not request.noted:
                attempts.insert(tx, request.attempt)
                tx.on_commit(request.note)
            return result

        return await self.db.write(noted)

    def post(self, work: Callable[["RegionUnit"], object]) -> None:
        """Run one unit some time soon and do not wait; a failure is logged. For what may be lost, as rehearsals are."""
        if rehearsal() is None:
            self.db.post(lambda tx: work(RegionUnit(self, tx)))

    def of(self, kind: type[S]) -> Rows[S]:
        """The things of one kind, as of the last commit."""
        return self.things[kind]

    def machine(self, machine: MachineId) -> Machine:
        """Read a machine as of the last commit. Raises NotFoundError."""
        return self.machine_rows.get(machine)

    def find(self, key: str) -> Machine:
        """Find a machine by id, name or MAC. Raises NotFoundError."""
        return self.machine_rows.find(key)

    def by_mac(self, mac: MacAddress) -> Machine | None:
        """Find a machine by one of its MACs."""
        return self.machine_rows.by_mac(mac)

    def machines(self) -> Sequence[Machine]:
        """All machines, oldest first."""
        return self.machine_rows.all()

    async def runs(self, machine: MachineId) -> list[ScriptRun]:
        """Read a machine's script runs, oldest first. Raises StoreError."""
        return await self.script_runs.of_machine(machine)

    async def runs_of(self, machines: Sequence[MachineId]) -> Mapping[MachineId, Sequence[ScriptRun]]:
        """Read the script runs of many machines, each one's oldest first. Raises StoreError."""
        return await self.script_runs.of_machines(machines)

    async def output(self, run: RunId) -> bytes:
        """Read what a run printed, its first 4 MiB. Raises StoreError."""
        return await self.script_runs.output(run)

    def password(self, machine: MachineId) -> str:
        """The password of a machine's BMC; empty where none was given. Raises StoreError: it was tampered with."""
        return self.secrets.get(_power_of(machine))

    def secret(self, owner: str) -> str:
        """The secret that was sealed for an owner; empty: there is none. Raises StoreError: it was tampered with."""
        return self.secrets.get(owner)

    def reservations(self, subnet: str) -> Sequence[Reservation]:
        """The reservations of a subnet, by address."""
        return self.reserved.of_subnet(subnet)


class RegionUnit:
    """One transaction over all of the region's tables, in the writer's thread. Reads see the writes before them."""

    def __init__(self, region: Region, tx: Transaction, request: Scope | None = None) -> None:
        self._region = region
        self._tx = tx
        self._request = request
        self._played = request.rehearsal if request else None

    def of(self, kind: type[S]) -> UnitRows[S]:
        """The things of one kind, as this unit sees and changes them."""
        return UnitRows(self._region.of(kind), self._tx, self._played)

    @property
    def hosts(self) -> UnitHosts:
        """The hosts that were heard on the wire, as this unit changes them."""
        return UnitHosts(self._region.hosts, self._tx)

    def append(self, event: Event) -> None:
        """Add an event to the journal; it is published after the commit. What it is about says whose it is."""
        tenant = event.tenant or self._tenant_of(event)
        request = self._request.request if self._request else event.request
        self._tx.append(replace(event, tenant=tenant, request=request))

    def _tenant_of(self, event: Event) -> TenantId:
        """Whose machine an event is about; one that is gone is nobody's."""
        if not isinstance(event, MachineEvent):
            return TenantId("")
        try:
            return self.machine(event.machine).tenant
        except NotFoundError:
            return TenantId("")

    def machine(self, machine: MachineId) -> Machine:
        """Read a machine. Raises NotFoundError."""
        return self._region.machine_rows.read(self._tx, machine)

    def machines(self, *, state: State | None = None, tenant: TenantId | None = None) -> list[Machine]:
        """Read the machines in a state, of a tenant, or both, oldest first."""
        return self._region.machine_rows.chosen(self._tx, state, tenant)

    def reservations(self, subnet: str = "") -> list[Reservation]:
        """Read the reservations of a subnet, or of all."""
        return self._region.reserved.read(self._tx, subnet)

    def insert(self, machine: Machine) -> None:
        """Add a machine. Raises ConflictError where its name or a MAC is in use."""
        self._region.machine_rows.insert(self._tx, machine)
        self._rehearsed(None, machine)

    def update(self, machine: Machine) -> None:
        """Store a machine that was read in this unit and changed. Raises ConflictError as `insert`."""
        if self._played is not None:
            self._rehearsed(self.machine(machine.id), machine)
        self._region.machine_rows.update(self._tx, machine.id, lambda _: machine)

    def _rehearsed(self, before: Machine | None, after: Machine | None) -> None:
        """Note a machine's change where it is only rehearsed."""
        if self._played is not None:
            self._played.machines.append((before, after))

    def foresee(self, tell: Callable[[], Iterable[Foreseen]]) -> None:
        """Where the unit is only rehearsed, note what would follow besides that which the unit itself changes."""
        if self._played is not None:
            self._played.foreseen += tell()

    def delete(self, machine: MachineId) -> None:
        """Remove a machine with its runs and its secret. Raises NotFoundError."""
        self._rehearsed(self.machine(machine), None)
        self._region.machine_rows.delete(self._tx, machine)
        self._region.script_runs.delete_for(self._tx, machine)
        self._region.secrets.delete(self._tx, _power_of(machine))

    def runs(self, machine: MachineId) -> list[ScriptRun]:
        """Read a machine's script runs, oldest first."""
        return self._region.script_runs.list(self._tx, machine)

    def insert_run(self, run: ScriptRun) -> None:
        """Add a script run."""
        self._region.script_runs.insert(self._tx, run)

    def update_run(self, run: ScriptRun) -> None:
        """Store a script run that was read in this unit and changed. Raises NotFoundError."""
        self._region.script_runs.update(self._tx, run.id, lambda _: run)

    def append_output(self, run: RunId, offset: int, data: bytes) -> int:
        """Keep output from byte `offset` on; how many bytes were received so far, without holes."""
        return self._region.script_runs.append_output(self._tx, run, offset, data)

    def seal_password(self, machine: MachineId, password: str) -> None:
        """Keep the password of a machine's BMC, encrypted."""
        self._region.secrets.put(self._tx, _power_of(machine), password)
        if password:
            self.foresee(lambda: [secret_changed("power_password", f"machines/{machine}")])

    def secret(self, owner: str) -> str:
        """Read the secret of an owner; empty where there is none. Raises StoreError: it was tampered with."""
        return self._region.secrets.read(self._tx, owner)

    def seal_secret(self, owner: str, secret: str) -> None:
        """Keep a secret, encrypted, in place of the owner's one before."""
        self._region.secrets.put(self._tx, owner, secret)

    def forget_secret(self, owner: str) -> None:
        """Forget the secret of an owner, if there is one."""
        self._region.secrets.delete(self._tx, owner)

    def insert_reservation(self, subnet: str, reservation: Reservation) -> None:
        """Reserve an address. Raises ConflictError."""
        self._region.reserved.insert(self._tx, subnet, reservation)
        self.foresee(lambda: [reserved(subnet, str(reservation.address), reservation.client)])

    def update_reservation(self, subnet: str, reservation: Reservation) -> None:
        """Change what is reserved for a client. Raises NotFoundError, ConflictError."""
        self._region.reserved.update(self._tx, subnet, reservation)
        self.foresee(lambda: [reserved(subnet, str(reservation.address), reservation.client)])

    def delete_reservation(self, subnet: str, client: str) -> None:
        """Give an address back. Raises NotFoundError."""
        self._region.reserved.delete(self._tx, subnet, client)
        self.foresee(lambda: [given_back(subnet, client)])

    def insert_ssh_key(self, key: SshKey) -> SshKey:
        """Add an SSH key; `created_at` is filled in. Raises ConflictError (the name or the key is in use)."""
        self.foresee(lambda: foresee_thing("SSH key", "ssh-keys", None, key, ()))
        return self._region.ssh_keys.insert(self._tx, key, self._region.now())

    def delete_ssh_key(self, tenant: TenantId, name: str) -> SshKey:
        """Remove an SSH key; give back what it was. Raises NotFoundError."""
        gone = self._region.ssh_keys.delete(self._tx, tenant, name)
        self.foresee(lambda: foresee_thing("SSH key", "ssh-keys", gone, None, ()))
        return gone

    def ssh_keys(self, tenant: TenantId) -> Sequence[SshKey]:
        """Read the SSH keys of a tenant, by name."""
        return self._region.ssh_keys.list(self._tx, tenant)

    def records_at(self, zone: str, owner: str) -> Sequence[ZoneRecord]:
        """Read the records that were added at one name of a zone."""
        return self._region.zone_records.read_at(self._tx, zone, owner)

    def insert_record(self, record: ZoneRecord) -> None:
        """Add a record to a zone. Raises ConflictError."""
        self._region.zone_records.insert(self._tx, record)
        self.foresee(lambda: [record_comes(record)])

    def delete_record(self, record: str) -> ZoneRecord:
        """Remove a record that was added; give back what it was. Raises NotFoundError."""
        gone = self._region.zone_records.delete(self._tx, record)
        self.foresee(lambda: [record_goes(gone)])
        return gone

    def delete_records_of(self, zone: str) -> int:
        """Remove all records that were added to a zone; tells how many there were."""
        return self._region.zone_records.delete_of(self._tx, zone)

    def publish_zone(self, zone: Zone, change: ZoneChange | None) -> None:
        """Serve this zone from now on; `change` leads to it from the one before."""
        self._region.served.publish(self._tx, zone, change)

    def withdraw_zone(self, zone: str) -> None:
        """Serve a zone no more."""
        self._region.served.withdraw(self._tx, zone)


@asynccontextmanager
async def open_region(state_dir: Path, bus: Bus, now: Callable[[], datetime] = utc_now) -> AsyncIterator[Region]:
    """Open the region's store, `region.db`, and its key, `secret.key`, for as long as the block runs.

    Raises StoreError: another controller has it, a newer Fibrix wrote it, or its key is missing or another's.
    """
    async with Database(state_dir / "region.db", "region", bus) as db:
        secrets = await Secrets.load(db, state_dir / "secret.key")
        yield Region(
            db=db,
            now=now,
            journal=await Journal.load(db),
            secrets=secrets,
            books=await Books.load(db, secrets.key),
            audit=AuditLog(db),
            machine_rows=await Machines.load(db),
            script_runs=Runs(db),
            ssh_keys=await SshKeys.load(db),
            reserved=await Reservations.load(db),
            served=await ServedZones.load(db),
            zone_records=await ZoneRecords.load(db),
            hosts=DiscoveredHosts(db),
            things={kind.type: await Rows.load(db, kind) for kind in KINDS},
        )


def _power_of(machine: MachineId) -> str:
    """Name the owner of the secret of a machine's power."""
    return f"machines/{machine}/power"
