"""Zones, fabrics and VLANs: what subnets and machines are told to be in."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from fibrix.controllers.networks import NetworkBook
from fibrix.controllers.ports import Store, Thing, Unit
from fibrix.domain.names import check_label
from fibrix.domain.network_kept import Fabric, Vlan, Zone
from fibrix.domain.network_reader import refuse
from fibrix.domain.network_rules import subnet_faults, vlan_faults
from fibrix.domain.ports.networks import NamedSpec, NoteChanges, VlanChanges, VlanSpec
from fibrix.errors import ConflictError, Fault, InvalidError, NotFoundError
from fibrix.events import network as events
from fibrix.events.base import Event

S = TypeVar("S", bound=Thing)


class FabricController:
    """Fits `domain.ports.networks.Fabrics`."""

    def __init__(
        self, store: Store, book: NetworkBook, refresh: Callable[[], None], now: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._book = book
        self._refresh = refresh
        self._now = now

    def zones(self) -> Sequence[Zone]:
        """All zones, by name: those that were declared, and those that machines name."""
        named = {machine.zone for machine in self._store.machines()}
        found = {name: Zone(name=name) for name in named} | {zone.name: zone for zone in self._store.of(Zone).all()}
        return [found[name] for name in sorted(found)]

    def zone(self, name: str) -> Zone:
        """One of them. Raises NotFoundError."""
        return _found(self.zones(), "zone", name)

    def machines_in(self, zone: str) -> int:
        """How many machines stand there."""
        return Counter(machine.zone for machine in self._store.machines())[zone]

    async def add_zone(self, spec: NamedSpec) -> Zone:
        """Declare one. Raises InvalidError, ConflictError."""
        made = Zone(name=check_label(spec.name, pointer="/name"), note=spec.note)
        return await self._add(Zone, made, events.AvailabilityZoneCreated(at=self._now(), name=made.name))

    async def update_zone(self, name: str, changes: NoteChanges) -> Zone:
        """Change one; one that only machines name is declared by it. Raises NotFoundError."""
        before = self.zone(name)
        after = before if changes.note is None else replace(before, note=changes.note)
        event = events.AvailabilityZoneUpdated(at=self._now(), name=name, fields=("note",))
        return await self._put(Zone, before, after, event)

    async def delete_zone(self, name: str) -> None:
        """Remove one. Raises NotFoundError, ConflictError (machines stand there)."""
        self.zone(name)

        def refuse_used(unit: Unit) -> None:
            if count := sum(machine.zone == name for machine in unit.machines()):
                raise ConflictError(f"{count} of the machines stand in the zone {name!r}: move them first")

        await self._delete(Zone, name, refuse_used, events.AvailabilityZoneDeleted(at=self._now(), name=name))

    def fabrics(self) -> Sequence[Fabric]:
        """All fabrics, by name: those that were declared, and those that the file names."""
        found = {vlan.fabric: Fabric(name=vlan.fabric) for vlan in self._book.declared.vlans}
        found |= {fabric.name: fabric for fabric in self._store.of(Fabric).all()}
        return [found[name] for name in sorted(found)]

    def fabric(self, name: str) -> Fabric:
        """One of them. Raises NotFoundError."""
        return _found(self.fabrics(), "fabric", name)

    async def add_fabric(self, spec: NamedSpec) -> Fabric:
        """Declare one. Raises InvalidError, ConflictError."""
        made = Fabric(name=check_label(spec.name, pointer="/name"), note=spec.note)
        return await self._add(Fabric, made, events.FabricCreated(at=self._now(), name=made.name))

    async def update_fabric(self, name: str, changes: NoteChanges) -> Fabric:
        """Change one; one that only the file names is declared by it. Raises NotFoundError."""
        before = self.fabric(name)
        after = before if changes.note is None else replace(before, note=changes.note)
        event = events.FabricUpdated(at=self._now(), name=name, fields=("note",))
        return await self._put(Fabric, before, after, event)

    async def delete_fabric(self, name: str) -> None:
        """Remove one. Raises NotFoundError, ConflictError (it has VLANs, or the file names it)."""
        self.fabric(name)

        def refuse_used(unit: Unit) -> None:
            there = [vlan.id for vlan in unit.of(Vlan).all() if vlan.fabric == name]
            if there:
                raise ConflictError(f"the fabric {name!r} has the VLANs {', '.join(there)}: remove them first")
            if any(vlan.fabric == name for vlan in self._book.declared.vlans):
                raise ConflictError(f"the configuration file names the fabric {name!r}: change it there")

        await self._delete(Fabric, name, refuse_used, events.FabricDeleted(at=self._now(), name=name))

    def vlans(self) -> Sequence[Vlan]:
        """All VLANs, by fabric and number."""
        found = {vlan.id: vlan for vlan in self._book.declared.vlans}
        found |= {vlan.id: vlan for vlan in self._store.of(Vlan).all()}
        return sorted(found.values(), key=lambda vlan: (vlan.fabric, vlan.vid))

    def vlan(self, name: str) -> Vlan:
        """One of them, as `default.10`. Raises NotFoundError."""
        return _found(self.vlans(), "VLAN", name)

    async def add_vlan(self, spec: VlanSpec) -> Vlan:
        """Declare one. Raises NotFoundError, InvalidError, ConflictError."""
        made = msgspec.convert(spec, Vlan, from_attributes=True)
        refuse(list(vlan_faults(made, self._book.declared.roles)))
        if made.fabric not in {fabric.name for fabric in self.fabrics()}:
            raise InvalidError(f"there is no fabric {made.fabric!r}: declare it first", pointer="/fabric")
        if made.id in {vlan.id for vlan in self._book.declared.vlans}:
            raise ConflictError(f"the configuration file has the VLAN {made.id} already: change it there, or edit it")
        return await self._add(Vlan, made, events.VlanCreated(at=self._now(), vlan=made.id))

    async def update_vlan(self, name: str, changes: VlanChanges) -> Vlan:
        """Change one; its subnets move with its interface. Raises NotFoundError, InvalidError, ConflictError."""
        before = self.vlan(name)
        given = {field: value for field, value in msgspec.structs.asdict(changes).items() if value is not None}
        after = replace(before, **given)
        refuse(list(vlan_faults(after, self._book.declared.roles)))
        fields = tuple(field for field in given if getattr(before, field) != getattr(after, field))
        event = events.VlanUpdated(at=self._now(), vlan=name, fields=fields)
        return await self._put(Vlan, before, after, event, self._refuse_subnets)

    async def delete_vlan(self, name: str) -> None:
        """Remove one. Raises NotFoundError, ConflictError (a subnet is on it, or the file names it)."""
        self.vlan(name)

        def refuse_used(unit: Unit) -> None:
            there = [kept.name for kept in self._book.in_unit(unit) if kept.vlan == name]
            if there:
                raise ConflictError(f"VLAN {name} has the subnets {', '.join(there)}: move or remove them first")

        await self._delete(Vlan, name, refuse_used, events.VlanDeleted(at=self._now(), vlan=name))

    def _refuse_subnets(self, unit: Unit, vlan: Vlan) -> None:
        """Refuse a VLAN on which one of its subnets cannot be."""
        faults = [
            Fault(f"subnet {kept.name!r}: {fault.detail}", fault.pointer)
            for kept in self._book.in_unit(unit)
            if kept.vlan == vlan.id
            for fault in subnet_faults(kept, vlan, self._book.declared.roles)
        ]
        refuse(faults)

    async def _add(self, kind: type[S], made: S, event: Event) -> S:
        def work(unit: Unit) -> S:
            unit.of(kind).insert(made)
            unit.append(event)
            return made

        return await self._store.change(work)

    async def _put(
        self, kind: type[S], before: S, after: S, event: Event, check: Callable[[Unit, Any], None] | None = None
    ) -> S:
        """Store a changed version; what was not declared so far is now."""
        if before == after:
            return before

        def work(unit: Unit) -> S:
            rows = unit.of(kind)
            if rows.by_key(after.id) is None:
                rows.insert(after)
            else:
                rows.update(after)
            if check is not None:
                check(unit, after)
            unit.append(event)
            return after

        stored = await self._store.change(work)
        self._refresh()
        return stored

    async def _delete(self, kind: type[S], name: str, refuse_used: Callable[[Unit], None], event: Event) -> None:
        def work(unit: Unit) -> None:
            refuse_used(unit)
            unit.of(kind).delete(name)
            unit.append(event)

        await self._store.change(work)
        self._refresh()


def _found(things: Sequence[S], noun: str, name: str) -> S:
    for thing in things:
        if thing.id == name:
            return thing
    raise NotFoundError(f"there is no {noun} {name!r}")
