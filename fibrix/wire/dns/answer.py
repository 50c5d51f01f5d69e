"""Writing answers, with names compressed (RFC 1035 §4.1.4)."""

from enum import IntEnum
from typing import Final

from fibrix.wire.dns.codes import HEADER_BYTES, STREAM_BYTES, Flag
from fibrix.wire.dns.names import read_name
from fibrix.wire.dns.query import FIXED, HEADER
from fibrix.wire.dns.rdata import COMPRESSED

_REACH: Final = 0x4000  # a pointer has 14 bits


class Section(IntEnum):
    """The parts of an answer, in their order."""

    ANSWER = 0
    AUTHORITY = 1
    ADDITIONAL = 2


class AnswerWriter:
    """Writes one message of at most `limit` octets. Sections have to be written in their order."""

    def __init__(self, question: bytes, limit: int = STREAM_BYTES) -> None:
        """`question` stands in the message as it is; empty: there is none."""
        self.truncated = False
        self._out = bytearray(HEADER_BYTES) + question
        self._questions = 1 if question else 0
        self._begin = len(self._out)
        self._limit = limit
        self._counts = [0, 0, 0]
        self._places: dict[bytes, int] = {}
        if question:
            name = read_name(bytes(self._out), HEADER_BYTES)[0].lower()
            self._remember(name)

    @property
    def size(self) -> int:
        """Octets so far."""
        return len(self._out)

    def add(self, section: Section, owner: bytes, kind: int, ttl: int, data: tuple[bytes, ...]) -> bool:
        """Write a whole RRset; False, and nothing is written, when it does not fit. Names in lower case."""
        out, mark = self._out, len(self._out)
        skip = COMPRESSED.get(kind)
        for item in data:
            self._name(owner)
            out += FIXED.pack(kind, 1, ttl, len(item))
            if skip is None:
                out += item
                continue
            place = len(out)
            out += item[:skip]
            self._name(item[skip:])
            out[place - 2 : place] = (len(out) - place).to_bytes(2)
        if len(out) > self._limit:
            self._back_to(mark)
            return False
        self._counts[section] += len(data)
        return True

    def add_raw(self, section: Section, record: bytes) -> None:
        """Write a record that is made already, without names to compress, whatever the limit."""
        self._out += record
        self._counts[section] += 1

    def truncate(self) -> None:
        """Leave nothing but the question: the asker comes again by TCP (RFC 2181 §9)."""
        self.truncated = True
        self._back_to(self._begin)
        self._counts = [0, 0, 0]

    def done(self, number: int, flags: int) -> bytes:
        """Give the message; TC is set by whether it was truncated."""
        flags |= Flag.TC if self.truncated else 0
        HEADER.pack_into(self._out, 0, number, flags, self._questions, *self._counts)
        return bytes(self._out)

    def _name(self, name: bytes) -> None:
        at, out, places = 0, self._out, self._places
        while length := name[at]:
            suffix = name[at:]
            place = places.get(suffix)
            if place is not None:
                out += (0xC000 | place).to_bytes(2)
                return
            if len(out) < _REACH:
                places[suffix] = len(out)
            out += name[at : at + length + 1]
            at += length + 1
        out.append(0)

    def _remember(self, name: bytes) -> None:
        at = 0
        while length := name[at]:
            self._places[name[at:]] = HEADER_BYTES + at
            at += length + 1

    def _back_to(self, mark: int) -> None:
        del self._out[mark:]
        self._places = {suffix: place for suffix, place in self._places.items() if place < mark}
