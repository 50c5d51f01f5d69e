"""LLDP (IEEE 802.1AB): what a device says of itself to the one at the other end of the cable.

A frame of type 88CCh holds TLVs: 7 bits of type, 9 of length, the value. The first three are chassis id, port id and
time to live, in that order; a TLV of type 0 ends them.
"""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import Final, TypeAlias

import msgspec

from fibrix.errors import MalformedPacketError
from fibrix.wire.text import text

MOST_ADDRESSES: Final = 8
"""How many management addresses are kept."""

_END: Final = 0
_CHASSIS: Final = 1
_PORT: Final = 2
_TIME_TO_LIVE: Final = 3
_PORT_DESCRIPTION: Final = 4
_NAME: Final = 5
_DESCRIPTION: Final = 6
_CAPABILITIES: Final = 7
_ADDRESS: Final = 8
_ORGANISATION: Final = 127
_PORT_VLAN: Final = b"\x00\x80\xc2\x01"  # of IEEE 802.1, subtype 1: IEEE 802.1Q annex D

_CHASSIS_MAC: Final = 4
_CHASSIS_ADDRESS: Final = 5
_PORT_MAC: Final = 3
_PORT_ADDRESS: Final = 4
_LONGEST_ID: Final = 256  # with its subtype

_BITS: Final = (
    "other", "repeater", "bridge", "wlan access point", "router", "telephone", "docsis", "station",
    "c-vlan", "s-vlan", "mac relay",
)  # fmt: skip

Address: TypeAlias = IPv4Address | IPv6Address


class Announcement(msgspec.Struct, frozen=True, kw_only=True):
    """One LLDPDU. Texts are printable and short; ids that are no text are written in hex."""

    chassis_kind: int  # subtype of the id: 4 MAC, 5 address, 7 local, …
    chassis: str
    port_kind: int  # subtype: 3 MAC, 4 address, 5 interface name, 7 local, …
    port: str
    ttl_s: int  # 0: it takes back what it said
    port_description: str = ""
    name: str = ""
    description: str = ""
    capabilities: tuple[str, ...] = ()  # what it could be
    enabled: tuple[str, ...] = ()  # what it is
    addresses: tuple[Address, ...] = ()  # for management
    vlan: int = 0  # of untagged frames on the port; 0: not told

    @classmethod
    def decode(cls, data: bytes) -> "Announcement":
        """Read the payload of a frame; padding behind the end is ignored. Raises MalformedPacketError."""
        tlvs = list(_tlvs(data))
        if [kind for kind, _ in tlvs[:3]] != [_CHASSIS, _PORT, _TIME_TO_LIVE]:
            raise MalformedPacketError("LLDP: it does not begin with chassis, port and time to live")
        said: dict[int, bytes] = {}
        for kind, value in tlvs:
            if kind in said and kind <= _TIME_TO_LIVE:
                raise MalformedPacketError(f"LLDP: TLV {kind} comes twice")
            said.setdefault(kind, value)
        if len(said[_TIME_TO_LIVE]) < 2:
            raise MalformedPacketError("LLDP: no time to live")
        capabilities, enabled = _capabilities(said.get(_CAPABILITIES, bytes(4)))
        return cls(
            chassis_kind=said[_CHASSIS][0] if said[_CHASSIS] else 0,
            chassis=_identity(said[_CHASSIS], _CHASSIS_MAC, _CHASSIS_ADDRESS),
            port_kind=said[_PORT][0] if said[_PORT] else 0,
            port=_identity(said[_PORT], _PORT_MAC, _PORT_ADDRESS),
            ttl_s=int.from_bytes(said[_TIME_TO_LIVE][:2]),
            port_description=text(said.get(_PORT_DESCRIPTION, b"")),
            name=text(said.get(_NAME, b"")),
            description=text(said.get(_DESCRIPTION, b"")),
            capabilities=capabilities,
            enabled=enabled,
            addresses=_addresses([value for kind, value in tlvs if kind == _ADDRESS]),
            vlan=_vlan([value for kind, value in tlvs if kind == _ORGANISATION]),
        )


def _tlvs(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        if at + 2 > len(data):
            raise MalformedPacketError("LLDP: half a TLV at its end")
        head = int.from_bytes(data[at : at + 2])
        kind, size = head >> 9, head & 0x1FF
        at += 2
        if kind == _END:
            return
        if at + size > len(data):
            raise MalformedPacketError(f"LLDP: TLV {kind} of {size} octets is cut off")
        yield kind, data[at : at + size]
        at += size


def _identity(value: bytes, mac: int, address: int) -> str:
    """An id of a chassis or port, by the subtype before it."""
    if not 2 <= len(value) <= _LONGEST_ID:
        raise MalformedPacketError(f"LLDP: an id of {len(value)} octets")
    kind, octets = value[0], value[1:]
    if kind == mac and len(octets) == 6:
        return octets.hex(":")
    if kind == address and (found := _address(octets)):
        return str(found)
    if kind in (mac, address) or not (words := text(octets)) or "\N{REPLACEMENT CHARACTER}" in words:
        return octets[:32].hex(":")
    return words


def _address(value: bytes) -> Address | None:
    """An address behind its family (IANA's address family numbers: 1 IPv4, 2 IPv6)."""
    if value[:1] == b"\x01" and len(value) == 5:
        return IPv4Address(value[1:])
    if value[:1] == b"\x02" and len(value) == 17:
        return IPv6Address(value[1:])
    return None


def _addresses(values: list[bytes]) -> tuple[Address, ...]:
    """Management addresses: 1 octet of length, family, address, then the interface's number, which is not read."""
    found = []
    for value in values[:MOST_ADDRESSES]:
        size = value[0] if value else 0
        if not 2 <= size <= 32 or len(value) < 1 + size + 6:
            raise MalformedPacketError("LLDP: a management address that does not fit")
        found.append(_address(value[1 : 1 + size]))
    return tuple(dict.fromkeys(address for address in found if address))


def _capabilities(value: bytes) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if len(value) < 4:
        raise MalformedPacketError("LLDP: capabilities are cut off")
    could, does = int.from_bytes(value[:2]), int.from_bytes(value[2:4])
    return (
        tuple(word for bit, word in enumerate(_BITS) if could >> bit & 1),
        tuple(word for bit, word in enumerate(_BITS) if does >> bit & 1),
    )


def _vlan(values: list[bytes]) -> int:
    for value in values:
        if value.startswith(_PORT_VLAN) and len(value) >= 6:
            return int.from_bytes(value[4:6]) & 0xFFF
    return 0
