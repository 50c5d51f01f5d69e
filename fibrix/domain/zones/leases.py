"""The addresses that DHCP clients hold, as far as they are known here: for the names of machines."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final

from fibrix.types import MacAddress

MOST: Final = 10_000
"""So many are remembered; of more, the ones that were heard of first are forgotten."""


@dataclass(frozen=True, slots=True)
class Lease:
    """An address and until when it is held, on the clock of who grants it here."""

    mac: MacAddress
    subnet: str
    address: IPv4Address
    lease_s: int
    until: float


class Leases:
    """One lease per MAC and subnet, and per address. Of any client: one may become a machine's later."""

    def __init__(self) -> None:
        self._leases: dict[tuple[MacAddress, str], Lease] = {}
        self._macs: dict[MacAddress, set[str]] = {}
        self._addresses: dict[tuple[str, IPv4Address], MacAddress] = {}

    def grant(self, lease: Lease) -> set[MacAddress]:
        """Take note of a lease; tells whose addresses are not what they were."""
        place = lease.mac, lease.subnet
        before = self._leases.get(place)
        if before is not None and before.address == lease.address:
            self._leases[place] = lease
            return set()
        touched = {lease.mac}
        holder = self._addresses.get((lease.subnet, lease.address))
        if holder is not None:
            self.drop(holder, lease.subnet)
            touched.add(holder)
        self.drop(*place)
        if len(self._leases) >= MOST:
            oldest = next(iter(self._leases))
            self.drop(*oldest)
            touched.add(oldest[0])
        self._leases[place] = lease
        self._macs.setdefault(lease.mac, set()).add(lease.subnet)
        self._addresses[lease.subnet, lease.address] = lease.mac
        return touched

    def drop(self, mac: MacAddress, subnet: str) -> None:
        """Forget a lease, if there is one."""
        gone = self._leases.pop((mac, subnet), None)
        if gone is not None:
            del self._addresses[subnet, gone.address]
            self._macs[mac].discard(subnet)
            if not self._macs[mac]:
                del self._macs[mac]

    def forget(self, macs: Collection[MacAddress]) -> None:
        """Forget all leases of these MACs."""
        for mac in macs:
            for subnet in tuple(self._macs.get(mac, ())):
                self.drop(mac, subnet)

    def of(self, macs: Collection[MacAddress]) -> Iterator[Lease]:
        """All leases of these MACs."""
        for mac in macs:
            for subnet in sorted(self._macs.get(mac, ())):
                yield self._leases[mac, subnet]

    def ended(self, now: float) -> set[MacAddress]:
        """Forget the leases that are over; tells whose they were."""
        over = [lease for lease in self._leases.values() if lease.until <= now]
        for lease in over:
            self.drop(lease.mac, lease.subnet)
        return {lease.mac for lease in over}
