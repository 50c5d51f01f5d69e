"""A second reader of packet filters: runs classic BPF as the kernel's documentation says that it runs."""

import struct
from dataclasses import dataclass

ANCILLARY = 0xFFFFF000
_MASK = 0xFFFFFFFF


@dataclass(frozen=True)
class Skb:
    """What the kernel knows of a frame besides its octets. `vlan` is the tag that it took out."""

    packet_type: int = 0
    vlan: int | None = None

    def ancillary(self, number: int) -> int:
        return {4: self.packet_type, 44: self.vlan or 0, 48: int(self.vlan is not None)}[number]


def run(program: bytes, frame: bytes, skb: Skb | None = None) -> int:
    """How many octets the filter takes; a load from outside of the frame drops it."""
    steps = list(struct.iter_unpack("=HBBI", program))
    a = x = at = 0
    while True:
        code, yes, no, k = steps[at]
        at += 1
        if code & 7 == 0x06:
            return int(k)
        if code & 7 == 0x05:
            at += k if code == 0x05 else (yes if _compares(code, a, k) else no)
        elif code == 0x20 and k >= ANCILLARY:
            a = (skb or Skb()).ancillary(k - ANCILLARY)
        elif code & 7 == 0x00:
            loaded = _load(frame, k + (x if code & 0xE0 == 0x40 else 0), {0: 4, 8: 2, 16: 1}[code & 0x18])
            if loaded is None:
                return 0
            a = loaded
        else:
            a, x, inside = _compute(code, a, x, k, frame)
            if not inside:
                return 0


def _compares(code: int, a: int, k: int) -> bool:
    return {0x15: a == k, 0x25: a > k, 0x35: a >= k, 0x45: bool(a & k)}[code]


def _load(frame: bytes, at: int, size: int) -> int | None:
    return int.from_bytes(frame[at : at + size]) if at + size <= len(frame) else None


def _compute(code: int, a: int, x: int, k: int, frame: bytes) -> tuple[int, int, bool]:
    match code:
        case 0x01:
            return a, k, True
        case 0xB1:
            octet = _load(frame, k, 1)
            return a, 4 * ((octet or 0) & 15), octet is not None
        case 0x07:
            return a, a, True
        case 0x0C:
            return (a + x) & _MASK, x, True
        case 0x54:
            return a & k, x, True
        case 0x64:
            return (a << k) & _MASK, x, True
        case _:
            raise AssertionError(f"unknown code {code:#x}")
