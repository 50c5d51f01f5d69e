"""Who made a network interface, by the IEEE's registry as scapy brings it along."""

import importlib
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from fibrix.types import MacAddress

_LOCAL_BIT: Final = 2  # of the first octet: made up, and in nobody's registry


@lru_cache(maxsize=256)
def vendor(mac: MacAddress) -> str:
    """Name the maker; empty when the registry has none. Reads 3 MB the first time: call it in a thread."""
    if int(mac[:2], 16) & _LOCAL_BIT:
        return ""
    lines = str(importlib.import_module("scapy.libs.manuf").DATA)
    for prefix in _prefixes(mac.upper()):
        at = lines.find(f"\n{prefix}")
        if at >= 0:
            return lines[at + 1 : lines.find("\n", at + 1)].rpartition("\t")[2].strip()
    return ""


def _prefixes(mac: str) -> Iterator[str]:
    """The registry's names of the blocks that a MAC is in, the smallest one first, each up to the end of its column."""
    yield f"{mac[:13]}0/36"
    yield f"{mac[:10]}0/28"
    yield f"{mac[:8]}\t"
    yield f"{mac[:8]} "
