"""The records of zones as the API commands them, and what is answered."""

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from fibrix.controllers.dns.zones import DnsDesk, KeyCommands, ZoneCommands
from fibrix.controllers.ports import Unit
from fibrix.domain.names import opaque_id
from fibrix.domain.ports.dns import DnsRecordLine, DnsRecordSpec, Source
from fibrix.domain.zones.lookup import Found, lookup
from fibrix.domain.zones.names import check_name, whole, zone_of
from fibrix.domain.zones.rules import check_beside, checked_record
from fibrix.domain.zones.things import ZoneRecord
from fibrix.domain.zones.values import TYPES
from fibrix.errors import InvalidError
from fibrix.events.dns import RecordAdded, RecordDeleted, RecordReplaced
from fibrix.runtime.scope import rehearsal

_ASKED: Final = (*TYPES, "SOA", "ANY")


class RecordCommands:
    """The part of `domain.ports.dns.Dns` that is about records."""

    def __init__(self, desk: DnsDesk) -> None:
        self._desk = desk

    def records(self, zone: str) -> Sequence[DnsRecordLine]:
        """All records of a zone, by name. Raises NotFoundError."""
        planned = self._desk.zone(zone)
        served = self._desk.keeper.snapshot.zones.get(planned.name)
        if served is None:
            return ()
        shown = []
        for owner in sorted(served.records):
            ids = {(one.type, one.value): one.id for one in self._desk.store.zone_records.at(planned.name, owner)}
            own = {(one.type, one.value) for one in planned.own.get(owner, ())}
            for record in served.records[owner]:
                what = record.type, record.value
                source = Source.ADDED if what in ids else Source.ZONE if what in own else Source.MACHINE
                shown.append(
                    DnsRecordLine(
                        id=ids.get(what, ""),
                        name=owner,
                        type=record.type,
                        ttl=record.ttl,
                        value=record.value,
                        source=source,
                    )
                )
        return shown

    def record(self, zone: str, record: str) -> ZoneRecord:
        """One that was added. Raises NotFoundError."""
        return self._desk.store.zone_records.get(self._desk.zone(zone).name, record)

    async def add_record(self, zone: str, spec: DnsRecordSpec) -> ZoneRecord:
        """Add one. Raises NotFoundError, InvalidError, ConflictError, StoreError."""
        made = self._checked(zone, opaque_id("d", self._desk.draw), spec)

        def work(unit: Unit) -> None:
            check_beside(made, unit.records_at(made.zone, made.name))
            unit.insert_record(made)
            unit.append(
                RecordAdded(
                    at=self._desk.now(),
                    zone=made.zone,
                    record=made.id,
                    name=made.name,
                    record_type=made.type,
                    value=made.value,
                )
            )

        await self._desk.store.change(work)
        await self._publish(made.zone, made.name)
        return made

    async def replace_record(self, zone: str, record: str, spec: DnsRecordSpec) -> ZoneRecord:
        """Put another one in its place. Raises NotFoundError, InvalidError, ConflictError, StoreError."""
        before = self.record(zone, record)
        made = self._checked(zone, before.id, spec)

        def work(unit: Unit) -> None:
            unit.delete_record(before.id)
            check_beside(made, unit.records_at(made.zone, made.name))
            unit.insert_record(made)
            unit.append(
                RecordReplaced(
                    at=self._desk.now(),
                    zone=made.zone,
                    record=made.id,
                    name=made.name,
                    record_type=made.type,
                    value=made.value,
                )
            )

        if replace(made, id=before.id) != before:
            await self._desk.store.change(work)
            await self._publish(made.zone, before.name, made.name)
        return made

    async def delete_record(self, zone: str, record: str) -> None:
        """Remove one. Raises NotFoundError, StoreError."""
        gone = self.record(zone, record)

        def work(unit: Unit) -> None:
            unit.delete_record(gone.id)
            unit.append(
                RecordDeleted(
                    at=self._desk.now(),
                    zone=gone.zone,
                    record=gone.id,
                    name=gone.name,
                    record_type=gone.type,
                    value=gone.value,
                )
            )

        await self._desk.store.change(work)
        await self._publish(gone.zone, gone.name)

    def lookup(self, name: str, kind: str) -> Found:
        """What is answered. Raises InvalidError."""
        asked = kind.upper()
        if asked not in _ASKED:
            raise InvalidError(f"{kind!r} is no type that can be asked for here: {', '.join(_ASKED)}", pointer="/type")
        return lookup(self._desk.keeper.snapshot.zones, check_name(name, pointer="/name", wildcard=True), asked)

    def _checked(self, zone: str, record: str, spec: DnsRecordSpec) -> ZoneRecord:
        """Make a record of what was given. Raises NotFoundError, InvalidError."""
        name = self._desk.zone(zone).name
        owner = whole(spec.name, name)
        made = checked_record(
            ZoneRecord(id=record, zone=name, name=owner, type=spec.type, ttl=spec.ttl, value=spec.value)
        )
        nearest = zone_of(made.name, self._desk.keeper.planned())
        if nearest != name:
            raise InvalidError(f"{made.name} is in the zone {nearest}: add it there", pointer="/name")
        return made

    async def _publish(self, zone: str, *owners: str) -> None:
        """Have these names of a zone served as they are stored now; a rehearsal stored nothing."""
        keeper = self._desk.keeper
        if rehearsal() is not None:
            return
        planned = keeper.planned().get(zone)
        if keeper.stale or planned is None:
            await self._desk.publish()
        else:
            await keeper.settle_in([(planned, owners)])


class DnsController(ZoneCommands, RecordCommands, KeyCommands):
    """Fits `domain.ports.dns.Dns`."""
