"""Router solicitations and advertisements of IPv6 (RFC 4861 §4.1, §4.2), as far as booting needs them."""

import struct
from dataclasses import dataclass
from typing import Final, Self

from fibrix.errors import MalformedPacketError
from fibrix.types import MacAddress, mac_from_octets
from fibrix.wire.cursor import Cursor

SOLICITATION: Final = 133
ADVERTISEMENT: Final = 134
HOP_LIMIT: Final = 255  # anything less has come through a router, and is not to be believed: RFC 4861 §6.1

_SOURCE_LINK_LAYER: Final = 1  # option, RFC 4861 §4.6.1
_UNIT: Final = 8  # octets that an option's length counts
_SOLICITATION: Final = struct.Struct("!BBHI")
_ADVERTISEMENT: Final = struct.Struct("!BBHBBHII")


@dataclass(frozen=True, slots=True)
class RouterSolicitation:
    """1 octet of type, 1 of code, 2 of checksum, 4 reserved, then options. The checksum is the kernel's work."""

    mac: MacAddress | None  # of the source link-layer address option; None: there is none

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read an ICMPv6 message. Raises MalformedPacketError."""
        at = Cursor(data, "router solicitation")
        kind, code, _, _ = _SOLICITATION.unpack(at.octets(_SOLICITATION.size))
        if (kind, code) != (SOLICITATION, 0):
            raise MalformedPacketError(f"no router solicitation: type {kind}, code {code}")
        mac = None
        while at.left:
            option, size = at.number(1), at.number(1) * _UNIT
            if not size:
                raise MalformedPacketError(f"option {option} of a router solicitation has no length")
            value = at.octets(size - 2)
            if option == _SOURCE_LINK_LAYER and len(value) == _UNIT - 2:
                mac = mac_from_octets(value)
        return cls(mac)


@dataclass(frozen=True, slots=True)
class RouterAdvertisement:
    """An offer to route. The checksum is the kernel's work.

    1 octet of type, 1 of code, 2 of checksum, 1 of hop limit, 1 of flags, 2 of router lifetime in s, 4 and 4 of timers
    in ms, then options.
    """

    lifetime_s: int  # 0: no default router

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read an ICMPv6 message; its options are not looked at. Raises MalformedPacketError."""
        head = Cursor(data, "router advertisement").octets(_ADVERTISEMENT.size)
        kind, code, _, _, _, lifetime_s, _, _ = _ADVERTISEMENT.unpack(head)
        if (kind, code) != (ADVERTISEMENT, 0):
            raise MalformedPacketError(f"no router advertisement: type {kind}, code {code}")
        return cls(lifetime_s)

    def encode(self) -> bytes:
        """Write one without flags, timers and options, hence without a prefix."""
        return _ADVERTISEMENT.pack(ADVERTISEMENT, 0, 0, 0, 0, self.lifetime_s, 0, 0)
