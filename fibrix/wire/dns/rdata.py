"""The data of records (RFC 1035 §3.3 and later): as in a zone file ↔ octets, without compression."""

import re
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from typing import Final, NamedTuple

from fibrix.errors import InvalidError, MalformedPacketError
from fibrix.wire.cursor import Cursor
from fibrix.wire.dns.codes import RecordType
from fibrix.wire.dns.names import encode_name, name_text, read_name

_STRING: Final = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|((?:[^\s"\\]|\\.)+))(?=\s|$)', re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(?:([0-9]{3})|(.))", re.DOTALL)
_LONGEST_STRING: Final = 255  # RFC 1035 §3.3: 1 octet of length
_TAG: Final = re.compile(r"[A-Za-z0-9]{1,15}")


class Shape(NamedTuple):
    """How one type's data is read from text, and written as text."""

    encode: Callable[[str], bytes]
    decode: Callable[[bytes], str]


COMPRESSED: Final = {RecordType.NS.value: 0, RecordType.CNAME.value: 0, RecordType.PTR.value: 0, RecordType.MX.value: 2}
"""Types whose data ends in a name that may be compressed (RFC 3597 §4), and how many octets stand before it."""


def encode_rdata(kind: str, value: str) -> bytes:
    """Make the octets of a record's data. Raises InvalidError that says what is wrong with the value."""
    shape = SHAPES.get(kind)
    if shape is None:
        raise InvalidError(f"records of type {kind} are not served: use one of {', '.join(SHAPES)}")
    try:
        return shape.encode(value)
    except InvalidError as exc:
        raise InvalidError(f"{kind} {value[:80]!r}: {exc}") from exc
    except ValueError as exc:  # of ipaddress and of int
        raise InvalidError(f"{kind} {value[:80]!r}: {exc}") from exc


def decode_rdata(kind: str, data: bytes) -> str:
    """Write a record's data as in a zone file. Raises MalformedPacketError; KeyError for a type that is not served."""
    try:
        return SHAPES[kind].decode(data)
    except ValueError as exc:
        raise MalformedPacketError(f"DNS: {kind} data: {exc}") from exc


def _name_of(data: bytes) -> str:
    name, end = read_name(data, 0)
    if end != len(data):
        raise MalformedPacketError("DNS: octets after the name in a record's data")
    return name_text(name) or "."


def _fields(value: str, names: str) -> list[str]:
    fields = value.split()
    if len(fields) != len(names.split()):
        raise InvalidError(f"it takes {names}")
    return fields


def _number(text: str, octets: int) -> bytes:
    if not (text.isascii() and text.isdigit()) or int(text) >= 1 << 8 * octets:
        raise InvalidError(f"{text} is not a number from 0 to {(1 << 8 * octets) - 1}")
    return int(text).to_bytes(octets)


def _mx(value: str) -> bytes:
    preference, exchange = _fields(value, "preference exchange")
    return _number(preference, 2) + encode_name(exchange)


def _mx_text(data: bytes) -> str:
    cursor = Cursor(data, "DNS: MX data")
    return f"{cursor.number(2)} {_name_of(cursor.rest())}"


def _srv(value: str) -> bytes:
    *numbers, target = _fields(value, "priority weight port target")
    return b"".join(_number(number, 2) for number in numbers) + encode_name(target)


def _srv_text(data: bytes) -> str:
    cursor = Cursor(data, "DNS: SRV data")
    return f"{cursor.number(2)} {cursor.number(2)} {cursor.number(2)} {_name_of(cursor.rest())}"


def _strings(value: str) -> list[bytes]:
    """Read character strings, quoted or not (RFC 1035 §5.1)."""
    strings, at, value = [], 0, value.strip()
    while at < len(value):
        found = _STRING.match(value, at)
        if found is None:
            raise InvalidError('write strings in double quotes, a quote inside as \\"')
        strings.append(_string(found[1] if found[1] is not None else found[2]))
        at = found.end()
    return strings


def _string(text: str) -> bytes:
    def octet(found: re.Match[str]) -> str:
        return "".join(map(chr, [int(found[1])])) if found[1] else "".join(map(chr, found[2].encode()))

    raw = _ESCAPE.sub(octet, "".join(map(chr, text.encode())))
    if any(ord(character) > 0xFF for character in raw):
        raise InvalidError("an escape is \\000 to \\255")
    if len(raw) > _LONGEST_STRING:
        raise InvalidError(f"a string has at most {_LONGEST_STRING} octets: cut it into several")
    return raw.encode("latin-1")


def _quoted(raw: bytes) -> str:
    def written(octet: int) -> str:
        character = chr(octet)
        if character in '"\\':
            return "\\" + character
        return character if 0x20 <= octet <= 0x7E else f"\\{octet:03}"

    return '"' + "".join(map(written, raw)) + '"'


def _txt(value: str) -> bytes:
    strings = _strings(value)
    if not strings:
        raise InvalidError('there is no string: write "" for an empty one')
    data = b"".join(len(string).to_bytes(1) + string for string in strings)
    if len(data) > 0xFFFF:
        raise InvalidError("all strings together have at most 65535 octets")
    return data


def _txt_text(data: bytes) -> str:
    cursor = Cursor(data, "DNS: TXT data")
    strings: list[str] = []
    while cursor.left or not strings:
        strings.append(_quoted(cursor.octets(cursor.number(1))))
    return " ".join(strings)


def _caa(value: str) -> bytes:
    """1 octet of flags, 1 of the tag's length, the tag, the rest is its value: RFC 8659 §4.1."""
    flags, tag, rest = [*value.split(maxsplit=2), "", "", ""][:3]
    strings = _strings(rest)
    if not _TAG.fullmatch(tag) or len(strings) != 1:
        raise InvalidError('it takes flags, a tag of letters and digits, and a string: 0 issue "ca.example"')
    return _number(flags, 1) + len(tag).to_bytes(1) + tag.lower().encode() + strings[0]


def _caa_text(data: bytes) -> str:
    cursor = Cursor(data, "DNS: CAA data")
    flags = cursor.number(1)
    tag = cursor.octets(cursor.number(1)).decode("ascii", "replace").lower()
    if not _TAG.fullmatch(tag):
        raise MalformedPacketError(f"DNS: CAA data with a tag that is none: {tag[:15]!r}")
    return f"{flags} {tag} {_quoted(cursor.rest())}"


def soa_rdata(primary: str, mailbox: str, serial: int, times: tuple[int, int, int, int]) -> bytes:
    """Make an SOA record's data (RFC 1035 §3.3.13): 2 names, then 4 octets each. Raises InvalidError."""
    try:
        numbers = [number.to_bytes(4) for number in (serial, *times)]
    except OverflowError:
        raise InvalidError(f"SOA: serial and times are numbers from 0 to 4294967295, not {serial}, {times}") from None
    return b"".join([encode_name(primary), encode_name(mailbox), *numbers])


def _soa(value: str) -> bytes:
    primary, mailbox, *numbers = _fields(value, "primary mailbox serial refresh retry expire minimum")
    return encode_name(primary) + encode_name(mailbox) + b"".join(_number(number, 4) for number in numbers)


def _soa_text(data: bytes) -> str:
    primary, at = read_name(data, 0)
    mailbox, at = read_name(data, at)
    cursor = Cursor(data[at:], "DNS: SOA data")
    numbers = [str(cursor.number(4)) for _ in range(5)]
    return " ".join([name_text(primary) or ".", name_text(mailbox) or ".", *numbers])


_NAME: Final = Shape(encode_name, _name_of)

SHAPES: Final = {
    "A": Shape(lambda value: IPv4Address(value).packed, lambda data: str(IPv4Address(data))),
    "AAAA": Shape(lambda value: IPv6Address(value).packed, lambda data: str(IPv6Address(data))),
    "NS": _NAME,
    "CNAME": _NAME,
    "PTR": _NAME,
    "MX": Shape(_mx, _mx_text),
    "TXT": Shape(_txt, _txt_text),
    "SRV": Shape(_srv, _srv_text),
    "CAA": Shape(_caa, _caa_text),
    "SOA": Shape(_soa, _soa_text),
}
"""The types that are served, by name."""
