"""Packets of several link types as the Ethernet frames that they were, where they were any."""

import struct
from collections.abc import Callable, Mapping
from typing import Final

from fibrix.errors import MalformedPacketError

EN10MB: Final = 1
LINUX_SLL: Final = 113
LINUX_SLL2: Final = 276

_NAMES: Final = {0: "NULL", 101: "RAW", 105: "IEEE802_11", 127: "IEEE802_11_RADIOTAP", 228: "IPV4", 229: "IPV6"}

_SLL: Final = struct.Struct("!HHH8sH")
_SLL2: Final = struct.Struct("!HHIHBB8s")
_ETHERNET: Final = 1  # ARPHRD_ETHER of the hardware types
_LLC: Final = 4  # in place of an Ethernet type: an LLC frame follows, whose length stood there
_MOST_LLC: Final = 1500

# Destinations by what the kernel says of a packet: a cooked one has lost its own. The group bit stands for any group.
_DESTINATIONS: Final = {1: b"\xff" * 6, 2: b"\x01" + bytes(5)}
_UNKNOWN: Final = bytes(6)


def ethernet(data: bytes) -> bytes:
    """An Ethernet frame as it is: LINKTYPE_ETHERNET."""
    return data


def cooked(data: bytes) -> bytes:
    """A frame from LINKTYPE_LINUX_SLL; empty: it was none of Ethernet (a tunnel's, the loopback's).

    2 octets of packet type, 2 of hardware type, 2 of address length, 8 of source address, 2 of Ethernet type, payload.
    Raises MalformedPacketError.
    """
    if len(data) < _SLL.size:
        raise _short(data)
    kind, hardware, length, source, ethertype = _SLL.unpack_from(data)
    return _frame(kind, hardware, source[:length], ethertype, data[_SLL.size :])


def cooked2(data: bytes) -> bytes:
    """A frame from LINKTYPE_LINUX_SLL2; empty: it was none of Ethernet.

    2 octets of Ethernet type, 2 of nothing, 4 of interface index, 2 of hardware type, 1 of packet type, 1 of address
    length, 8 of source address, payload. Raises MalformedPacketError.
    """
    if len(data) < _SLL2.size:
        raise _short(data)
    ethertype, _, _, hardware, kind, length, source = _SLL2.unpack_from(data)
    return _frame(kind, hardware, source[:length], ethertype, data[_SLL2.size :])


def _frame(kind: int, hardware: int, source: bytes, ethertype: int, payload: bytes) -> bytes:
    """Put the header together that the kernel took apart; tags of VLANs are in the payload, with their type."""
    if hardware != _ETHERNET or len(source) != len(_UNKNOWN):
        return b""
    if ethertype == _LLC:
        ethertype = min(len(payload), _MOST_LLC)
    return _DESTINATIONS.get(kind, _UNKNOWN) + source + ethertype.to_bytes(2) + payload


def _short(data: bytes) -> MalformedPacketError:
    return MalformedPacketError(f"a cooked packet of {len(data)} octets is shorter than its header")


FRAMES: Final[Mapping[int, Callable[[bytes], bytes]]] = {EN10MB: ethernet, LINUX_SLL: cooked, LINUX_SLL2: cooked2}
"""By link type: what makes an Ethernet frame of a packet."""


def refusal(linktype: int) -> str:
    """Say why packets of a link type cannot be read."""
    name = f" ({_NAMES[linktype]})" if linktype in _NAMES else ""
    return (
        f"packets of link type {linktype}{name} have no Ethernet header: captures of Ethernet are read (link type 1), "
        "and those of Linux's `any` (113, 276)"
    )
