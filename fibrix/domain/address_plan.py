"""Which addresses of a subnet may be given to whom, whoever has them now."""

from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import Final

from fibrix.domain.network import Subnet
from fibrix.types import MacAddress

_LONGEST_WITH_BOTH: Final = 30  # bits of prefix; longer ones have no network or broadcast address (RFC 3021)


class AddressPlan:
    """A subnet made ready for quick questions. Addresses are plain numbers here: they are counted and hashed a lot."""

    def __init__(self, subnet: Subnet) -> None:
        self.subnet = subnet
        self._ranges = tuple((int(one.first), int(one.last)) for one in subnet.ranges)
        self._first = int(subnet.network.network_address)
        self._last = int(subnet.network.broadcast_address)
        self._of_the_network = frozenset(_of_the_network(subnet))
        self._reserved = {reservation.mac: int(reservation.address) for reservation in subnet.reservations}
        self._owners = {address: mac for mac, address in self._reserved.items()}
        self.size = sum(last - first + 1 for first, last in self._ranges)

    def nth(self, index: int) -> int:
        """The address at a place in the ranges, counted through all of them from 0 to `size` - 1."""
        for first, last in self._ranges:
            if index <= last - first:
                return first + index
            index -= last - first + 1
        raise IndexError(index)

    def reserved_for(self, mac: MacAddress) -> int | None:
        """The address that is reserved for a machine."""
        return self._reserved.get(mac)

    def refusal(self, mac: MacAddress, address: int) -> str:
        """Why a machine may never have an address under this plan; empty when it may."""
        if not self._first <= address <= self._last:
            return f"{IPv4Address(address)} is not in {self.subnet.network}"
        if address in self._of_the_network:
            return f"{IPv4Address(address)} belongs to the network itself"
        owner = self._owners.get(address)
        if owner is not None:
            return "" if owner == mac else f"{IPv4Address(address)} is reserved for {owner}"
        if not any(first <= address <= last for first, last in self._ranges):
            return f"{IPv4Address(address)} is in no range of {self.subnet.name}"
        return ""


def _of_the_network(subnet: Subnet) -> Iterator[int]:
    """Addresses that can be no machine's."""
    for address in (subnet.address, *subnet.routers, *subnet.dns_servers):
        yield int(address)
    if subnet.network.prefixlen <= _LONGEST_WITH_BOTH:
        yield int(subnet.network.network_address)
        yield int(subnet.network.broadcast_address)
