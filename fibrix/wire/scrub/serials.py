"""Serial numbers and UUIDs in frames, each replaced by a made-up one, the same wherever it comes."""

import re
from collections.abc import Iterator
from typing import Final
from uuid import UUID

from fibrix.wire.scrub.layers import LLDP, Layers

_DHCP: Final = frozenset({67, 68})
_OPTIONS_AT: Final = 240  # in a DHCP message: behind the magic cookie (RFC 2131 §3)
_COOKIE: Final = b"\x63\x82\x53\x63"
_CLIENT_ID: Final = 61
_UUID: Final = 97
_PAD: Final = 0
_END: Final = 255
_DUID_UUID: Final = b"\0\4"  # RFC 6355 §4

_TEXT: Final = re.compile(rb"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")

_ORGANIZATION: Final = 127  # the type of a TLV of LLDP that an organization has defined
_INVENTORY: Final = (b"\x00\x12\xbb\x08", b"\x00\x12\xbb\x0b")  # of LLDP-MED (ANSI/TIA-1057): serial number, asset ID


class Serials:
    """Finds and replaces them. What comes first is number 1."""

    def __init__(self) -> None:
        self._uuids: dict[bytes, bytes] = {}
        self._serials: dict[bytes, int] = {}

    def scrub(self, frame: bytearray, found: Layers) -> None:
        """Replace all in one frame: DHCP options 97 and 61, UUIDs in text, LLDP-MED's inventory."""
        if _DHCP.intersection(found.ports):
            for at in _uuids_of_dhcp(bytes(frame), found.datagram):
                frame[at : at + 16] = self._swapped(frame[at : at + 16])
        if found.ethertype == LLDP:
            for part in _serials_of_lldp(bytes(frame), found.payload.start):
                frame[part] = self._serial(bytes(frame[part]))
        for match in _TEXT.finditer(bytes(frame)):
            frame[match.start() : match.end()] = self._text(match[0].decode())

    def _swapped(self, octets: bytearray) -> bytes:
        """A UUID as SMBIOS has it: the first three fields are little-endian."""
        return UUID(bytes=self._uuid(UUID(bytes_le=bytes(octets)).bytes)).bytes_le

    def _text(self, text: str) -> bytes:
        made = str(UUID(bytes=self._uuid(UUID(text).bytes)))
        return (made.upper() if text.upper() == text else made).encode()

    def _uuid(self, octets: bytes) -> bytes:
        """The UUID in place of another. One of equal octets is nobody's, and stays."""
        if octets == octets[:1] * 16:
            return octets
        return self._uuids.setdefault(octets, UUID(int=len(self._uuids) + 1, version=4).bytes)

    def _serial(self, octets: bytes) -> bytes:
        number = self._serials.setdefault(octets, len(self._serials) + 1)
        return f"{number:0{len(octets)}}"[-len(octets) :].encode() if octets else b""


def _uuids_of_dhcp(frame: bytes, message: slice) -> Iterator[int]:
    """Where the UUIDs are: 16 octets at the end of option 97, and of 61 where its kind says that it is one."""
    at, end = message.start + _OPTIONS_AT, message.stop
    if frame[at - 4 : at] != _COOKIE:
        return
    while at + 1 < end and frame[at] != _END:
        if frame[at] == _PAD:
            at += 1
            continue
        code, value, after = frame[at], at + 2, at + 2 + frame[at + 1]
        length = after - value
        if after > end:
            return
        plain = length == 17 and (code == _UUID or (code == _CLIENT_ID and frame[value] == 0))
        duid = (
            length == 23 and code == _CLIENT_ID and frame[value] == 255 and frame[value + 5 : value + 7] == _DUID_UUID
        )
        if plain or duid:
            yield after - 16
        at = after


def _serials_of_lldp(frame: bytes, at: int) -> Iterator[slice]:
    """Where they are. Each TLV: 7 bits of type, 9 of length, the value (IEEE 802.1AB)."""
    while at + 2 <= len(frame):
        kind, length = frame[at] >> 1, (frame[at] & 1) << 8 | frame[at + 1]
        value, after = at + 2, at + 2 + length
        if kind == 0 or after > len(frame):
            return
        if kind == _ORGANIZATION and frame[value : value + 4] in _INVENTORY:
            yield slice(value + 4, after)
        at = after
