"""Option areas: code, length and payload, again and again, up to 255 (RFC 2131 §4.1, RFC 2132 §2)."""

from collections.abc import Mapping, Sequence
from typing import Final

from fibrix.errors import MalformedPacketError

PAD: Final = 0
END: Final = 255
_MOST: Final = 255  # octets of payload behind one code octet


def collect(area: bytes, into: dict[int, bytes], *, name: str) -> None:
    """Add the options of an area to those found before. Payloads of equal codes are joined (RFC 3396 §5).

    A missing end mark is forgiven where the area ends with an option. Raises MalformedPacketError.
    """
    at, size = 0, len(area)
    while at < size and (code := area[at]) != END:
        at += 1
        if code == PAD:
            continue
        start = at + 1
        at = start + area[at] if at < size else size + 1
        if at > size:
            raise MalformedPacketError(f"option {code} reaches beyond the end of {name}")
        into[code] = into[code] + area[start:at] if code in into else area[start:at]


def lay_out(options: Mapping[int, bytes], rooms: Sequence[int]) -> list[bytes]:
    """Write options into areas of so many octets each; an option stands whole in the first area that takes it.

    The order of the options is their importance: one that fits nowhere is left out, as RFC 2131 §4.3.1 lets a server.
    Areas come back without the end mark, for which a room has to be kept.
    """
    areas = [bytearray() for _ in rooms]
    for code, payload in options.items():
        written = fragments(code, payload)
        for area, room in zip(areas, rooms, strict=True):
            if len(area) + len(written) <= room:
                area.extend(written)
                break
    return [bytes(area) for area in areas]


def written(options: Mapping[int, bytes]) -> bytes:
    """Write options one after the other, without the end mark, however long it gets."""
    return b"".join([fragments(code, payload) for code, payload in options.items()])


def written_size(options: Mapping[int, bytes]) -> int:
    """How many octets the options take when written, without the end mark."""
    return sum(len(payload) + 2 * max(1, -(-len(payload) // _MOST)) for payload in options.values())


def fragments(code: int, payload: bytes) -> bytes:
    """Write one option, split where it is longer than its length octet can say (RFC 3396 §6)."""
    if len(payload) <= _MOST:
        return bytes((code, len(payload))) + payload
    pieces = (payload[at : at + _MOST] for at in range(0, len(payload), _MOST))
    return b"".join(bytes((code, len(piece))) + piece for piece in pieces)
