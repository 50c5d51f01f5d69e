"""What the API asks of the region about DNS."""

from collections.abc import Sequence
from enum import Enum
from typing import Annotated, Protocol

import msgspec
from msgspec import UNSET, Meta, UnsetType

from fibrix.domain.zones.lookup import Found
from fibrix.domain.zones.plan import PlannedZone
from fibrix.domain.zones.rules import LONGEST_TTL
from fibrix.domain.zones.things import DnsKey, ZoneRecord

Ttl = Annotated[int, Meta(ge=0, le=LONGEST_TTL)]
"""Seconds."""
Interval = Annotated[int, Meta(ge=1, le=LONGEST_TTL)]
"""Seconds."""


class SecondarySpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A server that may have all of a zone, and is told of its changes."""

    address: str  # IPv4
    port: Annotated[int, Meta(ge=1, le=65535)] = 53
    key: str = ""  # the key that its requests must be signed with; empty: its address has to do


class DnsZoneSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A zone to declare."""

    name: str
    ttl: Ttl = 300
    primary: str = ""  # MNAME; empty: `ns` in the zone, which then has the controller's own addresses
    mailbox: str = ""  # RNAME, as an address or as a name; empty: hostmaster in the zone
    refresh_s: Interval = 3600
    retry_s: Interval = 600
    expire_s: Interval = 604800
    negative_s: Ttl = 60  # how long it may be remembered that a name is not there
    name_servers: tuple[str, ...] = ()  # empty: the primary alone
    secondaries: tuple[SecondarySpec, ...] = ()


class DnsZoneEdit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change of a zone; what is left out stays."""

    ttl: Ttl | UnsetType = UNSET
    primary: str | UnsetType = UNSET
    mailbox: str | UnsetType = UNSET
    refresh_s: Interval | UnsetType = UNSET
    retry_s: Interval | UnsetType = UNSET
    expire_s: Interval | UnsetType = UNSET
    negative_s: Ttl | UnsetType = UNSET
    name_servers: tuple[str, ...] | UnsetType = UNSET
    secondaries: tuple[SecondarySpec, ...] | UnsetType = UNSET


class DnsRecordSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A record to add."""

    name: str  # whole, or below the zone; `@`: the zone itself
    type: str
    value: str  # as in a zone file
    ttl: Ttl | None = None  # null: the zone's


class Algorithm(Enum):
    """How a key signs (RFC 8945 §6)."""

    HMAC_SHA256 = "hmac-sha256"
    HMAC_SHA384 = "hmac-sha384"
    HMAC_SHA512 = "hmac-sha512"


class DnsKeySpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A TSIG key to store."""

    name: str
    algorithm: Algorithm = Algorithm.HMAC_SHA256
    secret: str = ""  # base64; empty: one is made


class Source(Enum):
    """Where a record comes from."""

    ADDED = "added"  # by people
    MACHINE = "machine"
    ZONE = "zone"  # name servers, and the addresses of the primary


class DnsRecordLine(msgspec.Struct, frozen=True, kw_only=True):
    """A record of a zone."""

    id: str  # empty: it is there by itself
    name: str
    type: str
    ttl: int
    value: str
    source: Source


class DnsZoneStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a zone is served now."""

    serial: int  # 0: it is not served yet
    primary: str  # MNAME
    mailbox: str  # RNAME, as a name
    name_servers: tuple[str, ...]
    names: int
    records: int
    changes: int  # so many serials a secondary may be behind and need not take all of it
    oldest: int  # the serial that the oldest of them leads on from; 0: there is none


class Dns(Protocol):
    """Zones, their records, and keys."""

    def zones(self) -> Sequence[PlannedZone]:
        """All zones, by name: those that were declared, and those that are there by themselves."""
        ...

    def zone(self, name: str) -> PlannedZone:
        """One of them. Raises NotFoundError."""
        ...

    def status(self, name: str) -> DnsZoneStatus:
        """How it is served. Raises NotFoundError."""
        ...

    async def add_zone(self, spec: DnsZoneSpec) -> PlannedZone:
        """Declare one. Raises InvalidError, ConflictError, StoreError."""
        ...

    async def edit_zone(self, name: str, edit: DnsZoneEdit) -> PlannedZone:
        """Change one that was declared. Raises NotFoundError, InvalidError, ConflictError, StoreError."""
        ...

    async def delete_zone(self, name: str) -> None:
        """Remove one with the records that were added to it. Raises NotFoundError, ConflictError, StoreError."""
        ...

    def records(self, zone: str) -> Sequence[DnsRecordLine]:
        """All records of a zone, by name. Raises NotFoundError."""
        ...

    def record(self, zone: str, record: str) -> ZoneRecord:
        """One that was added. Raises NotFoundError."""
        ...

    async def add_record(self, zone: str, spec: DnsRecordSpec) -> ZoneRecord:
        """Add one. Raises NotFoundError, InvalidError, ConflictError, StoreError."""
        ...

    async def replace_record(self, zone: str, record: str, spec: DnsRecordSpec) -> ZoneRecord:
        """Put another one in its place. Raises NotFoundError, InvalidError, ConflictError, StoreError."""
        ...

    async def delete_record(self, zone: str, record: str) -> None:
        """Remove one. Raises NotFoundError, StoreError."""
        ...

    def lookup(self, name: str, kind: str) -> Found:
        """What is answered. Raises InvalidError."""
        ...

    def keys(self) -> Sequence[DnsKey]:
        """All keys, by name."""
        ...

    def key(self, name: str) -> DnsKey:
        """One of them. Raises NotFoundError."""
        ...

    async def add_key(self, spec: DnsKeySpec) -> tuple[DnsKey, str]:
        """Store one; gives its secret in base64 too. Raises InvalidError, ConflictError, StoreError."""
        ...

    async def delete_key(self, name: str) -> None:
        """Forget one. Raises NotFoundError, ConflictError (a secondary signs with it), StoreError."""
        ...
