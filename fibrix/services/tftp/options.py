"""Which of a client's options a transfer agrees to (RFC 2347): pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from fibrix.wire.tftp import HEADER_BYTES

_BLOCK_BYTES: Final = 512  # RFC 1350 §2, when nothing else is agreed
_WINDOW_BYTES: Final = 128 * 1024  # fits into a socket's send buffer of the usual size
_WINDOW_BLOCKS: Final = 64  # also what one UDP_SEGMENT send may hold


@dataclass(frozen=True, slots=True)
class Agreed:
    """What both sides keep to; `acknowledged` is what the OACK says, empty for none."""

    acknowledged: Mapping[str, str]
    block_bytes: int = _BLOCK_BYTES
    window_blocks: int = 1
    timeout_s: int = 0  # 0: the client named none


def agree(asked: Mapping[str, str], size: int, max_block_bytes: int) -> Agreed:
    """Choose from what a client asked for a file of `size` octets. What is unknown or out of bounds is left out.

    blksize 8 to 65464, lowered to `max_block_bytes` (RFC 2348); tsize (RFC 2349); timeout 1 to 255 s, never changed
    (RFC 2349); windowsize 1 to 65535 blocks, lowered (RFC 7440 §3).
    """
    block_bytes = _number(asked, "blksize", 8, 65464, lambda wanted: min(wanted, max_block_bytes))
    room = max(1, min(_WINDOW_BLOCKS, _WINDOW_BYTES // ((block_bytes or _BLOCK_BYTES) + HEADER_BYTES)))
    values = {
        "blksize": block_bytes,
        "tsize": size if "tsize" in asked else None,
        "timeout": _number(asked, "timeout", 1, 255),
        "windowsize": _number(asked, "windowsize", 1, 65535, lambda wanted: min(wanted, room)),
    }
    return Agreed(
        {name: str(values[name]) for name in asked if values.get(name) is not None},
        block_bytes or _BLOCK_BYTES,
        values["windowsize"] or 1,
        values["timeout"] or 0,
    )


def _number(
    asked: Mapping[str, str], name: str, low: int, high: int, bound: Callable[[int], int] = lambda wanted: wanted
) -> int | None:
    text = asked.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(high))):
        return None
    return bound(int(text)) if low <= int(text) <= high else None
