"""Neighbour discovery of IPv6 (RFC 4861) as a passive listener reads it: nothing that its rules say to discard.

All messages are ICMPv6: 1 octet of type, 1 of code, 2 of checksum, then what is told below, then options: 1 octet of
type, 1 of length in units of 8 octets, the value. `fibrix/wire/icmp6.py` has what booting needs.
"""

from collections.abc import Callable, Iterator
from struct import Struct
from typing import Final, Self, TypeAlias

import msgspec

from fibrix.errors import MalformedPacketError
from fibrix.wire.ipv6 import ICMPV6, Ipv6Packet

UNSPECIFIED: Final = bytes(16)
MOST_PREFIXES: Final = 16
"""How many prefixes of one advertisement are kept."""

_HOP_LIMIT: Final = 255  # less has come through a router: RFC 4861 §6.1, §7.1
_GROUP: Final = 0xFF
_SOLICITED_NODE: Final = bytes.fromhex(
    "ff02 0000 0000 0000 0000 0001 ff"
)  # then 3 octets of the target: RFC 4291 §2.7.1
_LINK_LOCAL_BITS: Final = 0xFFC0
_LINK_LOCAL: Final = 0xFE80  # RFC 4291 §2.5.6

_SOURCE_LINK_LAYER: Final = 1
_TARGET_LINK_LAYER: Final = 2
_PREFIX: Final = 3
_PREFIX_OCTETS: Final = 32
_UNIT: Final = 8

_read_advertisement: Final = Struct("!BBHII").unpack_from
_read_prefix: Final = Struct("!BBIIxxxx16s").unpack_from


class Prefix(msgspec.Struct, frozen=True, gc=False):
    """A prefix that a router tells of (RFC 4861 §4.6.2)."""

    network: bytes  # 16 octets, as told: bits behind the length may be set
    length: int  # bits
    on_link: bool
    autonomous: bool  # hosts may make addresses of it
    valid_s: int  # 0xFFFFFFFF: for ever
    preferred_s: int


class RouterSolicitation(msgspec.Struct, frozen=True, gc=False):
    """A host looks for routers (§4.1): 4 octets reserved."""

    source: bytes  # 16 octets; UNSPECIFIED: it has no address yet
    mac: bytes | None  # of the source link-layer address option, 6 octets

    @classmethod
    def decode(cls, packet: Ipv6Packet) -> Self:
        """Read one. `read` has looked at what all kinds have in common. Raises MalformedPacketError."""
        mac = _link_layer(packet.payload, 8, _SOURCE_LINK_LAYER)
        _no_mac_from_nowhere(packet, mac)
        return cls(packet.source, mac)


class RouterAdvertisement(msgspec.Struct, frozen=True):
    """A router tells of itself (§4.2).

    1 octet of hop limit, 1 of flags, 2 of lifetime in s, 4 and 4 of timers in ms.
    """

    source: bytes  # 16 octets, link-local
    hop_limit: int  # that hosts shall use; 0: not told
    managed: bool  # addresses are to be had by DHCPv6
    other: bool  # other things are to be had by DHCPv6
    lifetime_s: int  # as default router; 0: it is none
    mac: bytes | None  # of the source link-layer address option, 6 octets
    prefixes: tuple[Prefix, ...]

    @classmethod
    def decode(cls, packet: Ipv6Packet) -> Self:
        """Read one. `read` has looked at what all kinds have in common. Raises MalformedPacketError."""
        payload = packet.payload
        if int.from_bytes(packet.source[:2]) & _LINK_LOCAL_BITS != _LINK_LOCAL:
            raise MalformedPacketError("router advertisement: its source is not link-local")
        hop_limit, flags, lifetime_s, _, _ = _read_advertisement(payload, 4)
        return cls(
            packet.source, hop_limit, bool(flags & 0x80), bool(flags & 0x40), lifetime_s,
            _link_layer(payload, 16, _SOURCE_LINK_LAYER), _prefixes(payload),
        )  # fmt: skip


class NeighborSolicitation(msgspec.Struct, frozen=True, gc=False):
    """Somebody asks who has an address (§4.3): 4 octets reserved, 16 of target."""

    source: bytes  # 16 octets; UNSPECIFIED: it would use the target itself (RFC 4862 §5.4)
    target: bytes
    mac: bytes | None  # of the source link-layer address option, 6 octets

    @classmethod
    def decode(cls, packet: Ipv6Packet) -> Self:
        """Read one. `read` has looked at what all kinds have in common. Raises MalformedPacketError."""
        mac = _link_layer(packet.payload, 24, _SOURCE_LINK_LAYER)
        _no_mac_from_nowhere(packet, mac)
        if packet.source == UNSPECIFIED and not packet.destination.startswith(_SOLICITED_NODE):
            raise MalformedPacketError("neighbor solicitation: from nowhere, and not to a solicited-node group")
        return cls(packet.source, _target(packet), mac)


class NeighborAdvertisement(msgspec.Struct, frozen=True, gc=False):
    """Somebody has an address (§4.4): 1 octet of flags, 3 reserved, 16 of target."""

    source: bytes
    target: bytes
    router: bool
    solicited: bool
    override: bool  # what is in caches is out of date
    mac: bytes | None  # of the target link-layer address option, 6 octets

    @classmethod
    def decode(cls, packet: Ipv6Packet) -> Self:
        """Read one. `read` has looked at what all kinds have in common. Raises MalformedPacketError."""
        flags = packet.payload[4]
        if flags & 0x40 and packet.destination[0] == _GROUP:
            raise MalformedPacketError("neighbor advertisement: solicited, and to a group")
        mac = _link_layer(packet.payload, 24, _TARGET_LINK_LAYER)
        return cls(packet.source, _target(packet), bool(flags & 0x80), bool(flags & 0x40), bool(flags & 0x20), mac)


Message: TypeAlias = RouterSolicitation | RouterAdvertisement | NeighborSolicitation | NeighborAdvertisement

_KINDS: Final[dict[int, tuple[int, Callable[[Ipv6Packet], Message]]]] = {
    133: (8, RouterSolicitation.decode),
    134: (16, RouterAdvertisement.decode),
    135: (24, NeighborSolicitation.decode),
    136: (24, NeighborAdvertisement.decode),
}  # octets before the options: RFC 4861 §6.1, §7.1


def read(packet: Ipv6Packet) -> Message | None:
    """Read what an ICMPv6 packet says of neighbours; None: it is about something else.

    Raises MalformedPacketError for what RFC 4861 §6.1 and §7.1 say to discard.
    """
    payload = packet.payload
    if packet.protocol != ICMPV6 or not payload or payload[0] not in _KINDS:
        return None
    least, decode = _KINDS[payload[0]]
    if packet.hop_limit != _HOP_LIMIT or len(payload) < least or payload[1]:
        raise MalformedPacketError(
            f"ICMPv6 type {payload[0]}: hop limit {packet.hop_limit}, {len(payload)} octets, or its code is wrong"
        )
    if not packet.sums_up():
        raise MalformedPacketError(f"ICMPv6 type {payload[0]}: the checksum is wrong")
    return decode(packet)


def _options(payload: bytes, at: int) -> Iterator[tuple[int, int, int]]:
    """Each option's type, where it begins and how many octets it has. Raises MalformedPacketError."""
    while at < len(payload):
        size = payload[at + 1] * _UNIT if at + 1 < len(payload) else 0
        if not size or at + size > len(payload):
            raise MalformedPacketError(f"ICMPv6 type {payload[0]}: the option at octet {at} has no length or no end")
        yield payload[at], at, size
        at += size


def _link_layer(payload: bytes, at: int, kind: int) -> bytes | None:
    """The MAC in the last option of that type; all options are looked at, as the rules want."""
    mac = None
    for option, begin, size in _options(payload, at):
        if option == kind and size == _UNIT:
            mac = payload[begin + 2 : begin + _UNIT]
    return mac


def _prefixes(payload: bytes) -> tuple[Prefix, ...]:
    prefixes: list[Prefix] = []
    for option, begin, size in _options(payload, 16):
        if option == _PREFIX and size == _PREFIX_OCTETS and len(prefixes) < MOST_PREFIXES:
            length, flags, valid_s, preferred_s, network = _read_prefix(payload, begin + 2)
            if length > 128:
                raise MalformedPacketError(f"router advertisement: a prefix of {length} bits")
            prefixes.append(Prefix(network, length, bool(flags & 0x80), bool(flags & 0x40), valid_s, preferred_s))
    return tuple(prefixes)


def _target(packet: Ipv6Packet) -> bytes:
    target = packet.payload[8:24]
    if target[0] == _GROUP:
        raise MalformedPacketError(f"ICMPv6 type {packet.payload[0]}: its target is a group")
    return target


def _no_mac_from_nowhere(packet: Ipv6Packet, mac: bytes | None) -> None:
    if mac is not None and packet.source == UNSPECIFIED:
        raise MalformedPacketError(f"ICMPv6 type {packet.payload[0]}: a link-layer address from nowhere")
