"""A journal entry: one event as it is stored, and as integrators read it."""

from datetime import UTC, datetime
from functools import cache, cached_property
from ipaddress import IPv4Address
from typing import Any, Self

import msgspec

from fibrix.events.base import Event
from fibrix.types import TenantId


class Entry(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """One event of the journal. It is encoded once, however many read it."""

    seq: int
    at: datetime  # UTC
    type: str  # without the `fibrix.` prefix
    subject: str  # an API path; empty: the controller
    data: bytes  # a JSON object: the event's own fields
    cause: int  # sequence number of the event that led to this one; 0: none known
    tenant: TenantId = TenantId("")  # whose thing it is about
    request: str = ""  # id of the API request that it comes from

    @classmethod
    def of(cls, event: Event) -> Self:
        """Make the entry of an event that has its sequence number."""
        return cls(
            seq=event.seq,
            at=event.at.astimezone(UTC),
            type=event.type,
            subject=event.subject,
            data=_ENCODER.encode({name: getattr(event, name) for name in _own_fields(type(event))}),
            cause=event.cause,
            tenant=event.tenant,
            request=event.request,
        )

    def cloudevent(self) -> bytes:
        """Give it as a CloudEvents 1.0 event in JSON (CloudEvents JSON event format 1.0.2 §3)."""
        return self._encoded

    @cached_property
    def _encoded(self) -> bytes:
        """The same bytes for an entry that is just written and for one that is read from the disk."""
        event: dict[str, Any] = {
            "specversion": "1.0",
            "id": str(self.seq),
            "source": "/fibrix",
            "type": f"fibrix.{self.type}",
            "time": self.at,
            "datacontenttype": "application/json",
            "data": msgspec.Raw(self.data),
        }
        if self.subject:  # an attribute that is there must not be empty
            event["subject"] = self.subject
        if self.cause:
            event["cause"] = str(self.cause)
        if self.tenant:
            event["tenant"] = self.tenant
        if self.request:
            event["request"] = self.request
        return _ENCODER.encode(event)


def _plain(value: object) -> str:
    """Encode the values that JSON and msgspec do not know."""
    if isinstance(value, IPv4Address):
        return str(value)
    raise TypeError(f"an event cannot hold a {type(value).__name__}")


_ENCODER = msgspec.json.Encoder(enc_hook=_plain)


@cache
def _own_fields(kind: type[Event]) -> tuple[str, ...]:
    """Name the fields that make an event's data: those that the entry does not carry by itself."""
    return tuple(name for name in kind.__struct_fields__ if name not in Event.__struct_fields__)
