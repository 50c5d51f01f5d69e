"""Kind of option value that holds a list of domain names to search in (RFC 3397)."""

from typing import Final

from fibrix.errors import MalformedPacketError
from fibrix.wire.cursor import Cursor

_POINTER: Final = 0xC0  # the two highest bits of a length octet: 14 bits of offset follow instead of a label
_OFFSETS: Final = 0x4000  # octets that a pointer can reach
_LONGEST: Final = 253  # characters of a name without the final dot: 255 octets with lengths and root (RFC 1035 §2.3.4)
_LONGEST_LABEL: Final = 63
_SPECIAL: Final = frozenset(b".\\")  # characters that would read as something else in the text of a name


class SearchList:
    """Domain names, the first one to be searched first (RFC 3397 §2).

    Each is labels of 1 octet of length and up to 63 of text, up to a length of 0, or a pointer: 2 octets with the two
    highest bits set, the rest an offset into the whole payload where the name goes on (RFC 1035 §4.1.4). Names are in
    lower case, without the final dot.
    """

    def decode(self, data: bytes) -> tuple[str, ...]:
        """Read them. A pointer has to point to before the name that it ends, so that none leads round in a circle."""
        names, at = [], 0
        while at < len(data):
            name, at = _name(data, at)
            names.append(name)
        return tuple(names)

    def encode(self, value: tuple[str, ...]) -> bytes:
        """Write them, equal ends only once. They have to be valid: labels of 1 to 63 octets."""
        written, places = bytearray(), dict[str, int]()
        for name in value:
            _append(written, places, name.lower())
        return bytes(written)


def _name(data: bytes, start: int) -> tuple[str, int]:
    """The name at a place, and the place behind it."""
    labels: list[str] = []
    at, end, limit = start, 0, start
    while length := _octet(data, at):
        if length < _POINTER:
            labels.append(_label(data[at + 1 :], length))
            at += 1 + length
            continue
        offset = (length - _POINTER) << 8 | _octet(data, at + 1)
        if offset >= limit:
            raise MalformedPacketError(f"the pointer at octet {at} does not point back")
        end, limit, at = end or at + 2, offset, offset
    name = ".".join(labels)
    if not name or len(name) > _LONGEST:
        raise MalformedPacketError(f"the name at octet {start} has {len(name)} characters")
    return name, end or at + 1


def _octet(data: bytes, at: int) -> int:
    if at >= len(data):
        raise MalformedPacketError("the last name has no end")
    return data[at]


def _label(data: bytes, length: int) -> str:
    if length > _LONGEST_LABEL:
        raise MalformedPacketError(f"a label with the length octet {length}")
    octets = Cursor(data, "list of domain names").octets(length)
    if not octets.isascii() or any(octet <= 32 or octet == 127 or octet in _SPECIAL for octet in octets):
        raise MalformedPacketError(f"the label {octets.hex()} is not of a host's domain")
    return octets.decode().lower()


def _append(written: bytearray, places: dict[str, int], name: str) -> None:
    """Add one name, with a pointer to the longest end of it that is there already."""
    while name:
        if (place := places.get(name)) is not None:
            written.extend((_POINTER << 8 | place).to_bytes(2))
            return
        if len(written) < _OFFSETS:
            places[name] = len(written)
        label, _, name = name.partition(".")
        written.append(len(label))
        written.extend(label.encode())
    written.append(0)


SEARCH_LIST: Final = SearchList()
