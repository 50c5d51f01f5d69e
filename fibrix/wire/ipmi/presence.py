"""Presence ping and pong of ASF, to which a BMC answers without a login (ASF 2.0 §3.2.4; IPMI 2.0 §13.2.3).

In RMCP with class 06h: 4 octets of ASF's enterprise number, 1 of type, 1 of tag, 1 reserved, 1 of the length of data.
A ping has no data; a pong 4 octets of the maker's enterprise number, 4 of its own, 1 of supported entities, 1 of
supported interactions, 6 reserved.
"""

from struct import Struct
from typing import Final

import msgspec

from fibrix.errors import InvalidError, MalformedPacketError

ASF: Final = 4542
"""Enterprise number of ASF; as maker's number: none is told."""

_HEADER: Final = Struct("!4sIBBBB")
_ENVELOPE: Final = bytes((0x06, 0x00, 0xFF, 0x06))  # RMCP: version, reserved, no acknowledge wanted, class ASF
_SEQUENCE: Final = 2  # octet of the envelope that may be anything
_PING: Final = 0x80
_PONG: Final = 0x40
_LAST_TAG: Final = 0xFE  # FFh: belongs to no request
_IPMI: Final = 0x80
_DATA: Final = Struct("!I4sBB6x")


def ping(tag: int) -> bytes:
    """Ask whether somebody is there; the pong carries the tag, 0 to 254. Raises InvalidError."""
    if not 0 <= tag <= _LAST_TAG:
        raise InvalidError(f"the tag {tag} of a presence ping is not from 0 to {_LAST_TAG}")
    return _HEADER.pack(_ENVELOPE, ASF, _PING, tag, 0, 0)


def is_ping(datagram: bytes) -> bool:
    """Whether a datagram is a presence ping: its sender looks for BMCs, and need not be one."""
    return _body(datagram)[0] == _PING if len(datagram) >= _HEADER.size else False


class Pong(msgspec.Struct, frozen=True):
    """Somebody is there."""

    tag: int  # of the ping
    maker: int  # its enterprise number; ASF: not told
    ipmi: bool  # it speaks IPMI: it is a BMC
    asf: bool  # it speaks ASF 1.0

    @classmethod
    def decode(cls, datagram: bytes) -> "Pong":
        """Read a datagram that came from port 623. Raises MalformedPacketError for all that is no pong."""
        if len(datagram) < _HEADER.size:
            raise MalformedPacketError(f"presence pong: {len(datagram)} octets are too few")
        kind, tag, size = _body(datagram)
        if kind != _PONG or size < _DATA.size or len(datagram) < _HEADER.size + size:
            raise MalformedPacketError(f"presence pong: type {kind:02x}h with {size} octets of data")
        maker, _, entities, _ = _DATA.unpack_from(datagram, _HEADER.size)
        return cls(tag, maker, bool(entities & _IPMI), entities & 0x0F == 1)

    def encode(self) -> bytes:
        """Write it as a BMC does."""
        entities = self.ipmi * _IPMI | self.asf
        return _HEADER.pack(_ENVELOPE, ASF, _PONG, self.tag, 0, _DATA.size) + _DATA.pack(
            self.maker, bytes(4), entities, 0
        )


def _body(datagram: bytes) -> tuple[int, int, int]:
    """Type, tag and length of data; type 0: it is not ASF."""
    envelope, maker, kind, tag, _, size = _HEADER.unpack_from(datagram)
    alike = envelope[:_SEQUENCE] + envelope[_SEQUENCE + 1 :] == _ENVELOPE[:_SEQUENCE] + _ENVELOPE[_SEQUENCE + 1 :]
    return (kind, tag, size) if alike and maker == ASF else (0, tag, size)
