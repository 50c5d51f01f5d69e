"""Answers of other servers, kept as the octets they are: only what has to be known of them is read."""

from dataclasses import dataclass
from typing import Final

from fibrix.errors import MalformedPacketError
from fibrix.wire.dns.codes import HEADER_BYTES, RCODE_MASK, Flag, Rcode, RecordType
from fibrix.wire.dns.edns import OPT_BYTES, Edns
from fibrix.wire.dns.names import read_name, skip_name
from fibrix.wire.dns.query import FIXED, HEADER, PAIR

_KEPT: Final = Flag.TC | Flag.AD | Flag.CD
_LONGEST_TTL: Final = 0x7FFFFFFF  # a larger one counts as 0: RFC 2181 §8


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer less its OPT record and what follows that; RCODE and TTLs as they came."""

    id: int
    flags: int
    rcode: int  # with the upper bits of EDNS
    name: bytes  # of the question, case kept
    type: int
    klass: int
    counts: tuple[int, int, int]  # answers, authority, additional records
    body: bytes  # all after the header
    ttls: tuple[int, ...]  # where in the body the records' TTLs are
    ttl: int  # how long it may be kept, in seconds: RFC 2181 §5.2, RFC 2308 §5; 0: not at all

    @classmethod
    def decode(cls, data: bytes) -> "Heard":
        """Read an answer. Raises MalformedPacketError."""
        if len(data) < HEADER_BYTES:
            raise MalformedPacketError(f"DNS: {len(data)} octets are no message")
        number, flags, questions, *counts = HEADER.unpack_from(data)
        if questions != 1 or not flags & Flag.QR:
            raise MalformedPacketError("DNS: this does not answer one question")
        name, at = read_name(data, HEADER_BYTES)
        if len(data) < at + PAIR.size or at != HEADER_BYTES + len(name):
            raise MalformedPacketError("DNS: the question has no type or class, or a name with a pointer")
        kind, klass = PAIR.unpack_from(data, at)
        walk = _Walk(data, at + PAIR.size)
        kept = tuple(walk.section(count, index) for index, count in enumerate(counts))
        rcode = flags & RCODE_MASK | walk.extended << 4
        ttl = min(walk.lives, default=0) if kept[0] else walk.negative
        return cls(
            number, flags, rcode, name, kind, klass, (kept[0], kept[1], kept[2]),
            data[HEADER_BYTES : walk.end], tuple(walk.places), ttl if rcode in (Rcode.NOERROR, Rcode.NXDOMAIN) else 0,
        )  # fmt: skip

    def told(self, number: int, flags: int, question: bytes, age_s: int, edns: Edns | None) -> bytes:
        """Tell it to somebody else, some seconds later. `question` is theirs, which differs in its case at most."""
        body = bytearray(self.body)
        body[: len(question)] = question
        for place in self.ttls:
            left = max(0, int.from_bytes(body[place : place + 4]) - age_s)
            body[place : place + 4] = left.to_bytes(4)
        answers, authority, additional = self.counts
        flags |= self.flags & _KEPT | self.rcode & RCODE_MASK
        head = HEADER.pack(number, flags, 1, answers, authority, additional + (edns is not None))
        return head + body + (edns.encode() if edns else b"")

    def size(self, edns: Edns | None) -> int:
        """How many octets `told` makes of it."""
        return HEADER_BYTES + len(self.body) + (OPT_BYTES if edns else 0)


class _Walk:
    """Goes over the records."""

    def __init__(self, data: bytes, at: int) -> None:
        self.places: list[int] = []
        self.lives: list[int] = []
        self.negative = 0
        self.extended = 0
        self.end = at  # of what is kept
        self._data = data
        self._at = at
        self._ended = False

    def section(self, count: int, index: int) -> int:
        """Go over one section; how many of its records are kept."""
        return sum([self._record(index) for _ in range(count)])

    def _record(self, index: int) -> bool:
        data, at = self._data, skip_name(self._data, self._at)
        if len(data) < at + FIXED.size:
            raise MalformedPacketError("DNS: a record ends before its data")
        kind, _, ttl, length = FIXED.unpack_from(data, at)
        self._at = at + FIXED.size + length
        if len(data) < self._at:
            raise MalformedPacketError("DNS: a record's data is cut off")
        if kind in (RecordType.OPT, RecordType.TSIG):
            self.extended = ttl >> 24 if kind == RecordType.OPT else self.extended
            self._ended = True
        if self._ended:  # what comes after OPT is only additional
            return False
        self.end = self._at
        self._live(index, kind, ttl if ttl <= _LONGEST_TTL else 0, length)
        self.places.append(at + 4 - HEADER_BYTES)
        return True

    def _live(self, index: int, kind: int, ttl: int, length: int) -> None:
        self.lives.append(ttl)
        if index == 1 and kind == RecordType.SOA and length > 20:
            self.negative = min(ttl, int.from_bytes(self._data[self._at - 4 : self._at]))
