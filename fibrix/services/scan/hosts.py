"""Who answered a scan: pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from fibrix.domain.census.sighting import Address
from fibrix.domain.scan import UNKNOWN, ScanKind
from fibrix.domain.scan_report import RedfishRoot, ScanHost
from fibrix.types import MacAddress

MOST_LISTED: Final = 4_096
"""So many hosts are listed in a report; the others are counted."""
MOST_NEIGHBOURS: Final = 4_096
"""So many IPv6 hosts are heard on one link: all may answer that are there, and a liar makes up any number."""


@dataclass(slots=True)
class _Host:
    kinds: set[ScanKind] = field(default_factory=set)
    mac: MacAddress = UNKNOWN
    redfish: RedfishRoot | None = None


class Hosts:
    """The hosts that answered, by subnet and address."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, Address], _Host] = {}
        self._neighbours: Counter[str] = Counter()
        self._answered: Counter[ScanKind] = Counter()

    def __len__(self) -> int:
        """How many there are."""
        return len(self._found)

    def answered(self, kind: ScanKind) -> int:
        """How many answered this."""
        return self._answered[kind]

    def has(self, kind: ScanKind, subnet: str, address: Address) -> bool:
        """Whether a host answered this."""
        found = self._found.get((subnet, address))
        return found is not None and kind in found.kinds

    def mac(self, subnet: str, address: Address) -> MacAddress:
        """The MAC of a host; empty: not known."""
        found = self._found.get((subnet, address))
        return found.mac if found is not None else UNKNOWN

    def note(
        self,
        kind: ScanKind,
        subnet: str,
        address: Address,
        mac: MacAddress = UNKNOWN,
        redfish: RedfishRoot | None = None,
    ) -> bool:
        """Take an answer; False: that it answers this is known, or there are too many."""
        key = (subnet, address)
        if key not in self._found and kind is ScanKind.ND:
            if self._neighbours[subnet] >= MOST_NEIGHBOURS:
                return False
            self._neighbours[subnet] += 1
        found = self._found.setdefault(key, _Host())
        if kind in found.kinds:
            return False
        found.kinds.add(kind)
        found.mac = found.mac or mac
        found.redfish = redfish or found.redfish
        self._answered[kind] += 1
        return True

    def listed(self, subnets: Iterable[str]) -> tuple[ScanHost, ...]:
        """List them in the order of the subnets and their addresses, as far as a report goes."""
        place = {name: number for number, name in enumerate(subnets)}
        keys = sorted(self._found, key=lambda key: (place[key[0]], key[1].version, int(key[1])))[:MOST_LISTED]
        return tuple(_told(subnet, address, self._found[subnet, address]) for subnet, address in keys)


def _told(subnet: str, address: Address, host: _Host) -> ScanHost:
    kinds = tuple(kind for kind in ScanKind if kind in host.kinds)
    return ScanHost(subnet=subnet, address=str(address), mac=host.mac, kinds=kinds, redfish=host.redfish)
