"""Captures in the classic pcap format (draft-ietf-opsawg-pcap)."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

_MAGIC = {0xA1B2C3D4: 1, 0xA1B23C4D: 1_000}  # fractions of a second per microsecond: microseconds, nanoseconds
_ETHERNET = 1


@dataclass(frozen=True, slots=True)
class Captured:
    """One frame and when it was seen."""

    at: datetime
    frame: bytes


def frames(path: Path) -> Iterator[Captured]:
    """Read the Ethernet frames of a capture."""
    data = path.read_bytes()
    order = "<" if struct.unpack("<I", data[:4])[0] in _MAGIC else ">"
    magic, _, _, _, _, _, link = struct.unpack(f"{order}IHHiIII", data[:24])
    if link != _ETHERNET:
        raise ValueError(f"{path} holds no Ethernet frames")
    start = 24
    while start < len(data):
        seconds, fraction, kept, _ = struct.unpack(f"{order}IIII", data[start : start + 16])
        at = datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=fraction // _MAGIC[magic])
        yield Captured(at, data[start + 16 : start + 16 + kept])
        start += 16 + kept
