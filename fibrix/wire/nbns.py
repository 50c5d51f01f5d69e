"""NetBIOS names by UDP port 137 (RFC 1002 §4.2): what Windows and Samba call themselves.

12 octets of header as in DNS, then questions and records as in DNS. A name is 15 octets filled up with blanks and 1 of
suffix, each octet written as two letters from A (0) to P (15), after that perhaps a scope, which is not read
(RFC 1001 §14.1).
"""

from enum import Enum
from ipaddress import IPv4Address
from struct import Struct
from typing import Final

import msgspec

from fibrix.errors import MalformedPacketError
from fibrix.wire.dns.codes import HEADER_BYTES, RCODE_MASK, Flag, opcode_of
from fibrix.wire.dns.names import read_name
from fibrix.wire.dns.query import FIXED, HEADER, PAIR
from fibrix.wire.text import text

PORT: Final = 137
WORKSTATION: Final = 0x00
"""Suffix of a host's own name; of a group name with it: the workgroup or domain."""
FILE_SERVER: Final = 0x20
"""Suffix of a host that shares files."""
MOST_NAMES: Final = 32
"""How many names of one message are kept."""

_NAMES: Final = 0x20  # type of a record: NB, RFC 1002 §4.2.1.3
_STATUS: Final = 0x21  # NBSTAT
_GROUP: Final = 0x8000
_NAME: Final = 33  # octets of a coded name's label, with its length
_ENTRY: Final = 6  # of a NB record: 2 octets of flags, 4 of address
_STATUS_ENTRY: Final = 18  # of a NBSTAT record: 15 octets of name, 1 of suffix, 2 of flags
_MOST_RECORDS: Final = 4  # of which more do not come in any message of RFC 1002
_read_entry: Final = Struct("!H4s").unpack_from


class Operation(Enum):
    """What a message is about (RFC 1002 §4.2.1.1); 9 is sent by some for 8, 15 by Microsoft's hosts on several nets."""

    QUERY = 0
    REGISTRATION = 5
    RELEASE = 6
    WAIT = 7
    REFRESH = 8
    REFRESH_ALSO = 9
    MULTIHOMED_REGISTRATION = 15


class Name(msgspec.Struct, frozen=True):
    """A name."""

    name: str  # printable, 15 characters at most
    suffix: int  # what it is for
    group: bool = False  # others have it as well
    addresses: tuple[IPv4Address, ...] = ()


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message."""

    operation: Operation
    response: bool
    rcode: int
    names: tuple[Name, ...]  # in its records
    mac: bytes | None = None  # in the answer to a status query, 6 octets

    @property
    def claims(self) -> tuple[Name, ...]:
        """The names that the sender says are its own: it registers or refreshes them, or answers a query for them."""
        if self.rcode or self.response != (self.operation is Operation.QUERY):
            return ()
        return () if self.operation in (Operation.RELEASE, Operation.WAIT) else self.names

    @classmethod
    def decode(cls, data: bytes) -> "Message":
        """Read a message. Raises MalformedPacketError."""
        if len(data) < HEADER_BYTES:
            raise MalformedPacketError(f"NetBIOS name: {len(data)} octets are no message")
        _, flags, questions, *counts = HEADER.unpack_from(data)
        records = sum(counts)
        if questions > 1 or records > _MOST_RECORDS:
            raise MalformedPacketError(f"NetBIOS name: {questions} questions, {records} records")
        at = HEADER_BYTES
        for _ in range(questions):
            _, at = _read_coded(data, at)
            at += PAIR.size
        names: list[Name] = []
        mac = None
        for _ in range(records):
            (found, station), at = _record(data, at)
            names += found
            mac = station or mac
        return cls(
            operation=_operation(opcode_of(flags)), response=bool(flags & Flag.QR), rcode=flags & RCODE_MASK,
            names=tuple(names[:MOST_NAMES]), mac=mac,
        )  # fmt: skip


def _operation(number: int) -> Operation:
    try:
        return Operation(number)
    except ValueError:
        raise MalformedPacketError(f"NetBIOS name: operation {number}") from None


def _record(data: bytes, at: int) -> tuple[tuple[list[Name], bytes | None], int]:
    """The names and the MAC in a record, and where the next begins."""
    (name, suffix), at = _read_coded(data, at)
    if len(data) < at + FIXED.size:
        raise MalformedPacketError("NetBIOS name: a record ends before its data")
    kind, _, _, length = FIXED.unpack_from(data, at)
    at += FIXED.size
    value = data[at : at + length]
    if len(value) < length:
        raise MalformedPacketError("NetBIOS name: a record's data is cut off")
    if kind == _NAMES:
        return ([_entries(name, suffix, value)] if length >= _ENTRY else [], None), at + length
    return (_status(value) if kind == _STATUS else ([], None)), at + length


def _entries(name: str, suffix: int, value: bytes) -> Name:
    if len(value) % _ENTRY:
        raise MalformedPacketError(f"NetBIOS name: {len(value)} octets of addresses")
    entries = [_read_entry(value, at) for at in range(0, min(len(value), _ENTRY * MOST_NAMES), _ENTRY)]
    return Name(name, suffix, bool(entries[0][0] & _GROUP), tuple(IPv4Address(address) for _, address in entries))


def _status(value: bytes) -> tuple[list[Name], bytes]:
    """RFC 1002 §4.2.18: 1 octet of count, the names, then statistics that begin with the MAC."""
    count = value[0] if value else 0
    end = 1 + count * _STATUS_ENTRY
    if len(value) < end + 6:
        raise MalformedPacketError("NetBIOS name: a status that is cut off")
    names = []
    for at in range(1, min(end, 1 + MOST_NAMES * _STATUS_ENTRY), _STATUS_ENTRY):
        group = bool(value[at + 16] & 0x80)
        names.append(Name(_plain(value[at : at + 15]), value[at + 15], group))
    return names, value[end : end + 6]


def _read_coded(data: bytes, at: int) -> tuple[tuple[str, int], int]:
    """A name and its suffix, and where what follows begins."""
    wire, after = read_name(data, at)
    letters = wire[1:_NAME]
    if wire[0] != _NAME - 1 or not all(0x41 <= letter <= 0x50 for letter in letters):
        raise MalformedPacketError(f"NetBIOS name: the name at octet {at} is none")
    octets = bytes((letters[i] - 0x41) << 4 | letters[i + 1] - 0x41 for i in range(0, _NAME - 1, 2))
    return (_plain(octets[:15]), octets[15]), after


def _plain(octets: bytes) -> str:
    return text(octets, 15)
