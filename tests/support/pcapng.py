"""Captures in the next-generation format (draft-ietf-opsawg-pcapng), block by block."""

import struct
from dataclasses import dataclass

Options = dict[int, bytes]


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes the blocks of a section in one byte order."""

    order: str = "<"

    def block(self, kind: int, body: bytes) -> bytes:
        """Any block; the body is filled up to a multiple of 4."""
        body += bytes(-len(body) % 4)
        size = 12 + len(body)
        return struct.pack(f"{self.order}II", kind, size) + body + struct.pack(f"{self.order}I", size)

    def options(self, options: Options) -> bytes:
        """Options with the one that ends them; nothing where there are none."""
        made = b"".join(
            struct.pack(f"{self.order}HH", code, len(value)) + value + bytes(-len(value) % 4)
            for code, value in options.items()
        )
        return made + bytes(4) if made else b""

    def section(self, major: int = 1) -> bytes:
        return self.block(0x0A0D0D0A, struct.pack(f"{self.order}IHHq", 0x1A2B3C4D, major, 0, -1))

    def interface(self, name: str = "", *, linktype: int = 1, kept: int = 0, **options: bytes) -> bytes:
        """`resolution` and `offset` are options 9 and 14."""
        codes = {"resolution": 9, "offset": 14}
        given = {2: name.encode()} if name else {}
        given |= {codes[option]: value for option, value in options.items()}
        return self.block(1, struct.pack(f"{self.order}HHI", linktype, 0, kept) + self.options(given))

    def packet(self, data: bytes, ticks: int, *, interface: int = 0, length: int = 0) -> bytes:
        """An enhanced packet with an option, as dumpcap writes them."""
        head = struct.pack(
            f"{self.order}IIIII", interface, ticks >> 32, ticks & 0xFFFFFFFF, len(data), length or len(data)
        )
        return self.block(6, head + data + bytes(-len(data) % 4) + self.options({2: bytes(4)}))

    def old_packet(self, data: bytes, ticks: int, *, interface: int = 0) -> bytes:
        head = struct.pack(f"{self.order}HHIIII", interface, 7, ticks >> 32, ticks & 0xFFFFFFFF, len(data), len(data))
        return self.block(2, head + data)

    def simple_packet(self, data: bytes, length: int = 0) -> bytes:
        return self.block(3, struct.pack(f"{self.order}I", length or len(data)) + data)
