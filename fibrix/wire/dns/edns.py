"""EDNS(0): the OPT record (RFC 6891 §6.1).

A root name (1 octet), type 41, instead of a class the sender's UDP payload size, instead of a TTL 1 octet of extended
RCODE, 1 of version, 16 bits of flags of which DO is the first; then 2 octets of length, and options, which are not
looked at.
"""

from dataclasses import dataclass
from struct import Struct
from typing import Final

from fibrix.wire.dns.codes import OUR_BYTES, PLAIN_BYTES, RecordType

_OPT: Final = Struct("!BHHIH")
_DO: Final = 0x8000
OPT_BYTES: Final = _OPT.size


@dataclass(frozen=True, slots=True)
class Edns:
    """What the other side says of itself."""

    payload: int = OUR_BYTES  # octets of UDP payload it takes
    version: int = 0
    dnssec: bool = False  # the DO bit (RFC 3225)
    extended: int = 0  # upper 8 bits of the RCODE

    @classmethod
    def decode(cls, klass: int, ttl: int) -> "Edns":
        """Read the two fields that OPT uses otherwise. A payload under 512 counts as 512: RFC 6891 §6.2.3."""
        return cls(max(klass, PLAIN_BYTES), ttl >> 16 & 0xFF, bool(ttl & _DO), ttl >> 24)

    def encode(self) -> bytes:
        """Make the OPT record."""
        ttl = self.extended << 24 | self.version << 16 | (_DO if self.dnssec else 0)
        return _OPT.pack(0, RecordType.OPT, self.payload, ttl, 0)
