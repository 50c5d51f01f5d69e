"""What is kept of zones: what people declared, and which address each machine was last seen to have."""

from datetime import datetime
from ipaddress import IPv4Address

import msgspec

from fibrix.domain.dns import Secondary
from fibrix.types import MacAddress, MachineId


class DnsZone(msgspec.Struct, frozen=True, kw_only=True):
    """A zone that somebody declared. Its name is its id: a zone of another name is another zone."""

    name: str
    ttl: int = 300  # seconds; of the SOA record, of machines' names, and of records that have none of their own
    primary: str = ""  # MNAME; empty: `ns` in the zone
    mailbox: str = ""  # RNAME, as a name; empty: `hostmaster` in the zone
    refresh_s: int = 3600
    retry_s: int = 600
    expire_s: int = 604800
    negative_s: int = 60
    name_servers: tuple[str, ...] = ()  # empty: the primary alone
    secondaries: tuple[Secondary, ...] = ()
    created_at: datetime
    revision: int = 1

    @property
    def id(self) -> str:
        """What it is kept under."""
        return self.name


class ZoneRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A record that somebody added to a zone."""

    id: str
    zone: str
    name: str  # whole
    type: str
    ttl: int | None = None  # seconds; None: the zone's
    value: str  # as `fibrix.domain.dns.Record` has it


class DnsKey(msgspec.Struct, frozen=True, kw_only=True):
    """A TSIG key without its secret, which is sealed beside it."""

    name: str
    algorithm: str = "hmac-sha256"
    created_at: datetime

    @property
    def id(self) -> str:
        """What it is kept under."""
        return self.name

    @property
    def secret_owner(self) -> str:
        """Whose its secret is, to the store."""
        return f"dns/keys/{self.name}"


class HeldAddress(msgspec.Struct, frozen=True, kw_only=True):
    """An address that a machine leased. Kept, so that its name is there again as soon as the controller is."""

    mac: MacAddress
    subnet: str
    machine: MachineId
    address: IPv4Address
    lease_s: int

    @property
    def id(self) -> str:
        """One per MAC and subnet."""
        return f"{self.mac}@{self.subnet}"
