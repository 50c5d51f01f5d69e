"""What may stand in a zone, and what beside what."""

from collections.abc import Sequence
from typing import Final

from fibrix.domain.zones.names import check_name, within
from fibrix.domain.zones.things import DnsZone, ZoneRecord
from fibrix.domain.zones.values import check_value
from fibrix.errors import ConflictError, InvalidError

MOST_AT_A_NAME: Final = 100
"""Records that somebody may add at one name: an answer has to hold all of a type."""
LONGEST_TTL: Final = 2**31 - 1
"""Seconds (RFC 2181 §8)."""
_MOST_SERVERS: Final = 16


def checked_record(record: ZoneRecord) -> ZoneRecord:
    """Check a record by itself, whose name is whole. Raises InvalidError."""
    kind = record.type.upper()
    name = check_name(record.name, pointer="/name", wildcard=True)
    if not within(name, record.zone):
        raise InvalidError(f"{name} is not in the zone {record.zone}", pointer="/name")
    value = check_value(kind, record.value, record.zone)
    if name == record.zone and kind == "CNAME":
        raise InvalidError("the zone's own name has an SOA record, and so it can have no CNAME", pointer="/type")
    if name == record.zone and kind == "NS":
        raise InvalidError("the name servers of the zone are part of the zone itself: edit the zone", pointer="/type")
    return ZoneRecord(id=record.id, zone=record.zone, name=name, type=kind, ttl=record.ttl, value=value)


def check_beside(record: ZoneRecord, there: Sequence[ZoneRecord]) -> None:
    """Check a record against the others that were added at its name. Raises ConflictError."""
    others = [one for one in there if one.id != record.id]
    if any(one.type == record.type and one.value == record.value for one in others):
        raise ConflictError(f"{record.name} {record.type} {record.value} is there already")
    if others and (record.type == "CNAME" or any(one.type == "CNAME" for one in others)):
        has = ", ".join(sorted({one.type for one in others}))
        raise ConflictError(f"a CNAME stands alone at its name (RFC 1034 §3.6.2), and {record.name} has {has}")
    if len(others) >= MOST_AT_A_NAME:
        raise ConflictError(f"{record.name} has {len(others)} records: no more are allowed")


def checked_zone(zone: DnsZone) -> DnsZone:
    """Check a zone's fields, and bring its names into form. Raises InvalidError."""
    name = check_name(zone.name, pointer="/name")
    if len(zone.name_servers) > _MOST_SERVERS or len(zone.secondaries) > _MOST_SERVERS:
        raise InvalidError(f"a zone has {_MOST_SERVERS} name servers and secondaries at most", pointer="/name_servers")
    servers = tuple(check_name(one, pointer=f"/name_servers/{i}") for i, one in enumerate(zone.name_servers))
    for i, secondary in enumerate(zone.secondaries):
        if (secondary.address, secondary.port) in [(one.address, one.port) for one in zone.secondaries[:i]]:
            raise InvalidError(f"{secondary.address} is there twice", pointer=f"/secondaries/{i}")
    return DnsZone(
        name=name,
        ttl=zone.ttl,
        primary=check_name(zone.primary, pointer="/primary") if zone.primary else "",
        mailbox=_mailbox(zone.mailbox),
        refresh_s=zone.refresh_s,
        retry_s=zone.retry_s,
        expire_s=zone.expire_s,
        negative_s=zone.negative_s,
        name_servers=tuple(dict.fromkeys(servers)),
        secondaries=zone.secondaries,
        created_at=zone.created_at,
        revision=zone.revision,
    )


def _mailbox(text: str) -> str:
    """Write a mail address as a name: its first label is what is before the @ (RFC 1035 §3.3.13)."""
    if not text:
        return ""
    local, at, domain = text.partition("@")
    if at and "." in local:
        raise InvalidError(
            "a dot before the @ cannot be written in an SOA record: use another address", pointer="/mailbox"
        )
    return check_name(f"{local}.{domain}" if at else text, pointer="/mailbox")
