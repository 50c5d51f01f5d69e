"""Checksums after a change of what they cover (RFC 1624 §3): one that was right is right again, and only such a one."""

from typing import Final

from fibrix.wire.scrub.layers import ICMP, ICMP6, TCP, UDP, Layers

_HEADER_SEAL_AT: Final = 10  # in an IPv4 header
_SEAL_AT: Final = {ICMP: 2, TCP: 16, UDP: 6, ICMP6: 2}  # in a segment


def reseal(before: bytes, after: bytearray, found: Layers) -> None:
    """Mend the checksums of a frame that was changed, whose parts are where they were."""
    if found.header.stop:
        _mend(before, after, found.header.start + _HEADER_SEAL_AT, [found.header])
    offset = _SEAL_AT.get(found.protocol)
    if offset is None or found.segment.stop - found.segment.start < offset + 2:
        return
    at = found.segment.start + offset
    none = found.protocol == UDP and before[at : at + 2] == b"\0\0"
    if not none:
        _mend(before, after, at, [found.segment] if found.protocol == ICMP else [found.addresses, found.segment])


def _mend(before: bytes, after: bytearray, at: int, covered: list[slice]) -> None:
    """Set the checksum at `at` by the difference of what it covers, itself left out."""
    seal = after[at : at + 2] = before[at : at + 2]
    change = sum(_sum(after[part]) - _sum(before[part]) for part in covered)
    if change:  # never 0 as a result, which would mean that there is none
        after[at : at + 2] = (0xFFFF - ((0xFFFF - int.from_bytes(seal)) + change) % 0xFFFF).to_bytes(2)


def _sum(octets: bytes | bytearray) -> int:
    """The sum of 16-bit words in ones' complement, which is the rest after division by 65,535 (RFC 1071 §1)."""
    return int.from_bytes(octets + bytes(len(octets) % 2)) % 0xFFFF
