"""Queries (RFC 1035 §4.1): header, one question, and of the other records what a server has to look at.

The header is 12 octets: id, flags, and the counts of questions, answers, authority and additional records, 2 each.
A question is a name, 2 octets of type, 2 of class. A record is a name, type, class, 4 octets of TTL, 2 of the length
of its data, and the data.
"""

from dataclasses import dataclass
from struct import Struct
from typing import Final

from fibrix.errors import MalformedPacketError
from fibrix.wire.dns.codes import HEADER_BYTES, OPCODE_MASK, Flag, Rcode, RecordType
from fibrix.wire.dns.edns import Edns
from fibrix.wire.dns.names import read_name, skip_name

HEADER: Final = Struct("!6H")
FIXED: Final = Struct("!HHIH")  # of a record, after its name: type, class, TTL, length of data
PAIR: Final = Struct("!HH")
_SERIAL_AND_TIMES: Final = 20  # octets at the end of an SOA record's data


@dataclass(frozen=True, slots=True)
class Query:
    """One question and what came with it."""

    id: int
    flags: int
    question: bytes  # as it came, to be given back so: RFC 5452 §9.1 and the case of its letters
    name: bytes  # on the wire, case kept
    type: int
    klass: int
    edns: Edns | None = None
    tsig_at: int = 0  # octet at which the TSIG record begins; 0: there is none
    serial: int | None = None  # of the SOA record in the authority section: what an IXFR starts from (RFC 1995 §3)

    @property
    def limit(self) -> int:
        """How many octets of UDP payload the asker takes; RFC 6891 §6.2.3: never less than 512."""
        return self.edns.payload if self.edns else 512


def decode_query(data: bytes) -> Query:
    """Read a query with opcode QUERY. Raises MalformedPacketError: to be answered FORMERR where a header is there."""
    if len(data) < HEADER_BYTES:
        raise MalformedPacketError(f"DNS: {len(data)} octets are no message")
    number, flags, questions, answers, authority, additional = HEADER.unpack_from(data)
    if questions != 1:
        raise MalformedPacketError(f"DNS: {questions} questions, not one")
    name, at = read_name(data, HEADER_BYTES)
    if len(data) < at + 4:
        raise MalformedPacketError("DNS: the question has no type or no class")
    kind, klass = PAIR.unpack_from(data, at)
    question = data[HEADER_BYTES : at + 4]
    if not (answers or authority or additional):
        return Query(number, flags, question, name, kind, klass)
    reader = _Rest(data, at + 4)
    for section in (answers, authority):
        for _ in range(section):
            reader.record(last=False)
    for left in range(additional, 0, -1):
        reader.record(last=left == 1)
    return Query(number, flags, question, name, kind, klass, reader.edns, reader.tsig_at, reader.serial)


class _Rest:
    """Reads what follows the question."""

    def __init__(self, data: bytes, at: int) -> None:
        self.edns: Edns | None = None
        self.tsig_at = 0
        self.serial: int | None = None
        self._data = data
        self._at = at

    def record(self, *, last: bool) -> None:
        """Read the next record. OPT comes once, TSIG at the very end (RFC 8945 §5.1)."""
        begin, data = self._at, self._data
        at = skip_name(data, begin)
        if len(data) < at + FIXED.size:
            raise MalformedPacketError("DNS: a record ends before its data")
        kind, klass, ttl, length = FIXED.unpack_from(data, at)
        at += FIXED.size
        self._at = at + length
        if len(data) < self._at:
            raise MalformedPacketError("DNS: a record's data is cut off")
        if kind == RecordType.OPT:
            if self.edns is not None or data[begin] != 0:
                raise MalformedPacketError("DNS: more than one OPT record, or one with a name")
            self.edns = Edns.decode(klass, ttl)
        elif kind == RecordType.TSIG:
            if not last:
                raise MalformedPacketError("DNS: a TSIG record that is not the last")
            self.tsig_at = begin
        elif kind == RecordType.SOA and length > _SERIAL_AND_TIMES:
            self.serial = int.from_bytes(data[self._at - 20 : self._at - 16])


def bare_answer(query: bytes, rcode: Rcode, flags: int = 0) -> bytes:
    """Answer with nothing but a header: for what cannot be read, and opcodes that are not known. Needs 12 octets."""
    number, asked = int.from_bytes(query[:2]), int.from_bytes(query[2:4])
    return HEADER.pack(number, Flag.QR | asked & (OPCODE_MASK | Flag.RD) | flags | rcode, 0, 0, 0, 0)
