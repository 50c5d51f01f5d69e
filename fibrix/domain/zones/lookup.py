"""What the zones here say about a name (RFC 1034 §4.3.2): for people who ask why they are told what they are told."""

from collections.abc import Mapping
from enum import Enum
from typing import Final

import msgspec

from fibrix.domain.dns import Record, Zone
from fibrix.domain.zones.names import above, within, zone_of

MOST_ALIASES: Final = 8
"""So many CNAMEs are followed; more are a loop."""


class Outcome(Enum):
    """What comes of a question."""

    ANSWERED = "answered"
    NO_SUCH_NAME = "no such name"  # NXDOMAIN
    NO_SUCH_TYPE = "no such type"  # NODATA (RFC 2308 §2.2)
    DELEGATED = "delegated"  # the zone names other servers for it
    ELSEWHERE = "elsewhere"  # no zone here has it: it is forwarded, or refused


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """An answer; of a CNAME that was followed, the last zone and what came of its end."""

    outcome: Outcome
    zone: str  # empty: none here
    records: tuple[Record, ...] = ()  # the aliases that led there first
    authority: tuple[Record, ...] = ()  # the SOA record where there is nothing, NS records where it is delegated


def lookup(zones: Mapping[str, Zone], name: str, kind: str) -> Found:
    """Answer for a name, `kind` being a type or ANY."""
    followed: list[Record] = []
    found = _once(zones, name, kind)
    while len(followed) < MOST_ALIASES and (alias := _alias(found, kind)) is not None:
        followed.append(alias)
        found = _once(zones, alias.value, kind)
    return msgspec.structs.replace(found, records=(*followed, *found.records))


def soa_of(zone: Zone) -> Record:
    """The zone's SOA record (RFC 1035 §3.3.13)."""
    of = zone.authority
    times = f"{of.refresh_s} {of.retry_s} {of.expire_s} {of.negative_s}"
    return Record(name=zone.name, type="SOA", ttl=zone.ttl, value=f"{of.primary} {of.mailbox} {zone.serial} {times}")


def _alias(found: Found, kind: str) -> Record | None:
    """The CNAME that an answer consists of, where another type was asked for."""
    if kind in {"CNAME", "ANY"} or len(found.records) != 1 or found.records[0].type != "CNAME":
        return None
    return found.records[0]


def _once(zones: Mapping[str, Zone], name: str, kind: str) -> Found:
    """Answer without following a CNAME."""
    where = zone_of(name, zones)
    if where is None:
        return Found(outcome=Outcome.ELSEWHERE, zone="")
    zone = zones[where]
    if cut := _cut(zone, name):
        return Found(outcome=Outcome.DELEGATED, zone=where, authority=cut)
    there = zone.records.get(name)
    if there is None and not _below(zone, name):
        there = _wildcard(zone, name)
        if there is None:
            return Found(outcome=Outcome.NO_SUCH_NAME, zone=where, authority=(soa_of(zone),))
    all_of_it = (*((soa_of(zone),) if name == where else ()), *(there or ()))
    chosen = tuple(r for r in all_of_it if kind in {r.type, "ANY"} or r.type == "CNAME")
    if not chosen:
        return Found(outcome=Outcome.NO_SUCH_TYPE, zone=where, authority=(soa_of(zone),))
    return Found(outcome=Outcome.ANSWERED, zone=where, records=chosen)


def _cut(zone: Zone, name: str) -> tuple[Record, ...]:
    """The NS records of a delegation that the name is at or below: the one nearest to the zone's top."""
    cut: tuple[Record, ...] = ()
    for owner in above(name):
        if owner == zone.name:
            break
        servers = tuple(r for r in zone.records.get(owner, ()) if r.type == "NS")
        cut = servers or cut
    return cut


def _below(zone: Zone, name: str) -> bool:
    """Whether there is anything below a name that has no records itself (RFC 4592 §2.2.2)."""
    return name == zone.name or any(within(owner, name) for owner in zone.records)


def _wildcard(zone: Zone, name: str) -> tuple[Record, ...] | None:
    """What a wildcard at the closest encloser says of the name (RFC 4592 §3.3.1)."""
    for parent in list(above(name))[1:]:
        stars = zone.records.get(f"*.{parent}")
        if stars is not None:
            return tuple(msgspec.structs.replace(record, name=name) for record in stars)
        if parent == zone.name or parent in zone.records or _below(zone, parent):
            return None
    return None
