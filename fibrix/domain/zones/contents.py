"""What a zone holds at a name, and how one serial of it becomes the next."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from fibrix.domain.dns import Record, Zone, ZoneChange
from fibrix.domain.zones.plan import PlannedZone
from fibrix.domain.zones.serials import next_serial
from fibrix.domain.zones.things import ZoneRecord

MOST_CHANGES: Final = 100
"""So many changes of a zone are kept at most; a secondary that is further behind takes the zone whole."""
_ALWAYS: Final = 100  # records in the changes of even the smallest zone


def at_name(owner: str, zone: PlannedZone, added: Sequence[ZoneRecord], given: Iterable[Record]) -> tuple[Record, ...]:
    """Tell all records at a name. What people added goes before what is there by itself: by type, a CNAME altogether.

    Records of one type have one TTL (RFC 2181 §5.2): the shortest.
    """
    mine = [
        Record(name=one.name, type=one.type, ttl=zone.ttl if one.ttl is None else one.ttl, value=one.value)
        for one in added
    ]
    if not any(record.type == "CNAME" for record in mine):
        types = {record.type for record in mine}
        rest = [*zone.own.get(owner, ()), *given]
        if types or any(record.type != "CNAME" for record in rest):
            rest = [record for record in rest if record.type != "CNAME"]
        mine += [record for record in rest if record.type not in types]
    shortest: dict[str, int] = {}
    for record in mine:
        shortest[record.type] = min(record.ttl, shortest.get(record.type, record.ttl))
    return tuple(sorted({replace(record, ttl=shortest[record.type]) for record in mine}))


def begun(planned: PlannedZone, serial: int) -> Zone:
    """Make a zone with nothing in it. `serial` is the last that a zone of this name had; 0: it had none."""
    return Zone(
        name=planned.name,
        serial=serial,
        ttl=planned.ttl,
        authority=planned.authority,
        secondaries=planned.secondaries,
    )


def changed(
    zone: Zone, planned: PlannedZone, names: Mapping[str, tuple[Record, ...]], now_s: int
) -> tuple[Zone, ZoneChange | None]:
    """Give the zone with these records at these names, and what changed; None: nothing that has a serial."""
    before = {record for owner in names for record in zone.records.get(owner, ())}
    after = {record for records in names.values() for record in records}
    there = replace(zone, secondaries=planned.secondaries) if zone.secondaries != planned.secondaries else zone
    if before == after and zone.authority == planned.authority and zone.ttl == planned.ttl:
        return there, None
    change = ZoneChange(
        before=zone.serial,
        after=next_serial(zone.serial, now_s),
        removed=tuple(sorted(before - after)),
        added=tuple(sorted(after - before)),
    )
    records = dict(zone.records)
    for owner, found in names.items():
        if found:
            records[owner] = found
        else:
            records.pop(owner, None)
    new = replace(there, serial=change.after, ttl=planned.ttl, authority=planned.authority, records=records)
    if not zone.records:  # it begins: what secondaries have of an earlier zone of this name is not known
        return replace(new, changes=()), change
    return replace(new, changes=kept((*zone.changes, change), sum(map(len, records.values())))), change


def kept(changes: tuple[ZoneChange, ...], records: int) -> tuple[ZoneChange, ...]:
    """Drop the oldest changes: those over the limit, and those that say more than the zone's `records` do."""
    room, first = max(records, _ALWAYS), len(changes)
    for change in reversed(changes[-MOST_CHANGES:]):
        room -= len(change.removed) + len(change.added)
        if room < 0:
            break
        first -= 1
    return changes[first:]
