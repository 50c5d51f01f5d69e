r"""Domain names (RFC 1035 §3.1): text ↔ octets.

On the wire: for each label 1 octet of length and as many octets, then a zero octet. As text: lower case, without the
final dot, the root is empty; a dot or backslash inside of a label is `\.` or `\\`, what cannot be printed is `\DDD`
(RFC 1035 §5.1).
"""

import re
from typing import Final

from fibrix.errors import InvalidError, MalformedPacketError

LONGEST_LABEL: Final = 63
LONGEST_NAME: Final = 255  # octets on the wire
MOST_POINTERS: Final = 127  # as many as a name can have labels: more lead nowhere

_POINTER: Final = 0xC0  # the two bits that make a length a pointer: RFC 1035 §4.1.4
_PRINTABLE: Final = re.compile(rb"[!-\[\]-~]*")
_PIECE: Final = re.compile(r"\\(?:([0-9]{3})|(.))|([^\\])", re.DOTALL)


def encode_name(text: str) -> bytes:
    """Make a name's octets; letters keep their case. Raises InvalidError."""
    wire = b"".join([len(label).to_bytes(2)[1:] + label for label in _labels(text)]) + b"\0"
    if len(wire) > LONGEST_NAME:
        raise InvalidError(f"the name {text[:80]}… is longer than {LONGEST_NAME} octets")
    return wire


def read_name(data: bytes, at: int) -> tuple[bytes, int]:
    """Read a name, compressed or not: its octets without compression, case kept, and where what follows it begins.

    A pointer must lead to before where the octets that it ends begin: so there are no loops. MalformedPacketError.
    """
    parts: list[bytes] = []
    size, after, begin, pointers = 1, 0, at, 0
    try:
        while length := data[at]:
            if length >= _POINTER:
                after = after or at + 2
                target = (length & ~_POINTER) << 8 | data[at + 1]
                pointers += 1
                if target >= begin or pointers > MOST_POINTERS:
                    raise MalformedPacketError(f"DNS: the name at octet {begin} points forward, to {target}")
                at = begin = target
                continue
            size += length + 1
            if length > LONGEST_LABEL or size > LONGEST_NAME:
                raise MalformedPacketError(f"DNS: a label or name that is too long, at octet {at}")
            parts.append(data[at : at + length + 1])
            at += length + 1
    except IndexError:
        raise MalformedPacketError(f"DNS: the name at octet {begin} has no end") from None
    return b"".join(parts) + b"\0", after or at + 1


def skip_name(data: bytes, at: int) -> int:
    """Find where what follows a name begins, without reading the name. Raises MalformedPacketError."""
    try:
        while length := data[at]:
            if length >= _POINTER:
                return at + 2
            at += length + 1
    except IndexError:
        raise MalformedPacketError("DNS: a name has no end") from None
    return at + 1


def name_text(wire: bytes) -> str:
    """Write the name as text, in lower case. `wire` is whole and without compression, as `read_name` gives it."""
    wire, labels, at = wire.lower(), [], 0  # no length is the code of a letter
    while length := wire[at]:
        labels.append(wire[at + 1 : at + 1 + length])
        at += length + 1
    joined = b".".join(labels)
    if joined.count(b".") < max(1, len(labels)) and _PRINTABLE.fullmatch(joined):
        return joined.decode()
    return ".".join("".join(map(_escaped, label)) for label in labels)


def parent(text: str) -> str:
    """Take the first label off; the root has none, and stays."""
    if "\\" not in text:
        return text.partition(".")[2]
    piece = next((m for m in _PIECE.finditer(text) if m[0] == "."), None)
    return text[piece.end() :] if piece else ""


def is_below(text: str, ancestor: str) -> bool:
    """Whether a name is that name or under it."""
    if text == ancestor or not ancestor:
        return True
    if not text.endswith("." + ancestor):
        return False
    return "\\" not in text or _under(text, ancestor)


def _under(text: str, ancestor: str) -> bool:
    while len(text) > len(ancestor):
        text = parent(text)
    return text == ancestor


def _labels(text: str) -> list[bytes]:
    if text in ("", "."):
        return []
    if "\\" in text:
        labels = _unescaped(text)
    else:
        try:
            labels = text.encode("ascii").split(b".")
        except UnicodeEncodeError:
            raise InvalidError(f"the name {text} is not ASCII: write it in Punycode (xn--…)") from None
    if not labels[-1]:  # after the final dot
        labels.pop()
    if not all(0 < len(label) <= LONGEST_LABEL for label in labels):
        raise InvalidError(f"the name {text[:80]} has a label that is empty or longer than {LONGEST_LABEL} octets")
    return labels


def _unescaped(text: str) -> list[bytes]:
    labels, at = [bytearray()], 0
    for piece in _PIECE.finditer(text):
        number, quoted, plain = piece.groups()
        octet = int(number) if number else ord(quoted or plain)
        if piece.start() != at or octet > 0xFF:
            break
        at = piece.end()
        if plain == ".":
            labels.append(bytearray())
        else:
            labels[-1].append(octet)
    if at != len(text):
        raise InvalidError(f"the name {text[:80]} has an escape that is none: use \\. and \\000 to \\255")
    return [bytes(label) for label in labels]


def _escaped(octet: int) -> str:
    character = chr(octet)
    if character in ".\\":
        return "\\" + character
    return character if 0x21 <= octet <= 0x7E else f"\\{octet:03}"
