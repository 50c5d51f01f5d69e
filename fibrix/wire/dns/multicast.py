"""What hosts say of themselves by DNS messages to their link: mDNS (RFC 6762, RFC 6763) and LLMNR (RFC 4795).

The format is that of RFC 1035 §4.1. Of mDNS: in a response all records are the sender's; in a query the answers are
what it knows of others, and the authority section is what it is about to claim (RFC 6762 §7.1, §8.2). The upper bit
of a class is no part of it (§10.2, §5.4). Of LLMNR: the answers of a response are the sender's.
"""

from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import Final, TypeAlias

import msgspec

from fibrix.errors import MalformedPacketError
from fibrix.wire.dns.codes import CLASS_IN, HEADER_BYTES, OPCODE_MASK, RCODE_MASK, Flag, RecordType
from fibrix.wire.dns.names import read_name
from fibrix.wire.dns.query import FIXED, HEADER, PAIR
from fibrix.wire.text import text

MDNS_PORT: Final = 5353
LLMNR_PORT: Final = 5355
TENTATIVE: Final = 0x0100
"""Flag of LLMNR: the sender does not yet know whether its name is its alone (RFC 4795 §2.1.1)."""
HINFO: Final = 13
"""Type of a record with two texts: processor and operating system (RFC 1035 §3.3.2)."""
MOST_RECORDS: Final = 256
"""How many questions and records of one message are read; what follows them is not looked at."""
MOST_LABELS: Final = 4096
"""How many labels the names of one message may have in sum: short names with pointers could make very many."""
MOST_TEXTS: Final = 32
"""How many strings of one TXT record are kept."""

_LONGEST: Final = 9000  # octets of a message: RFC 6762 §17
_CLASS: Final = 0x7FFF
_Head: TypeAlias = tuple[tuple[str, ...], int, int, bool]  # the first four fields of a record

Address: TypeAlias = IPv4Address | IPv6Address
Labels: TypeAlias = tuple[str, ...]
"""A name, label by label, case kept: an instance's name may have dots in it (RFC 6763 §4.1.1). Printable."""


class Question(msgspec.Struct, frozen=True):
    """What is asked for."""

    name: Labels
    type: int


class Record(msgspec.Struct, frozen=True):
    """A record of type A, AAAA, PTR, SRV, TXT or HINFO; of the last four fields only those of its type are set."""

    name: Labels
    type: int
    ttl_s: int  # 0: it is taken back (RFC 6762 §10.1)
    flush: bool  # mDNS: the sender alone has records of that name and type
    address: Address | None = None  # A, AAAA
    target: Labels = ()  # PTR, SRV
    port: int = 0  # SRV
    texts: tuple[str, ...] = ()  # TXT, HINFO


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message; records of other types and classes are left out."""

    response: bool
    flags: int
    questions: tuple[Question, ...]
    answers: tuple[Record, ...]
    authority: tuple[Record, ...]
    additional: tuple[Record, ...]

    @classmethod
    def decode(cls, data: bytes) -> "Message":
        """Read a message. Raises MalformedPacketError, also for those with an opcode or RCODE, which are to be ignored.

        RFC 6762 §18.3, §18.11; RFC 4795 §2.1.1.
        """
        if not HEADER_BYTES <= len(data) <= _LONGEST:
            raise MalformedPacketError(f"DNS: {len(data)} octets are no message to a link")
        _, flags, questions, *counts = HEADER.unpack_from(data)
        if flags & (OPCODE_MASK | RCODE_MASK):
            raise MalformedPacketError(f"DNS: flags {flags:#06x}: no query nor answer to a link")
        reader = _Reader(data)
        asked = tuple(reader.questions(questions))
        answers, authority, additional = (tuple(reader.records(count)) for count in counts)
        return cls(
            response=bool(flags & Flag.QR), flags=flags, questions=asked,
            answers=answers, authority=authority, additional=additional,
        )  # fmt: skip


class _Reader:
    """Goes over a message."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = HEADER_BYTES
        self._left = MOST_RECORDS
        self._labels_left = MOST_LABELS

    def questions(self, count: int) -> Iterator[Question]:
        """Read that many questions."""
        for _ in range(self._take(count)):
            name, at = read_name(self._data, self._at)
            if len(self._data) < at + PAIR.size:
                raise MalformedPacketError("DNS: a question has no type or class")
            kind, _ = PAIR.unpack_from(self._data, at)
            self._at = at + PAIR.size
            yield Question(self._spent(_labels(name)), kind)

    def records(self, count: int) -> Iterator[Record]:
        """Read that many records; those of types that are read are told."""
        for _ in range(self._take(count)):
            name, at = read_name(self._data, self._at)
            begin = at + FIXED.size
            if len(self._data) < begin:
                raise MalformedPacketError("DNS: a record ends before its data")
            kind, klass, ttl_s, length = FIXED.unpack_from(self._data, at)
            self._at = begin + length
            if len(self._data) < self._at:
                raise MalformedPacketError("DNS: a record's data is cut off")
            if kind in _READERS and klass & _CLASS == CLASS_IN:
                head = (_labels(name), kind, ttl_s, bool(klass & ~_CLASS))
                record = _READERS[kind](head, self._data, begin, self._at)
                self._spent(record.name + record.target)
                yield record

    def _spent(self, labels: Labels) -> Labels:
        self._labels_left -= len(labels)
        if self._labels_left < 0:
            raise MalformedPacketError(f"DNS: names of more than {MOST_LABELS} labels")
        return labels

    def _take(self, count: int) -> int:
        taken = min(count, self._left)
        self._left -= taken
        return taken


def _labels(name: bytes) -> Labels:
    labels, at = [], 0
    while length := name[at]:
        labels.append(text(name[at + 1 : at + 1 + length]))
        at += length + 1
    return tuple(labels)


def _name(data: bytes, begin: int, end: int) -> Labels:
    name, after = read_name(data, begin)
    if after != end:
        raise MalformedPacketError("DNS: a name in a record's data that does not fit it")
    return _labels(name)


def _address(head: _Head, data: bytes, begin: int, end: int) -> Record:
    if end - begin != (4 if head[1] == RecordType.A else 16):
        raise MalformedPacketError(f"DNS: an address of {end - begin} octets in a record of type {head[1]}")
    octets = data[begin:end]
    return Record(*head, address=IPv4Address(octets) if len(octets) == 4 else IPv6Address(octets))


def _pointer(head: _Head, data: bytes, begin: int, end: int) -> Record:
    return Record(*head, target=_name(data, begin, end))


def _service(head: _Head, data: bytes, begin: int, end: int) -> Record:
    """Read 2 octets of priority, 2 of weight, 2 of port, then the target: RFC 2782."""
    if end - begin < 7:
        raise MalformedPacketError("DNS: an SRV record without port or target")
    return Record(*head, port=int.from_bytes(data[begin + 4 : begin + 6]), target=_name(data, begin + 6, end))


def _texts(head: _Head, data: bytes, begin: int, end: int) -> Record:
    """Read strings: 1 octet of length and as many octets."""
    texts: list[str] = []
    while begin < end and len(texts) < MOST_TEXTS:
        after = begin + 1 + data[begin]
        if after > end:
            raise MalformedPacketError("DNS: a string is cut off")
        texts.append(text(data[begin + 1 : after]))
        begin = after
    return Record(*head, texts=tuple(filter(None, texts)))


_READERS: Final[dict[int, Callable[[_Head, bytes, int, int], Record]]] = {
    RecordType.A.value: _address,
    RecordType.AAAA.value: _address,
    RecordType.PTR.value: _pointer,
    RecordType.SRV.value: _service,
    RecordType.TXT.value: _texts,
    HINFO: _texts,
}
