"""Ethernet frames as a passive listener reads them: with VLAN tags, LLC and SNAP, and no text made.

6 octets of destination, 6 of source, tags of 4 octets each, then 2 of type or length, and the payload
(IEEE 802.3 §3.2.6, IEEE 802.1Q §9). `fibrix/wire/ethernet.py` writes frames.
"""

from struct import Struct
from typing import Final, Self

import msgspec

from fibrix.errors import MalformedPacketError

IPV4: Final = 0x0800
ARP: Final = 0x0806
WAKE: Final = 0x0842  # Wake-on-LAN
IPV6: Final = 0x86DD
EAPOL: Final = 0x888E
LLDP: Final = 0x88CC
CDP: Final = 0x00000C_2000  # SNAP: Cisco's OUI, then its number for CDP
SPANNING_TREE: Final = 0x42  # LLC, by its DSAP

TAGS: Final = frozenset({0x8100, 0x88A8})
"""Types that say that a tag follows: IEEE 802.1Q, 802.1ad."""

MOST_TAGS: Final = 8

_LEAST_TYPE: Final = 0x0600  # IEEE 802.3 §3.2.6: smaller ones are a length, 1500 at most
_MOST_LENGTH: Final = 1500
_RESERVED_VLAN: Final = 0xFFF  # never on the wire: IEEE 802.1Q, table 9-2
_SNAP: Final = b"\xaa\xaa\x03"  # DSAP, SSAP, unnumbered information: RFC 1042
_NOBODY: Final = bytes(6)

_read_head: Final = Struct("!6s6sH").unpack_from
_read_tag: Final = Struct("!HH").unpack_from


class Frame(msgspec.Struct, frozen=True, gc=False):
    """A frame. The payload of one with a type keeps the padding of short frames; one with a length loses it."""

    destination: bytes  # 6 octets
    source: bytes  # 6 octets, of one station
    protocol: int  # the type; LLC: the DSAP, below 256; SNAP: the type, with its OUI above it when that is not 0
    payload: bytes  # after the type, the LLC or the SNAP header
    vlans: tuple[int, ...] = ()  # the outermost first; a tag that gives only a priority is none

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read a frame without its check sequence. Raises MalformedPacketError, also for a source that cannot be."""
        if len(data) < 14:
            raise MalformedPacketError(f"frame: {len(data)} octets are too few")
        destination, source, kind = _read_head(data)
        if source[0] & 1 or source == _NOBODY:
            raise MalformedPacketError(f"frame: {source.hex(':')} is no station's address")
        if kind >= _LEAST_TYPE and kind not in TAGS:
            return cls(destination, source, kind, data[14:])
        kind, at, vlans = _tags(data, kind)
        if kind >= _LEAST_TYPE:
            return cls(destination, source, kind, data[at:], vlans)
        protocol, payload = _llc(data, at, kind)
        return cls(destination, source, protocol, payload, vlans)


def _tags(data: bytes, kind: int) -> tuple[int, int, tuple[int, ...]]:
    """Walk over the tags: the type or length behind them, where its payload begins, the VLANs."""
    at, vlans = 14, []
    while kind in TAGS:
        if at + 4 > len(data) or at > 14 + 4 * (MOST_TAGS - 1):
            raise MalformedPacketError(f"frame: no end of its VLAN tags at octet {at}")
        control, kind = _read_tag(data, at)
        at += 4
        vlan = control & 0xFFF
        if vlan == _RESERVED_VLAN:
            raise MalformedPacketError("frame: VLAN 4095 is reserved")
        if vlan:
            vlans.append(vlan)
    return kind, at, tuple(vlans)


def _llc(data: bytes, at: int, length: int) -> tuple[int, bytes]:
    """Read IEEE 802.2: what the payload is, and the payload."""
    body = data[at : at + length]
    if length > _MOST_LENGTH or len(body) != length or length < 3:
        raise MalformedPacketError(f"frame: length {length} with {len(data) - at} octets behind it")
    if body[:3] != _SNAP:
        return body[0], body[3:]
    if length < 8:
        raise MalformedPacketError(f"frame: length {length} is too little for SNAP")
    return int.from_bytes(body[3:8]), body[8:]
