"""Who made a network interface, by the IEEE's registry as scapy brings it along."""

import importlib
import re
import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from fibrix.types import MacAddress

_LOCAL_BIT: Final = 2  # of the first octet: made up, and in nobody's registry
_MODULE: Final = "scapy.libs.manuf"
_BLOCKS: Final = (36, 28, 24)  # bits of their prefixes, the smallest block first: MA-S, MA-M, MA-L
_MAC_BITS: Final = 48
_LINE: Final = re.compile(r"([0-9A-F:]{8,17})(?:/(\d\d))?\s+\S+\s+(\S.*)")


class Registry:
    """Blocks of MACs and who has them, in 3 MB; a look-up takes some microseconds."""

    def __init__(self, lines: Iterable[str]) -> None:
        """Lines: the prefix, with its length in bits unless it is 24, a short name, the name."""
        places: dict[str, int] = {}
        found: dict[int, dict[int, int]] = {bits: {} for bits in _BLOCKS}
        for line in lines:
            if (read := _LINE.fullmatch(line.strip())) is None:
                continue
            prefix, bits, name = read[1].replace(":", ""), int(read[2] or 24), read[3]
            if bits in found:
                key = int(prefix.ljust(12, "0"), 16) >> (_MAC_BITS - bits)
                found[bits].setdefault(key, places.setdefault(name, len(places)))
        self._names = tuple(places)
        self._blocks = {
            bits: (array("Q", sorted(blocks)), array("I", (blocks[key] for key in sorted(blocks))))
            for bits, blocks in found.items()
        }

    def name(self, mac: MacAddress) -> str:
        """Name the maker; empty when there is none."""
        number = int(mac.replace(":", ""), 16)
        for bits, (keys, places) in self._blocks.items():
            key = number >> (_MAC_BITS - bits)
            at = bisect_left(keys, key)
            if at < len(keys) and keys[at] == key:
                return self._names[places[at]]
        return ""


@lru_cache(maxsize=1)
def _registry() -> Registry:
    lines = str(importlib.import_module(_MODULE).DATA).splitlines()
    sys.modules.pop(_MODULE, None)  # 5 MB, of no more use
    return Registry(lines)


def vendor(mac: MacAddress) -> str:
    """Name the maker; empty when the registry has none. Reads 3 MB the first time: call it in a thread then."""
    return "" if int(mac[:2], 16) & _LOCAL_BIT else _registry().name(mac)
