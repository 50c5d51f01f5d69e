"""Follows machines and their addresses, so that each name is there when its machine is to be reached by it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from ipaddress import IPv4Address
from typing import Final

import structlog
from msgspec.structs import replace

from fibrix.bus import Bus
from fibrix.controllers.dns.keeper import Holdings, ZoneKeeper
from fibrix.controllers.ports import Store
from fibrix.domain.machine import Machine
from fibrix.domain.network import Reservation, Subnet
from fibrix.domain.rack import RackSnapshot
from fibrix.domain.zones.leases import Lease, Leases
from fibrix.domain.zones.machine_names import AT_REST, has_names, records_of
from fibrix.domain.zones.plan import PlannedZone
from fibrix.domain.zones.things import HeldAddress
from fibrix.errors import FibrixError
from fibrix.events.base import Event
from fibrix.events.machine import (
    MachineAccepted,
    MachineAdded,
    MachineDeleted,
    MachineEvent,
    MachineUpdated,
    StateChanged,
)
from fibrix.events.rack import LeaseGranted
from fibrix.runtime.cell import Cell
from fibrix.types import MacAddress, MachineId

log = structlog.get_logger()
TICK_S: Final = 1.0
_HEARD: Final = (
    LeaseGranted,
    MachineAdded,
    MachineAccepted,
    MachineUpdated,
    MachineDeleted,
    StateChanged,
)


class NameFollower:
    """The service between the bus and the zones. `clock` is monotonic: leases end by it.

    Of subnets and reservations it knows what the rack is handed: it is replaced whenever one of them changes.
    """

    name = "dns-names"

    def __init__(
        self,
        bus: Bus,
        store: Store,
        keeper: ZoneKeeper,
        rack: Cell[RackSnapshot],
        clock: Callable[[], float],
    ) -> None:
        self._bus = bus
        self._rack = rack
        self._subnets = rack.value.subnets  # as they were when names were last worked out by them
        self._store = store
        self._keeper = keeper
        self._clock = clock
        self._leases = Leases()
        self._held: dict[str, HeldAddress] = {}  # as they are stored
        self._rows: dict[MachineId, set[str]] = {}  # of those, by machine
        self._turn = asyncio.Lock()

    async def run(self, ready: asyncio.Event) -> None:
        """Have all names there, then follow until cancelled."""
        with self._bus.subscribe(*_HEARD, name=self.name) as facts:
            self.recall()
            self._subnets = self._rack.value.subnets
            await self.look_again()
            ready.set()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._tick_forever(), name="dns-names.tick")
                group.create_task(self._watch_subnets(), name="dns-names.subnets")
                lagged = 0
                while True:
                    batch = await facts.batch()
                    self._keeper.stale |= facts.lagged > lagged
                    lagged = facts.lagged
                    await self._guarded(self.take(batch))

    def recall(self) -> None:
        """Take the addresses that machines held when the controller stopped as leased anew: DHCP has kept them."""
        now = self._clock()
        for held in self._store.of(HeldAddress).all():
            self._held[held.id] = held
            self._rows.setdefault(held.machine, set()).add(held.id)
            until = now + held.lease_s
            self._leases.grant(Lease(held.mac, held.subnet, held.address, held.lease_s, until))

    async def take(self, events: Sequence[Event]) -> None:
        """Take what happened. Raises StoreError."""
        macs: set[MacAddress] = set()
        machines: set[MachineId] = set()
        for event in events:
            match event:
                case LeaseGranted():
                    macs |= self._leases.grant(self._lease(event))
                case StateChanged() if event.after in AT_REST:
                    machines.add(event.machine)
                    self._forget(event.machine)
                case MachineEvent():
                    machines.add(event.machine)
                case _:
                    raise AssertionError(f"not subscribed to {event!r}")
        async with self._turn:
            await self._follow(machines | self._owners_of(macs))

    async def look_again(self) -> None:
        """Compare everything with what is stored. Raises StoreError."""
        async with self._turn:
            await self._look_again()

    async def _look_again(self) -> None:
        zones, subnets, reserved = self._keeper.planned(), self._keeper.subnets(), self._reserved()
        held = Holdings()
        there = {machine.id: machine for machine in self._store.machines()}
        for gone in (self._keeper.given.machines() | self._rows.keys()) - there.keys():
            self._keeper.given.put(gone, ())
            self._note(gone, (), held)
        for number, machine in enumerate(there.values()):
            self._name(machine, zones, subnets, reserved, held)
            if number % 100 == 0:
                await asyncio.sleep(0)  # others have work too
        await self._keeper.settle_all(zones, held)
        self._stored(held)

    async def _follow(self, machines: set[MachineId]) -> None:
        """Publish what follows for these machines."""
        zones: Mapping[str, PlannedZone] = {}
        owners: set[str] = set()
        held = Holdings()
        there = {machine.id: machine for machine in map(self._machine, machines) if machine is not None}
        gone = machines - there.keys()
        if there:
            zones, subnets, reserved = self._keeper.planned(), self._keeper.subnets(), self._reserved()
            for machine in there.values():
                owners |= self._name(machine, zones, subnets, reserved, held)
        for machine_id in gone:
            owners |= self._keeper.given.put(machine_id, ())
            self._note(machine_id, (), held)
        if owners or held.kept or held.dropped:
            await self._keeper.settle(owners, zones or self._keeper.planned(), held)
            self._stored(held)

    def _name(
        self,
        machine: Machine,
        zones: Mapping[str, PlannedZone],
        subnets: Mapping[str, Subnet],
        reserved: Mapping[MacAddress, Sequence[tuple[IPv4Address, Subnet]]],
        held: Holdings,
    ) -> set[str]:
        """Work out a machine's records; tells at which names something changes."""
        leases = tuple(self._leases.of(machine.macs)) if has_names(machine) else ()
        self._note(machine.id, leases, held)
        addresses = {(lease.address, subnets[lease.subnet].name) for lease in leases if lease.subnet in subnets}
        if has_names(machine):
            addresses |= {(address, on.name) for mac in machine.macs for address, on in reserved.get(mac, ())}
        on_subnets = [(address, subnets[name]) for address, name in sorted(addresses)]
        return self._keeper.given.put(machine.id, records_of(machine.name, on_subnets, zones))

    def _reserved(self) -> dict[MacAddress, list[tuple[IPv4Address, Subnet]]]:
        """All reserved addresses by MAC."""
        found: dict[MacAddress, list[tuple[IPv4Address, Subnet]]] = {}
        for subnet in self._keeper.subnets().values():
            for one in subnet.reservations:
                if one.mac:
                    found.setdefault(one.mac, []).append((one.address, subnet))
        return found

    def _lease(self, event: LeaseGranted) -> Lease:
        return Lease(event.mac, event.subnet, event.address, event.lease_s, self._clock() + event.lease_s)

    def _machine(self, machine: MachineId) -> Machine | None:
        try:
            return self._store.machine(machine)
        except FibrixError:
            return None

    def _owners_of(self, macs: Iterable[MacAddress]) -> set[MachineId]:
        """The machines that have these MACs."""
        return {machine.id for machine in map(self._store.by_mac, macs) if machine is not None}

    def _forget(self, machine: MachineId) -> None:
        """A machine that came to rest has no use for the addresses that it booted with."""
        found = self._machine(machine)
        if found is not None:
            self._leases.forget(found.macs)

    def _note(self, machine: MachineId, leases: Sequence[Lease], held: Holdings) -> None:
        """Find out what is to be stored of the addresses that a machine holds."""
        want = {one.id: one for one in (_held(machine, lease) for lease in leases)}
        held.kept += [one for one in want.values() if self._held.get(one.id) != one]
        mine = {row for row in self._rows.get(machine, ()) if self._held[row].machine == machine}
        held.dropped += sorted(mine - want.keys())

    def _stored(self, held: Holdings) -> None:
        """Take note of what is stored now."""
        for one in held.dropped:
            gone = self._held.pop(one)
            self._rows[gone.machine].discard(one)
        for kept in held.kept:
            if (before := self._held.get(kept.id)) is not None:
                self._rows[before.machine].discard(kept.id)
            self._held[kept.id] = kept
            self._rows.setdefault(kept.machine, set()).add(kept.id)

    async def _tick_forever(self) -> None:
        """Once a second: leases that are over, and what could not be stored before."""
        while True:
            await asyncio.sleep(TICK_S)
            await self.tick()

    async def tick(self) -> None:
        """Let go of leases that are over; look at everything again where something was missed."""
        try:
            async with self._turn:
                await self._follow(self._owners_of(self._leases.ended(self._clock())))
            if self._keeper.stale:
                await self.look_again()
        except FibrixError as exc:
            self._keeper.stale = True
            log.warning("dns.not_stored", reason=str(exc))

    async def _watch_subnets(self) -> None:
        """Follow subnets and reservations."""
        while True:
            before, now = self._subnets, self._rack.value.subnets
            if now == before:
                await self._rack.changed()
                continue
            self._subnets = now
            if _bare(before) != _bare(now):
                await self._guarded(self.look_again())
            else:
                await self._guarded(self._reserved_anew(_reserved_for(before) ^ _reserved_for(now)))

    async def _reserved_anew(self, reserved: Iterable[tuple[str, Reservation]]) -> None:
        """Publish what follows for the machines that these reservations are, or were, for."""
        async with self._turn:
            await self._follow(self._owners_of({one.mac for _, one in reserved}))

    async def _guarded(self, work: Awaitable[None]) -> None:
        """Await some work; what cannot be stored now is looked at again with the next tick."""
        try:
            await work
        except FibrixError as exc:
            self._keeper.stale = True
            log.warning("dns.not_stored", reason=str(exc))


def _bare(subnets: Iterable[Subnet]) -> list[Subnet]:
    """Subnets without their reservations."""
    return [replace(subnet, reservations=()) for subnet in subnets]


def _reserved_for(subnets: Iterable[Subnet]) -> set[tuple[str, Reservation]]:
    """All reservations, with their subnets."""
    return {(subnet.name, one) for subnet in subnets for one in subnet.reservations}


def _held(machine: MachineId, lease: Lease) -> HeldAddress:
    return HeldAddress(
        mac=lease.mac, subnet=lease.subnet, machine=machine, address=lease.address, lease_s=lease.lease_s
    )
