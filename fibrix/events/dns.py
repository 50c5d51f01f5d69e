"""What people changed of DNS. All journaled; machines' names come and go too often for that."""

from typing import ClassVar

from fibrix.events.base import Event


class DnsZoneEvent(Event, frozen=True, kw_only=True):
    """Something about one zone."""

    zone: str

    @property
    def subject(self) -> str:
        """Its path in the API."""
        return f"dns/zones/{self.zone}"


class DnsZoneAdded(DnsZoneEvent, frozen=True, kw_only=True):
    """A zone was declared. By controllers.dns; for the stream."""

    TYPE: ClassVar[str] = "dns.zone_added"


class DnsZoneUpdated(DnsZoneEvent, frozen=True, kw_only=True):
    """A zone's authority, name servers or secondaries changed: `fields`. By controllers.dns; for the stream."""

    TYPE: ClassVar[str] = "dns.zone_updated"
    fields: tuple[str, ...]


class DnsZoneDeleted(DnsZoneEvent, frozen=True, kw_only=True):
    """A zone is gone, with the records that were added to it. By controllers.dns; for the stream."""

    TYPE: ClassVar[str] = "dns.zone_deleted"
    records: int  # so many went with it


class RecordEvent(DnsZoneEvent, frozen=True, kw_only=True):
    """Something about one record that people added."""

    record: str  # its id
    name: str
    record_type: str
    value: str


class RecordAdded(RecordEvent, frozen=True, kw_only=True):
    """A record was added to a zone. By controllers.dns; for the stream."""

    TYPE: ClassVar[str] = "dns.record_added"


class RecordReplaced(RecordEvent, frozen=True, kw_only=True):
    """A record took the place of the one before; it keeps its id. By controllers.dns; for the stream."""

    TYPE: ClassVar[str] = "dns.record_replaced"


class RecordDeleted(RecordEvent, frozen=True, kw_only=True):
    """A record was taken out of a zone. By controllers.dns; for the stream."""

    TYPE: ClassVar[str] = "dns.record_deleted"


class DnsKeyEvent(Event, frozen=True, kw_only=True):
    """Something about one TSIG key, never its secret."""

    name: str

    @property
    def subject(self) -> str:
        """Its path in the API."""
        return f"dns/keys/{self.name}"


class DnsKeyAdded(DnsKeyEvent, frozen=True, kw_only=True):
    """Secondaries may sign with one key more. By controllers.dns; for the stream."""

    TYPE: ClassVar[str] = "dns.key_added"


class DnsKeyDeleted(DnsKeyEvent, frozen=True, kw_only=True):
    """A TSIG key is good no more. By controllers.dns; for the stream."""

    TYPE: ClassVar[str] = "dns.key_deleted"
