"""Who made a network interface, by the IEEE's registry as scapy brings it along."""

import re
from array import array
from bisect import bisect_left
from functools import lru_cache
from importlib.util import find_spec, module_from_spec
from typing import Final

from fibrix.runtime import collector
from fibrix.types import MacAddress

_LOCAL_BIT: Final = 2  # of the first octet: made up, and in nobody's registry
_MODULE: Final = "scapy.libs.manuf"
_BLOCKS: Final = (36, 28, 24)  # bits of their prefixes, the smallest block first: MA-S, MA-M, MA-L
_MAC_BITS: Final = 48
_PLACE_BITS: Final = 24
_LINE: Final = re.compile(r"^([0-9A-F:]{8,17})(?:/(\d\d))?\s+\S+[ \t]+(\S.*?)\s*$", re.MULTILINE)


class Registry:
    """Blocks of MACs and who has them, in less than 2 MB of few objects; a look-up takes some microseconds."""

    def __init__(self, text: str) -> None:
        """A line for each block: the prefix, with its length in bits unless that is 24, a short name, the name."""
        self._blocks = {bits: array("Q") for bits in _BLOCKS}  # prefix, then where its name begins, in one number
        names = bytearray()
        for line in _LINE.finditer(text):
            bits = int(line[2] or 24)
            if bits in self._blocks:
                prefix = int(line[1].replace(":", "").ljust(12, "0"), 16) >> (_MAC_BITS - bits)
                self._blocks[bits].append(prefix << _PLACE_BITS | len(names))
                names += line[3].encode() + b"\n"
        self._names = bytes(names)
        for bits, blocks in self._blocks.items():
            self._blocks[bits] = array("Q", sorted(blocks))

    def name(self, mac: MacAddress) -> str:
        """Name the maker; empty when there is none."""
        number = int(mac.replace(":", ""), 16)
        for bits, blocks in self._blocks.items():
            prefix = number >> (_MAC_BITS - bits)
            at = bisect_left(blocks, prefix << _PLACE_BITS)
            if at < len(blocks) and blocks[at] >> _PLACE_BITS == prefix:
                begin = blocks[at] & (1 << _PLACE_BITS) - 1
                return self._names[begin : self._names.index(b"\n", begin)].decode()
        return ""


@lru_cache(maxsize=1)
def _registry() -> Registry:
    registry = _read()
    collector.give_back()
    return registry


def _read() -> Registry:
    spec = find_spec(_MODULE)
    if spec is None or spec.loader is None:
        return Registry("")
    module = module_from_spec(spec)  # not among sys.modules: it has 5 MB that are of no more use after this
    spec.loader.exec_module(module)
    return Registry(str(vars(module).pop("DATA")))  # what its own functions hold is in a cycle, and would stay


def vendor(mac: MacAddress) -> str:
    """Name the maker; empty when the registry has none. Reads 3 MB the first time: call it in a thread then."""
    return "" if int(mac[:2], 16) & _LOCAL_BIT else _registry().name(mac)
