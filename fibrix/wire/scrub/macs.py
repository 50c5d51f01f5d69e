"""MACs in frames: the maker's three octets stay, the other three are counted, and that wherever the MAC comes."""

import re
from collections.abc import Iterator
from typing import Final

from fibrix.wire.scrub.layers import ICMP6, LLDP, Layers

_ARP: Final = 0x0806
_DHCP: Final = frozenset({67, 68})
_GROUP: Final = 1  # the bit in the first octet: a group is nobody's
_STANDARD: Final = b"\x00\x00\x5e"  # IANA's: those of virtual routers say that they are such
_SOLICITED_NODE: Final = bytes.fromhex("ff02 0000000000000000 0001 ff")  # and 3 octets of the address (RFC 4291 §2.7.1)
_SOLICITED_MAC: Final = b"\x33\x33\xff"


class Macs:
    """Finds and replaces them, in octets and in text, in what is made of them too. What comes first is number 1."""

    def __init__(self) -> None:
        self._made: dict[bytes, bytes] = {}
        self._forms: dict[bytes, bytes] = {}
        self._pattern = re.compile(rb"(?!)")

    def scrub(self, frame: bytearray, found: Layers) -> None:
        """Replace all in one frame: those of its own places, and any that came before."""
        for mac in _places(bytes(frame), found):
            self._take_up(mac)
        frame[:] = self._pattern.sub(lambda match: self._forms[match[0]], bytes(frame))

    def _take_up(self, mac: bytes) -> None:
        if mac in self._made or len(mac) != 6 or mac[0] & _GROUP or mac[:3] == _STANDARD or not any(mac):
            return
        made = self._made[mac] = mac[:3] + (len(self._made) + 1).to_bytes(3)
        for before, after in zip(_forms(mac), _forms(made), strict=True):
            self._forms.setdefault(before, after)
        longest_first = sorted(self._forms, key=len, reverse=True)
        self._pattern = re.compile(b"|".join(map(re.escape, longest_first)), re.DOTALL)


def _forms(mac: bytes) -> Iterator[bytes]:
    """All forms of a MAC that frames have."""
    yield mac
    yield bytes([mac[0] ^ 2]) + mac[1:3] + b"\xff\xfe" + mac[3:]  # an IPv6 interface identifier (RFC 4291, appendix A)
    yield _SOLICITED_NODE + mac[3:]
    yield _SOLICITED_MAC + mac[3:]
    for text in (mac.hex(":"), mac.hex("-"), mac.hex()):
        yield text.encode()
        yield text.upper().encode()


def _places(frame: bytes, found: Layers) -> Iterator[bytes]:
    """The MACs that a frame must have by its kind."""
    yield frame[6:12]
    yield frame[:6]
    begin = found.payload.start
    if found.ethertype == _ARP:
        yield frame[begin + 8 : begin + 14]
        yield frame[begin + 18 : begin + 24]
    elif found.ethertype == LLDP:
        yield from _of_lldp(frame, begin)
    elif _DHCP.intersection(found.ports):
        yield frame[found.datagram.start + 28 : found.datagram.start + 34]
    elif found.protocol == ICMP6:
        yield from _of_discovery(frame[found.segment])


def _of_lldp(frame: bytes, at: int) -> Iterator[bytes]:
    """Of the chassis, subtype 4, and of the port, subtype 3, which are the first two TLVs."""
    for kind, subtype in ((1, 4), (2, 3)):
        if frame[at : at + 3] == bytes((kind << 1, 7, subtype)):
            yield frame[at + 3 : at + 9]
        at += 2 + frame[at + 1] if at + 2 <= len(frame) else 0


def _of_discovery(message: bytes) -> Iterator[bytes]:
    """Of link-layer options in neighbour discovery: 1 octet of type 1 or 2, 1 of length in eights (RFC 4861 §4.6.1)."""
    at = {133: 8, 134: 16, 135: 24, 136: 24}.get(message[0], len(message)) if message else 0
    while at + 8 <= len(message) and message[at + 1]:
        if message[at] in {1, 2} and message[at + 1] == 1:
            yield message[at + 2 : at + 8]
        at += 8 * message[at + 1]
