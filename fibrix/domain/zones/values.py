"""The data of records as people write it, checked and brought into the one form that is kept."""

import base64
import re
from collections.abc import Callable, Mapping
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final

from fibrix.domain.zones.names import target
from fibrix.errors import InvalidError

POINTER: Final = "/value"
LONGEST_STRING: Final = 255  # octets of one character string (RFC 1035 §3.3)
LONGEST_TEXT: Final = 2048  # octets of all strings of a TXT record: a DKIM key of 4096 bits has room
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPE: Final = re.compile(rb"\\(\d{3}|.)", re.DOTALL)
_TAG: Final = re.compile(r"[a-z0-9]{1,15}")  # RFC 8659 §4.1
_WORD16: Final = 0xFFFF
_OCTET: Final = 0xFF
_PRINTABLE: Final = range(0x20, 0x7F)


def check_value(kind: str, value: str, zone: str) -> str:
    """Read a record's data. Raises InvalidError: no such type, or it is not its data."""
    reader = _READERS.get(kind)
    if reader is None:
        raise InvalidError(f"{kind!r} is no type that can be added: {', '.join(_READERS)}", pointer="/type")
    return reader(value.strip(), zone)


def text_octets(text: str) -> bytes:
    r"""Read what stands between quotes; `\"`, `\\` and `\065` are an octet (RFC 1035 §5.1). Raises InvalidError."""

    def octet(found: re.Match[bytes]) -> bytes:
        if not found[1].isdigit():
            return found[1]
        if int(found[1]) > _OCTET:
            raise InvalidError(f"\\{found[1].decode()} is no octet: \\000 to \\255", pointer=POINTER)
        return bytes([int(found[1])])

    return _ESCAPE.sub(octet, text.encode())


def quoted(octets: bytes) -> str:
    """Write one character string: printable ASCII as it is, all else as a number."""
    return f'"{"".join(map(_character, octets))}"'


def _character(octet: int) -> str:
    if octet in b'"\\':
        return f"\\{chr(octet)}"
    return chr(octet) if octet in _PRINTABLE else f"\\{octet:03}"


def key_octets(text: str) -> bytes:
    """Read the secret of a TSIG key: base64 of 16 to 64 octets. Raises InvalidError."""
    try:
        octets = base64.b64decode(text, validate=True)
    except ValueError as exc:
        raise InvalidError("the secret is no base64", pointer="/secret") from exc
    if not 16 <= len(octets) <= 64:  # noqa: PLR2004 - RFC 8945 §6: no shorter than half of the digest
        raise InvalidError(f"the secret has {len(octets)} octets: use 16 to 64", pointer="/secret")
    return octets


def _a(value: str, _: str) -> str:
    try:
        return str(IPv4Address(value))
    except AddressValueError as exc:
        raise InvalidError(f"an A record needs an IPv4 address, as 192.0.2.1: {exc}", pointer=POINTER) from exc


def _aaaa(value: str, _: str) -> str:
    try:
        address = IPv6Address(value)
    except AddressValueError as exc:
        raise InvalidError(f"an AAAA record needs an IPv6 address, as 2001:db8::1: {exc}", pointer=POINTER) from exc
    if address.scope_id:
        raise InvalidError(f"{value!r} has a zone index, which has no place in a record", pointer=POINTER)
    return str(address)


def _name(value: str, zone: str) -> str:
    return target(value, zone, pointer=POINTER)


def _mx(value: str, zone: str) -> str:
    preference, name = _parts(value, "an MX record needs a preference and a host, as `10 mail.example`", 2)
    return f"{_number(preference)} {_name(name, zone)}"


def _srv(value: str, zone: str) -> str:
    words = "an SRV record needs priority, weight, port and host, as `0 5 5060 sip.example`"
    priority, weight, port, name = _parts(value, words, 4)
    return f"{_number(priority)} {_number(weight)} {_number(port)} {_name(name, zone)}"


def _caa(value: str, _: str) -> str:
    words = 'a CAA record needs flags, a tag and a value, as `0 issue "ca.example"`'
    flags, tag, rest = _parts(value, words, 3)
    strings = _strings(rest)
    if not _TAG.fullmatch(tag.lower()) or len(strings) != 1:
        raise InvalidError(words, pointer=POINTER)
    return f"{_number(flags, _OCTET)} {tag.lower()} {quoted(strings[0])}"


def _txt(value: str, _: str) -> str:
    strings = _strings(value)
    if sum(map(len, strings)) > LONGEST_TEXT:
        raise InvalidError(f"the text is longer than {LONGEST_TEXT} octets", pointer=POINTER)
    cut = [part for octets in strings for part in _cut(octets)]
    return " ".join(map(quoted, cut))


def _strings(value: str) -> list[bytes]:
    """Read character strings: in quotes with spaces between them, or all of it as one. Raises InvalidError."""
    if not value.startswith('"'):
        return [value.encode()]
    found = [text_octets(text) for text in _QUOTED.findall(value)]
    if _QUOTED.sub("", value).strip():
        raise InvalidError('a quote is not closed: write "one" "two", and a quote inside as \\"', pointer=POINTER)
    return found


def _cut(octets: bytes) -> list[bytes]:
    """Cut a text into strings that fit."""
    return [octets[at : at + LONGEST_STRING] for at in range(0, len(octets), LONGEST_STRING)] or [b""]


def _parts(value: str, words: str, count: int) -> list[str]:
    parts = value.split(maxsplit=count - 1)
    if len(parts) != count:
        raise InvalidError(words, pointer=POINTER)
    return parts


def _number(text: str, most: int = _WORD16) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and int(text) <= most):
        raise InvalidError(f"{text!r} is no whole number from 0 to {most}", pointer=POINTER)
    return int(text)


_READERS: Final[Mapping[str, Callable[[str, str], str]]] = {
    "A": _a,
    "AAAA": _aaaa,
    "CNAME": _name,
    "TXT": _txt,
    "MX": _mx,
    "SRV": _srv,
    "PTR": _name,
    "NS": _name,
    "CAA": _caa,
}
TYPES: Final = tuple(_READERS)
"""The types that can be added."""
