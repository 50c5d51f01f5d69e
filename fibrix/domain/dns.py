"""The region's zones as values: what the region declares, and what the DNS service answers from.

Names are fully qualified, in lower case, without the final dot (`web-1.rack.example`); the root is the empty name.
"""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network
from typing import Final

import msgspec


class Record(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """One resource record (RFC 1035 §3.2). `value` is its data as in a zone file (RFC 1035 §5.1), names as above."""

    name: str
    type: str  # "A", "MX", …
    ttl: int  # seconds
    value: str  # "192.0.2.1", "10 mail.example", "\"some text\""


class ZoneChange(msgspec.Struct, frozen=True, kw_only=True):
    """What made one serial out of another; a secondary that has `before` needs no more than this (RFC 1995)."""

    before: int
    after: int
    removed: tuple[Record, ...] = ()
    added: tuple[Record, ...] = ()


class Authority(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of a zone's SOA record (RFC 1035 §3.3.13) but its serial. All times in seconds."""

    primary: str  # MNAME, a host name
    mailbox: str  # RNAME, written as a name: `hostmaster.rack.example`
    refresh_s: int = 3600
    retry_s: int = 600
    expire_s: int = 604800
    negative_s: int = 60  # how long the absence of a name may be remembered (RFC 2308 §4)


class Secondary(msgspec.Struct, frozen=True, kw_only=True):
    """A server that may transfer a zone, and is notified of its changes (RFC 1996)."""

    address: IPv4Address
    port: int = 53
    key: str = ""  # name of the TSIG key that its requests are signed with; empty: its address has to do


class Zone(msgspec.Struct, frozen=True, kw_only=True):
    """One zone at one serial, without its SOA record. A changed zone is another value that shares what it can."""

    name: str
    serial: int  # RFC 1982 arithmetic
    ttl: int = 300  # of the SOA record
    authority: Authority
    records: Mapping[str, tuple[Record, ...]] = {}  # by owner; NS records of the apex among them
    # The newest ones, oldest first, the last one leads to `serial`; none from before `authority` or `ttl` changed: a
    # secondary that is told to remove another SOA record than it has drops the whole transfer.
    changes: tuple[ZoneChange, ...] = ()
    secondaries: tuple[Secondary, ...] = ()


class TsigKey(msgspec.Struct, frozen=True, kw_only=True):
    """A shared key (RFC 8945). Its secret never reaches a log, an event or an API answer."""

    name: str
    algorithm: str = "hmac-sha256"
    secret: bytes

    def __repr__(self) -> str:
        """Name the key without its secret."""
        return f"TsigKey({self.name}, {self.algorithm})"


class DnsSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """All that the DNS service serves from. Zones that did not change are the same objects from one to the next."""

    zones: Mapping[str, Zone] = {}  # by name
    keys: Mapping[str, TsigKey] = {}  # by name
    listen: tuple[IPv4Address, ...] = ()
    recursion: tuple[IPv4Network, ...] = ()  # whose questions about other zones are forwarded
    forwarders: tuple[IPv4Address, ...] = ()  # empty: such questions are refused


LONGEST_LABEL: Final = 63
"""Octets of one label (RFC 1035 §2.3.4)."""
LONGEST_NAME: Final = 253
"""Characters of a whole name, written without the final dot."""
