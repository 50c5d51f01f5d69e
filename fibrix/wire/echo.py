"""Echo requests and replies: of ICMP (RFC 792) and of ICMPv6 (RFC 4443 §4.1, §4.2), which look the same."""

from dataclasses import dataclass
from struct import Struct
from typing import Final, Self

from fibrix.errors import MalformedPacketError
from fibrix.wire.ipv4 import checksum

REQUEST: Final = 8
REPLY: Final = 0
REQUEST6: Final = 128
REPLY6: Final = 129

_HEADER: Final = Struct("!BBHHH")


@dataclass(frozen=True, slots=True)
class Echo:
    """1 octet of type, 1 of code, 2 of checksum, 2 of identifier, 2 of sequence number, then whatever is echoed."""

    kind: int
    identifier: int
    sequence: int
    payload: bytes = b""

    @classmethod
    def decode(cls, message: bytes, *kinds: int) -> Self:
        """Read a message that has to be of one of these types. Raises MalformedPacketError.

        The checksum is not looked at: in ICMPv6 it covers addresses that are not here.
        """
        if len(message) < _HEADER.size:
            raise MalformedPacketError(f"ICMP echo: {len(message)} octets are too few")
        kind, code, _, identifier, sequence = _HEADER.unpack_from(message)
        if kind not in kinds or code:
            raise MalformedPacketError(f"ICMP echo: type {kind}, code {code} is none")
        return cls(kind, identifier, sequence, message[_HEADER.size :])

    def encode(self, pseudo: bytes = b"") -> bytes:
        """Write it. ICMPv6 has a pseudo header in its checksum (RFC 8200 §8.1), ICMP has none."""
        bare = _HEADER.pack(self.kind, 0, 0, self.identifier, self.sequence) + self.payload
        return bare[:2] + checksum(pseudo + bare).to_bytes(2) + bare[4:]
