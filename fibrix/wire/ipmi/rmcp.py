"""RMCP, the envelope of IPMI in UDP (§13.1.3; ASF 2.0 §3.2.2).

4 octets: version 06h, reserved, sequence number (FFh: no acknowledge wanted), class (07h: IPMI).
"""

from typing import Final

from fibrix.errors import MalformedPacketError

PORT: Final = 623
"""UDP port of RMCP."""

_HEADER: Final = bytes((0x06, 0x00, 0xFF, 0x07))
_ACK: Final = 0x80  # bit 7 of the class: an RMCP acknowledge, which has no body


def wrap(packet: bytes) -> bytes:
    """Put an IPMI session packet into an RMCP datagram."""
    return _HEADER + packet


def unwrap(datagram: bytes) -> bytes:
    """Take the IPMI session packet out of a datagram. Raises MalformedPacketError for all that is not IPMI."""
    if len(datagram) < len(_HEADER) + 1:
        raise MalformedPacketError(f"RMCP: {len(datagram)} octets are too few")
    if datagram[0] != _HEADER[0] or datagram[3] != _HEADER[3]:
        kind = "acknowledge" if datagram[3] & _ACK else f"class {datagram[3]:02x}h"
        raise MalformedPacketError(f"RMCP: version {datagram[0]:02x}h, {kind}: not IPMI")
    return datagram[len(_HEADER) :]
