"""Whole zones as messages: AXFR (RFC 5936) and IXFR (RFC 1995)."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

from fibrix.domain.dns import Record, Zone, ZoneChange
from fibrix.services.dns.zone import changes_since, rrset_of
from fibrix.wire.dns.answer import AnswerWriter, Section
from fibrix.wire.dns.codes import Flag, RecordType
from fibrix.wire.dns.names import encode_name
from fibrix.wire.dns.query import Query
from fibrix.wire.dns.rdata import soa_rdata

MESSAGE_BYTES: Final = 16_000  # names further on cannot be pointed to; and it is soon made
_HALF: Final = 1 << 31  # serials wrap: RFC 1982 §3.2


def soa_record(zone: Zone, serial: int) -> tuple[bytes, int, int, tuple[bytes, ...]]:
    """Make the zone's SOA record at a serial, as AnswerWriter.add takes it."""
    authority = zone.authority
    times = (authority.refresh_s, authority.retry_s, authority.expire_s, authority.negative_s)
    data = soa_rdata(authority.primary, authority.mailbox, serial, times)
    return encode_name(zone.name), RecordType.SOA, zone.ttl, (data,)


def messages(query: Query, zone: Zone) -> Iterator[bytes]:
    """Make the messages of a transfer, one at a time, unsigned."""
    flags = Flag.QR | Flag.AA | query.flags & Flag.RD
    writer = AnswerWriter(query.question, MESSAGE_BYTES)
    for item in _items(query, zone):
        if not writer.add(Section.ANSWER, *item):
            yield writer.done(query.id, flags)
            writer = AnswerWriter(b"", MESSAGE_BYTES)  # the question comes once: RFC 5936 §2.2.1
            if not writer.add(Section.ANSWER, *item):
                writer = AnswerWriter(b"")  # one that is very long, alone
                writer.add(Section.ANSWER, *item)
                yield writer.done(query.id, flags)
                writer = AnswerWriter(b"", MESSAGE_BYTES)
    yield writer.done(query.id, flags)


def _items(query: Query, zone: Zone) -> Iterator[tuple[bytes, int, int, tuple[bytes, ...]]]:
    newest = soa_record(zone, zone.serial)
    if query.type == RecordType.IXFR and query.serial is not None:
        if not newer(zone.serial, query.serial):
            yield newest  # nothing to tell: RFC 1995 §2
            return
        changes = changes_since(zone, query.serial)
        if changes and _worth(changes, zone):
            yield from chain([newest], _differences(zone, changes), [newest])
            return
    yield from chain([newest], _records(chain.from_iterable(zone.records.values())), [newest])


def newer(serial: int, other: int) -> bool:
    """Whether a serial comes after another: RFC 1982 §3.2."""
    return serial != other and (serial - other) % (1 << 32) < _HALF


def _worth(changes: tuple[ZoneChange, ...], zone: Zone) -> bool:
    """Whether the differences are shorter than the zone."""
    told = sum(len(change.removed) + len(change.added) + 2 for change in changes)
    return told <= sum(map(len, zone.records.values()))


def _differences(zone: Zone, changes: Iterable[ZoneChange]) -> Iterator[tuple[bytes, int, int, tuple[bytes, ...]]]:
    for change in changes:
        yield soa_record(zone, change.before)
        yield from _records(change.removed)
        yield soa_record(zone, change.after)
        yield from _records(change.added)


def _records(records: Iterable[Record]) -> Iterator[tuple[bytes, int, int, tuple[bytes, ...]]]:
    """Make records; one that cannot be made is not served either."""
    for record in records:
        made = rrset_of(record)
        if made is not None:
            yield encode_name(record.name), *made
